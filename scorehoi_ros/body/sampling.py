"""The 431 vertices that stand for the human in guidance: spread over the skin, denser on the hands."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import NUM_HUMAN_TOKENS

TOKENS_PER_HAND = 40


def farthest_points(
    points: NDArray[np.floating], count: int, chosen: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """Greedy farthest-point sample: ``count`` indices into ``points`` (n, 3), starting from ``chosen``.

    Without ``chosen`` the first is the highest point.  The result includes ``chosen``.
    """
    ids = [int(points[:, 1].argmax())] if chosen is None else [int(i) for i in chosen]
    distance = np.full(len(points), np.inf)
    for i in ids:
        distance = np.minimum(distance, ((points - points[i]) ** 2).sum(axis=1))
    while len(ids) < count:
        ids.append(int(distance.argmax()))
        distance = np.minimum(distance, ((points - points[ids[-1]]) ** 2).sum(axis=1))
    return np.array(ids, dtype=np.int32)


def token_vertices(
    vertices: NDArray[np.floating],
    regions: NDArray[np.uint8],
    region_names: tuple[str, ...],
    visible: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """(431,) vertex indices, 40 of them on each hand; ``visible`` (V,) excludes eyes and mouth cavity."""
    hands = []
    for side in ("left_hand", "right_hand"):
        skin = np.flatnonzero(visible & (regions == region_names.index(side)))
        hands.append(skin[farthest_points(vertices[skin], TOKENS_PER_HAND)])
    taken = np.concatenate(hands)
    is_hand = np.isin(regions, [region_names.index(side) for side in ("left_hand", "right_hand")])
    pool = np.concatenate([taken, np.flatnonzero(visible & ~is_hand)])
    picked = farthest_points(vertices[pool], NUM_HUMAN_TOKENS, chosen=np.arange(len(taken)))
    return pool[picked].astype(np.int32)

"""The 431 vertices that stand for the human in guidance: spread over the skin, denser on the hands."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.geometry.surface import farthest_points
from scorehoi_ros.types import NUM_HUMAN_TOKENS

TOKENS_PER_HAND = 40


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
        highest = int(vertices[skin, 1].argmax())
        hands.append(skin[farthest_points(vertices[skin], TOKENS_PER_HAND, chosen=[highest])])
    taken = np.concatenate(hands)
    is_hand = np.isin(regions, [region_names.index(side) for side in ("left_hand", "right_hand")])
    pool = np.concatenate([taken, np.flatnonzero(visible & ~is_hand)])
    picked = farthest_points(vertices[pool], NUM_HUMAN_TOKENS, chosen=np.arange(len(taken)))
    return pool[picked].astype(np.int32)

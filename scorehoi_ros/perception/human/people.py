"""Who of several people is meant: the one in a given mask, who handles the object, who was followed.

MediaPipe's first network names one person even where several stand side by side: the others get no score at
all beside the most prominent one.  So each one found is painted over, and the image is searched again.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.body_net import Body
from scorehoi_ros.perception.human.region import lay_mask_back
from scorehoi_ros.perception.object.colours import affinity, colour_bins, colour_density
from scorehoi_ros.types import Bools, Box, ChosenBy, Floats, Hint, Trail

MOST_PEOPLE = 4
"""People looked for in one image."""
PAINTED = 0.3
"""Soft mask from which on a person is painted over."""
MARGIN = 0.02
"""What is painted around the mask, in sides of the person's square: the rim would be found again."""
ALREADY_FOUND = 0.5
"""Share of the visible points on paint from which on somebody is what is left of one who was found before."""
VISIBLE = 0.5
"""Confidence from which on a point is looked at."""
LEAST_BODY = 0.5
"""Mean visibility of the body that a further person must have; the first may have less."""
HANDS = slice(15, 23)
"""Rows of wrists and knuckles among the body's points."""
TRUNK = (11, 12, 24, 23)
"""Rows of shoulders and hips, around the trunk."""
IN_MASK = 0.5
"""Share of the visible points that lie in the mask of the person who is meant."""
ALIKE, CLEARLY = 0.5, 0.15
"""Affinity of clothes from which on somebody may be the one who was followed, and how much more it must
be than that of others."""

Search = Callable[[NDArray[np.uint8]], Body | None]


@dataclass(frozen=True)
class Choice:
    """One of several people."""

    index: int
    by: ChosenBy


def find_people(rgb: NDArray[np.uint8], search: Search) -> list[Body]:
    """The people in `rgb` (H, W, 3) that `search` finds, the most prominent first; each is painted over."""
    people: list[Body] = []
    covered = np.zeros(rgb.shape[:2], np.uint8)
    left = rgb
    while len(people) < MOST_PEOPLE:
        found = search(left)
        if found is None or (people and not _somebody_else(found, covered)):
            break
        people.append(found)
        if len(people) < MOST_PEOPLE:
            covered |= _cover(found, *rgb.shape[:2])
            left = np.where(covered[:, :, None] > 0, np.array(cv2.mean(rgb)[:3]).astype(np.uint8), rgb)
    return people


def choose(places: Sequence[tuple[Floats, Floats]], hint: Hint, colours: Callable[[int], Floats]) -> Choice:
    """Who of the people is meant; `places` = points (33, 2) and visibility (33,) of each, likeliest first.

    By a given mask, else by where the object is, else by who was followed before (`colours(i)` of the clothes
    of one of them are asked for then), else by where the object was told to be before, else the first.
    """
    if len(places) < 2:
        return Choice(0, "prominence")
    if hint.person is not None and hint.person.any():
        inside = [share_inside(*place, hint.person) for place in places]
        if max(inside) > 0.0:
            return Choice(int(np.argmax(inside)), "mask")
    if hint.thing is not None:
        return Choice(_nearest(places, hint.thing), "object")
    if hint.lost is not None:
        known = _followed(places, hint.lost, colours)
        if known is not None:
            return Choice(known, "trail")
    if hint.old_thing is not None:
        return Choice(_nearest(places, hint.old_thing), "object")
    return Choice(0, "prominence")


def share_inside(points: Floats, visibility: Floats, mask: Bools) -> float:
    """Share of the visible points (33, 2) that lie in a mask (H, W); 0 when none is visible."""
    seen = points[visibility >= VISIBLE]
    if not len(seen):
        return 0.0
    x, y = np.rint(seen).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    return float(mask[y[inside], x[inside]].sum() / len(seen))


def distance_to(points: Floats, visibility: Floats, box: Box) -> float:
    """How far a person is from a box, in heights of the person: of the hands first, then of the whole body.

    Of two people in the box the one nearer to its middle.  `points` (33, 2), `visibility` (33,).
    """
    seen = visibility >= VISIBLE
    seen = seen if seen.any() else np.ones_like(seen)
    height = max(float(np.ptp(points[seen], axis=0).max()), 1.0)
    low, high = np.array([box.x0, box.y0]), np.array([box.x1, box.y1])
    outside = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0.0), axis=1)
    from_middle = np.linalg.norm(points - (low + high) / 2.0, axis=1)
    hands = np.zeros_like(seen)
    hands[HANDS] = seen[HANDS]
    hands = hands if hands.any() else seen
    far = outside[hands].min() + outside[seen].min() + 0.1 * from_middle[seen].min()
    return float(far) / height


def clothes(rgb: NDArray[np.uint8], points: Floats) -> Floats:
    """(COLOURS,) colours of the trunk of a person with points (33, 2) in `rgb` (H, W, 3)."""
    corners = points[list(TRUNK)]
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, np.array(rgb.shape[1::-1]) - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 1, rgb.shape[1::-1])
    part = rgb[low[1] : high[1], low[0] : high[0]]
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(corners - low).astype(np.int32)), [1])
    return colour_density(colour_bins(part), inside.astype(float))


def clearly_more_alike(other: Floats, here: Floats, known: Floats) -> bool:
    """Whether the clothes of somebody else are those of the person who was chosen, and these are not."""
    likeness = affinity(other, known)
    return likeness >= ALIKE and likeness > affinity(here, known) + CLEARLY


def _nearest(places: Sequence[tuple[Floats, Floats]], box: Box) -> int:
    return int(np.argmin([distance_to(*place, box) for place in places]))


def _followed(
    places: Sequence[tuple[Floats, Floats]], lost: Trail, colours: Callable[[int], Floats]
) -> int | None:
    """Who of them was followed before: by clothes where they are known, else by place; None = nobody."""
    if lost.colours is not None:
        likeness = [affinity(colours(k), lost.colours) for k in range(len(places))]
        best = int(np.argmax(likeness))
        others = [value for k, value in enumerate(likeness) if k != best]
        if likeness[best] >= ALIKE and likeness[best] > max(others) + CLEARLY:
            return best
    middle = (lost.region.x, lost.region.y)
    away = [math.dist(points[23:25].mean(axis=0), middle) / lost.region.side for points, _ in places]
    return int(np.argmin(away)) if min(away) < 1.0 else None


def _somebody_else(found: Body, covered: NDArray[np.uint8]) -> bool:
    on_paint = share_inside(found.pixels, found.visibility, covered > 0)
    return on_paint < ALREADY_FOUND and float(found.visibility.mean()) >= LEAST_BODY


def _cover(found: Body, height: int, width: int) -> NDArray[np.uint8]:
    """(height, width) 1 where a person is painted over."""
    mask = (lay_mask_back(found.mask, found.region, height, width) > PAINTED).astype(np.uint8)
    reach = 2 * max(1, round(MARGIN * found.region.side)) + 1
    return np.asarray(cv2.dilate(mask, np.ones((reach, reach), np.uint8)), np.uint8)

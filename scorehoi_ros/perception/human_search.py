"""Finds a person who is too small in the image for MediaPipe, whose first network sees all of it at 224 px.

A person of a third of the image's height is missed every other time, one of a quarter nearly always.  So an
image without anybody is looked at again in overlapping square tiles; the best find must be confirmed by a
second look at a square around it, which refused every false find on pictures of rooms without people.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Floats, HumanObservation

TILE = 0.75
"""Side of a tile in shorter sides of the image."""
SMALLEST_IMAGE = 160
"""Shorter side in pixels below which a part of an image shows no usable person."""
MARGIN = 0.3
"""Room around the person in the second look, in their longer side."""
LEAST_CONFIDENCE = 0.5
"""Mean visibility of the body that both looks must reach; true finds had at least 0.57."""

Look = Callable[[NDArray[np.uint8]], HumanObservation | None]


def find_small(rgb: NDArray[np.uint8], look: Look) -> HumanObservation | None:
    """The most visible person in `rgb` (H, W, 3) that `look` finds in parts of it, in full-image pixels."""
    height, width = rgb.shape[:2]
    if min(height, width) < SMALLEST_IMAGE:
        return None
    found = [look_at(rgb, tile, look) for tile in tiles(height, width)]
    best = max((one for one in found if one is not None), key=visibility, default=None)
    if best is None or visibility(best) < LEAST_CONFIDENCE:
        return None
    confirmed = look_at(rgb, square_around(best.landmarks.pixels[:33], height, width), look)
    return confirmed if confirmed is not None and visibility(confirmed) >= LEAST_CONFIDENCE else None


def visibility(observation: HumanObservation) -> float:
    """Mean confidence of the body's points."""
    return float(observation.landmarks.confidence[:33].mean())


def tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Squares x0, y0, x1, y1 that cover the image and overlap by half or more."""
    side = max(1, round(TILE * min(height, width)))
    return [(x, y, x + side, y + side) for y in _starts(height, side) for x in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    count = int(np.ceil((length - side) / (0.5 * side))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def square_around(points: Floats, height: int, width: int) -> tuple[int, int, int, int]:
    """Square x0, y0, x1, y1 around points (n, 2) with MARGIN on each side, cut at the image."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, reach = (low + high) / 2.0, (0.5 + MARGIN) * float((high - low).max())
    x0, y0 = np.clip(np.floor(centre - reach), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(centre + reach), (x0 + 1, y0 + 1), (width, height)).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def look_at(rgb: NDArray[np.uint8], part: tuple[int, int, int, int], look: Look) -> HumanObservation | None:
    """What `look` finds in a part x0, y0, x1, y1 of the image, in full-image pixels."""
    x0, y0, x1, y1 = part
    seen = look(rgb[y0:y1, x0:x1])
    if seen is None:
        return None
    mask = None
    if seen.mask is not None:
        mask = np.zeros(rgb.shape[:2], np.float32)
        mask[y0:y1, x0:x1] = seen.mask
    landmarks, trail = replace(seen.landmarks, pixels=seen.landmarks.pixels + (x0, y0)), seen.trail
    if trail is not None:
        region = replace(trail.region, x=trail.region.x + x0, y=trail.region.y + y0)
        trail = replace(trail, region=region)
    return HumanObservation(landmarks, mask, trail)

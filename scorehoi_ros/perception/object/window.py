"""A scaled part of an image: segmentation works around the prompt, at a size that is quick."""

import logging
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Bools, Box, Floats, Prompt

Value = TypeVar("Value", np.uint8, np.float32)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """Pixels x0..x1, y0..y1 (exclusive) of an image, looked at as `width` x `height` pixels."""

    x0: int
    y0: int
    x1: int
    y1: int
    width: int
    height: int


def clip_box(box: Box, height: int, width: int) -> Box | None:
    """The part of the box inside the image; None when less than a pixel of it is."""
    clipped = Box(max(box.x0, 0.0), max(box.y0, 0.0), min(box.x1, float(width)), min(box.y1, float(height)))
    return clipped if clipped.x1 - clipped.x0 >= 1.0 and clipped.y1 - clipped.y0 >= 1.0 else None


def mask_box(mask: Bools, margin: float) -> Box | None:
    """Box around the True pixels, grown on each side by `margin` times its longer side; None when empty."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    if width == 0:
        return None
    box = Box(float(x), float(y), float(x + width), float(y + height))
    grow = margin * max(box.x1 - box.x0, box.y1 - box.y0)
    return Box(box.x0 - grow, box.y0 - grow, box.x1 + grow, box.y1 + grow)


def points_box(points: Floats, reach: float) -> Box | None:
    """Box around the points, grown by `reach` pixels; None when there is no finite point."""
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        return None
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def prompted_box(prompt: Prompt, height: int, width: int, mask_margin: float = 0.3) -> Box | None:
    """Where the object can be: the box if there is one, else around the mask prior, else around the points.

    A mask prior may be off: the box around it is grown by `mask_margin` times its longer side.
    """
    box = prompt.box
    if box is None and prompt.mask is not None:
        box = mask_box(prompt.mask, mask_margin)
    if box is None and prompt.points is not None:
        # A click says nothing about the size: a sixth of the image to each side.
        box = points_box(np.reshape(prompt.points, (-1, 2)), reach=min(height, width) / 6.0)
    clipped = None if box is None else clip_box(box, height, width)
    if prompt.box is not None and clipped is None:
        _warn_outside(prompt.box, height, width)
    return clipped


@lru_cache(maxsize=16)
def _warn_outside(box: Box, height: int, width: int) -> None:
    """Say once for each box that it cannot work; its frames only say that the object is not found."""
    _log.warning(
        "the prompt box %g,%g,%g,%g covers no pixel of the %d x %d image; give x0,y0,x1,y1 in its pixels",
        *(box.x0, box.y0, box.x1, box.y1, width, height),
    )


def window_around(box: Box, height: int, width: int, context: float, size: int) -> Window:
    """The box with `context` times its longer side around it, cut at the image, at most `size` long."""
    grow = context * max(box.x1 - box.x0, box.y1 - box.y0)
    x0, y0 = max(0, math.floor(box.x0 - grow)), max(0, math.floor(box.y0 - grow))
    x1, y1 = min(width, math.ceil(box.x1 + grow)), min(height, math.ceil(box.y1 + grow))
    scale = min(1.0, size / max(x1 - x0, y1 - y0))
    return Window(x0, y0, x1, y1, max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))


def look(image: NDArray[Value], window: Window) -> NDArray[Value]:
    """The window's part of an image (H, W) or (H, W, 3) of uint8 or float32, averaged down to its size."""
    part = np.ascontiguousarray(image[window.y0 : window.y1, window.x0 : window.x1])
    small = cv2.resize(part, (window.width, window.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, image.dtype)


def look_mask(mask: Bools, window: Window) -> NDArray[np.float32]:
    """The share (h, w) of each of the window's pixels that a mask (H, W) covers, 0..1."""
    part = mask[window.y0 : window.y1, window.x0 : window.x1].astype(np.float32)
    small = cv2.resize(part, (window.width, window.height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def put_back(values: Floats | Bools, window: Window, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32 with the window's values at their place and 0 elsewhere."""
    full = np.zeros((height, width), np.float32)
    size = (window.x1 - window.x0, window.y1 - window.y0)
    full[window.y0 : window.y1, window.x0 : window.x1] = cv2.resize(
        values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR
    )
    return full


def pixel_centres(window: Window) -> tuple[Floats, Floats]:
    """Columns (1, width), rows (height, 1) of the window's pixels in the full image; edges are whole."""
    x = window.x0 + (np.arange(window.width) + 0.5) * (window.x1 - window.x0) / window.width
    y = window.y0 + (np.arange(window.height) + 0.5) * (window.y1 - window.y0) / window.height
    return x[None, :], y[:, None]

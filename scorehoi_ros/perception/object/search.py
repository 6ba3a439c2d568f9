"""Finds where an object of known shape and colours has moved to between two frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.object.colours import colour_bins, colour_density, log_ratio
from scorehoi_ros.perception.object.window import look, mask_box, window_around
from scorehoi_ros.types import Bools, Floats

DETAIL = 36
"""Pixels in which the object's longer side is looked at."""
DISTANCE_COST = 0.3
"""Log-odds that a move by the object's longer side costs: of two likenesses the nearer one is taken."""


def follow(rgb: NDArray[np.uint8], mask: Bools, appearance: Floats, reach: float) -> Bools:
    """`mask` (H, W) moved, without change of shape, to the best place for its `appearance` in `rgb`.

    The place is where colours of the object fill the mask and are missing in a ring around it; the ring tells
    the object from a larger thing of the same colour.  It is searched `reach` of the object's longer sides
    around the mask.
    """
    height, width = mask.shape
    box = mask_box(mask, margin=0.0)
    if box is None:
        return mask
    window = window_around(box, height, width, reach, round(DETAIL * (1 + 2 * reach)))
    bins = colour_bins(look(rgb, window))
    odds = log_ratio(appearance, colour_density(bins, np.ones(bins.shape)))[bins]
    part = np.ascontiguousarray(mask[window.y0 : window.y1, window.x0 : window.x1]).view(np.uint8)
    shape = cv2.resize(part, (window.width, window.height), interpolation=cv2.INTER_NEAREST)
    dx, dy = best_move(odds, shape.astype(np.float32))
    x_scale = (window.x1 - window.x0) / window.width
    y_scale = (window.y1 - window.y0) / window.height
    moved = move_mask(mask, round(dx * x_scale), round(dy * y_scale))
    return moved if moved.any() else mask


def best_move(odds: Floats, shape: Floats) -> tuple[int, int]:
    """The move (dx, dy) in pixels of `shape` that has the largest mean of `odds` in it minus around it.

    Both are (h, w); `shape` is 0..1.
    """
    rows, columns = np.nonzero(shape > 0.5)
    if rows.size == 0:
        return 0, 0
    size = max(np.ptp(rows), np.ptp(columns)) + 1
    pad = max(1, round(0.25 * size))
    top, left = rows.min() - pad, columns.min() - pad
    part = np.zeros((np.ptp(rows) + 1 + 2 * pad, np.ptp(columns) + 1 + 2 * pad), np.float32)
    part[rows - top, columns - left] = 1.0
    ring = cv2.dilate(part, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pad + 1, 2 * pad + 1))) - part
    kernel = part / part.sum() - ring / max(float(ring.sum()), 1.0)
    fit = cv2.filter2D(odds.astype(np.float32), cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
    y0, x0 = top + part.shape[0] // 2, left + part.shape[1] // 2
    y, x = np.mgrid[: odds.shape[0], : odds.shape[1]]
    fit = fit - DISTANCE_COST * ((x - x0) ** 2 + (y - y0) ** 2) / size**2
    best_y, best_x = np.unravel_index(int(fit.argmax()), fit.shape)
    return int(best_x - x0), int(best_y - y0)


def move_mask(mask: Bools, dx: int, dy: int) -> Bools:
    """`mask` moved by whole pixels; what leaves the image is lost."""
    height, width = mask.shape
    moved = np.zeros_like(mask)
    if abs(dx) < width and abs(dy) < height:
        source = mask[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
        y, x = max(0, dy), max(0, dx)
        moved[y : y + source.shape[0], x : x + source.shape[1]] = source
    return moved

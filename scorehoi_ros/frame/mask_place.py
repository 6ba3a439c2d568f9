"""Whether a given mask lies where it should: beside another mask of the same thing, or on edges of the image.

All of it works on square crops around person and object of `SIDE` pixels; shifts are told in pixels of a crop
twice as large, the scale of landmark errors.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Bools, Floats

SIDE = 128
_UNIT = 2
"""Pixels of a crop of 256 that are one pixel here."""
_REACH = 14
"""How far off a mask is looked for, pixels."""
_COARSE = 2
"""Masks are compared on pixels so much larger."""
_LEAST_PX = 7.0
"""Shorter shifts are not told from raggedness."""
_LEAST_OVERLAP, _LEAST_GAIN = 0.6, 0.1
"""Overlap (IoU) with the other mask where a mask would fit, and how much more it is than where it lies."""
_LEAST_EDGE = 0.2
"""Mean edge, 0..1, along the border of a mask where it fits: 0.16 to 0.5 on photos, at most 0.12 in noise."""
_LEAST_DEVIATIONS, _LEAST_EDGE_GAIN = 2.9, 1.5
"""How much more that is than elsewhere on average, and than where it lies, in deviations of all places."""
_NEAR, _LEAST_EXPECTED_GAIN = 3, 0.5
"""How far around an expected place edges are looked for, and how much more of them there have to be."""
_BORDER_POINTS, _LEAST_POINTS = 100, 12
_CLUTTER = 3.0
"""An edge of so many times the median of the picture is half believed."""
_FAINT = 8.0
"""Changes of brightness, as Sobel measures them, that are noise."""
Float32 = NDArray[np.float32]
_GRID = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
_AROUND = np.hypot(*_GRID) <= _REACH


@dataclass(frozen=True)
class Place:
    """Where a mask would fit better than where it lies."""

    shift: Floats
    """(2,) pixels of a crop of 256, x y, by which the mask would have to be moved."""
    sure: bool
    """It fits so much better there that this is not chance."""


def beside_mask(mask: Bools, other: Bools) -> Place:
    """A mask (S, S) against another one of the same thing.  0.1 ms."""
    side = SIDE // _COARSE
    a, b = (
        cv2.resize(m.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA) for m in (mask, other)
    )
    reach = _REACH // _COARSE
    wide = cv2.copyMakeBorder(b, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=(0.0,))
    common = cv2.matchTemplate(wide, a, cv2.TM_CCORR)
    overlap = common / np.maximum(float((a * a).sum() + (b * b).sum()) - common, 1e-6)
    row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
    shift = _UNIT * _COARSE * (np.array([column, row], np.float64) - reach)
    here, there = float(overlap[reach, reach]), float(overlap[row, column])
    return _place(shift, there >= _LEAST_OVERLAP and there - here >= _LEAST_GAIN)


def on_edges(mask: Bools, edges: Float32, inside: Bools, expected: Floats | None = None) -> Place:
    """A mask (S, S) against the edges of the image (`edges_of`).  0.5 ms.

    `inside` (S, S) are the pixels of the image; the border of the mask at its end does not count.
    `expected` (2,), pixels of a crop of 256, is where the other mask had to be moved: little is asked of it.
    """
    points, normals = _border(mask, inside)
    if len(points) < _LEAST_POINTS:
        return _place(np.zeros(2), False)
    scores = _along(edges, points, normals)
    mean, spread = float(scores[_AROUND].mean()), max(float(scores[_AROUND].std()), 1e-6)
    here = float(scores[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2].max())
    if expected is not None:
        shift, there = _best(scores, _around(expected))
        if there - here >= _LEAST_EXPECTED_GAIN * spread:
            return _place(shift, True)
    shift, there = _best(scores, _AROUND)
    clear = there - mean >= _LEAST_DEVIATIONS * spread and there - here >= _LEAST_EDGE_GAIN * spread
    return _place(shift, clear and there >= _LEAST_EDGE)


def _around(shift: Floats) -> Bools:
    """(k, k) shifts near one of pixels of a crop of 256."""
    column, row = shift / _UNIT
    return np.asarray(np.hypot(_GRID[0] - row, _GRID[1] - column) <= _NEAR)


def _best(scores: Float32, among: Bools) -> tuple[Floats, float]:
    """The shift, pixels of a crop of 256, with the largest of scores (k, k), and that score."""
    row, column = np.unravel_index(int(np.where(among, scores, -np.inf).argmax()), scores.shape)
    return _UNIT * (np.array([column, row], np.float64) - _REACH), float(scores[row, column])


def _place(shift: Floats, clear: bool) -> Place:
    return Place(shift, clear and float(np.hypot(*shift)) >= _LEAST_PX)


def edges_of(rgb: NDArray[np.uint8]) -> Float32:
    """(2, S, S) edges of a picture (S, S, 3), each as a vector of twice its angle, 0..1 long.

    Twice, so that from dark to bright is the same as from bright to dark; all colours count (Di Zenzo 1986).
    """
    smooth = cv2.GaussianBlur(rgb, (5, 5), 0.8)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    u = cv2.transform(dx * dx - dy * dy, np.ones((1, 3)))
    v = cv2.transform(dx * dy, np.full((1, 3), 2.0))
    size = np.sqrt(np.sqrt(u * u + v * v))
    weight = 1 / np.maximum(size * (size + max(_CLUTTER * float(np.median(size[::2, ::2])), _FAINT)), 1e-6)
    return np.stack([u * weight, v * weight])


def _border(mask: Bools, inside: Bools) -> tuple[NDArray[np.int64], Float32]:
    """Pixels (m, 2) x y of the mask's border and its normals (2, m) as vectors of twice their angle."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (5, 5), 1.0)
    inner = cv2.erode(inside.view(np.uint8), np.ones((5, 5), np.uint8), borderValue=(1.0,))
    edge = mask & (cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8)) == 0) & (inner > 0)
    rows, columns = np.nonzero(edge)
    keep = slice(None, None, 1 + len(rows) // _BORDER_POINTS)
    rows, columns = rows[keep], columns[keep]
    dx = cv2.Sobel(soft, cv2.CV_32F, 1, 0)[rows, columns]
    dy = cv2.Sobel(soft, cv2.CV_32F, 0, 1)[rows, columns]
    square = np.maximum(dx * dx + dy * dy, 1e-9)
    return np.stack([columns, rows], 1), np.stack([dx * dx - dy * dy, 2 * dx * dy]) / square


def _along(field: Float32, points: NDArray[np.int64], normals: Float32) -> Float32:
    """(k, k) mean edge along the border at each shift down and right, -1..1."""
    k = 2 * _REACH + 1
    wide = np.pad(field, ((0, 0), (_REACH, _REACH), (_REACH, _REACH)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (k, k), axis=(1, 2))  # type: ignore[call-overload]
    found = windows[:, points[:, 1], points[:, 0]].reshape(-1, k * k)
    return np.asarray((normals.reshape(1, -1) @ found).reshape(k, k) / len(points), np.float32)

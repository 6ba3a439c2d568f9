"""Smoothed colour histograms: what an object and its surroundings look like."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats

BINS = 20
"""Histogram bins for each of L, a, b."""
COLOURS = BINS**3
_REACH = 4
"""Bins to each side over which a histogram is smoothed, with a standard deviation of one bin."""
_TAPS = np.exp(-0.5 * np.arange(-_REACH, _REACH + 1) ** 2.0)
_TAPS /= _TAPS.sum()


def _bins_of(low: float, width: float) -> NDArray[np.int64]:
    """(256,) bin of each value of a channel of which `width` from `low` on are divided into bins."""
    return np.clip((np.arange(256) - low) / width * BINS, 0, BINS - 1).astype(np.int64)


# Real colours fill only the middle half of a and b.
_BIN_OF_L, _BIN_OF_AB = _bins_of(0.0, 256.0), _bins_of(64.0, 128.0)


def colour_bins(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(h, w) index of each pixel's L, a, b bin; `rgb` is (h, w, 3) uint8."""
    lab = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB), np.uint8)
    bins = np.empty(lab.shape[:2], np.int64)
    _look_up(lab, _BIN_OF_L, _BIN_OF_AB, bins)
    return bins


@kernel
def _look_up(lab, of_l, of_ab, bins):  # type: ignore[no-untyped-def]
    for y in range(bins.shape[0]):
        for x in range(bins.shape[1]):
            bins[y, x] = (of_l[lab[y, x, 0]] * BINS + of_ab[lab[y, x, 1]]) * BINS + of_ab[lab[y, x, 2]]


def colour_density(bins: NDArray[np.int64], weights: Floats) -> Floats:
    """(COLOURS,) smoothed histogram of the pixels under `weights` (h, w) that sums to 1; 0 without weight."""
    counts = np.bincount(bins.ravel(), weights.ravel(), COLOURS).reshape(BINS, BINS, BINS)
    _smooth(counts, _TAPS)
    return np.asarray(counts.ravel() / max(float(counts.sum()), 1e-9))


@kernel
def _smooth(cube, taps):  # type: ignore[no-untyped-def]
    """Convolve (n, n, n) with `taps` (2 r + 1,) along each axis, in place; the edges go on outside."""
    n, reach = len(cube), len(taps) // 2
    line, smooth = np.empty(n + 2 * reach), np.empty(n)
    for axis in range(3):
        for i in range(n):
            for j in range(n):
                row = cube[i, j] if axis == 0 else (cube[i, :, j] if axis == 1 else cube[:, i, j])
                line[:reach], line[n + reach :] = row[0], row[n - 1]
                line[reach : n + reach] = row
                smooth[:] = 0.0
                for t in range(len(taps)):
                    for k in range(n):
                        smooth[k] += taps[t] * line[k + t]
                row[:] = smooth


def affinity(one: Floats, other: Floats) -> float:
    """Bhattacharyya coefficient of two densities: 1 = the same, 0 = no colour in common."""
    return min(1.0, float(np.sqrt(one * other).sum()))


def log_ratio(ours: Floats, theirs: Floats) -> Floats:
    """(COLOURS,) log-odds of "ours" for each colour, limited to +-4: histograms are never surer than that."""
    return np.clip(np.log((ours + 1e-6) / (theirs + 1e-6)), -4.0, 4.0)

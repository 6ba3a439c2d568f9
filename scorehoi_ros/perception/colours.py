"""Smoothed colour histograms: what an object and its surroundings look like."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from scorehoi_ros.types import Floats

BINS = 20
"""Histogram bins for each of L, a, b."""
COLOURS = BINS**3


def colour_bins(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(h, w) index of each pixel's L, a, b bin; `rgb` is (h, w, 3) uint8."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB).astype(np.float64)
    # Real colours fill only the middle half of a and b.
    scaled = (lab - (0.0, 64.0, 64.0)) / (256.0, 128.0, 128.0) * BINS
    bins = np.clip(scaled, 0, BINS - 1).astype(np.int64)
    return np.asarray((bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2])


def colour_density(bins: NDArray[np.int64], weights: Floats) -> Floats:
    """(COLOURS,) smoothed histogram of the pixels under `weights` (h, w) that sums to 1; 0 without weight."""
    counts = np.bincount(bins.ravel(), weights.ravel(), COLOURS).reshape(BINS, BINS, BINS)
    smooth = gaussian_filter(counts, 1.0, mode="nearest").ravel()
    return np.asarray(smooth / max(float(smooth.sum()), 1e-9))


def affinity(one: Floats, other: Floats) -> float:
    """Bhattacharyya coefficient of two densities: 1 = the same, 0 = no colour in common."""
    return min(1.0, float(np.sqrt(one * other).sum()))


def log_ratio(ours: Floats, theirs: Floats) -> Floats:
    """(COLOURS,) log-odds of "ours" for each colour, limited to +-4: histograms are never surer than that."""
    return np.clip(np.log((ours + 1e-6) / (theirs + 1e-6)), -4.0, 4.0)

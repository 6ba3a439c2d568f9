"""Edge-aware smoothing, compiled: the Fast Global Image Smoother (Min et al., 2014).

The same arithmetic as OpenCV's `fastGlobalSmootherFilter`, which spends most of its time on a table that
does not depend on the image.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats

Float32 = NDArray[np.float32]

_PASSES = 3
_WEAKER = 0.25
"""The strength of each pass against the one before."""


class EdgeSmoother:
    """Smooths pictures of the size of one guide, but not across the guide's edges."""

    def __init__(self, guide: NDArray[np.uint8], strength: float, sigma: float) -> None:
        """`guide` (h, w, 3); how strongly is smoothed; the difference in colour at which that stops."""
        self._strength = strength
        height, width = guide.shape[:2]
        self._down = np.empty((height - 1, width), np.float32)
        self._across = np.empty((width - 1, height), np.float32)
        _compare(np.ascontiguousarray(guide), _table(sigma), self._down, self._across)

    def __call__(self, values: Floats) -> Float32:
        """Values (h, w) smoothed."""
        smooth = np.array(values, np.float32, order="C")
        strength = self._strength
        for _ in range(_PASSES):
            turned = np.ascontiguousarray(smooth.T)
            _solve_down(turned, self._across, strength)
            smooth = np.ascontiguousarray(turned.T)
            _solve_down(smooth, self._down, strength)
            strength *= _WEAKER
        return smooth


@lru_cache(maxsize=4)
def _table(sigma: float) -> Float32:
    """Likeness of two colours for each squared distance between them."""
    return np.exp(-np.sqrt(np.arange(3 * 255**2 + 1)) / sigma).astype(np.float32)


@kernel
def _compare(guide, table, down, across):  # type: ignore[no-untyped-def]
    """Fill the likeness of each pixel to the one below (h - 1, w) and to the one at its right (w - 1, h)."""
    height, width = guide.shape[:2]
    for y in range(height):
        for x in range(width):
            below, right = 0, 0
            for c in range(3):
                here = np.int64(guide[y, x, c])
                if y < height - 1:
                    below += (guide[y + 1, x, c] - here) ** 2
                if x < width - 1:
                    right += (guide[y, x + 1, c] - here) ** 2
            if y < height - 1:
                down[y, x] = table[below]
            if x < width - 1:
                across[x, y] = table[right]


@kernel
def _solve_down(values, weights, strength):  # type: ignore[no-untyped-def]
    """Solve (1 + strength L) x = values for each column, in place; L is the Laplacian of its weights.

    Gauss elimination of a tridiagonal matrix, all columns side by side.
    """
    height, width = values.shape
    ratio = np.empty((height, width), np.float32)
    one, strong = np.float32(1.0), np.float32(strength)
    for y in range(height):
        for x in range(width):
            above = strong * weights[y - 1, x] if y > 0 else np.float32(0.0)
            below = strong * weights[y, x] if y < height - 1 else np.float32(0.0)
            if y > 0:
                pivot = one / (one + above + below - above * ratio[y - 1, x])
                values[y, x] = (values[y, x] + above * values[y - 1, x]) * pivot
            else:
                pivot = one / (one + below)
                values[y, x] *= pivot
            ratio[y, x] = below * pivot
    for y in range(height - 2, -1, -1):
        for x in range(width):
            values[y, x] += ratio[y, x] * values[y + 1, x]

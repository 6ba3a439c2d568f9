"""The sampling of signed distance grids as a plain sum over corners, and its gradient."""

import numpy as np

from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.types import Floats


def corners(grid: SignedDistanceGrid, points: Floats) -> tuple[Floats, Floats, Floats]:
    """For each point the values at the 8 nodes around (n, 2, 2, 2), fractions and metres outside (n, 3)."""
    position = (np.asarray(points, np.float64) - grid.origin) / grid.spacing
    top = np.array(grid.values.shape) - 1
    clamped = np.clip(position, 0, top)
    base = np.minimum(clamped.astype(np.intp), top - 1)
    steps = np.arange(2)
    i, j, k = (base[:, c, None] + steps for c in range(3))
    values = grid.values[i[:, :, None, None], j[:, None, :, None], k[:, None, None, :]]
    return values, clamped - base, grid.spacing * (position - clamped)


def gradient(grid: SignedDistanceGrid, points: Floats) -> Floats:
    """Gradient (n, 3) of `sample` at points (n, 3): about a unit vector, pointing away from the object."""
    values, fraction, beyond = corners(grid, points)
    weight = np.stack([1 - fraction, fraction], axis=-1)
    difference = np.array([-1.0, 1.0]) / grid.spacing
    result = np.empty((len(points), 3))
    for axis in range(3):
        x, y, z = (
            np.broadcast_to(difference, (len(points), 2)) if c == axis else weight[:, c] for c in range(3)
        )
        result[:, axis] = np.einsum("nijk,ni,nj,nk->n", values, x, y, z)
    distance = np.linalg.norm(beyond, axis=1, keepdims=True)
    outward = np.divide(beyond, distance, out=np.zeros_like(beyond), where=distance > 0)
    return np.asarray(np.where(beyond == 0, result, 0.0) + outward)

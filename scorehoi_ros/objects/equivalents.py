"""Turns between orientations of one template, up to its symmetry."""

import numpy as np

from scorehoi_ros.geometry.turns import cross, matrix_of_vector, vector_of_matrix
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats


def smallest_turns(R: Floats, others: Floats, symmetry: Symmetry) -> Floats:
    """(a, b, 3) rotation vectors from R (a, 3, 3) to the nearest equivalents of others (b, 3, 3).

    Both object -> frame; the vectors are radians in that frame, applied after R.  Zero where the
    symmetry is that of a sphere; where any turn about an axis is a symmetry, only the axis is turned.
    """
    if symmetry.sphere:
        return np.zeros((len(R), len(others), 3))
    same = others[:, None] @ symmetry.rotations
    if symmetry.axis is not None:
        return _axis_turns(R @ symmetry.axis, same @ symmetry.axis)
    traces = np.einsum("aij,bnij->abn", R, same)
    nearest = same[np.arange(len(others)), traces.argmax(-1)]
    return vector_of_matrix(nearest @ np.swapaxes(R, -1, -2)[:, None])


def nearest_equivalents(R: Floats, others: Floats, symmetry: Symmetry) -> Floats:
    """(b, 3, 3) of others (b, 3, 3) the orientations that look the same and are nearest to R (3, 3)."""
    turns = smallest_turns(R[None], others, symmetry)[0]
    return np.asarray(matrix_of_vector(turns) @ R, np.float64)


def _axis_turns(axes: Floats, others: Floats) -> Floats:
    """(a, b, 3) from axes (a, 3) to the nearest of each row of others (b, n, 3)."""
    cosines = np.einsum("ai,bni->abn", axes, others)
    nearest = others[np.arange(len(others)), cosines.argmax(-1)]
    across = cross(axes[:, None], nearest)
    sine = np.linalg.norm(across, axis=-1, keepdims=True)
    angle = np.arctan2(sine, cosines.max(-1, keepdims=True))
    return np.asarray(across / np.maximum(sine, 1e-9) * angle, np.float64)

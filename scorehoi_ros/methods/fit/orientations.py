"""Orientations of a template that its symmetry tells apart."""

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.objects.symmetry import Symmetry, octahedral
from scorehoi_ros.types import Floats

NUM_ROTATIONS = 300
MIN_ANGLE = np.radians(20)
"""Closer orientations lead to the same optimum."""


def spread_rotations(symmetry: Symmetry) -> Floats:
    """(n, 3, 3) rotations spread over SO(3) that the symmetry does not make equal (super-Fibonacci spiral).

    Alexa, Super-Fibonacci Spirals: Fast, Low-Discrepancy Sampling of SO(3), CVPR 2022.
    """
    if symmetry.sphere:
        return np.eye(3)[None]
    i = np.arange(NUM_ROTATIONS) + 0.5
    phi, psi = np.sqrt(2.0), 1.533751168755204288118041
    r, R = np.sqrt(i / NUM_ROTATIONS), np.sqrt(1 - i / NUM_ROTATIONS)
    alpha, beta = 2 * np.pi * i / phi, 2 * np.pi * i / psi
    quaternions = np.stack((r * np.sin(alpha), r * np.cos(alpha), R * np.sin(beta), R * np.cos(beta)), 1)
    rotations = Rotation.from_quat(quaternions).as_matrix()
    kept: list[Floats] = []
    for candidate in rotations:
        if not kept or rotation_distance(np.stack(kept), candidate, symmetry).min() > 0.8 * MIN_ANGLE:
            kept.append(candidate)
    return np.stack(kept)


def rotation_distance(R: Floats, other: Floats, symmetry: Symmetry) -> Floats:
    """(...) smallest angle (rad) between R (..., 3, 3) and `other` (3, 3) up to the template's symmetry."""
    if symmetry.sphere:
        return np.zeros(R.shape[:-2])
    equivalents = other @ symmetry.rotations
    relative = np.einsum("...ji,njk->...nik", R, equivalents)
    if symmetry.axis is not None:
        # Turning about the axis is free: what is left is the tilt between the two axes.
        tilt = np.einsum("i,...nij,j->...n", symmetry.axis, relative, symmetry.axis)
        return np.arccos(np.clip(tilt, -1, 1)).min(-1)
    trace = np.trace(relative, axis1=-2, axis2=-1)
    return np.arccos(np.clip((trace - 1) / 2, -1, 1)).min(-1)


def quarter_turns(R: Floats, symmetry: Symmetry) -> list[Floats]:
    """R (3, 3) after quarter turns about the template's axes, as far as symmetry tells them apart."""
    kept = [R]
    for turn in octahedral():
        candidate = R @ turn
        if rotation_distance(np.stack(kept), candidate, symmetry).min() > MIN_ANGLE:
            kept.append(candidate)
    return kept[1:]

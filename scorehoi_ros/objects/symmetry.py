"""Rotational symmetry of templates: known groups for the families, a careful estimate for everything else."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry.mesh import Mesh, extents
from scorehoi_ros.geometry.sdf import SignedDistanceGrid, sample
from scorehoi_ros.geometry.surface import even_points
from scorehoi_ros.types import Floats

TOLERANCE = 0.02
"""A rotation is a symmetry when the turned surface stays within this share of the longest side."""


@dataclass(frozen=True)
class Symmetry:
    """Rotations about the object's origin that leave it looking the same."""

    rotations: NDArray[np.float64] = field(default_factory=lambda: np.eye(3)[None])
    """(n, 3, 3) finite group, identity first.  With `axis` set: the symmetries apart from turns about it
    (identity, and half turns that swap its ends).  With `sphere` set: the identity alone."""
    axis: NDArray[np.float64] | None = None
    """(3,) unit axis about which any turn is a symmetry, or None."""
    sphere: bool = False
    """Any rotation is a symmetry."""


NONE = Symmetry()
SPHERE = Symmetry(sphere=True)


def cyclic(order: int, axis: Floats) -> Floats:
    """(order, 3, 3) turns by 360/order degrees about an axis (3,)."""
    angle = np.arange(order) * 2 * np.pi / order
    return _clean(Rotation.from_rotvec(angle[:, None] * np.asarray(axis, float)).as_matrix())


def dihedral(order: int, axis: Floats, side: Floats) -> Floats:
    """(2 order, 3, 3): the cyclic group about `axis` and half turns about `side`, perpendicular to it."""
    turns = cyclic(order, axis)
    return np.concatenate([turns, turns @ cyclic(2, side)[1]])


def octahedral() -> Floats:
    """(24, 3, 3) rotations of a cube with its faces along the axes, identity first."""
    return _clean(Rotation.create_group("O").as_matrix())


def revolution(axis: Floats, both_ends: bool) -> Symmetry:
    """Symmetry of a body of revolution about `axis`; `both_ends`: it can also be turned end for end."""
    unit = np.asarray(axis, float) / np.linalg.norm(axis)
    if not both_ends:
        return Symmetry(axis=unit)
    side = np.cross(unit, np.eye(3)[np.argmin(np.abs(unit))])
    return Symmetry(cyclic(2, side / np.linalg.norm(side)), unit)


def of_box(size: Floats) -> Symmetry:
    """Symmetry of a box with these side lengths; equal sides give quarter turns."""
    size = np.asarray(size, float)
    rotations = octahedral()
    kept = [R for R in rotations if np.allclose(np.abs(R) @ size, size, rtol=1e-6, atol=1e-9)]
    return Symmetry(np.array(kept))


def estimate(mesh: Mesh, grid: SignedDistanceGrid) -> Symmetry:
    """Symmetry found by turning surface samples about the origin and looking how far they leave the surface.

    Tried: the sphere, bodies of revolution, and the cyclic and dihedral groups (orders up to 8) about the
    axes of the file and of inertia, which together hold the rotations of a cube.  Claimed below `TOLERANCE`.
    """
    samples = even_points(mesh, 3000, seed=7)
    limit = TOLERANCE * float(extents(mesh).max())
    visible = np.abs(sample(grid, samples)) < limit
    if visible.sum() < 100:
        return NONE
    samples = samples[visible]
    radius = np.linalg.norm(samples, axis=1)
    # Three in a hundred samples may be a valve, a label, a flaw of a scan.
    if np.percentile(np.abs(radius - np.median(radius)), 97) < limit:
        return SPHERE
    keeps = _Test(samples, grid, limit)
    axes = _candidate_axes(samples)
    for axis in axes:
        if all(keeps(R) for R in cyclic(11, axis)[1:6]) and all(keeps(R) for R in cyclic(16, axis)[1:8]):
            side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
            return revolution(axis, keeps(cyclic(2, side / np.linalg.norm(side))[1]))
    generators = [R for axis in axes for n in (2, 3, 4, 5, 6, 8) if keeps(R := cyclic(n, axis)[1])]
    group = np.eye(3)[None]
    for R in generators:
        grown = _closure(np.concatenate([group, R[None]]))
        if len(grown) <= 24 and all(keeps(g) for g in grown[1:]):
            group = grown
    return Symmetry(group)


class _Test:
    """Whether a rotation keeps the surface in place: samples stay near the zero level, all over."""

    def __init__(self, samples: Floats, grid: SignedDistanceGrid, limit: float) -> None:
        self.samples, self.grid, self.limit = samples, grid, limit
        self.tree = cKDTree(samples)
        spacing = self.tree.query(samples, k=2)[0][:, 1]
        self.reach = limit + 3 * float(np.percentile(spacing, 95))

    def __call__(self, R: Floats) -> bool:
        turned = self.samples @ np.asarray(R).T
        if np.percentile(np.abs(sample(self.grid, turned)), 99) >= self.limit:
            return False
        # The signed distance alone would not notice a thin sheet that has no counterpart.
        return bool(np.percentile(self.tree.query(turned)[0], 99) < self.reach)


def _candidate_axes(samples: Floats) -> Floats:
    """(n, 3) axes of the file, of inertia, and the diagonals between those of the file."""
    _, inertia = np.linalg.eigh(np.cov(samples.T))
    eye = np.eye(3)
    diagonals = [eye[a] + s * eye[b] for a, b in ((0, 1), (1, 2), (0, 2)) for s in (1, -1)]
    diagonals += [np.array([x, y, 1.0]) for x in (1, -1) for y in (1, -1)]
    axes = np.concatenate([eye, inertia.T, [d / np.linalg.norm(d) for d in diagonals]])
    kept: list[Floats] = []
    for axis in axes:
        if all(abs(axis @ other) < 1 - 1e-4 for other in kept):
            kept.append(axis)
    return np.array(kept)


def _closure(rotations: Floats, limit: int = 49) -> Floats:
    """The group generated by some rotations, identity first; stops growing beyond `limit` elements."""
    group = [np.eye(3)]
    frontier = list(rotations)
    while frontier and len(group) < limit:
        R = frontier.pop()
        if any(np.abs(R - g).max() < 1e-3 for g in group):
            continue
        group.append(R)
        frontier += [g @ R for g in group] + [R @ g for g in group]
    return np.array(group)


def _clean(rotations: Floats) -> Floats:
    """Exact zeros and ones where rounding left almost such; the identity first."""
    rounded = np.round(rotations)
    cleaned = np.where(np.abs(rotations - rounded) < 1e-12, rounded, rotations)
    first = int(np.argmin(np.abs(cleaned - np.eye(3)).sum(axis=(1, 2))))
    return np.asarray(np.concatenate([cleaned[first : first + 1], np.delete(cleaned, first, axis=0)]))

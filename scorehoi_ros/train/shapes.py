"""Shapes to pretrain the geometry encoder on: points of family instances, without grid and symmetry."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.geometry.mesh import Mesh, surface_centroid
from scorehoi_ros.geometry.surface import balanced_points, farthest_points, surface_points
from scorehoi_ros.objects.families import parse_spec
from scorehoi_ros.synth.scene.kinds import KIND_NAMES, KINDS, family_instance
from scorehoi_ros.types import NUM_OBJECT_POINTS, Floats

CANDIDATES = 2000
"""Surface samples from which the 64 points are chosen."""
_FAMILY_NAMES = sorted({kind.family for kind in KINDS})
FAMILY_OF_KIND = torch.tensor([_FAMILY_NAMES.index(kind.family) for kind in KINDS])
"""(41,) number of the family of each kind: kinds of one family differ only in size."""


@dataclass(frozen=True)
class Shapes:
    """Clouds of template points with their classes."""

    points: Tensor
    """(n, 64, 3) metres, template frame, mean at the origin."""
    normals: Tensor
    """(n, 64, 3) outward unit normals of the surface."""
    kinds: Tensor
    """(n,) index into `KIND_NAMES`."""

    def __len__(self) -> int:
        return len(self.kinds)


def family_shapes(split: str, numbers: Iterable[int], draws: int = 1) -> Shapes:
    """Instances `numbers` of every kind in a split, each sampled `draws` times."""
    rows = []
    for kind, name in enumerate(KIND_NAMES):
        for number in numbers:
            family, values = parse_spec(family_instance(split, name, number).spec)
            mesh = family.build(values)
            rows += [(*spread_points(mesh, seed), kind) for seed in range(draws)]
    points, normals, kinds = zip(*rows, strict=True)
    return Shapes(_tensor(points), _tensor(normals), torch.tensor(kinds))


def spread_points(mesh: Mesh, seed: int) -> tuple[Floats, Floats]:
    """64 points (64, 3) of a mesh as `objects.load` chooses them, and their normals (64, 3).

    What is hidden inside overlapping parts is not left out: that would need the signed distance grid.
    Another seed gives another sample of the surface and another first point.
    """
    rng = np.random.default_rng(seed)
    drawn = surface_points(mesh.vertices, mesh.faces, CANDIDATES, rng, even=True)
    candidates = drawn.on(mesh.vertices)
    start = None if seed == 0 else [int(rng.integers(CANDIDATES))]
    spread = candidates[farthest_points(candidates, NUM_OBJECT_POINTS, start)]
    points = balanced_points(spread, candidates, surface_centroid(mesh))
    a, b, c = (mesh.vertices[drawn.corners[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    nearest = ((points[:, None] - candidates) ** 2).sum(-1).argmin(1)
    normals = normals[nearest] / np.linalg.norm(normals[nearest], axis=1, keepdims=True)
    return points - points.mean(axis=0), normals


def kind_rows(shapes: Shapes, each: int, generator: torch.Generator) -> Tensor:
    """(41 each,) random rows, `each` of every kind; the shapes are sorted by kind, equally many of each."""
    count = len(shapes) // len(KIND_NAMES)
    within = torch.randint(count, (each, len(KIND_NAMES)), generator=generator)
    return (within + count * torch.arange(len(KIND_NAMES))).flatten()


def augmented(shapes: Shapes, rows: Tensor, generator: torch.Generator) -> Shapes:
    """Rows of the shapes turned (any yaw for half of them, tilts of a few degrees), scaled and jittered.

    Features must know where a point lies in the template's frame, and hold for files with another front.
    """
    n = len(rows)
    normal = torch.randn(n, 4, generator=generator)
    yaw = torch.pi * (2 * torch.rand(n, generator=generator) - 1)
    yaw = torch.where(torch.rand(n, generator=generator) < 0.5, yaw, 0.05 * normal[:, 0])
    R = _about_y(yaw) @ _tilt(0.05 * normal[:, 1], 0.05 * normal[:, 2])
    scale = (0.05 * normal[:, 3]).clamp(-0.1, 0.1).exp()
    points = shapes.points[rows] * scale[:, None, None]
    size = points.square().sum(-1).mean(-1).sqrt()
    jitter = torch.randn(points.shape, generator=generator) * (0.01 * size)[:, None, None]
    points = (points + jitter) @ R.mT
    points = points - points.mean(1, keepdim=True)
    return Shapes(points, shapes.normals[rows] @ R.mT, shapes.kinds[rows])


def _about_y(angle: Tensor) -> Tensor:
    """Rotations (n, 3, 3) about the up axis."""
    c, s, o, e = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack((c, o, s, o, e, o, -s, o, c), dim=-1).unflatten(-1, (3, 3))


def _tilt(x: Tensor, z: Tensor) -> Tensor:
    """Rotations (n, 3, 3) that tip the up axis by small angles (n,) about x and z."""
    o = torch.zeros_like(x)
    return torch.linalg.matrix_exp(torch.stack((o, -z, o, z, o, -x, o, x, o), dim=-1).unflatten(-1, (3, 3)))


def _tensor(rows: Iterable[Floats]) -> Tensor:
    return torch.as_tensor(np.stack(list(rows)), dtype=torch.float32)

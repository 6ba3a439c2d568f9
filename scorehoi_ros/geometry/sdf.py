"""Signed distance of a mesh on a regular grid: negative inside, with a gradient everywhere it is sampled."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.sdf_kernels import (
    band_distances,
    sample_points,
    spread_distances,
    winding_numbers,
)
from scorehoi_ros.types import Floats

if TYPE_CHECKING:
    import torch

BAND = 1.5
"""Nodes within this many spacings of the box of a triangle get their exact distance to it."""
LONGEST_AXIS = 160
"""Most nodes along one axis, for long thin objects."""


@dataclass(frozen=True)
class SignedDistanceGrid:
    """Signed distances at the nodes `origin + spacing * (i, j, k)`."""

    values: NDArray[np.float32]
    """(nx, ny, nz) float32 metres, negative inside."""
    origin: NDArray[np.float64]
    """(3,) float64 metres, the node (0, 0, 0)."""
    spacing: float
    """Metres between nodes, the same along all axes."""


def build_grid(mesh: Mesh, resolution: int = 64, margin: float | None = None) -> SignedDistanceGrid:
    """Signed distance grid of a mesh, about `resolution`^3 nodes whatever the proportions of the object.

    `margin` metres are left around the bounding box (default: 15 % of the longest side).  Distances are exact
    within 1.5 spacings of the surface and carried outwards by sweeping the nearest triangle (Tsai 2002).
    A node is inside where the generalised winding number exceeds 1/2, so overlapping closed parts form a
    union and meshes with holes are accepted.  Raises TemplateError for a mesh without faces.
    """
    if not len(mesh.faces):
        raise TemplateError("a signed distance needs a mesh with faces. Got none.")
    low, high = (f(mesh.vertices[np.unique(mesh.faces)], axis=0) for f in (np.min, np.max))
    edge = 0.15 * float((high - low).max()) if margin is None else margin
    size = high - low + 2 * edge
    spacing = max(float(np.cbrt(size.prod())) / resolution, float(size.max()) / (LONGEST_AXIS - 2))
    shape = tuple(int(n) + 1 for n in np.ceil(size / spacing))
    origin = (low + high) / 2 - spacing * (np.array(shape) - 1) / 2
    triangles = np.ascontiguousarray((mesh.vertices[mesh.faces] - origin) / spacing)
    squared, nearest = band_distances(triangles, shape, BAND)
    spread_distances(triangles, squared, nearest)
    inside = winding_numbers(triangles, shape) > 0.5
    values = np.where(inside, -1.0, 1.0) * np.sqrt(squared) * spacing
    return SignedDistanceGrid(values.astype(np.float32), origin, spacing)


def sample(grid: SignedDistanceGrid, points: Floats) -> Floats:
    """Signed distances (n,) in metres at points (n, 3), trilinear; outside the grid its distance is added."""
    # Writable, because arrays that are not are another type for the compiler.
    rows = np.require(points, np.float64, ["C", "W"])
    return np.asarray(sample_points(np.ascontiguousarray(grid.values), grid.origin, grid.spacing, rows))


def sample_torch(
    values: "torch.Tensor", origin: "torch.Tensor", spacing: float, points: "torch.Tensor"
) -> "torch.Tensor":
    """`sample` for tensors: values (nx, ny, nz), origin (3,), points (..., 3) -> (...), metres.

    Differentiable in the points.  All tensors share a floating dtype and a device.
    """
    torch = importlib.import_module("torch")
    top = torch.tensor(values.shape, dtype=points.dtype, device=points.device) - 1
    position = (points - origin) / spacing
    clamped = torch.minimum(position.clamp(min=0), top)
    # grid_sample wants the last axis of the grid first, in -1..1.
    place = (2 * clamped / top - 1).flip(-1).reshape(1, -1, 1, 1, 3)
    sampled = torch.nn.functional.grid_sample(values[None, None], place, align_corners=True)
    result = sampled.reshape(points.shape[:-1])
    beyond = ((position - clamped) ** 2).sum(-1)
    outside = beyond > 0
    # The root has no gradient at 0: inside the grid it is not taken.
    return result + spacing * torch.where(outside, torch.where(outside, beyond, 1.0).sqrt(), 0.0)

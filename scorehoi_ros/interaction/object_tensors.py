"""A template as the tensors that the methods move."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from scorehoi_ros.energy.physical import ObjectField
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.geometry.surface import even_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats, ObjectPose

_SURFACE_POINTS = 400
_HULL_POINTS = 300


@dataclass(frozen=True)
class ObjectTensors:
    """A template as tensors, all on one device."""

    field: ObjectField
    points: Tensor
    """(64, 3) metres, object frame."""
    surface: Tensor
    """(400, 3) metres, an even sample of the surface, for silhouettes."""
    hull: Tensor
    """(h, 3) metres, points of the convex hull, for the outline."""
    spacing: float
    """Metres, the typical distance between neighbours in `surface`."""


def object_tensors(template: ObjectTemplate, device: torch.device | str = "cpu") -> ObjectTensors:
    """Tensors of a template; the surface sample is drawn with a fixed seed."""

    def tensor(values: Floats) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32, device=device)

    surface = tensor(even_points(template.mesh, _SURFACE_POINTS))
    gaps = torch.cdist(surface, surface)
    gaps.fill_diagonal_(float("inf"))
    grid = template.sdf
    return ObjectTensors(
        ObjectField(tensor(grid.values), tensor(grid.origin), float(grid.spacing)),
        tensor(template.points),
        surface,
        tensor(hull_points(template.mesh.vertices)),
        float(gaps.amin(1).mean()),
    )


def hull_points(vertices: Floats) -> Floats:
    """(h, 3) vertices of the convex hull, thinned to `_HULL_POINTS`; all of them when the object is flat."""
    try:
        corners = vertices[ConvexHull(vertices).vertices]
    except QhullError:
        corners = vertices
    return corners[:: -(-len(corners) // _HULL_POINTS)]


def pose_tensors(pose: ObjectPose, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """R_o (6,) and origin (3,) of a pose, as `place` takes them."""
    R_o, origin = (torch.as_tensor(x, dtype=torch.float32, device=device) for x in (pose.R_o, pose.origin))
    return R_o, origin


def place(points: Tensor, R_o: Tensor, origin: Tensor) -> Tensor:
    """Object points (n, 3) in the camera frame (..., n, 3): R_o (..., 6) turns them, origin (..., 3)."""
    return points @ rotation_6d_to_matrix(R_o).mT + origin[..., None, :]

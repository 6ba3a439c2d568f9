"""Physical terms of ScoreHOI (section 3.3): L_P = l_ho L_ho + l_of L_of + l_pt L_pt, in metres.

The fit minimises them as they are; the score-guided sampler follows their gradient.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from scorehoi_ros.geometry.sdf import sample_torch


@dataclass(frozen=True)
class ObjectField:
    """Signed distance grid of a template as tensors."""

    values: Tensor
    """(nx, ny, nz) metres, negative inside."""
    origin: Tensor
    """(3,) metres, object frame."""
    spacing: float
    """Metres."""


def to_object_frame(points: Tensor, R_o: Tensor, t_o: Tensor) -> Tensor:
    """Points (..., n, 3) of the camera-aligned frame to the object's frame; R_o (..., 3, 3), t_o (..., 3)."""
    return (points - t_o[..., None, :]) @ R_o


def contact_loss(signed_distance: Tensor, weights: Tensor, scale: float = 0.3) -> Tensor:
    """L_ho, human side: weighted distance of human contact points to the object's surface.

    `signed_distance` (..., n) of human points to the object, `weights` (n,) contact probabilities M_h.
    Saturates at `scale`, so that a wrongly guessed contact does not drag the object across the room.
    """
    square = signed_distance.square()
    return (weights * (square / (1 + square / scale**2))).sum(-1) / weights.sum().clamp_min(1.0)


def object_contact_loss(
    object_points: Tensor, weights: Tensor, human_points: Tensor, scale: float = 0.3
) -> Tensor:
    """L_ho, object side: weighted distance of object points (..., m, 3) to the nearest human point."""
    square = torch.cdist(object_points, human_points).amin(-1).square()
    return (weights * (square / (1 + square / scale**2))).sum(-1) / weights.sum().clamp_min(1.0)


def floor_loss(object_points: Tensor, weights: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """L_of: height over the floor of the object points (..., m, 3) in floor contact, weights (m,) = M_f."""
    height = object_points @ normal - offset
    return (weights * height.abs()).sum(-1) / weights.sum().clamp_min(1.0)


def below_floor_loss(points: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """Mean depth of points (..., n, 3) below the floor: nothing sinks into the ground."""
    return (offset - points @ normal).clamp_min(0).mean(-1)


def penetration_loss(signed_distance: Tensor, allowance: float = 0.0) -> Tensor:
    """L_pt: mean depth of human points (..., n) inside the object beyond `allowance` (soft tissue, metres).

    A depth and not a count of points, because a count has no gradient.
    """
    return (-signed_distance - allowance).clamp_min(0).mean(-1)


def signed_distances(points: Tensor, field: ObjectField, R_o: Tensor, t_o: Tensor) -> Tensor:
    """Signed distance (..., n) metres of camera-aligned points to the object, negative inside."""
    return sample_torch(field.values, field.origin, field.spacing, to_object_frame(points, R_o, t_o))


def distances_and_gradients(
    points: Tensor, field: ObjectField, R_o: Tensor, t_o: Tensor
) -> tuple[Tensor, Tensor]:
    """Signed distances (n,) and their gradients (n, 3) with respect to the points, both detached."""
    free = points.detach().requires_grad_(True)
    distance = signed_distances(free, field, R_o, t_o)
    (gradient,) = torch.autograd.grad(distance.sum(), free)
    return distance.detach(), gradient

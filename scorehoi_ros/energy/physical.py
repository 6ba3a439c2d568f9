"""Physical terms of ScoreHOI (section 3.3): L_P = l_ho L_ho + l_of L_of + l_pt L_pt, in metres.

The fit minimises them as they are; the score-guided sampler follows their gradient.  Leading dimensions are
samples: each with its own points, weights, pose and floor gives what it gives alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from scorehoi_ros.energy.image import robust
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

    `signed_distance` (..., n) of human points to the object, `weights` (..., n) contact probabilities M_h.
    Saturates at `scale`, so that a wrongly guessed contact does not drag the object across the room.
    """
    return _weighted_mean(robust(signed_distance.square(), scale), weights)


def object_contact_loss(
    object_points: Tensor, weights: Tensor, human_points: Tensor, scale: float = 0.3
) -> Tensor:
    """L_ho, object side: weighted distance of object points (..., m, 3) to the nearest human point.

    `weights` (..., m) contact probabilities M_o, `human_points` (..., n, 3).
    """
    square = torch.cdist(object_points, human_points).amin(-1).square()
    return _weighted_mean(robust(square, scale), weights)


def floor_loss(object_points: Tensor, weights: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """L_of: height over the floor of the object points (..., m, 3) in floor contact, weights (..., m) = M_f.

    The floor is the plane `normal` (..., 3) . x = `offset` (...).
    """
    return _weighted_mean(heights(object_points, normal, offset).abs(), weights)


def below_floor_loss(points: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """Mean depth of points (..., n, 3) below the floor of `floor_loss`: nothing sinks into the ground."""
    return (-heights(points, normal, offset)).clamp_min(0).mean(-1)


def heights(points: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """Heights (..., n) metres of points (..., n, 3) over the floor `normal` (..., 3) . x = `offset` (...)."""
    return (points * normal[..., None, :]).sum(-1) - offset[..., None]


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
    """Signed distances (..., n) and their gradients (..., n, 3) by the points (..., n, 3), both detached."""
    free = points.detach().requires_grad_(True)
    distance = signed_distances(free, field, R_o, t_o)
    (gradient,) = torch.autograd.grad(distance.sum(), free)
    return distance.detach(), gradient


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean (...) over the last dimension; weights that sum to less than one do not blow the rest up."""
    return (weights * values).sum(-1) / weights.sum(-1).clamp_min(1.0)

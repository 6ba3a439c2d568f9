"""States of person and object for training: true ones, estimates, and what lies between and around them."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from scorehoi_ros.geometry.rotation import (
    axis_angle_to_matrix,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)
from scorehoi_ros.train.templates import TemplateTable
from scorehoi_ros.train.views import Views

_TRUE, _ESTIMATED = 0.25, 0.3
"""Shares of the states that start at the truth and at the estimate; the rest lies between."""
_NOISY = 0.6
"""Share of the states that get noise."""
_JOINT_RAD, _ROOT_RAD, _BETA, _TURN_RAD = 0.12, 0.12, 0.7, 0.5
_PELVIS_M, _ORIGIN_M = 0.05, 0.12
"""Standard deviations of the strongest noise."""


@dataclass(frozen=True)
class States:
    """n states x = {theta, beta, R_o, t_o} with the pelvis, all in the view frame of their crop."""

    theta: Tensor
    """(n, 52, 6); row 0 body -> view."""
    betas: Tensor
    """(n, 10)"""
    pelvis: Tensor
    """(n, 3) metres."""
    R_o: Tensor
    """(n, 6) object -> view."""
    origin: Tensor
    """(n, 3) metres, of the object."""

    def rows(self, index: Tensor) -> "States":
        """Some of the states."""
        return States(*(getattr(self, f.name)[index] for f in fields(self)))


def true_states(views: Views) -> States:
    """The truth of some views."""
    theta, R_o = matrix_to_rotation_6d(views.rotations), matrix_to_rotation_6d(views.R_object)
    return States(theta, views.betas, views.pelvis, R_o, views.origin)


def between(a: States, b: States, share: Tensor) -> States:
    """`a` moved by a share (n,) of the way to `b`; 6D rotations are made orthogonal by whoever reads them.

    The object moves relative to the pelvis.
    """

    def mixed(x: Tensor, y: Tensor) -> Tensor:
        return x + share.view(-1, *[1] * (x.ndim - 1)) * (y - x)

    pelvis = mixed(a.pelvis, b.pelvis)
    origin = pelvis + mixed(a.origin - a.pelvis, b.origin - b.pelvis)
    return States(mixed(a.theta, b.theta), mixed(a.betas, b.betas), pelvis, mixed(a.R_o, b.R_o), origin)


def perturbed(truth: States, estimate: States, generator: torch.Generator) -> States:
    """States as a predictor meets them: true, estimated and half refined ones, with errors of other kinds."""
    n = len(truth.betas)
    start = torch.rand(n, generator=generator)
    share = torch.rand(n, generator=generator)
    share = torch.where(start < _TRUE, 0.0, torch.where(start < _TRUE + _ESTIMATED, 1.0, share))
    strength = torch.rand(n, generator=generator) * (torch.rand(n, generator=generator) < _NOISY)
    return with_noise(between(truth, estimate, share), strength, generator)


def with_noise(states: States, strength: Tensor, generator: torch.Generator) -> States:
    """Gaussian errors of joints, shape and places, each state (n,) with its strength 0..1.

    Depth is three times as uncertain as the rest, as in one image.
    """

    def noise(*shape: int) -> Tensor:
        drawn = torch.randn(len(strength), *shape, generator=generator)
        return drawn * strength.view(-1, *[1] * len(shape))

    joints = _JOINT_RAD * noise(52, 3)
    joints[:, 0] *= _ROOT_RAD / _JOINT_RAD
    depth = torch.tensor([1.0, 1.0, 3.0])
    pelvis = states.pelvis + _PELVIS_M * noise(3) * depth
    offset = states.origin - states.pelvis + _ORIGIN_M / 2 * noise(3) * depth
    return States(
        _turned(states.theta, joints),
        states.betas + _BETA * noise(10),
        pelvis,
        _turned(states.R_o, _TURN_RAD * noise(3)),
        pelvis + offset,
    )


def _turned(six: Tensor, axis_angle: Tensor) -> Tensor:
    """6D rotations (..., 6) turned by (..., 3) radians."""
    return matrix_to_rotation_6d(axis_angle_to_matrix(axis_angle) @ rotation_6d_to_matrix(six))


def nearest_equivalent(true: Tensor, R: Tensor, table: TemplateTable, which: Tensor) -> Tensor:
    """Of the rotations (B, 3, 3) that show the object as `true` (B, 3, 3) does, the one nearest to `R`.

    `which` (B,) are rows of the table.
    """
    same = true[:, None] @ table.rotations[which]
    axis = table.axis[which][:, None].expand(-1, same.shape[1], -1)
    free = axis.norm(dim=-1) > 0.5
    turn = torch.where(free, _twist(same.mT @ R[:, None], axis), 0.0)
    same = same @ axis_angle_to_matrix(axis * turn[..., None])
    best = (same - R[:, None]).square().sum((-1, -2)).argmin(1)
    nearest = same[torch.arange(len(same), device=same.device), best]
    return torch.where(table.sphere[which][:, None, None], R, nearest)


def _twist(Q: Tensor, axis: Tensor) -> Tensor:
    """Angle (...) of the turn about unit `axis` (..., 3) that comes nearest to rotations Q (..., 3, 3)."""
    along = (axis[..., None, :] @ Q @ axis[..., :, None])[..., 0, 0]
    trace = Q.diagonal(dim1=-2, dim2=-1).sum(-1)
    skew = torch.stack(
        (Q[..., 2, 1] - Q[..., 1, 2], Q[..., 0, 2] - Q[..., 2, 0], Q[..., 1, 0] - Q[..., 0, 1]), -1
    )
    return torch.atan2((axis * skew).sum(-1), trace - along)

"""Rotations as torch tensors: 6D (Zhou et al. 2019), matrices and axis-angle; batched, differentiable."""

import torch
from torch import Tensor

_SMALL_ANGLE = 1e-4


def rotation_6d_to_matrix(x: Tensor) -> Tensor:
    """6D (..., 6) to rotation matrices (..., 3, 3) by Gram-Schmidt.

    `x[..., :3]` becomes the first column and `x[..., 3:]`, made orthogonal to it, the second
    (Zhou et al., On the Continuity of Rotation Representations, CVPR 2019, eq. 16).
    """
    clean = orthonormal_6d(x)
    first, second = clean[..., :3], clean[..., 3:]
    return torch.stack((first, second, torch.linalg.cross(first, second)), dim=-1)


def orthonormal_6d(x: Tensor) -> Tensor:
    """6D (..., 6) to the one of the same rotation whose halves are orthogonal unit vectors."""
    first = torch.nn.functional.normalize(x[..., :3], dim=-1)
    second = x[..., 3:]
    second = second - (first * second).sum(-1, keepdim=True) * first
    return torch.cat((first, torch.nn.functional.normalize(second, dim=-1)), dim=-1)


def matrix_to_rotation_6d(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) to 6D (..., 6): the first two columns, one after the other."""
    return torch.cat((matrix[..., :, 0], matrix[..., :, 1]), dim=-1)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Axis-angle (..., 3) in radians to rotation matrices (..., 3, 3) by Rodrigues' formula.

    Both factors are written as even power series near zero, so the gradient exists at the identity.
    """
    square = (axis_angle * axis_angle).sum(-1)[..., None, None]
    small = square < _SMALL_ANGLE**2
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    sine = torch.where(small, 1 - square / 6, angle.sin() / angle)
    cosine = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / safe)
    K = skew(axis_angle)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye + sine * K + cosine * (K @ K)


def skew(v: Tensor) -> Tensor:
    """(..., 3) to the matrices (..., 3, 3) with `skew(v) @ w = v x w`."""
    x, y, z = v.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).reshape(*v.shape[:-1], 3, 3)

"""x = {theta, beta, R_o, t_o} in R^331: what the diffusion model is a model of (ScoreHOI, 3.3).

Everything in the view frame (`geometry.view`): theta as 52 6D rotations, row 0 body -> view; beta scaled to about
-1..1; R_o the object's 6D rotation; t_o the object's origin from the pelvis in metres.  The pelvis itself is no
part of x.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from scorehoi_ros.geometry.view import origin_of, pelvis_of
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS

BETA_RANGE = 3.0
"""Shape coefficients of this size become 1."""
THETA = slice(0, 6 * NUM_JOINTS)
BETAS = slice(THETA.stop, THETA.stop + NUM_BETAS)
ROTATION = slice(BETAS.stop, BETAS.stop + 6)
PLACE = slice(ROTATION.stop, ROTATION.stop + 3)
NUM_X = PLACE.stop
_TURN_TO_6D = (2 / 3) ** 0.5
"""Standard deviation of one number of a 6D rotation that is turned by one radian about each axis."""


class Gaussian(NamedTuple):
    """Independent normal distributions of the numbers of x."""

    mean: Tensor
    """(..., 331)"""
    sigma: Tensor
    """(..., 331) standard deviations."""


def pack(theta: Tensor, betas: Tensor, R_o: Tensor, t_o: Tensor) -> Tensor:
    """x (..., 331) from theta (..., 52, 6), betas (..., 10), R_o (..., 6), t_o (..., 3)."""
    return torch.cat((theta.flatten(-2), betas / BETA_RANGE, R_o, t_o), -1)


def unpack(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The inverse of `pack`."""
    theta = x[..., THETA].unflatten(-1, (NUM_JOINTS, 6))
    return theta, x[..., BETAS] * BETA_RANGE, x[..., ROTATION], x[..., PLACE]


def told(
    theta: Tensor, betas: Tensor, camera: Tensor, place: Tensor, R_o: Tensor, sigma: Tensor, focal: Tensor
) -> Gaussian:
    """What a regressor says of x, with its uncertainty.

    theta (..., 52, 6), betas (..., 10), camera and place (..., 3) as in `alignment.state`, R_o (..., 6), `sigma`
    (..., 331) of theta, betas, camera, place and turn in this order, focal (...) in sides of the crop.
    """
    pelvis = pelvis_of(camera, focal)
    origin = origin_of(place, pelvis, focal)
    s_theta, s_betas, s_camera, s_place, s_turn = sigma.split((6 * NUM_JOINTS, NUM_BETAS, 3, 3, 3), -1)
    metre = 1 / (2 * focal[..., None])
    across = torch.hypot(s_place[..., :2] * origin[..., 2:] * metre, s_camera[..., :2] * pelvis[..., 2:] * metre)
    turn = _TURN_TO_6D * s_turn.mean(-1, keepdim=True).expand(*s_turn.shape[:-1], 6)
    spread = torch.cat((s_theta, s_betas / BETA_RANGE, turn, across, s_place[..., 2:]), -1)
    return Gaussian(pack(theta, betas, R_o, origin - pelvis), spread)

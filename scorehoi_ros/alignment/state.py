"""The unknowns of an alignment: a network's answer, plus steps in units of its uncertainty.

Everything lives in the view frame: the camera turned so that its z axis goes through the centre of the
crop.  The unknowns u (331) are theta (52 x 6), betas (10), camera (3), place (3) and turn (3), each in
standard deviations from what the network said:

- camera: crop coordinates of the pelvis, -1..1 over the crop as the view frame sees it, and
  log(depth / focal length), the focal length in sides of the crop;
- place: crop coordinates of the object's origin, and its depth in metres beyond the pelvis;
- turn: a rotation vector in radians, applied in the view frame after the hypothesis' rotation.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.geometry.view import origin_of, pelvis_of
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, Floats

Float64 = NDArray[np.float64]

NUM_THETA = NUM_JOINTS * 6
THETA = slice(0, NUM_THETA)
BETAS = slice(NUM_THETA, NUM_THETA + NUM_BETAS)
CAMERA = slice(BETAS.stop, BETAS.stop + 3)
PLACE = slice(CAMERA.stop, CAMERA.stop + 3)
TURN = slice(PLACE.stop, PLACE.stop + 3)
NUM_UNKNOWNS = TURN.stop
BETA_0, CAMERA_0, PLACE_0, TURN_0 = BETAS.start, CAMERA.start, PLACE.start, TURN.start
"""First of each, for compiled code."""


@dataclass(frozen=True)
class Sigma:
    """Standard deviations of a network's answer, in the units of the answer."""

    theta: Floats
    """(52, 6)"""
    betas: Floats
    """(10,)"""
    camera: Floats
    """(3,)"""
    place: Floats
    """(3,)"""
    turn: Floats
    """(3,) radians."""

    def flat(self) -> Float64:
        """(331,) in the order of the unknowns."""
        parts = (self.theta, self.betas, self.camera, self.place, self.turn)
        return np.concatenate([np.asarray(p, np.float64).ravel() for p in parts])


@dataclass(frozen=True)
class Belief:
    """What a network says of one frame, with H rotations of the object.

    All but the rotations may have a leading H where hypotheses differ in more than the rotation.
    """

    theta: Floats
    """(52, 6), row 0 = global_orient, body -> view."""
    betas: Floats
    """(10,)"""
    camera: Floats
    """(3,)"""
    place: Floats
    """(3,)"""
    rotations: Floats
    """(H, 3, 3) object -> view."""
    sigma: Sigma
    precision: Floats | None = None
    """(312, 312) inverse of the correlation of the errors of theta; None = all errors are independent."""

    def means(self) -> Float64:
        """(H, 331) in the order of the unknowns; the turn's mean is 0."""
        mean = np.zeros((len(self.rotations), NUM_UNKNOWNS))
        mean[:, THETA] = np.asarray(self.theta).reshape(-1, NUM_THETA)
        mean[:, BETAS], mean[:, CAMERA], mean[:, PLACE] = self.betas, self.camera, self.place
        return mean


@dataclass(frozen=True)
class State:
    """A human and an object in the view frame; any leading dimensions."""

    theta: Tensor
    """(..., 52, 6), row 0 = body -> view."""
    betas: Tensor
    """(..., 10)"""
    root: Tensor
    """(..., 3) metres, the pelvis joint."""
    origin: Tensor
    """(..., 3) metres, the object's origin."""
    R_o: Tensor
    """(..., 3, 3) object -> view."""

    def row(self, index: int) -> "State":
        """One state of many, with a leading dimension of 1."""
        return State(*(getattr(self, f.name)[index : index + 1] for f in fields(self)))


def decode(u: Tensor, mean: Tensor, sigma: Tensor, rotation: Tensor, focal: float) -> State:
    """The state of unknowns u (..., 331): mean (..., 331), sigma (331,), rotation (..., 3, 3).

    `focal` is the focal length in sides of the crop.
    """
    x = mean + sigma * u
    f = torch.full_like(x[..., 0], focal)
    root = pelvis_of(x[..., CAMERA], f)
    return State(
        x[..., THETA].unflatten(-1, (NUM_JOINTS, 6)),
        x[..., BETAS],
        root,
        origin_of(x[..., PLACE], root, f),
        axis_angle_to_matrix(x[..., TURN]) @ rotation,
    )

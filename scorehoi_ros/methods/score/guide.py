"""What pulls on a sample on its way down: image and physics, as guides for `diffusion.ddim`.

Both know the energy of the alignment (`alignment.align.Energy`).  The pelvis, which is no part of x, moves
beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.align import Energy
from scorehoi_ros.alignment.state import (
    BETAS,
    CAMERA,
    NUM_THETA,
    NUM_UNKNOWNS,
    PLACE,
    THETA,
    TURN,
    Belief,
    Float64,
)
from scorehoi_ros.alignment.weights import TERMS, Weights, prior_weights
from scorehoi_ros.diffusion import unknowns
from scorehoi_ros.diffusion.ddim import alphas
from scorehoi_ros.diffusion.unknowns import BETA_RANGE, Gaussian
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.geometry.view import origin_of, pelvis_of, place_of

_KEEP, _KEEP_SQUARE = 0.7, 0.9
"""Of Adam's two averages."""
_SIX_FOR_THREE = 0.5
"""A turn changes six numbers of x but is three unknowns; the prior counts it twice."""


@dataclass(frozen=True)
class Values:
    """H states as the energy takes them."""

    values: Float64
    """(H, 331) in the order of `alignment.state`; turns are 0."""
    R_o: Float64
    """(H, 3, 3) object -> view."""


def values_of(x: Tensor, camera: Float64, focal: float) -> Values:
    """X (H, 331) float64 with the pelves' `camera` (H, 3); focal length in sides of the crop."""
    theta, betas, R_o, t_o = unknowns.unpack(x)
    f = torch.full((len(x),), focal, dtype=torch.float64)
    where = torch.as_tensor(camera)
    pelvis = pelvis_of(where, f)
    parts = (theta.flatten(-2), betas, where, place_of(pelvis + t_o, pelvis, f), torch.zeros_like(t_o))
    return Values(torch.cat(parts, 1).numpy(), rotation_6d_to_matrix(R_o).numpy())


def x_of(state: Values, focal: float) -> Tensor:
    """The inverse of `values_of`, with rotations made orthonormal: the prior knows no others."""
    values = torch.as_tensor(state.values)
    f = torch.full((len(values),), focal, dtype=torch.float64)
    pelvis = pelvis_of(values[:, CAMERA], f)
    t_o = origin_of(values[:, PLACE], pelvis, f) - pelvis
    theta = matrix_to_rotation_6d(rotation_6d_to_matrix(values[:, THETA].unflatten(-1, (NUM_THETA // 6, 6))))
    R_o = matrix_to_rotation_6d(torch.as_tensor(state.R_o))
    return unknowns.pack(theta, values[:, BETAS], R_o, t_o)


class Pull:
    """The energy of one frame, for hypotheses that may each have their own contacts."""

    def __init__(self, energies: Sequence[Energy]) -> None:
        """One energy for each hypothesis."""
        self._energies = energies

    def __call__(self, state: Values) -> tuple[Float64, Float64]:
        """Terms (H, 12) and the gradient (H, 331) by the values."""
        terms, gradient = np.empty((len(state.R_o), len(TERMS))), np.empty(state.values.shape)
        for h, energy in enumerate(self._energies):
            row = slice(h, h + 1)
            terms[row], gradient[row] = energy.at(state.values[row], state.R_o[row])
        return terms, gradient


class Follow:
    """Descent along the score of the posterior, in units of the regressor's uncertainty.

    The score of p(x | c, image, physics) is that of the prior, which the network says, plus that of the
    energy (section 3.3).  Both are followed by Adam, for the terms differ in stiffness by far.  The step is
    taken at x_0, and the way back to the next level keeps the noise.
    """

    def __init__(
        self, belief: Belief, gaussian: Gaussian, focal: float, weights: Weights, rates: Float64
    ) -> None:
        """`rates` (n,) standard deviations, one for each call in turn."""
        self.camera = belief.means()[:, CAMERA]
        self._focal, self._rates, self._calls = focal, rates, 0
        self._mean, self._sigma = self.camera.copy(), belief.sigma.flat()
        self._spread = gaussian.sigma.numpy()
        self._prior = prior_weights(weights)
        self._first, self._second = (np.zeros((len(self.camera), NUM_UNKNOWNS)) for _ in range(2))
        self.pull: Pull

    def __call__(self, x: Tensor, x_0: Tensor, eps: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """A guide for `ddim`."""
        state = values_of(x_0, self.camera, self._focal)
        _, gradient = self.pull(state)
        score = eps.numpy() / np.sqrt(1 - float(alphas()[t]))
        step = self._sigma * self._step(self._sigma * gradient + self._prior * self._held(score, state))
        moved = state.values + step
        self.camera = moved[:, CAMERA]
        turned = axis_angle_to_matrix(torch.as_tensor(step[:, TURN])).numpy() @ state.R_o
        moved[:, TURN] = 0.0
        return x_of(Values(moved, turned), self._focal), eps

    def _held(self, score: Float64, state: Values) -> Float64:
        """(H, 331) the prior's gradient by the unknowns in standard deviations, from that by x."""
        held = np.zeros_like(state.values)
        by_x = score * self._spread
        theta = torch.as_tensor(state.values[:, THETA]).unflatten(-1, (-1, 6))
        by_theta = torch.as_tensor(by_x[:, unknowns.THETA]).unflatten(-1, (-1, 6))
        held[:, THETA] = along_rotations(theta, by_theta).flatten(1).numpy()
        held[:, BETAS] = by_x[:, unknowns.BETAS]
        held[:, PLACE] = by_x[:, unknowns.PLACE]
        held[:, CAMERA] = (self.camera - self._mean) / self._sigma[CAMERA]
        columns = state.R_o[:, :, :2].swapaxes(1, 2)
        torque = np.cross(columns, score[:, unknowns.ROTATION].reshape(columns.shape)).sum(1)
        held[:, TURN] = _SIX_FOR_THREE * self._sigma[TURN] * torque
        return held

    def _step(self, gradient: Float64) -> Float64:
        """Adam (Kingma and Ba 2015)."""
        rate = self._rates[self._calls]
        self._calls += 1
        self._first = _KEEP * self._first + (1 - _KEEP) * gradient
        self._second = _KEEP_SQUARE * self._second + (1 - _KEEP_SQUARE) * gradient**2
        slope = self._first / (1 - _KEEP**self._calls)
        size = np.sqrt(self._second / (1 - _KEEP_SQUARE**self._calls)) + 1e-8
        return np.asarray(-rate * slope / size, np.float64)


class Published:
    """eps' = eps + rho sqrt(1 - a_t) grad_{x_t} L_P (equation 7); the pelvis stays."""

    def __init__(self, belief: Belief, focal: float, rho: float) -> None:
        self.camera = belief.means()[:, CAMERA]
        self._focal, self._rho = focal, rho
        self.pull: Pull

    def __call__(self, x: Tensor, x_0: Tensor, eps: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """A guide for `ddim`."""
        a = float(alphas()[t])
        state = values_of(x_0, self.camera, self._focal)
        _, gradient = self.pull(state)
        # The graph begins at x_t, after eps: x_0 = (x_t - sqrt(1 - a) eps) / sqrt(a).
        by_x = by_unknowns(torch.as_tensor(gradient), x_0, state, self._focal) / a**0.5
        eps = eps + self._rho * (1 - a) ** 0.5 * by_x
        return (x - (1 - a) ** 0.5 * eps) / a**0.5, eps


def by_unknowns(gradient: Tensor, x: Tensor, state: Values, focal: float) -> Tensor:
    """Gradient (H, 331) by x of what has the gradient (H, 331) by the values of the energy, pelvis fixed."""
    values = torch.as_tensor(state.values)
    pelvis = pelvis_of(values[:, CAMERA], values.new_full((len(values),), focal))
    origin = pelvis + x[:, unknowns.PLACE]
    u, v, along = gradient[:, PLACE].unbind(-1)
    ox, oy, oz = origin.unbind(-1)
    metre = 2 * focal / oz
    t_o = torch.stack((u * metre, v * metre, along - (u * ox + v * oy) * metre / oz), -1)
    R_o = six_of_torque(x[:, unknowns.ROTATION], gradient[:, TURN])
    return torch.cat((gradient[:, THETA], gradient[:, BETAS] * BETA_RANGE, R_o, t_o), 1)


def along_rotations(six: Tensor, gradient: Tensor) -> Tensor:
    """The part of a gradient (..., 6) by orthonormal 6D rotations (..., 6) that turns them.

    The rest, three numbers of six, only says that 6D rotations are orthonormal, and loudly: where there is
    little noise the prior is sure of nothing more.
    """
    e1, e2, e3 = rotation_6d_to_matrix(six).unbind(-1)
    by1, by2 = gradient[..., :3], gradient[..., 3:]
    about1, about2 = (by2 * e3).sum(-1, keepdim=True), (by1 * e3).sum(-1, keepdim=True)
    about3 = ((by1 * e2).sum(-1, keepdim=True) - (by2 * e1).sum(-1, keepdim=True)) / 2
    return torch.cat((about2 * e3 + about3 * e2, about1 * e3 - about3 * e1), -1)


def six_of_torque(six: Tensor, torque: Tensor) -> Tensor:
    """Gradient (..., 6) by a 6D rotation, from that by a small turn after it (..., 3)."""
    a, b = six[..., :3], six[..., 3:]
    e1, e2, e3 = rotation_6d_to_matrix(six).unbind(-1)
    t1, t2, t3 = ((torque * e).sum(-1, keepdim=True) for e in (e1, e2, e3))
    long, across = a.norm(dim=-1, keepdim=True), (b * e2).sum(-1, keepdim=True)
    leaning = (b * e1).sum(-1, keepdim=True) / across
    return torch.cat(((t3 * e2 - (t2 + t1 * leaning) * e3) / long, t1 * e3 / across), -1)

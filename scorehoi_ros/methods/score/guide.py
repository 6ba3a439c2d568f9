"""What pulls on a sample on its way down: image and physics, as guides for `diffusion.ddim`.

Both know the energy of the alignment (`alignment.align.Energy`), of one camera or of several.  The pelvis,
which is no part of x, moves beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.alignment.align import Pulling
from scorehoi_ros.alignment.prior import Prior
from scorehoi_ros.alignment.state import CAMERA, NUM_UNKNOWNS, PLACE, TURN, Belief, Float64
from scorehoi_ros.alignment.weights import TERMS, Weights
from scorehoi_ros.diffusion.ddim import alpha
from scorehoi_ros.diffusion.unknowns import PLACE as X_PLACE
from scorehoi_ros.methods.score import kernels
from scorehoi_ros.methods.score.prior import FramePrior

_KEEP, _KEEP_SQUARE = 0.7, 0.9
"""Of Adam's two averages."""


@dataclass(frozen=True)
class Values:
    """H states as the energy takes them."""

    values: Float64
    """(H, 331) in the order of `alignment.state`."""
    R_o: Float64
    """(H, 3, 3) object -> view, before the turn."""


def values_of(x: Float64, camera: Float64, focal: float) -> Values:
    """X (H, 331) float64 with the pelves' `camera` (H, 3); focal length in sides of the crop."""
    values, R_o = np.empty((len(x), NUM_UNKNOWNS)), np.empty((len(x), 3, 3))
    kernels.to_values(x, camera, focal, values, R_o)
    return Values(values, R_o)


def x_of(state: Values, focal: float) -> Float64:
    """The inverse of `values_of`, with rotations made orthonormal: the prior knows no others."""
    x = np.empty_like(state.values)
    kernels.to_x(state.values, state.R_o, focal, x)
    return x


class Pull:
    """The energy of one frame, for hypotheses that may each have their own contacts."""

    def __init__(self, energies: Sequence[Pulling]) -> None:
        """One energy for each hypothesis."""
        self._energies = energies

    def at(self, values: Float64, rotations: Float64) -> tuple[Float64, Float64]:
        """See `align.Energy.at`."""
        terms, gradient = np.empty((len(values), len(TERMS))), np.empty(values.shape)
        for h, energy in enumerate(self._energies):
            row = slice(h, h + 1)
            terms[row], gradient[row] = energy.at(values[row], rotations[row])
        return terms, gradient


class Follow:
    """Descent along the score of the posterior, in units of the regressor's uncertainty.

    The score of p(x | c, image, physics) is that of the prior, which the network says, plus that of the
    energy (section 3.3).  Both are followed by Adam, for the terms differ in stiffness by far.  The step is
    taken at x_0, and the way back to the next level keeps the noise.
    """

    def __init__(
        self, belief: Belief, prior: FramePrior, focal: float, weights: Weights, rates: Float64
    ) -> None:
        """`rates` (N, n) standard deviations, for each round one for each call in turn."""
        self.camera = belief.means()[:, CAMERA]
        self._focal, self._rates, self._calls = focal, rates, 0
        self._mean, self._sigma = self.camera.copy(), belief.sigma.flat()
        self._spread, self._lean = prior.gaussian.sigma.numpy(), prior.lean
        self._prior = Prior.of(belief, weights)
        self._first, self._second = (np.zeros((len(self.camera), NUM_UNKNOWNS)) for _ in range(2))
        self.pull: Pulling
        self.loss: Float64
        """(H,) the energy at the state of the last call, without the prior."""
        self._left: Iterator[float]

    def begin(self, number: int, pull: Pulling) -> None:
        """A round from 0 on, and what pulls in it."""
        self.pull, self._left = pull, iter(self._rates[number].tolist())

    def __call__(self, x: Float64, x_0: Float64, eps: Float64, t: int) -> tuple[Float64, Float64]:
        """A guide for `ddim`."""
        state = values_of(x_0, self.camera, self._focal)
        terms, gradient = self.pull.at(state.values, state.R_o)
        self.loss = terms.sum(1)
        score = eps / np.sqrt(1 - alpha(t))
        step = self._sigma * self._step(self._sigma * gradient + self._prior.pull(self._held(score, state)))
        moved = Values(state.values + step, state.R_o)
        self.camera = moved.values[:, CAMERA].copy()
        return x_of(moved, self._focal), eps

    def _held(self, score: Float64, state: Values) -> Float64:
        """(H, 331) the prior's gradient by the unknowns in standard deviations, from that by x."""
        held = np.empty_like(state.values)
        kernels.by_values(score, self._spread, state.values, state.R_o, self._sigma[TURN], held)
        # At a place in the image, what goes away goes across, too.
        across, depth = slice(X_PLACE.start, X_PLACE.stop - 1), X_PLACE.stop - 1
        held[:, PLACE.stop - 1] += self._spread[:, depth] * (score[:, across] * self._lean).sum(1)
        held[:, CAMERA] = (self.camera - self._mean) / self._sigma[CAMERA]
        return held

    def _step(self, gradient: Float64) -> Float64:
        """Adam (Kingma and Ba 2015)."""
        rate = next(self._left)
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
        self.pull: Pulling
        self.loss: Float64
        """As of `Follow`."""

    def begin(self, number: int, pull: Pulling) -> None:
        """As of `Follow`."""
        self.pull = pull

    def __call__(self, x: Float64, x_0: Float64, eps: Float64, t: int) -> tuple[Float64, Float64]:
        """A guide for `ddim`."""
        a = alpha(t)
        state = values_of(x_0, self.camera, self._focal)
        terms, gradient = self.pull.at(state.values, state.R_o)
        self.loss = terms.sum(1)
        # The graph begins at x_t, after eps: x_0 = (x_t - sqrt(1 - a) eps) / sqrt(a).
        by_x = by_unknowns(gradient, x_0, state, self._focal) / a**0.5
        eps = eps + self._rho * (1 - a) ** 0.5 * by_x
        return (x - (1 - a) ** 0.5 * eps) / a**0.5, eps


def by_unknowns(gradient: Float64, x: Float64, state: Values, focal: float) -> Float64:
    """Gradient (H, 331) by x of what has the gradient (H, 331) by the values of the energy, pelvis fixed."""
    by_x = np.empty_like(gradient)
    kernels.by_x(gradient, x, state.values, focal, by_x)
    return by_x


def warm_up() -> None:
    """Compile, or read what was compiled before, so that the first frame need not."""
    one = np.ones((1, NUM_UNKNOWNS))
    state = values_of(one, np.ones((1, 3)), 1.0)
    by_unknowns(one, x_of(state, 1.0), state, 1.0)
    kernels.by_values(one, one, state.values, state.R_o, np.ones(3), np.empty_like(one))

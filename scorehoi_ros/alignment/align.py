r"""Descent of several hypotheses: Adam in units of the network's uncertainty.

Four hypotheses of 25 steps take about 40 ms on one CPU thread, after `warm_up`:

    python -m timeit -p -s "import tests.alignment_scenes as s" \
        -s "from scorehoi_ros.alignment.align import align; t = s.truth()" \
        -s "a = s.RIG, s.target_of(t), s.SHAPE, s.wrong(t, 5, 4); align(*a)" "align(*a)"
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from scorehoi_ros.alignment.kernels import evaluate, new_room
from scorehoi_ros.alignment.prior import Prior
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import CAMERA, NUM_UNKNOWNS, PLACE, Belief, Float64, Sigma, State, decode
from scorehoi_ros.alignment.target import Contacts, Shape, Target, pack, probable
from scorehoi_ros.alignment.weights import TERMS, Weights, values_of
from scorehoi_ros.geometry.view import LEAST_DEPTH_M

_KEEP, _KEEP_SQUARE = 0.7, 0.9


@dataclass(frozen=True)
class Schedule:
    """How a descent goes.  25 steps end within 2 % of the least energy, 15 within 6 %."""

    steps: int = 25
    rate: float = 0.35
    """Standard deviations a step."""
    hold: float = 0.6
    """Share of the steps before the rate falls, along half a cosine."""

    def rates(self) -> Float64:
        """(steps,) of each step."""
        progress = np.arange(self.steps) / max(self.steps, 1)
        fallen = np.clip((progress - self.hold) / (1 - self.hold), 0, 1)
        return np.asarray(self.rate * (0.05 + 0.475 * (1 + np.cos(np.pi * fallen))), np.float64)


@dataclass(frozen=True)
class Aligned:
    """H hypotheses where their energy was least."""

    state: State
    """Leading dimension H, float64, view frame."""
    u: Float64
    """(H, 331) steps from the belief, standard deviations."""
    terms: Float64
    """(H, 12) weighted, in the order of `TERMS`."""
    first: Float64
    """(H,) the energy of the belief itself."""

    @property
    def energy(self) -> Float64:
        """(H,) the sums of the terms: minus log-probabilities up to a constant."""
        return np.asarray(self.terms.sum(1), np.float64)

    def named(self, hypothesis: int) -> dict[str, float]:
        """The terms of one hypothesis by name."""
        return dict(zip(TERMS, self.terms[hypothesis].tolist(), strict=True))


class Pulling(Protocol):
    """An energy of H states with its gradient."""

    def at(self, values: Float64, rotations: Float64) -> tuple[Float64, Float64]:
        """See `Energy.at`."""
        ...


class Energy:
    """The energy of one frame with its gradient, for one thread."""

    def __init__(
        self, rig: Rig, target: Target, shape: Shape | None, belief: Belief, weights: Weights | None = None
    ) -> None:
        """`shape` None = there is no object."""
        weights = weights or Weights()
        self.frame = pack(target, shape, weights)
        self.mean, self.sigma = belief.means(), belief.sigma.flat()
        self.rotations = np.require(belief.rotations, np.float64, ["C", "W"])
        self._rig, self._w, self._room = rig, values_of(weights), new_room(rig, self.frame)
        self._prior, self._least = Prior.of(belief, weights), weights.contact_least
        pelvis = np.exp(self.mean[:, CAMERA.stop - 1]) * self.frame.focal
        origin = np.maximum(pelvis + self.mean[:, PLACE.stop - 1], LEAST_DEPTH_M)
        self._scale = 2 * self.frame.focal / np.stack((pelvis, origin), 1)

    def __call__(self, u: Float64, felt: Pulling | None = None) -> tuple[Float64, Float64]:
        """Terms (H, 12) and the gradient (H, 331) of their sum, at unknowns u (H, 331).

        `felt` stands in for all terms but the prior, as where several cameras see the same unknowns.
        """
        terms, gradient = (felt or self).at(self.mean + self.sigma * u, self.rotations)
        terms[:, 0], held = self._prior(u)
        return terms, self.sigma * gradient + held

    def at(self, values: Float64, rotations: Float64) -> tuple[Float64, Float64]:
        """Terms (H, 12) without the prior, and the gradient (H, 331) of their sum, anywhere.

        `values` (H, 331) in the units and order of the unknowns, not in standard deviations; `rotations`
        (H, 3, 3) as a turn of zero leaves them.
        """
        terms, gradient = np.empty((len(values), len(TERMS))), np.empty(values.shape)
        evaluate(values, rotations, self._scale, self._rig, self.frame, self._w, self._room, terms, gradient)
        return terms, gradient

    def row(self, hypothesis: int, contacts: Contacts | None = None) -> "Energy":
        """The energy of one hypothesis alone, with contacts M_h, M_o, M_f of its own."""
        one, row = copy(self), slice(hypothesis, hypothesis + 1)
        one.mean, one.rotations, one._scale = self.mean[row], self.rotations[row], self._scale[row]
        if contacts is not None:
            told = (contacts.human, contacts.object, contacts.floor)
            M_h, M_o, M_f = probable(told, self._least)
            one.frame = self.frame._replace(M_h=M_h, M_o=M_o, M_f=M_f)
        return one

    def state(self, u: Float64) -> State:
        """The state of unknowns u (H, 331)."""
        steps, mean, sigma, R0 = (torch.as_tensor(x) for x in (u, self.mean, self.sigma, self.rotations))
        return decode(steps, mean, sigma, R0, self.frame.focal)


def warm_up(rig: Rig) -> None:
    """Compile, or read what was compiled before, so that the first frame need not."""
    sigma = Sigma(np.ones((52, 6)), np.ones(10), np.ones(3), np.ones(3), np.ones(3))
    theta = np.tile(np.eye(3)[:2].ravel(), (52, 1))
    belief = Belief(theta, np.zeros(10), np.zeros(3), np.zeros(3), np.eye(3)[None], sigma)
    Energy(rig, Target(np.eye(3), 2, 1.0), None, belief)(np.zeros((1, NUM_UNKNOWNS)))


def align(
    rig: Rig,
    target: Target,
    shape: Shape | None,
    belief: Belief,
    weights: Weights | None = None,
    schedule: Schedule | None = None,
) -> Aligned:
    """Align each hypothesis of a belief with one frame.  `rig` is that of the belief's body.

    `shape` None = there is no object.  No hypothesis ends with more energy than it began with.
    """
    energy = Energy(rig, target, shape, belief, weights)
    best, least, began = descended(energy, np.zeros_like(energy.mean), schedule or Schedule())
    return Aligned(energy.state(best), best, least, began)


def descended(
    energy: Callable[[Float64], tuple[Float64, Float64]], u: Float64, schedule: Schedule
) -> tuple[Float64, Float64, Float64]:
    """Adam (Kingma and Ba 2015) from unknowns u (H, 331): the best, their terms (H, 12), the first sums (H,).

    `energy` is called like `Energy`.  No hypothesis ends with more energy than it began with.
    """
    best, first, second = u.copy(), np.zeros_like(u), np.zeros_like(u)
    least, gradient = energy(u)
    began = least.sum(1)
    for step, rate in enumerate(schedule.rates()):
        first = _KEEP * first + (1 - _KEEP) * gradient
        second = _KEEP_SQUARE * second + (1 - _KEEP_SQUARE) * gradient**2
        slope = first / (1 - _KEEP ** (step + 1))
        size = np.sqrt(second / (1 - _KEEP_SQUARE ** (step + 1))) + 1e-8
        u = u - rate * slope / size
        terms, gradient = energy(u)
        better = terms.sum(1) < least.sum(1)
        least[better], best[better] = terms[better], u[better]
    return best, least, began

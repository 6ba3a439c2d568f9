"""Algorithm 1: rounds of contacts, inversion and guided sampling, for all hypotheses of a frame at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from scorehoi_ros.alignment.align import Aligned, Energy, Pulling, Schedule, descended
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import TURN, Belief, Float64, State
from scorehoi_ros.alignment.target import Contacts, Shape, Target
from scorehoi_ros.alignment.views import Beside, Moved, energy_beside, summed
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.diffusion.ddim import ddim, upwards
from scorehoi_ros.diffusion.unknowns import unpack
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.geometry.turns import vector_of_matrix
from scorehoi_ros.geometry.view import pelvis_of
from scorehoi_ros.methods.score.guide import Follow, Published, Pull, Values, values_of
from scorehoi_ros.methods.score.prior import FramePrior
from scorehoi_ros.methods.score.recipe import Recipe

Ask = Callable[[State], list[Contacts]]
"""Contacts of each of H states, predicted anew."""


@dataclass(frozen=True)
class Scene:
    """One frame and what is believed of it."""

    rig: Rig
    target: Target
    shape: Shape | None
    belief: Belief
    prior: FramePrior
    ask: Ask | None
    """None = the contacts of the target are kept."""
    beside: Sequence[Beside] = ()
    """What further calibrated cameras see at the same moment; the prior is that of the first alone."""


@dataclass(frozen=True)
class Step:
    """Where the H hypotheses of a frame are at one level of a refinement."""

    number: int
    """Of the round, from 0."""
    level: int
    """The noise level t; 0 = the end of the round."""
    state: State
    """x_0 as denoised, before the guide moves it."""
    terms: Float64
    """(H, 12) of what guides, at this state, in the order of `TERMS`; the prior is not among them."""


Trace = Callable[[Step], None]


def sample(scene: Scene, recipe: Recipe, trace: Trace | None = None) -> Aligned:
    """Refine each hypothesis of a belief; `trace` is told each guided step, and the end of each round.

    In the end all are brought to the least of the alignment's energy near by, and its terms are those of the
    answer, so that hypotheses can be compared.
    """
    focal = scene.target.focal
    guide = _guide(scene, recipe)
    energy, further = _energies(scene, recipe.weights)
    x, levels = scene.prior.gaussian.mean.numpy(), upwards(recipe.tau, recipe.dt)
    for number in range(recipe.rounds):
        asked = None if scene.ask is None else scene.ask(state_of(x, guide.camera, focal))
        rows = [
            energy.row(h, None if asked is None else asked[h]) for h in range(len(scene.belief.rotations))
        ]
        guide.begin(number, Pull([summed(row, [f.row(h) for f in further]) for h, row in enumerate(rows)]))
        noisy = ddim(scene.prior.denoise, x, levels)
        watched = _Watched(guide, number, recipe.tolerance, trace, focal)
        follow = watched if recipe.guided else None
        x = ddim(scene.prior.denoise, noisy, levels[::-1], follow, watched.settled)
        if trace is not None:
            trace(_step(guide, number, 0, x, focal))
    polish = Schedule(recipe.polish if recipe.guided else 0, recipe.polish_rate)
    return judged(*_energies(scene, Weights()), values_of(x, guide.camera, focal), polish)


class _Watched:
    """A guide in one round: told of to the trace, and watched for when its loss no longer changes."""

    def __init__(
        self, guide: Follow | Published, number: int, tolerance: float, trace: Trace | None, focal: float
    ) -> None:
        self._guide, self._number, self._trace, self._focal = guide, number, trace, focal
        self._tolerance, self._before = tolerance, np.full(len(guide.camera), np.inf)
        self._settled = False

    def settled(self) -> bool:
        """Whether no hypothesis' loss has changed by more than its tolerated share in the last step."""
        return self._settled

    def __call__(self, x: Float64, x_0: Float64, eps: Float64, t: int) -> tuple[Float64, Float64]:
        """A guide for `ddim`."""
        if self._trace is not None:
            self._trace(_step(self._guide, self._number, t, x_0, self._focal))
        moved, loss = self._guide(x, x_0, eps, t), self._guide.loss
        self._settled = bool((np.abs(loss - self._before) < self._tolerance * loss).all())
        self._before = loss
        return moved


def _step(guide: Follow | Published, number: int, t: int, x_0: Float64, focal: float) -> Step:
    at = values_of(x_0, guide.camera, focal)
    terms, _ = guide.pull.at(at.values, at.R_o)
    return Step(number, t, state_of(x_0, guide.camera, focal), terms)


def state_of(x: Float64, camera: Float64, focal: float) -> State:
    """The states of x (H, 331) with pelves at `camera` (H, 3)."""
    theta, betas, R_o, t_o = unpack(torch.from_numpy(x))
    pelvis = pelvis_of(torch.from_numpy(camera), t_o.new_full((len(x),), focal))
    return State(theta, betas, pelvis, pelvis + t_o, rotation_6d_to_matrix(R_o))


def judged(energy: Energy, further: Sequence[Pulling], state: Values, polish: Schedule) -> Aligned:
    """H states as the alignment would leave them after some steps from there, with what they cost."""
    u = (state.values - energy.mean) / energy.sigma
    u[:, TURN] = vector_of_matrix(state.R_o @ energy.rotations.swapaxes(-1, -2)) / energy.sigma[TURN]
    total = summed(energy, further)
    best, terms, _ = descended(partial(energy, felt=total), u, polish)
    first, _ = total.at(energy.mean, energy.rotations)
    return Aligned(energy.state(best), best, terms, first.sum(1))


def _energies(scene: Scene, weights: Weights) -> tuple[Energy, list[Moved]]:
    """Of the first camera, with all that is of no camera, and of the further ones."""
    rig, shape, belief, focal = scene.rig, scene.shape, scene.belief, scene.target.focal
    further = [replace(b, target=_felt(b.target, weights)) for b in scene.beside]
    return (
        Energy(rig, _felt(scene.target, weights), shape, belief, weights),
        [Moved(energy_beside(rig, b, shape, belief, focal, weights), b, focal) for b in further],
    )


def _felt(target: Target, weights: Weights) -> Target:
    """The target without parts that have no weight, which would cost time all the same."""
    human = target.human if weights.human_outline or weights.human_cover else None
    thing = target.object if weights.object_outline or weights.object_cover else None
    landmarks = target.landmarks if weights.landmarks else None
    return replace(target, landmarks=landmarks, human=human, object=thing)


def _guide(scene: Scene, recipe: Recipe) -> Follow | Published:
    focal, belief = scene.target.focal, scene.belief
    if recipe.published:
        return Published(belief, focal, recipe.rho)
    steps = recipe.rounds * (len(upwards(recipe.tau, recipe.dt)) - 1)
    rates = Schedule(steps, recipe.rate).rates().reshape(recipe.rounds, -1)
    return Follow(belief, scene.prior, focal, recipe.weights, rates)

"""What a refinement starts from: what the network says, what the frame before left, and both joined."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from scorehoi_ros.alignment.overlap import Agreement
from scorehoi_ros.alignment.state import Belief, Sigma
from scorehoi_ros.alignment.target import Shape
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.turns import matrix_of_6d
from scorehoi_ros.geometry.view import origin_of, pelvis_of
from scorehoi_ros.methods.regress.choice import Outline, before_alignment
from scorehoi_ros.methods.regress.memory import Carried, fused, held
from scorehoi_ros.methods.regress.modes import SPREAD, Modes, Proposed, met, ordered, weighed
from scorehoi_ros.methods.regress.upright import Upright
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.equivalents import nearest_equivalents
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

_LOCKED = 1e-3
"""Standard deviation of a shape that must not change any more."""
_TRACKED = 0.5
"""Probability that a tracked object is turned as expected."""
_BODY = 22
"""Joints without fingers."""
_MOST_APART = 1.0
"""Mean squared difference, in standard deviations of both, from which on two bodies are different ones: in 99
of 100 frames of validation sequences it was below 0.4."""
_LOST_OVERLAP = 0.3
"""A tracked object whose outline overlaps its mask by less is looked for anew."""


Pace = Literal["cold", "warm"]
"""How much is to be done: all, or what a frame needs that goes on from the one before."""


@dataclass(frozen=True)
class Thing:
    """The object as alignment and choice see it."""

    mesh: Mesh
    symmetry: Symmetry
    shape: Shape
    outline: Outline | None
    """None when its mask is not in the crop."""
    upright: Upright | None = None
    """What is known of its tilt; None = nothing."""

    def seen(self, R: Floats, origins: Floats) -> Agreement | None:
        """How poses R (H, 3, 3), origins (H, 3), view frame, agree with the image; None without a mask."""
        return None if self.outline is None else self.outline.agreement(self.mesh, R, origins)


@dataclass(frozen=True)
class Known:
    """What the frames before say."""

    betas: Floats | None = None
    """(10,) the shape, which then stays."""
    rotation: Floats | None = None
    """(3, 3) object -> view, where the tracked object is expected: one more hypothesis."""
    carried: Carried | None = None
    """What the frame before left; None = the track does not go on from its answer."""


@dataclass(frozen=True)
class Effort:
    """How much is tried for one frame."""

    hypotheses: int = 3
    """Rotations that are aligned for an object that is found for the first time, or again."""
    track_hypotheses: int = 1
    """The same for one that goes on from the frame before."""
    warm: bool = True
    """Whether a frame may go on from the one before."""


@dataclass(frozen=True)
class Start:
    """Where the hypotheses begin."""

    told: Belief
    """What the network says, without rotations; with what was measured."""
    belief: Belief
    """What holds the hypotheses: the same, joined with what the frame before left; and their rotations."""
    log_share: Floats
    """(H,) log probabilities of these rotations, up to a constant."""
    rotations: Floats
    """(k, 3, 3) object -> view, all that were thought possible before."""
    expected: Floats
    """(k,) their probabilities."""
    sigma: Sigma
    """How far off the unknowns may be in the end."""
    pace: Pace
    modes: Modes | None = None
    """All rotations of a tracked object, of which the first are aligned; None = it is not tracked."""


def start(
    told: Belief, thing: Thing | None, guess: Guess, known: Known, effort: Effort, focal: float, fresh: bool
) -> Start:
    """What the alignment starts from; `focal` in sides of the crop.

    `fresh` False: the guess is that of an earlier frame, and only what is carried counts.
    """
    proposed, carried = _proposed(guess, thing), known.carried
    if carried is None or (fresh and not agree(told, carried.belief)):
        if thing is None:
            return _alone(told, told, proposed, "cold")
        return _found_anew(told, told, thing, proposed, known.rotation)
    modes = None if thing is None else carried.modes
    belief = fused(told, carried.belief, modes is not None)
    if not fresh:
        belief = replace(held(carried.belief), precision=told.precision)
    if thing is None:
        return _alone(told, belief, proposed, "warm")
    seen = None
    if modes is not None and fresh:
        modes = met(modes, proposed, float(carried.belief.sigma.turn.mean()), thing.symmetry)
        seen = thing.seen(modes.rotations, _origins(belief, len(modes.rotations), focal))
        modes = ordered(modes if seen is None else weighed(modes, before_alignment(seen)))
    if modes is None or (seen is not None and seen.overlap.max() < _LOST_OVERLAP):
        belief = fused(told, carried.belief, False)
        return _found_anew(told, belief, thing, proposed, known.rotation)
    rows, expected = slice(0, effort.track_hypotheses), np.exp(proposed.log_share)
    sigma = belief.sigma if fresh else carried.belief.sigma
    belief = replace(belief, rotations=modes.rotations[rows])
    return Start(told, belief, modes.log_weights[rows], proposed.R, expected, sigma, "warm", modes)


def agree(told: Belief, known: Belief) -> bool:
    """Whether the network and what is carried may be of the same body."""
    body = np.square(told.theta - known.theta) / (np.square(told.sigma.theta) + np.square(known.sigma.theta))
    return float(body[:_BODY].mean()) < _MOST_APART


def _alone(told: Belief, belief: Belief, proposed: Proposed, pace: Pace) -> Start:
    """A person without an object."""
    belief = replace(belief, rotations=proposed.R[:1])
    expected = np.exp(proposed.log_share)
    return Start(told, belief, np.zeros(1), proposed.R, expected, belief.sigma, pace)


def _found_anew(
    told: Belief,
    belief: Belief,
    thing: Thing,
    proposed: Proposed,
    expected: Floats | None,
) -> Start:
    """An object that does not go on from the frame before: all rotations, for `search.narrowed`."""
    R, log_share = proposed.R, proposed.log_share
    if expected is not None:
        # Of what looks the same the one that does not make the object spin.
        R = np.concatenate((nearest_equivalents(expected, R, thing.symmetry), expected[None]))
        log_share = np.append(log_share + np.log(1 - _TRACKED), np.log(_TRACKED))
    belief = replace(belief, rotations=R)
    return Start(told, belief, log_share, R, np.exp(log_share), belief.sigma, "cold")


def _proposed(guess: Guess, thing: Thing | None) -> Proposed:
    R = matrix_of_6d(guess.rotations[0].cpu().numpy())
    sigma = turn_sigma(guess)
    if thing is not None and thing.upright is not None:
        R = thing.upright.straightened(R, sigma)
    log_share = torch.log_softmax(guess.logits[0].double(), 0).cpu().numpy()
    return Proposed(R, log_share, float(np.hypot(sigma, SPREAD)))


def belief_of(guess: Guess, precision: Floats | None = None) -> Belief:
    """What the network said of one frame, without rotations; `precision` as of `Belief`."""
    theta, shape, camera, place = (
        getattr(guess, name)[0].double().cpu().numpy() for name in ("theta", "betas", "camera", "place")
    )
    sigma_theta, sigma_betas, sigma_camera, sigma_place = (
        getattr(guess, f"log_{name}")[0].double().exp().cpu().numpy()
        for name in ("theta", "betas", "camera", "place")
    )
    turn = np.full(3, turn_sigma(guess))
    sigma = Sigma(sigma_theta, sigma_betas, sigma_camera, sigma_place, turn)
    return Belief(theta, shape, camera, place, np.zeros((0, 3, 3)), sigma, precision)


def turn_sigma(guess: Guess) -> float:
    """Radians about each axis by which the likeliest rotation of one frame may be off."""
    return float(guess.log_turn[0, guess.logits[0].argmax()].exp())


def locked(belief: Belief, betas: Floats | None) -> Belief:
    """The belief with a shape (10,) that stays; None = still free."""
    if betas is None:
        return belief
    return replace(belief, betas=betas, sigma=replace(belief.sigma, betas=np.full(len(betas), _LOCKED)))


def _origins(belief: Belief, count: int, focal: float) -> Floats:
    """(count, 3) metres, the object's origin in the view frame, for each hypothesis."""
    f = torch.tensor([focal], dtype=torch.float64)
    pelvis = pelvis_of(torch.as_tensor(belief.camera)[None], f)
    return np.tile(origin_of(torch.as_tensor(belief.place)[None], pelvis, f)[0].numpy(), (count, 1))

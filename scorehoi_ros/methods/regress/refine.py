"""From proposal to answer: several rotations aligned with image and physics, and one of them kept.

Every hypothesis moves in steps of the network's own uncertainty and is held by it (`alignment/`).  The one is
kept that costs the least, counting what the network said of it and how its outline fits the mask.  An object
that goes on from the frame before needs fewer of them (`modes`), and all unknowns start from both (`memory`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from scorehoi_ros.alignment.align import Aligned
from scorehoi_ros.alignment.state import Belief, Sigma
from scorehoi_ros.alignment.target import Contacts, Shape, Target
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.geometry.view import origin_of, pelvis_of
from scorehoi_ros.methods.regress.choice import EARLY_OVERLAP, Outline, shares_of, worth_aligning
from scorehoi_ros.methods.regress.memory import Carried, fused, gain_of
from scorehoi_ros.methods.regress.modes import Modes, after_alignment, met, ordered, weighed
from scorehoi_ros.methods.regress.upright import Upright
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

_LOCKED = 1e-3
"""Standard deviation of a shape that must not change any more."""
_TRACKED = 0.5
"""Probability that a tracked object is turned as expected."""


Descend = Callable[[Target, Shape | None, Belief], Aligned]
"""Moves each hypothesis of a belief to where one frame wants it; shape None = there is no object."""


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

    hypotheses: int = 4
    """Rotations that are aligned for an object that is found for the first time, or again."""
    track_hypotheses: int = 1
    """The same for one that goes on from the frame before."""


@dataclass(frozen=True)
class Tried:
    """What the alignment starts from."""

    told: Belief
    """What the network says, without rotations; with what was measured."""
    belief: Belief
    """The same joined with what the frame before left, and the rotations that are aligned."""
    log_share: Floats
    """(H,) log probabilities of these rotations, up to a constant."""
    rotations: Floats
    """(k, 3, 3) object -> view, all that were proposed for this frame."""
    expected: Floats
    """(k,) probabilities of the proposed rotations."""
    modes: Modes | None = None
    """All rotations of a tracked object, of which the first are aligned; None = it is not tracked."""


@dataclass(frozen=True)
class Found:
    """The kept hypothesis, and those that it was preferred to."""

    aligned: Aligned
    tried: Tried
    best: int
    """Row of the kept one in `aligned`."""
    rotations: Floats
    """(m, 3, 3) object -> view, all that are possible in the end."""
    origins: Floats
    """(m, 3) metres, view frame, of each."""
    shares: Floats
    """(m,) probabilities."""
    overlap: float | None
    """Of the kept one's outline with the mask; None without a mask."""


def refine(
    descend: Descend,
    target: Target,
    thing: Thing | None,
    guess: Guess,
    known: Known,
    effort: Effort,
    rescale: Callable[[Belief], Belief] = lambda belief: belief,
) -> Found:
    """Align the most promising hypotheses of a guess (one frame); `rescale` brings in what was measured."""
    told = locked(rescale(belief_of(guess)), known.betas)
    tried = _tried(told, thing, guess, known, effort, target.focal)
    aligned = descend(target, None if thing is None else thing.shape, tried.belief)
    R, origins = aligned.state.R_o.numpy(), aligned.state.origin.numpy()
    if thing is None:
        return Found(aligned, tried, 0, R, origins, np.ones(1), None)
    overlaps = _overlaps(thing, R, origins)
    shares = shares_of(aligned.energy, tried.log_share, overlaps)
    best = int(shares.argmax())
    overlap = None if overlaps is None else float(overlaps[best])
    if tried.modes is None:
        return Found(aligned, tried, best, R, origins, shares, overlap)
    modes = after_alignment(tried.modes, R, best, shares)
    weights = np.exp(modes.log_weights)
    origins = np.tile(origins[best], (len(weights), 1))
    return Found(aligned, tried, best, modes.rotations, origins, weights / weights.sum(), overlap)


def _tried(
    told: Belief, thing: Thing | None, guess: Guess, known: Known, effort: Effort, focal: float
) -> Tried:
    rotations = rotation_6d_to_matrix(guess.rotations[0].double()).cpu().numpy()
    log_share = torch.log_softmax(guess.logits[0].double(), 0).cpu().numpy()
    carried = known.carried
    modes = None if carried is None or thing is None else carried.modes
    belief = told if carried is None else fused(told, carried.belief, modes is not None)
    if thing is None:
        belief = replace(belief, rotations=rotations[:1])
        return Tried(told, belief, np.zeros(1), rotations, np.exp(log_share))
    if thing.upright is not None:
        rotations = thing.upright.straightened(rotations, turn_sigma(guess))
    if carried is not None and modes is not None:
        gain = float(gain_of(told.sigma, carried.belief.sigma).turn.mean())
        modes = met(modes, rotations, log_share, turn_sigma(guess), gain, thing.symmetry)
        overlaps = _overlaps(thing, modes.rotations, _origins(belief, len(modes.rotations), focal))
        modes = ordered(modes if overlaps is None else weighed(modes, EARLY_OVERLAP * overlaps))
        belief = replace(belief, rotations=modes.rotations[: effort.track_hypotheses])
        log_weights = modes.log_weights[: effort.track_hypotheses]
        return Tried(told, belief, log_weights, rotations, np.exp(log_share), modes)
    if known.rotation is not None:
        rotations = np.concatenate((rotations, known.rotation[None]))
        log_share = np.append(log_share + np.log(1 - _TRACKED), np.log(_TRACKED))
    before = _overlaps(thing, rotations, _origins(belief, len(rotations), focal))
    rows = worth_aligning(log_share, before, effort.hypotheses)
    belief = replace(belief, rotations=rotations[rows])
    return Tried(told, belief, log_share[rows], rotations, np.exp(log_share))


def belief_of(guess: Guess) -> Belief:
    """What the network said of one frame, without rotations."""
    theta, shape, camera, place = (
        getattr(guess, name)[0].double().cpu().numpy() for name in ("theta", "betas", "camera", "place")
    )
    sigma_theta, sigma_betas, sigma_camera, sigma_place = (
        getattr(guess, f"log_{name}")[0].double().exp().cpu().numpy()
        for name in ("theta", "betas", "camera", "place")
    )
    turn = np.full(3, turn_sigma(guess))
    sigma = Sigma(sigma_theta, sigma_betas, sigma_camera, sigma_place, turn)
    return Belief(theta, shape, camera, place, np.zeros((0, 3, 3)), sigma)


def turn_sigma(guess: Guess) -> float:
    """Radians about each axis by which the likeliest rotation of one frame may be off."""
    return float(guess.log_turn[0, guess.logits[0].argmax()].exp())


def locked(belief: Belief, betas: Floats | None) -> Belief:
    """The belief with a shape (10,) that stays; None = still free."""
    if betas is None:
        return belief
    return replace(belief, betas=betas, sigma=replace(belief.sigma, betas=np.full(len(betas), _LOCKED)))


def contacts_of(guess: Guess) -> Contacts:
    """M_h, M_o, M_f as the network predicts them."""
    touch = (guess.human_contact, guess.object_contact, guess.floor_contact)
    return Contacts(*(torch.sigmoid(logits[0]).double().cpu().numpy() for logits in touch))


def _origins(belief: Belief, count: int, focal: float) -> Floats:
    """(count, 3) metres, the object's origin in the view frame, for each hypothesis."""
    f = torch.tensor([focal], dtype=torch.float64)
    pelvis = pelvis_of(torch.as_tensor(belief.camera)[None], f)
    return np.tile(origin_of(torch.as_tensor(belief.place)[None], pelvis, f)[0].numpy(), (count, 1))


def _overlaps(thing: Thing, R: Floats, origin: Floats) -> Floats | None:
    return None if thing.outline is None else thing.outline.overlap(thing.mesh, R, origin)

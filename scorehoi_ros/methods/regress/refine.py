"""From proposal to answer: several rotations aligned with image and physics, and one of them kept.

Every hypothesis moves in steps of the network's own uncertainty and is held by it (`alignment/`).  The one is
kept that costs the least, counting what the network said of it and how its outline fits the mask.
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
from scorehoi_ros.methods.regress.choice import Outline, shares_of, worth_aligning
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


@dataclass(frozen=True)
class Found:
    """Aligned hypotheses with their probabilities."""

    aligned: Aligned
    belief: Belief
    """What the alignment started from."""
    shares: Floats
    """(H,)"""
    rotations: Floats
    """(k, 3, 3) object -> view, all that were proposed."""
    expected: Floats
    """(k,) probabilities of the proposed rotations."""

    @property
    def best(self) -> int:
        """Row of the likeliest."""
        return int(self.shares.argmax())


def refine(
    descend: Descend,
    target: Target,
    thing: Thing | None,
    guess: Guess,
    known: Known,
    hypotheses: int,
    rescale: Callable[[Belief], Belief] = lambda belief: belief,
) -> Found:
    """Align the most promising hypotheses of a guess (one frame); `rescale` brings in what was measured."""
    rotations = rotation_6d_to_matrix(guess.rotations[0].double()).cpu().numpy()
    log_share = torch.log_softmax(guess.logits[0].double(), 0).cpu().numpy()
    if known.rotation is not None:
        rotations = np.concatenate((rotations, known.rotation[None]))
        log_share = np.append(log_share + np.log(1 - _TRACKED), np.log(_TRACKED))
    if thing is not None and thing.upright is not None:
        rotations = thing.upright.straightened(rotations, turn_sigma(guess))
    if thing is None:
        rows = [0]
    else:
        origin = np.tile(proposed_origin(guess, target.focal), (len(rotations), 1))
        before = _overlaps(thing, rotations, origin)
        rows = worth_aligning(log_share, before, hypotheses)
    belief = locked(rescale(belief_of(guess, rotations[rows])), known.betas)
    shape = None if thing is None else thing.shape
    aligned = descend(target, shape, belief)
    if thing is None:
        return Found(aligned, belief, np.ones(1), rotations, np.exp(log_share))
    after = _overlaps(thing, aligned.state.R_o.numpy(), aligned.state.origin.numpy())
    shares = shares_of(aligned.energy, log_share[rows], after)
    return Found(aligned, belief, shares, rotations, np.exp(log_share))


def belief_of(guess: Guess, rotations: Floats) -> Belief:
    """What the network said of one frame, with rotations (H, 3, 3)."""
    theta, shape, camera, place = (
        getattr(guess, name)[0].double().cpu().numpy() for name in ("theta", "betas", "camera", "place")
    )
    sigma_theta, sigma_betas, sigma_camera, sigma_place = (
        getattr(guess, f"log_{name}")[0].double().exp().cpu().numpy()
        for name in ("theta", "betas", "camera", "place")
    )
    turn = np.full(3, turn_sigma(guess))
    sigma = Sigma(sigma_theta, sigma_betas, sigma_camera, sigma_place, turn)
    return Belief(theta, shape, camera, place, rotations, sigma)


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


def proposed_origin(guess: Guess, focal: float) -> Floats:
    """(3,) metres, the object's origin in the view frame."""
    f = torch.tensor([focal], dtype=torch.float64)
    pelvis = pelvis_of(guess.camera.double().cpu(), f)
    return np.asarray(origin_of(guess.place.double().cpu(), pelvis, f)[0])


def _overlaps(thing: Thing, R: Floats, origin: Floats) -> Floats | None:
    return None if thing.outline is None else thing.outline.overlap(thing.mesh, R, origin)

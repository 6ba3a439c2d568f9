"""From proposal to answer: several rotations aligned with image and physics, and one of them kept.

Every hypothesis moves in steps of the network's own uncertainty and is held by it (`alignment/`).  The one is
kept that costs the least, counting what the network said of it and how its outline fits the mask.  An object
that goes on from the frame before needs fewer of them (`modes`), and all unknowns start from both (`memory`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from scorehoi_ros.alignment.align import Aligned
from scorehoi_ros.alignment.overlap import Agreement
from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.target import Contacts, Shape, Target
from scorehoi_ros.alignment.weights import TERMS
from scorehoi_ros.methods.regress.choice import shares_of
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.modes import after_alignment
from scorehoi_ros.methods.regress.search import Search, narrowed
from scorehoi_ros.methods.regress.start import Effort, Known, Pace, Start, Thing, belief_of, locked, start
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.equivalents import nearest_equivalents
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

Descend = Callable[[Target, Shape | None, Belief, Pace], Aligned]
"""Moves each hypothesis of a belief to where one frame wants it; shape None = there is no object."""


_LANDMARKS = TERMS.index("landmarks")
_MOST_LANDMARKS, _LEAST_OVERLAP = 43.0, 0.65
"""Energy and overlap of an answer that agrees with its image: four of five frames of validation sequences."""


@dataclass(frozen=True)
class Found:
    """The kept hypothesis, and those that it was preferred to."""

    aligned: Aligned
    start: Start
    best: int
    """Row of the kept one in `aligned`."""
    rotations: Floats
    """(m, 3, 3) object -> view, all that are possible in the end."""
    origins: Floats
    """(m, 3) metres, view frame, of each."""
    shares: Floats
    """(m,) probabilities."""
    seen: Agreement | None
    """(H,) how the aligned ones agree with the image; None without a mask."""

    @property
    def kept(self) -> int:
        """Row of the kept one in `rotations`: of carried ones it is the first."""
        return self.best if self.start.modes is None else 0

    @property
    def settled(self) -> bool:
        """The image agrees so well that the next frame may do without the network."""
        image = self.aligned.terms[self.best, _LANDMARKS]
        covered = self.seen is None or self.seen.overlap[self.best] > _LEAST_OVERLAP
        return bool(image < _MOST_LANDMARKS and covered)


class AlignedFrame(NamedTuple):
    """A frame with all its hypotheses aligned."""

    found: Found
    target: Target
    thing: Thing | None
    """None = it shows no object."""
    floor: Floats | None
    """(4,) as of `plane_in_view`; None = not known."""


def refine(
    descend: Descend,
    search: Search,
    target: Target,
    thing: Thing | None,
    said: Said,
    known: Known,
    effort: Effort,
    rescale: Callable[[Belief], Belief] = lambda belief: belief,
    precision: Floats | None = None,
) -> Found:
    """Align the most promising hypotheses of what was said; `rescale` brings in what was measured.

    `precision` says how errors of the pose go together, see `Belief`.
    """
    told = locked(rescale(belief_of(said.guess, precision)), known.betas)
    begun = start(told, thing, said.guess, known, effort, target.focal, fresh=said.age_s == 0)
    if thing is not None and begun.pace == "cold":
        begun = narrowed(begun, search, target, thing, effort.hypotheses)
    aligned = descend(target, None if thing is None else thing.shape, begun.belief, begun.pace)
    if thing is not None:
        aligned = unspun(aligned, known.rotation, thing.symmetry)
    R, origins = aligned.state.R_o.numpy(), aligned.state.origin.numpy()
    if thing is None:
        return Found(aligned, begun, 0, R, origins, np.ones(1), None)
    seen = thing.seen(R, origins)
    shares = shares_of(aligned.energy, begun.log_share, seen)
    best = int(shares.argmax())
    if begun.modes is None:
        return Found(aligned, begun, best, R, origins, shares, seen)
    modes = after_alignment(begun.modes, R, best, shares)
    weights = np.exp(modes.log_weights)
    origins = np.tile(origins[best], (len(weights), 1))
    return Found(aligned, begun, best, modes.rotations, origins, weights / weights.sum(), seen)


def unspun(aligned: Aligned, before: Floats | None, symmetry: Symmetry) -> Aligned:
    """Without turns since `before` (3, 3) that nobody can see: of a ball, or about the axis of a can."""
    if before is None or (symmetry.axis is None and not symmetry.sphere):
        return aligned
    same = nearest_equivalents(before, aligned.state.R_o.numpy(), symmetry)
    return replace(aligned, state=replace(aligned.state, R_o=torch.as_tensor(same)))


def contacts_of(guess: Guess) -> Contacts:
    """M_h, M_o, M_f as the network predicts them."""
    touch = (guess.human_contact, guess.object_contact, guess.floor_contact)
    return Contacts(*(torch.sigmoid(logits[0]).double().cpu().numpy() for logits in touch))

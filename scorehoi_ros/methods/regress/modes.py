"""The rotations that a tracked object may have, each with the evidence that frames have gathered for it.

One frame often cannot tell the sides of a box; several frames, seen together, can.  So the rejected rotations
are carried along beside the kept one, and one of them takes its place when it has had the better evidence for
some frames, not when it is better in one: that would be a flip.
"""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.geometry.turns import matrix_of_6d, matrix_of_vector, six_of_matrix
from scorehoi_ros.objects.equivalents import nearest_equivalents, smallest_turns
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

KEPT = 4
"""Rotations that are carried along."""
_MEMORY = 0.8
"""Share of the gathered evidence that is left after a frame."""
_TRUST = 0.3
"""Power of one frame's evidence: frames see the same picture and err alike."""
_SAME_TURN = 0.5
"""Radians: a proposal farther than this from all rotations is a new one."""
SPREAD = 0.2
"""Radians by which a proposal may be off besides what the network says."""
_EVEN = 0.01
"""Share of a rotation that the network did not think of."""
MARGIN = 1.0
"""Log weight by which another rotation must be likelier to take the place of the kept one."""
_UNSEEN = -2.0
"""Log weight of a new rotation at most."""


@dataclass(frozen=True)
class Proposed:
    """The rotations that a network proposes for the object of one frame."""

    R: Floats
    """(k, 3, 3) object -> view."""
    log_share: Floats
    """(k,) log probabilities."""
    sigma: float
    """Radians by which each may be off about each axis."""


@dataclass(frozen=True)
class Modes:
    """Rotations with their weights, the kept one first."""

    rotations: Floats
    """(m, 3, 3) object -> some frame."""
    log_weights: Floats
    """(m,) that of the first is 0."""

    def in_frame(self, R: Floats) -> "Modes":
        """The same rotations in another frame, R (3, 3) from the old to the new one."""
        return Modes(R @ self.rotations, self.log_weights)


def modes_after(rotations: Floats, shares: Floats, kept: int) -> Modes:
    """From the possible rotations (m, 3, 3) of a frame with their probabilities (m,), row `kept` answered."""
    order = np.argsort(-shares, kind="stable")
    order = np.concatenate(([kept], order[order != kept]))[:KEPT]
    weights = np.log(shares + 1e-9)
    return Modes(rotations[order], weights[order] - weights[kept])


def met(modes: Modes, proposed: Proposed, sigma: float, symmetry: Symmetry) -> Modes:
    """The modes, each off by `sigma` radians, after a network proposed rotations; new ones join.

    They are not in order.  A mode moves by what the proposals near it say together: a mean over
    their Gaussians, weighted by how probable each of them, and none of them, is.
    """
    turns = smallest_turns(modes.rotations, proposed.R, symmetry)
    angles = np.linalg.norm(turns, axis=-1)
    around = np.hypot(sigma, proposed.sigma)
    near = np.exp(proposed.log_share - 0.5 * (angles / around) ** 2)
    step = np.einsum("ab,abi->ai", near / (near.sum(1, keepdims=True) + _EVEN), turns)
    moved = matrix_of_vector((sigma / around) ** 2 * step) @ modes.rotations
    likeliest = np.argsort(-proposed.log_share, kind="stable")[:KEPT]
    fresh = proposed.R[[k for k in likeliest if angles[:, k].min() > _SAME_TURN]]
    fresh = nearest_equivalents(modes.rotations[0], fresh, symmetry)
    between = np.linalg.norm(smallest_turns(fresh, proposed.R, symmetry), axis=-1)
    told = _likelihood(np.concatenate((angles, between)), proposed)
    old = np.concatenate((modes.log_weights, np.full(len(fresh), min(modes.log_weights.min(), _UNSEEN))))
    return weighed(Modes(np.concatenate((moved, fresh)), _MEMORY * old), told)


def weighed(modes: Modes, evidence: Floats) -> Modes:
    """The modes after one frame's evidence (m,), log probabilities up to a constant."""
    return Modes(modes.rotations, modes.log_weights + _TRUST * (evidence - evidence.max()))


def ordered(modes: Modes) -> Modes:
    """The likeliest few; the kept one stays the first until another one is clearly likelier."""
    order = np.argsort(-modes.log_weights, kind="stable")[:KEPT]
    if modes.log_weights[order[0]] - modes.log_weights[0] < MARGIN:
        order = np.concatenate(([0], order[order != 0]))[:KEPT]
    return Modes(modes.rotations[order], modes.log_weights[order] - modes.log_weights[order[0]])


def after_alignment(modes: Modes, R: Floats, best: int, shares: Floats) -> Modes:
    """The modes after the first H were aligned to R (H, 3, 3) with probabilities (H,), row `best` kept.

    The kept one comes first; those that were not aligned turn with it.
    """
    turn = R[best] @ modes.rotations[best].T
    rotations = np.concatenate((R, turn @ modes.rotations[len(R) :]))
    tested = weighed(Modes(R, modes.log_weights[: len(R)]), np.log(shares + 1e-9))
    weights = np.concatenate((tested.log_weights, modes.log_weights[len(R) :]))
    order = np.argsort(np.arange(len(weights)) != best, kind="stable")
    clean = matrix_of_6d(six_of_matrix(rotations[order]))
    return Modes(clean, weights[order] - weights[best])


def _likelihood(angles: Floats, proposed: Proposed) -> Floats:
    """(m,) log densities from angles (m, k) to proposals."""
    near = np.exp(proposed.log_share - 0.5 * (angles / proposed.sigma) ** 2)
    return np.asarray(np.log(near.sum(1) + _EVEN), np.float64)

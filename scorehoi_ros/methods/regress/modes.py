"""The rotations that a tracked object may have, each with the evidence that frames have gathered for it.

One frame often cannot tell the sides of a box; several frames, seen together, can.  So the rejected rotations
are carried along beside the kept one, and one of them takes its place when it has had the better evidence for
some frames, not when it is better in one: that would be a flip.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.turns import smallest_turns
from scorehoi_ros.types import Floats

KEPT = 4
"""Rotations that are carried along."""
_MEMORY = 0.8
"""Share of the gathered evidence that is left after a frame."""
_TRUST = 0.3
"""Power of one frame's evidence: frames see the same picture and err alike."""
_SAME_TURN, _NEAR_TURN = 0.5, 0.6
"""Radians: a proposal farther than this from all rotations is a new one; one nearer than this moves them."""
_SPREAD = 0.15
"""Radians by which a rotation may be off besides what the network says."""
_EVEN = 1e-3
"""Probability of a rotation that the network did not think of."""
_UNSEEN = -2.0
"""Log weight of a new rotation at most."""


@dataclass(frozen=True)
class Modes:
    """Rotations with their weights, likeliest first."""

    rotations: Floats
    """(m, 3, 3) object -> some frame."""
    log_weights: Floats
    """(m,) the largest is 0."""

    def in_frame(self, R: Floats) -> "Modes":
        """The same rotations in another frame, R (3, 3) from the old to the new one."""
        return Modes(R @ self.rotations, self.log_weights)


def first_modes(rotations: Floats, shares: Floats) -> Modes:
    """From the aligned hypotheses (H, 3, 3) of a frame with their probabilities (H,)."""
    order = np.argsort(-shares, kind="stable")[:KEPT]
    return Modes(rotations[order], np.log(shares[order] + 1e-9) - np.log(shares[order[0]] + 1e-9))


def met(
    modes: Modes, proposed: Floats, log_share: Floats, sigma: float, gain: float, symmetry: Symmetry
) -> Modes:
    """The modes after a network proposed rotations (k, 3, 3) with log_share (k,), off by `sigma` radians.

    Each moves towards the nearest proposal by the share `gain`; new ones join.  Not yet in order.
    """
    turns = smallest_turns(modes.rotations, proposed, symmetry)
    angles = np.linalg.norm(turns, axis=-1)
    likeliest = np.argsort(-log_share, kind="stable")[:KEPT]
    fresh = proposed[[k for k in likeliest if angles[:, k].min() > _SAME_TURN]]
    nearest = angles.argmin(1)
    rows = np.arange(len(angles))
    step = np.where(angles[rows, nearest] < _NEAR_TURN, gain, 0.0)[:, None] * turns[rows, nearest]
    moved = Rotation.from_rotvec(step).as_matrix() @ modes.rotations
    between = np.linalg.norm(smallest_turns(fresh, proposed, symmetry), axis=-1)
    told = _likelihood(np.concatenate((angles, between)), log_share, sigma)
    old = np.concatenate((modes.log_weights, np.full(len(fresh), min(modes.log_weights.min(), _UNSEEN))))
    return weighed(Modes(np.concatenate((moved, fresh)), _MEMORY * old), told)


def weighed(modes: Modes, evidence: Floats) -> Modes:
    """The modes after one frame's evidence (m,), log probabilities up to a constant."""
    return Modes(modes.rotations, modes.log_weights + _TRUST * (evidence - evidence.max()))


def ordered(modes: Modes) -> Modes:
    """The likeliest few, likeliest first."""
    order = np.argsort(-modes.log_weights, kind="stable")[:KEPT]
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
    weights = np.minimum(weights - weights[best], 0.0)
    return Modes(_orthonormal(rotations[order]), weights[order])


def _orthonormal(R: Floats) -> Floats:
    return np.asarray(Rotation.from_matrix(R).as_matrix(), np.float64)


def _likelihood(angles: Floats, log_share: Floats, sigma: float) -> Floats:
    """(m,) log densities from angles (m, k) to proposals with log probabilities (k,)."""
    near = np.exp(-0.5 * (angles / (sigma + _SPREAD)) ** 2)
    return np.asarray(np.log(near @ np.exp(log_share) + _EVEN), np.float64)

"""How uncertain the object's pose is after the alignment, the rejected hypotheses told with it."""

from dataclasses import replace

import numpy as np

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.weights import Weights, prior_weights
from scorehoi_ros.frame.stages import Certainty
from scorehoi_ros.methods.regress.refine import Found
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.objects.equivalents import smallest_turns
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

SAME_TURN, SAME_PLACE_M = np.radians(20), 0.1
"""Two refined hypotheses nearer to each other than this are one answer."""
EXPECTED_TURN = np.radians(35)
"""A proposed rotation may be corrected by this much and still be the one that was expected."""
TEMPER = 5.0
"""Shares come from energies whose terms are not independent, and are too sure: where they count as votes,
their logarithms are divided by this."""
BODY_JOINTS = 22
UNIFORM = np.pi**2 / 3
"""Variance of an angle of which nothing is known."""


def pose_covariance(found: Found, symmetry: Symmetry, view: View) -> Floats:
    """(6, 6) covariance of the object's pose in the camera frame, ROS order, metres and radians.

    Of the mixture of hypotheses about the likeliest: within each the network's own uncertainty, which the
    alignment only narrows; between them, how far apart they ended.  Free turns of a symmetric object count as
    not known.
    """
    state, told, best = found.aligned.state, found.start.told, found.best
    R, origin = state.R_o[best].numpy(), state.origin[best].numpy()
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = _place(origin, float(state.root[best, 2]), told, view)
    covariance[3:, 3:] = np.diag(np.square(told.sigma.turn))
    turns = smallest_turns(R[None], found.rotations, symmetry)[0]
    for share, turn, moved in zip(found.shares, turns, found.origins, strict=True):
        step = np.concatenate((moved - origin, turn))
        covariance += share * np.outer(step, step)
    if symmetry.sphere:
        covariance[3:, 3:] = UNIFORM * np.eye(3)
    elif symmetry.axis is not None:
        axis = R @ symmetry.axis
        across = np.eye(3) - np.outer(axis, axis)
        covariance[3:, 3:] = across @ covariance[3:, 3:] @ across + UNIFORM * np.outer(axis, axis)
    both = np.kron(np.eye(2), view.R_cam_view)
    return np.asarray(both @ covariance @ both.T, np.float64)


def certainty_of(found: Found, symmetry: Symmetry | None) -> Certainty:
    """How sure the network is, and how far the hypotheses agree in the end; `symmetry` None = no object."""
    told, state, best = found.start.told, found.aligned.state, found.best
    pose_std = float(np.mean(told.sigma.theta[:BODY_JOINTS]))
    strain = strain_of(found)
    if symmetry is None:
        return Certainty(pose_std=pose_std, strain=strain)
    R, origin = state.R_o[best].numpy(), state.origin[best].numpy()
    votes = found.shares ** (1 / TEMPER)
    same = np.linalg.norm(found.origins - origin, axis=1) < SAME_PLACE_M
    same &= _angles(R, found.rotations, symmetry) < SAME_TURN
    likely = _angles(R, found.start.rotations, symmetry) < EXPECTED_TURN
    return Certainty(
        pose_std=pose_std,
        turn_std=float(np.mean(told.sigma.turn)),
        place_std=float(told.sigma.place[2]),
        agreement=float(votes[same].sum() / votes.sum()),
        expected=float(found.start.expected[likely].sum()),
        strain=strain,
    )


def strain_of(found: Found) -> float:
    """How far the refinement went from what the network said of this frame: half the squared deviations."""
    told, belief = found.start.told, found.start.belief
    before, after = told.sigma.flat(), belief.sigma.flat()
    # A turn is told from where each hypothesis started.
    apart = belief.means() - replace(told, rotations=belief.rotations).means()
    steps = apart[found.best] / before + after / before * found.aligned.u[found.best]
    return float(0.5 * (prior_weights(Weights()) * steps**2).sum())


def _angles(R: Floats, others: Floats, symmetry: Symmetry) -> Floats:
    """(n,) radians from R (3, 3) to the nearest equivalents of rotations (n, 3, 3)."""
    return np.asarray(np.linalg.norm(smallest_turns(R[None], others, symmetry)[0], axis=1))


def _place(origin: Floats, pelvis_z: float, belief: Belief, view: View) -> Floats:
    """(3, 3) m^2 in the view frame: across from the crop, along from both depths."""
    across = np.asarray(belief.sigma.place)[:2] * origin[2] / (2 * view.focal)
    along = np.hypot(belief.sigma.place[2], belief.sigma.camera[2] * pelvis_z)
    ray = np.array([origin[0] / origin[2], origin[1] / origin[2], 1.0])
    return np.diag([*np.square(across), 0.0]) + along**2 * np.outer(ray, ray)

"""How uncertain the object's pose is after the alignment, the rejected hypotheses told with it."""

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.frame.stages import Certainty
from scorehoi_ros.methods.regress.refine import Found
from scorehoi_ros.methods.regress.view import View
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
    state, belief, best = found.aligned.state, found.belief, found.best
    R, origin = state.R_o.numpy(), state.origin.numpy()
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = _place(origin[best], float(state.root[best, 2]), belief, view)
    covariance[3:, 3:] = np.diag(np.square(belief.sigma.turn))
    for share, turned, moved in zip(found.shares, R, origin, strict=True):
        turn = _smallest_turn(R[best], turned, symmetry)
        step = np.concatenate((moved - origin[best], turn))
        covariance += share * np.outer(step, step)
    if symmetry.sphere:
        covariance[3:, 3:] = UNIFORM * np.eye(3)
    elif symmetry.axis is not None:
        axis = R[best] @ symmetry.axis
        across = np.eye(3) - np.outer(axis, axis)
        covariance[3:, 3:] = across @ covariance[3:, 3:] @ across + UNIFORM * np.outer(axis, axis)
    both = np.kron(np.eye(2), view.R_cam_view)
    return np.asarray(both @ covariance @ both.T, np.float64)


def certainty_of(found: Found, symmetry: Symmetry | None) -> Certainty:
    """How sure the network is, and how far the hypotheses agree in the end; `symmetry` None = no object."""
    sigma, best = found.belief.sigma, found.best
    pose_std = float(np.mean(sigma.theta[:BODY_JOINTS]))
    strained = found.aligned.strain
    strain = None if strained is None else float(strained[best])
    if symmetry is None:
        return Certainty(pose_std=pose_std, strain=strain)
    state = found.aligned.state
    R, offset = state.R_o.numpy(), (state.origin - state.root).numpy()
    votes = found.shares ** (1 / TEMPER)
    same = np.linalg.norm(offset - offset[best], axis=1) < SAME_PLACE_M
    same &= _turns(R[best], R, symmetry) < SAME_TURN
    likely = _turns(R[best], found.rotations, symmetry) < EXPECTED_TURN
    return Certainty(
        pose_std=pose_std,
        turn_std=float(np.mean(sigma.turn)),
        place_std=float(sigma.place[2]),
        agreement=float(votes[same].sum() / votes.sum()),
        expected=float(found.expected[likely].sum()),
        strain=strain,
    )


def _turns(R: Floats, others: Floats, symmetry: Symmetry) -> Floats:
    """(n,) radians from R (3, 3) to the nearest equivalents of rotations (n, 3, 3)."""
    return np.array([np.linalg.norm(_smallest_turn(R, other, symmetry)) for other in others])


def _place(origin: Floats, pelvis_z: float, belief: Belief, view: View) -> Floats:
    """(3, 3) m^2 in the view frame: across from the crop, along from both depths."""
    across = np.asarray(belief.sigma.place)[:2] * origin[2] / (2 * view.focal)
    along = np.hypot(belief.sigma.place[2], belief.sigma.camera[2] * pelvis_z)
    ray = np.array([origin[0] / origin[2], origin[1] / origin[2], 1.0])
    return np.diag([*np.square(across), 0.0]) + along**2 * np.outer(ray, ray)


def _smallest_turn(R: Floats, other: Floats, symmetry: Symmetry) -> Floats:
    """(3,) rotation vector, view frame, from R to the equivalent of `other` that is nearest to it."""
    if symmetry.sphere:
        return np.zeros(3)
    same = other @ symmetry.rotations
    if symmetry.axis is not None:
        # Only where the axis points counts.
        a, b = R @ symmetry.axis, same @ symmetry.axis
        nearest = b[(b @ a).argmax()]
        turn, sine = np.cross(a, nearest), np.linalg.norm(np.cross(a, nearest))
        return turn if sine < 1e-9 else turn / sine * np.arctan2(sine, nearest @ a)
    turns = Rotation.from_matrix(same @ R.T).as_rotvec()
    return np.asarray(turns[np.linalg.norm(turns, axis=1).argmin()], np.float64)

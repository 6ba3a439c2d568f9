"""How uncertain the object's pose is after the alignment, the rejected hypotheses told with it."""

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.methods.regress.refine import Found
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

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

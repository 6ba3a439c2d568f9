"""Angles of the kinematic model of REP 155 (the URDF of the package human_description) from a pose of SMPL-H.

Frames are those of the URDF: x out of the chest, y left, z to the head; arms and legs hang along -z at zero,
where SMPL holds the arms out.  The model has 20 hinges.  A waist that only bends forward takes the part of
the spine's turn that it can; head, arms and legs are measured against what it leaves, so that they point
where SMPL points.  Shoulder and hip say where the upper bone points; of its turn about itself enough is
taken that the one hinge below, elbow or knee, brings the lower bone where SMPL has it.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.skeleton import JOINT_INDEX, PARENTS
from scorehoi_ros.types import Floats

ANGLE_NAMES = (
    "waist", "r_head", "y_head", "p_head",
    "l_y_shoulder", "l_p_shoulder", "l_r_shoulder", "l_elbow",
    "r_y_shoulder", "r_p_shoulder", "r_r_shoulder", "r_elbow",
    "l_y_hip", "l_p_hip", "l_r_hip", "l_knee",
    "r_y_hip", "r_p_hip", "r_r_hip", "r_knee",
)  # fmt: skip
"""In the order of the package hri_fullbody."""
R_SMPL_BODY = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
"""Axes of REP 155 in those of SMPL (x left, y up, z forward)."""
_R_OUT_HANGING = Rotation.from_euler("x", 90, degrees=True).as_matrix()
"""A left arm that SMPL holds out, as a turn of one that hangs."""
_MIRROR = np.diag([1.0, -1, 1])
_STRAIGHT, _BENT = np.sin(np.radians([5.0, 20.0]))
"""Bent by less, a limb does not say how the upper bone turns about itself; by more, it says it all."""
_SHOULDER_LIMITS = np.array([(-1.1, 1.9), (-0.4, 3.3), (-1.7, 1.5)])
"""Radians, y p r, of the URDF."""


def joint_angles(pose: Floats) -> Floats:
    """(20,) radians in the order of `ANGLE_NAMES`, of axis-angles (52, 3); global_orient does not count.

    The two bones of each limb, once it is bent by 20 degrees, and the head are exact; what the waist cannot
    do (bend aside, twist) is lost for the trunk alone.
    """
    R = _relative_to_pelvis(pose)
    trunk = R["spine3"]
    waist = float(np.arctan2(trunk[0, 2] - trunk[2, 0], trunk[0, 0] + trunk[2, 2]))
    to_torso = _turn("y", waist).T
    angles = [waist, *_head(to_torso @ R["head"])]
    for side in ("left", "right"):
        upper, lower = (_as_left(to_torso @ R[f"{side}_{name}"], side) for name in ("shoulder", "elbow"))
        angles += _arm(upper @ _R_OUT_HANGING, lower @ _R_OUT_HANGING)
    for side in ("left", "right"):
        thigh, shank = (_as_left(R[f"{side}_{name}"], side) for name in ("hip", "knee"))
        yaw, *others = _leg(thigh, shank)
        # The yaw of both hips turns about the same axis; all else is mirrored.
        angles += [yaw if side == "left" else -yaw, *others]
    return np.array(angles)


def _relative_to_pelvis(pose: Floats) -> dict[str, Floats]:
    """How each joint of the body turns what follows it, (3, 3) by name, in the axes of REP 155."""
    local = Rotation.from_rotvec(np.asarray(pose, np.float64)[:22]).as_matrix()
    local[0] = np.eye(3)
    turns = list(local)
    for joint in range(1, 22):
        turns[joint] = turns[PARENTS[joint]] @ local[joint]
    names = [name for name, index in JOINT_INDEX.items() if index < 22]
    return {name: R_SMPL_BODY.T @ turns[JOINT_INDEX[name]] @ R_SMPL_BODY for name in names}


def _as_left(R: Floats, side: str) -> Floats:
    """A turn of the right side mirrored to the left, whose hinges then have the same angles."""
    return R if side == "left" else _MIRROR @ R @ _MIRROR


def _turn(axis: str, angle: float) -> Floats:
    R: Floats = Rotation.from_euler(axis, angle).as_matrix()
    return R


def _head(R: Floats) -> tuple[float, float, float]:
    """R = Rx(r) Rz(y) Ry(-p)."""
    yaw = float(np.arcsin(np.clip(-R[0, 1], -1, 1)))
    return float(np.arctan2(R[2, 1], R[1, 1])), yaw, float(-np.arctan2(R[0, 2], R[0, 0]))


def _arm(upper: Floats, lower: Floats) -> list[float]:
    """y, p, r and elbow: upper = Rz(-y) Rx(p) Rz(r), the elbow turns about -y and bends forward."""
    upper = upper @ _twist(upper, lower, bends_to=1.0)
    across = float(np.hypot(upper[0, 2], upper[1, 2]))
    if across > 1e-9:
        y, r = np.arctan2(-upper[0, 2], -upper[1, 2]), np.arctan2(upper[2, 0], upper[2, 1])
    else:  # along the axis of y: y and r are one
        y, r = 0.0, np.arctan2(upper[1, 0], upper[0, 0])
    p = np.arctan2(across, upper[2, 2])
    ways = [_wrapped([y, p, r]), _wrapped([y + np.pi, -p, r + np.pi])]
    # A hinge has two ways to one pose; the one that a person can do.
    best = min(ways, key=lambda way: float(np.abs(way - np.clip(way, *_SHOULDER_LIMITS.T)).sum()))
    return [*best.tolist(), _hinge(upper, lower)]


def _leg(thigh: Floats, shank: Floats) -> list[float]:
    """y, p, r and knee: thigh = Rz(-y) Rx(p) Ry(-r), the knee turns about -y and bends back (negative)."""
    thigh = thigh @ _twist(thigh, shank, bends_to=-1.0)
    p = np.arcsin(np.clip(thigh[2, 1], -1, 1))
    y, r = np.arctan2(thigh[0, 1], thigh[1, 1]), np.arctan2(thigh[2, 0], thigh[2, 2])
    return [float(y), float(p), float(r), _hinge(thigh, shank)]


def _twist(upper: Floats, lower: Floats, bends_to: float) -> Floats:
    """The turn of the upper bone about itself that brings the lower one into the plane of the hinge.

    `bends_to` +1: the lower bone then points to +x of the upper one, -1: to -x.
    """
    x, y, _ = upper.T @ -lower[:, 2] * bends_to
    share = np.clip((np.hypot(x, y) - _STRAIGHT) / (_BENT - _STRAIGHT), 0, 1)
    return _turn("z", float(share * np.arctan2(y, x)))


def _hinge(upper: Floats, lower: Floats) -> float:
    """Angle about -y from the upper to the lower bone, both along -z."""
    x, _, z = upper.T @ -lower[:, 2]
    return float(np.arctan2(x, -z))


def _wrapped(angles: list[float]) -> Floats:
    """Into -pi .. pi."""
    return (np.array(angles) + np.pi) % (2 * np.pi) - np.pi

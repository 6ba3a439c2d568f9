"""Forward kinematics of the joint chain, and arms solved in closed form, in numpy."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.skeleton import JOINT_INDEX, PARENTS
from scorehoi_ros.types import Floats

ARM = ("collar", "shoulder", "elbow", "wrist")
_MOST_REACH = 0.985
"""Arms are stretched to this share of their length at most."""
_SWIVELS = np.radians([-50.0, -25.0, -5.0, 15.0, 40.0, 65.0])
"""Turns of the elbow about the line from shoulder to wrist, from hanging down towards the outside."""
_PRONATION_IN_FOREARM = 0.6
_WRIST_EASE_RAD = 0.5
_PLANES = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}
"""The plane in which a turn about each axis happens."""


def matrices(vectors: Floats) -> Floats:
    """Axis-angle (..., 3) to rotation matrices (..., 3, 3)."""
    shape = np.shape(vectors)
    return Rotation.from_rotvec(np.reshape(vectors, (-1, 3))).as_matrix().reshape(*shape, 3)


def vectors(rotations: Floats) -> Floats:
    """Rotation matrices (..., 3, 3) to axis-angle (..., 3)."""
    shape = np.shape(rotations)[:-1]
    return Rotation.from_matrix(np.reshape(rotations, (-1, 3, 3))).as_rotvec().reshape(shape)


def about(axis: str, angle: float) -> Floats:
    """Rotation matrix (3, 3) about x, y or z by radians."""
    c, s = np.cos(angle), np.sin(angle)
    result = np.eye(3)
    i, j = _PLANES[axis]
    result[i, i], result[i, j], result[j, i], result[j, j] = c, -s, s, c
    return result


def unit(v: Floats) -> Floats:
    """The vectors (..., 3) with length 1."""
    return np.asarray(v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9))


def forward(local: Floats, rest: Floats, root: Floats) -> tuple[Floats, Floats]:
    """World rotations (..., J, 3, 3) and positions (..., J, 3) of the first J joints.

    `local` (..., J, 3, 3) relative to the parent, `rest` (..., >= J, 3) joints of the shaped body in T-pose,
    `root` (..., 3) where the pelvis joint is.
    """
    turned, place = np.array(local, float), np.empty((*local.shape[:-2], 3))
    place[..., 0, :] = root
    for j in range(1, local.shape[-3]):
        p = int(PARENTS[j])
        offset = rest[..., j, :] - rest[..., p, :]
        turned[..., j, :, :] = turned[..., p, :, :] @ local[..., j, :, :]
        place[..., j, :] = place[..., p, :] + np.einsum("...ij,...j->...i", turned[..., p, :, :], offset)
    return turned, place


def level(rotation: Floats) -> Floats:
    """Orientations (..., 3, 3) of the pelvis turned about the vertical (y) so that they face z."""
    heading = np.arctan2(rotation[..., 0, 2], rotation[..., 2, 2])
    c, s, zero, one = np.cos(heading), np.sin(heading), np.zeros_like(heading), np.ones_like(heading)
    back = np.stack([c, zero, -s, zero, one, zero, s, zero, c], -1).reshape(*heading.shape, 3, 3)
    return np.asarray(back @ rotation)


def hand_rotation(facing: Floats, thumb: Floats) -> Floats:
    """World rotations (..., 3, 3) of hands: palms face `facing` (..., 3), the thumb's side is along `thumb`.

    The same for both sides: at rest palms face -y, thumbs are towards z, fingers along x or -x.
    """
    facing = unit(facing)
    thumb = unit(thumb - (thumb * facing).sum(-1, keepdims=True) * facing)
    return np.stack([np.cross(thumb, facing), -facing, thumb], axis=-1)


@dataclass(frozen=True)
class Shoulder:
    """What an arm hangs on."""

    side: str
    rotation: Floats
    """(3, 3) world rotation of the collar joint."""
    position: Floats
    """(3,) shoulder joint."""
    upper: float
    lower: float
    """Lengths of upper arm and forearm, metres."""


@dataclass(frozen=True)
class ArmPose:
    """A solved arm: local rotations, and how comfortable it is."""

    shoulder: Floats
    elbow: Floats
    wrist: Floats
    choice: int
    """Which of the wished hands was reached best."""
    cost: float
    """0 = at ease; about 1 at the end of the range of a joint, or when the hand is 5 cm short."""


def shoulder_of(side: str, turned: Floats, place: Floats) -> Shoulder:
    """Shoulder from world rotations (J, 3, 3) and positions (J, 3) of `forward`."""
    shoulder, elbow, wrist = (place[JOINT_INDEX[f"{side}_{name}"]] for name in ARM[1:])
    upper, lower = float(np.linalg.norm(elbow - shoulder)), float(np.linalg.norm(wrist - elbow))
    return Shoulder(side, turned[JOINT_INDEX[f"{side}_collar"]], shoulder, upper, lower)


def reach_arm(arm: Shoulder, wrists: Floats, hands: Floats) -> ArmPose:
    """The most comfortable arm among wished wrist positions (n, 3) with world hand rotations (n, 3, 3).

    Two bones in closed form for six swivels of the elbow; the elbow bends about its hinge only, and the turn
    of the hand about the forearm is shared by forearm and wrist.
    """
    line = wrists - arm.position
    distance = np.linalg.norm(line, axis=-1)
    reach = np.clip(distance, abs(arm.upper - arm.lower) + 0.02, _MOST_REACH * (arm.upper + arm.lower))
    along = np.repeat(unit(line)[:, None], len(_SWIVELS), axis=1)
    elbow_way = _elbow_ways(arm, along)
    cosine = ((arm.upper**2 + reach**2 - arm.lower**2) / (2 * arm.upper * reach))[:, None, None]
    upper = along * cosine + elbow_way * np.sqrt(np.clip(1 - cosine**2, 0, 1))
    lower = unit(along * reach[:, None, None] - arm.upper * upper)
    sign = 1.0 if arm.side == "left" else -1.0
    shoulder = _frames(sign * upper, lower)
    bend = -sign * np.arccos(np.clip((upper * lower).sum(-1), -1, 1))
    elbow = _turns(bend, 1)
    relative = np.swapaxes(shoulder @ elbow, -1, -2) @ hands[:, None]
    twist = 2 * np.arctan2(
        relative[..., 2, 1] - relative[..., 1, 2], 1 + np.trace(relative, axis1=-2, axis2=-1)
    )
    cost = _discomfort(relative, twist) + ((distance - reach)[:, None] / 0.05) ** 2
    k, s = np.unravel_index(int(cost.argmin()), cost.shape)
    share = _turns(_PRONATION_IN_FOREARM * twist[k, s], 0)
    return ArmPose(
        arm.rotation.T @ shoulder[k, s],
        elbow[k, s] @ share,
        share.T @ relative[k, s],
        int(k),
        float(cost[k, s]),
    )


def reach_leg(
    pelvis: Floats, hip: Floats, thigh: float, shank: float, ankle: Floats
) -> tuple[Floats, Floats]:
    """Local rotations (3, 3) of hip and knee that bring the ankle joint to a place (3,), the knee ahead.

    `pelvis` (3, 3) world rotation, `hip` (3,) joint; a place out of reach is aimed at.
    """
    line = ankle - hip
    reach = float(np.clip(np.linalg.norm(line), abs(thigh - shank) + 0.05, _MOST_REACH * (thigh + shank)))
    along = unit(line)
    across = unit(pelvis[:, 0] - (pelvis[:, 0] @ along) * along)
    ahead = np.cross(along, across)
    cosine = (thigh**2 + reach**2 - shank**2) / (2 * thigh * reach)
    upper = cosine * along + np.sqrt(max(1 - cosine**2, 0.0)) * ahead
    lower = unit(along * reach - thigh * upper)
    turned = np.stack([across, -upper, np.cross(across, -upper)], axis=1)
    bend = float(np.arccos(np.clip(upper @ lower, -1, 1)))
    return np.asarray(pelvis.T @ turned), about("x", bend)


def _elbow_ways(arm: Shoulder, along: Floats) -> Floats:
    """Unit directions (n, swivels, 3) from the line shoulder-wrist to the elbow."""
    sign = 1.0 if arm.side == "left" else -1.0
    hanging = arm.rotation @ np.array([0.25 * sign, -1.0, -0.25])
    down = unit(hanging - (along @ hanging)[..., None] * along)
    out = np.cross(along, down)
    out *= np.sign((out @ arm.rotation[:, 0]) * sign)[..., None]
    return np.asarray(np.cos(_SWIVELS)[:, None] * down + np.sin(_SWIVELS)[:, None] * out)


def _frames(x: Floats, lower: Floats) -> Floats:
    """Shoulder rotations with the x axis along the upper arm, and the forearm towards z."""
    z = unit(lower - (lower * x).sum(-1, keepdims=True) * x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _turns(angle: Floats, axis: int) -> Floats:
    """Rotations (..., 3, 3) about coordinate axis 0 or 1."""
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    rows = (i, o, o, o, c, -s, o, s, c) if axis == 0 else (c, o, s, o, i, o, -s, o, c)
    return np.stack(rows, -1).reshape(*np.shape(angle), 3, 3)


def _discomfort(relative: Floats, twist: Floats) -> Floats:
    """Of the hand against the forearm, and of the elbow's swivel."""
    bent = np.arccos(np.clip(relative[..., 0, 0], -1, 1))
    wrist = np.maximum(bent - _WRIST_EASE_RAD, 0) / 0.4
    # at rest the palm is down; a forearm turns from there to palm up, about 160 degrees
    turn = np.maximum(np.abs(-twist - 1.2) - 1.0, 0) / 0.4
    return np.asarray(wrist**2 + turn**2 + 0.1 * (_SWIVELS - 0.2) ** 2)

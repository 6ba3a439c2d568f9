"""Angles of REP 155, checked by the forward kinematics of the URDF of human_description."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.joint_angles import ANGLE_NAMES, joint_angles
from scorehoi_ros.body.skeleton import JOINT_INDEX, PARENTS

X, Y, Z = np.eye(3)
FORWARD, LEFT, UP = X, Y, Z
SMPL = {"left": X, "up": Y, "forward": Z}
"""What SMPL's axes mean."""


def urdf_axes() -> dict[str, np.ndarray]:
    """Axis of each joint of human-tpl.xacro in the frame of its parent."""
    axes = {"waist": Y, "r_head": X, "y_head": Z, "p_head": -Y}
    for side, reflect in (("l", 1), ("r", -1)):
        axes |= {
            f"{side}_y_shoulder": -reflect * Z, f"{side}_p_shoulder": reflect * X,
            f"{side}_r_shoulder": reflect * Z, f"{side}_elbow": -Y,
            f"{side}_y_hip": -Z, f"{side}_p_hip": reflect * X, f"{side}_r_hip": -Y, f"{side}_knee": -Y,
        }  # fmt: skip
    return axes


def urdf_links(angles: np.ndarray) -> dict[str, np.ndarray]:
    """Rotation of the link after each joint, in the body's frame."""
    values = dict(zip(ANGLE_NAMES, angles, strict=True))
    turn = {n: Rotation.from_rotvec(values[n] * axis).as_matrix() for n, axis in urdf_axes().items()}
    links = {"waist": turn["waist"]}
    chains = [("waist", ["r_head", "y_head", "p_head"])]
    for s in "lr":
        chains.append(("waist", [f"{s}_y_shoulder", f"{s}_p_shoulder", f"{s}_r_shoulder", f"{s}_elbow"]))
        chains.append(("", [f"{s}_y_hip", f"{s}_p_hip", f"{s}_r_hip", f"{s}_knee"]))
    for start, names in chains:
        R = links[start] if start else np.eye(3)
        for name in names:
            links[name] = R = R @ turn[name]
    return links


def urdf_bones(angles: np.ndarray) -> dict[str, np.ndarray]:
    """Directions of upper and lower bones in the body's frame."""
    links = urdf_links(angles)
    ends = {"arm": "r_shoulder", "forearm": "elbow", "thigh": "r_hip", "shank": "knee"}
    return {f"{s}_{bone}": links[f"{s}_{end}"] @ -Z for s in "lr" for bone, end in ends.items()}


def smpl_turns(pose: np.ndarray) -> dict[str, np.ndarray]:
    """The same of SMPL by its own forward kinematics, in the body's axes."""
    turns: list[np.ndarray] = []
    for joint in range(22):
        local = np.eye(3) if joint == 0 else Rotation.from_rotvec(pose[joint]).as_matrix()
        turns.append(local if joint == 0 else turns[PARENTS[joint]] @ local)
    to_body = np.array([Z, X, Y])  # x = forward, y = left, z = up
    return {n: to_body @ turns[i] @ to_body.T for n, i in JOINT_INDEX.items() if i < 22}


def smpl_bones(pose: np.ndarray) -> dict[str, np.ndarray]:
    turns = smpl_turns(pose)
    bones: dict[str, np.ndarray] = {}
    for s, side, out in (("l", "left", LEFT), ("r", "right", -LEFT)):
        bones[f"{s}_arm"], bones[f"{s}_forearm"] = (
            turns[f"{side}_shoulder"] @ out,
            turns[f"{side}_elbow"] @ out,
        )
        bones[f"{s}_thigh"], bones[f"{s}_shank"] = turns[f"{side}_hip"] @ -UP, turns[f"{side}_knee"] @ -UP
    return bones


def posed(**joints: np.ndarray) -> np.ndarray:
    pose = np.zeros((52, 3))
    for name, rotvec in joints.items():
        pose[JOINT_INDEX[name]] = rotvec
    return pose


def named(pose: np.ndarray) -> dict[str, float]:
    return {n: round(float(np.degrees(a)), 6) for n, a in zip(ANGLE_NAMES, joint_angles(pose), strict=True)}


def nonzero(pose: np.ndarray) -> dict[str, float]:
    return {n: a for n, a in named(pose).items() if abs(a) > 1e-5}


OUT = {"l_p_shoulder": 90.0, "r_p_shoulder": 90.0}
RIGHT_ANGLE = np.pi / 2
KNOWN = [
    ("T-pose", posed(), OUT),
    ("left elbow bent forward", posed(left_elbow=-RIGHT_ANGLE * SMPL["up"]), OUT | {"l_elbow": 90.0}),
    ("right elbow bent forward", posed(right_elbow=RIGHT_ANGLE * SMPL["up"]), OUT | {"r_elbow": 90.0}),
    ("head turned left", posed(head=np.radians(40) * SMPL["up"]), OUT | {"y_head": 40.0}),
    ("head nods", posed(neck=np.radians(30) * SMPL["left"]), OUT | {"p_head": -30.0}),
    ("head to the right shoulder", posed(head=np.radians(20) * SMPL["forward"]), OUT | {"r_head": 20.0}),
    ("bow", posed(spine1=np.radians(30) * SMPL["left"]), OUT | {"waist": 30.0}),
    ("knees bent", posed(left_knee=np.radians(60) * SMPL["left"], right_knee=np.radians(50) * SMPL["left"]),
     OUT | {"l_knee": -60.0, "r_knee": -50.0}),
    ("left leg lifted forward", posed(left_hip=-np.radians(45) * SMPL["left"]), OUT | {"l_r_hip": 45.0}),
    ("right leg spread", posed(right_hip=-np.radians(25) * SMPL["forward"]), OUT | {"r_p_hip": 25.0}),
    ("left toes out", posed(left_hip=np.radians(15) * SMPL["up"]), OUT | {"l_y_hip": -15.0}),
    ("right toes out", posed(right_hip=-np.radians(15) * SMPL["up"]), OUT | {"r_y_hip": 15.0}),
    ("left arm forward", posed(left_shoulder=-RIGHT_ANGLE * SMPL["up"]), OUT | {"l_y_shoulder": 90.0}),
    ("right arm forward", posed(right_shoulder=RIGHT_ANGLE * SMPL["up"]), OUT | {"r_y_shoulder": 90.0}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "pose", "expected"), KNOWN, ids=[words for words, *_ in KNOWN])
def test_known_poses(words: str, pose: np.ndarray, expected: dict[str, float]) -> None:
    assert nonzero(pose) == pytest.approx(expected, abs=1e-4)


def test_arms_that_hang_are_at_zero() -> None:
    down = posed(left_shoulder=-RIGHT_ANGLE * SMPL["forward"], right_shoulder=RIGHT_ANGLE * SMPL["forward"])
    angles = named(down)
    assert all(abs(angles[f"{s}_p_shoulder"]) < 1e-4 and abs(angles[f"{s}_elbow"]) < 1e-4 for s in "lr")
    for s in "lr":
        np.testing.assert_allclose(urdf_bones(joint_angles(down))[f"{s}_arm"], -UP, atol=1e-9)


def test_the_frame_of_the_person_does_not_count() -> None:
    pose = posed(left_elbow=-1.0 * SMPL["up"])
    turned = pose.copy()
    turned[0] = [0.3, -2.0, 1.0]
    np.testing.assert_array_equal(joint_angles(pose), joint_angles(turned))


@pytest.mark.parametrize("seed", range(40))
def test_bones_and_head_of_any_pose_point_as_smpl_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = posed()
    pose[1:22] = rng.normal(size=(21, 3)) * 0.4
    pose[JOINT_INDEX["left_elbow"]] += -1.2 * SMPL["up"]
    pose[JOINT_INDEX["right_elbow"]] += 1.2 * SMPL["up"]
    for side in ("left", "right"):
        pose[JOINT_INDEX[f"{side}_knee"]] += 1.2 * SMPL["left"]
    angles = joint_angles(pose)
    bones, expected = urdf_bones(angles), smpl_bones(pose)
    for name in bones:
        if "fore" not in name and "shank" not in name:
            np.testing.assert_allclose(bones[name], expected[name], atol=1e-9, err_msg=name)
    for upper, lower in (("arm", "forearm"), ("thigh", "shank")):
        for s in "lr":
            bend = np.degrees(np.arccos(expected[f"{s}_{upper}"] @ expected[f"{s}_{lower}"]))
            if bend > 21:
                name = f"{s}_{lower}"
                np.testing.assert_allclose(bones[name], expected[name], atol=1e-9, err_msg=name)
    np.testing.assert_allclose(urdf_links(angles)["p_head"], smpl_turns(pose)["head"], atol=1e-9)
    assert angles[ANGLE_NAMES.index("l_elbow")] > 0 > angles[ANGLE_NAMES.index("l_knee")]


def test_a_nearly_straight_limb_is_nearly_right() -> None:
    pose = posed(left_elbow=np.radians(4) * SMPL["forward"])
    name = "l_forearm"
    error = np.arccos(urdf_bones(joint_angles(pose))[name] @ smpl_bones(pose)[name])
    assert np.degrees(error) < 4.1

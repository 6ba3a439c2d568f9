"""Where the landmarks alone put the person: SMPL-H rotations bone by bone, then the translation."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.body.skeleton import HAND_JOINT_0
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, Floats, HumanPose, Landmarks

# MediaPipe body rows and SMPL-H joints of each side.
_ARMS = {"left": ((11, 13, 15), (16, 18, 20), (17, 19)), "right": ((12, 14, 16), (17, 19, 21), (18, 20))}
_LEGS = {"left": ((23, 25, 27), (1, 4, 7), 31), "right": ((24, 26, 28), (2, 5, 8), 32)}
_SPINE = (3, 6, 9)
_NECK, _HEAD = 12, 15
_MIN_BEND_RAD = 0.25
"""A straighter limb does not define its hinge axis; the twist is then left to the prior."""

BODY_ROWS = 33
"""Landmarks before this row are the body's, the others those of the hands."""
_NEAREST_M, _GUESS_M = 0.3, 2.5
"""A person nearer than the first is a failed solution, which is replaced by the second distance."""
_FEWEST = 4
"""Landmarks needed for a translation."""


def place_person(posed: PosedBody, landmarks: Landmarks, K: Floats, betas: Floats | None) -> HumanPose:
    """First guess of the person in the camera frame; `betas` (10,) when the shape is known."""
    theta = matrix_to_rotation_6d(torch.as_tensor(analytic_pose(posed.body, turn_to_view(landmarks, K))))
    betas = np.zeros(NUM_BETAS) if betas is None else betas
    pose = HumanPose(theta.numpy(), betas, np.zeros(3))
    return HumanPose(
        pose.theta, betas, solve_translation(posed, pose, landmarks.pixels, landmarks.confidence, K)
    )


def solve_translation(
    posed: PosedBody, human: HumanPose, pixels: Floats, confidence: Floats, K: Floats
) -> Floats:
    """t_cam (3,) that best projects the body landmarks of a fixed pose, linear in the translation.

    u = (fx (X + tx) + cx (Z + tz)) / (Z + tz)  =>  fx tx + (cx - u) tz = (u - cx) Z - fx X, likewise for v.
    `pixels` (75, 2) and `confidence` (75,) of the image with intrinsics `K` (3, 3).
    """
    theta, betas, t_cam = posed.tensors(human)
    with torch.no_grad():
        points = posed(theta, betas, torch.zeros_like(t_cam)).landmarks[:BODY_ROWS].double().cpu().numpy()
    seen = np.isfinite(pixels[:BODY_ROWS]).all(1) & (confidence[:BODY_ROWS] > 0)
    points, pixels = points[seen], pixels[:BODY_ROWS][seen]
    weight = np.sqrt(confidence[:BODY_ROWS][seen])
    rows, right = [], []
    for axis in range(2):
        offset = pixels[:, axis] - K[axis, 2]
        row = np.zeros((len(points), 3))
        row[:, axis], row[:, 2] = K[axis, axis], -offset
        rows.append(row * weight[:, None])
        right.append((offset * points[:, 2] - K[axis, axis] * points[:, axis]) * weight)
    if len(points) < _FEWEST:
        return np.array([0.0, 0.0, _GUESS_M])
    t = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right), rcond=None)[0]
    return t if t[2] > _NEAREST_M else np.array([0.0, 0.0, _GUESS_M])


def turn_to_view(landmarks: Landmarks, K: Floats) -> Floats:
    """World landmarks (75, 3) turned from the crop's own viewing ray into the camera's axes.

    The detector sees a crop and takes its centre as the viewing direction, so a person at the edge of a
    wide image comes out turned by the angle of the ray.
    """
    centre = landmarks.pixels[[11, 12, 23, 24]].mean(0)
    ray = np.array([(centre[0] - K[0, 2]) / K[0, 0], (centre[1] - K[1, 2]) / K[1, 1], 1.0])
    ray /= np.linalg.norm(ray)
    axis = np.cross([0.0, 0.0, 1.0], ray)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return landmarks.world
    return landmarks.world @ Rotation.from_rotvec(axis / sine * np.arcsin(sine)).as_matrix().T


def rest_landmarks(body: BodyModel) -> Floats:
    """(75, 3) landmark positions of the mean body in the rest pose."""
    m = body.landmarks
    return m.joint_weights @ body.joints_template + m.vertex_weights @ body.v_template[m.vertex_ids]


def analytic_pose(body: BodyModel, world: Floats) -> Floats:
    """Local rotations (52, 3, 3) that point the bones of `body` along the landmarks `world` (75, 3).

    Row 0 turns the body into the axes of `world`.  Fingers get the relaxed hand.
    """
    rest = rest_landmarks(body)
    globals_ = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    pelvis = _torso_frame(world, (23, 24)) @ _torso_frame(rest, (23, 24)).T
    chest = _torso_frame(world, (11, 12)) @ _torso_frame(rest, (11, 12)).T
    head = _head_frame(world) @ _head_frame(rest).T
    globals_[:3] = pelvis
    for step, joint in enumerate(_SPINE, start=1):
        globals_[joint] = _between(pelvis, chest, step / len(_SPINE))
    globals_[[13, 14]] = chest
    globals_[_NECK], globals_[_HEAD] = _between(chest, head, 0.5), head
    for side in ("left", "right"):
        _set_arm(globals_, rest, world, side)
        _set_leg(globals_, rest, world, side)
    return _to_local(globals_, body)


def _set_arm(globals_: Floats, rest: Floats, world: Floats, side: str) -> None:
    (shoulder, elbow, wrist), joints, (pinky, index) = _ARMS[side]
    hinge = np.array([0.0, -1.0 if side == "left" else 1.0, 0.0])
    chest = globals_[_SPINE[-1]]
    rest_bones = rest[elbow] - rest[shoulder], rest[wrist] - rest[elbow]
    bones = world[elbow] - world[shoulder], world[wrist] - world[elbow]
    upper, lower = _hinged_pair(chest, rest_bones, bones, hinge)
    hand_rest = _frame(0.5 * (rest[pinky] + rest[index]) - rest[wrist], rest[index] - rest[pinky])
    hand = _frame(0.5 * (world[pinky] + world[index]) - world[wrist], world[index] - world[pinky])
    globals_[joints[0]], globals_[joints[1]] = upper, lower
    # The detector's knuckles are noisy: go half of the way from the forearm to where they point.
    globals_[joints[2]] = _between(lower, hand @ hand_rest.T, 0.5)


def _set_leg(globals_: Floats, rest: Floats, world: Floats, side: str) -> None:
    (hip, knee, ankle), joints, toe = _LEGS[side]
    rest_bones = rest[knee] - rest[hip], rest[ankle] - rest[knee]
    bones = world[knee] - world[hip], world[ankle] - world[knee]
    upper, lower = _hinged_pair(globals_[0], rest_bones, bones, np.array([1.0, 0.0, 0.0]))
    globals_[joints[0]], globals_[joints[1]] = upper, lower
    foot = _minimal(lower @ (rest[toe] - rest[ankle]), world[toe] - world[ankle]) @ lower
    globals_[joints[2]] = foot
    globals_[joints[2] + 3] = foot


def _hinged_pair(
    parent: Floats, rest_bones: tuple[Floats, Floats], bones: tuple[Floats, Floats], hinge: Floats
) -> tuple[Floats, Floats]:
    """Global rotations of the two bones around a hinge joint (elbow, knee)."""
    axis = np.cross(bones[0], bones[1])
    bend = np.arctan2(np.linalg.norm(axis), bones[0] @ bones[1])
    if bend < _MIN_BEND_RAD:
        upper = _minimal(parent @ rest_bones[0], bones[0]) @ parent
        return upper, _minimal(upper @ rest_bones[1], bones[1]) @ upper
    upper = _frame(bones[0], axis) @ _frame(rest_bones[0], hinge).T
    lower = _frame(bones[1], axis) @ _frame(rest_bones[1], hinge).T
    return upper, lower


def _torso_frame(points: Floats, pair: tuple[int, int]) -> Floats:
    """Columns: to the person's left along the pair, up the trunk, forward."""
    left, right = pair
    up = 0.5 * (points[11] + points[12]) - 0.5 * (points[23] + points[24])
    x = _unit(points[left] - points[right])
    z = _unit(np.cross(x, up))
    return np.stack((x, np.cross(z, x), z), axis=1)


def _head_frame(points: Floats) -> Floats:
    return _frame(points[7] - points[8], points[0] - 0.5 * (points[7] + points[8]))


def _frame(first: Floats, second: Floats) -> Floats:
    """Orthonormal columns: `first`, the part of `second` across it, their cross product."""
    x = _unit(first)
    y = _unit(second - (second @ x) * x)
    return np.stack((x, y, np.cross(x, y)), axis=1)


def _minimal(a: Floats, b: Floats) -> Floats:
    """Smallest rotation (3, 3) that turns direction a into direction b."""
    a, b = _unit(a), _unit(b)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, a @ b)).as_matrix()


def _between(a: Floats, b: Floats, fraction: float) -> Floats:
    """Rotation on the way from a to b."""
    step = Rotation.from_matrix(a.T @ b).as_rotvec() * fraction
    return a @ Rotation.from_rotvec(step).as_matrix()


def _unit(v: Floats) -> Floats:
    return v / max(float(np.linalg.norm(v)), 1e-9)


def _to_local(globals_: Floats, body: BodyModel) -> Floats:
    local = globals_.copy()
    for joint in range(1, HAND_JOINT_0):
        local[joint] = globals_[body.parents[joint]].T @ globals_[joint]
    local[HAND_JOINT_0:] = Rotation.from_rotvec(body.hand_mean).as_matrix()
    return local

"""Where the landmarks alone put the person: SMPL-H rotations bone by bone, then the translation."""

from dataclasses import replace

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.body.skeleton import HAND_JOINT_0
from scorehoi_ros.geometry.turns import cross, matrix_of_vector, six_of_matrix, unit, vector_of_matrix
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, Floats, HumanPose, Landmarks

# MediaPipe rows and SMPL-H joints; of limbs left arm, right arm, left leg, right leg.
_LIMB_ROWS = np.array([[11, 13, 15], [12, 14, 16], [23, 25, 27], [24, 26, 28]])
_LIMB_JOINTS = np.array([[16, 18], [17, 19], [1, 4], [2, 5]])
_HINGES = np.array([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
"""Axes about which elbows and knees bend, in the rest pose."""
_PINKIES, _INDEXES, _WRISTS = [17, 18], [19, 20], [20, 21]
_TOES, _ANKLES, _FEET = [31, 32], [7, 8], [10, 11]
_SPINE, _COLLARS = (3, 6, 9), [13, 14]
_NECK, _HEAD = 12, 15
_MIN_BEND_RAD = 0.25
"""A straighter limb does not define its hinge axis; the twist is then left to the prior."""

_SMALL_SINE = 1e-9
"""Directions closer than this are the same, or opposite."""

BODY_ROWS = 33
"""Landmarks before this row are the body's, the others those of the hands."""
_NEAREST_M, _GUESS_M = 0.3, 2.5
"""A person nearer than the first is a failed solution, which is replaced by the second distance."""
_FEWEST = 4
"""Landmarks needed for a translation."""


def place_person(posed: PosedBody, landmarks: Landmarks, K: Floats, betas: Floats | None) -> HumanPose:
    """First guess of the person in the camera frame; `betas` (10,) when the shape is known."""
    theta = six_of_matrix(analytic_pose(posed.body, turn_to_view(landmarks, K)))
    betas = np.zeros(NUM_BETAS) if betas is None else betas
    pose = HumanPose(theta, betas, np.zeros(3))
    return replace(pose, t_cam=solve_translation(posed, pose, landmarks.pixels, landmarks.confidence, K))


def solve_translation(
    posed: PosedBody, human: HumanPose, pixels: Floats, confidence: Floats, K: Floats
) -> Floats:
    """t_cam (3,) that best projects the body landmarks of a fixed pose, linear in the translation.

    u = (fx (X + tx) + cx (Z + tz)) / (Z + tz)  =>  fx tx + (cx - u) tz = (u - cx) Z - fx X, likewise for v.
    `pixels` (75, 2) and `confidence` (75,) of the image with intrinsics `K` (3, 3).
    """
    points = posed.landmarks_of(replace(human, t_cam=np.zeros(3)))[:BODY_ROWS]
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
    return landmarks.world @ _minimal(np.array([0.0, 0.0, 1.0]), ray).T


def rest_landmarks(body: BodyModel) -> Floats:
    """(75, 3) landmark positions of the mean body in the rest pose."""
    m = body.landmarks
    return m.joint_weights @ body.joints_template + m.vertex_weights @ body.v_template[m.vertex_ids]


def analytic_pose(body: BodyModel, world: Floats) -> Floats:
    """Local rotations (52, 3, 3) that point the bones of `body` along the landmarks `world` (75, 3).

    Row 0 turns the body into the axes of `world`.  Fingers get the relaxed hand.
    """
    both = np.stack((rest_landmarks(body), world))
    pelvis, chest = _from_rest(_torso_frames(both))
    head = _from_rest(_frame(both[:, 7] - both[:, 8], both[:, 0] - 0.5 * (both[:, 7] + both[:, 8])))
    hands = _from_rest(_hand_frames(both))
    limbs = _limbs(np.stack((chest, chest, pelvis, pelvis)), both)
    forearms, shins = limbs[:2, 1], limbs[2:, 1]
    # The detector's knuckles are noisy: go half of the way from the forearm to where they point.
    between = _between(
        np.stack((pelvis, pelvis, chest, *forearms)),
        np.stack((chest, chest, head, *hands)),
        np.array([1 / 3, 2 / 3, 0.5, 0.5, 0.5]),
    )
    globals_ = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    globals_[:3] = pelvis
    globals_[[*_SPINE[:2], _NECK, *_WRISTS]] = between
    globals_[[_SPINE[-1], *_COLLARS]], globals_[_HEAD] = chest, head
    globals_[_LIMB_JOINTS] = limbs
    globals_[_ANKLES] = globals_[_FEET] = _feet(shins, both)
    return _to_local(globals_, body)


def _from_rest(frames: Floats) -> Floats:
    """Turns (..., 3, 3) of frames (2, ..., 3, 3), first in the rest pose and then in the world."""
    return np.asarray(frames[1] @ frames[0].swapaxes(-1, -2))


def _torso_frames(points: Floats) -> Floats:
    """(2, 2, 3, 3) of pelvis and chest; columns: to the person's left, up the trunk, forward."""
    left, right = points[:, [23, 11]], points[:, [24, 12]]
    middle = 0.5 * (left + right)
    x = unit(left - right)
    z = unit(cross(x, (middle[:, 1] - middle[:, 0])[:, None]))
    return np.stack((x, cross(z, x), z), axis=-1)


def _hand_frames(points: Floats) -> Floats:
    """(2, 2, 3, 3) of both hands, from wrist and knuckles."""
    pinky, index, wrist = points[:, _PINKIES], points[:, _INDEXES], points[:, _LIMB_ROWS[:2, 2]]
    return _frame(0.5 * (pinky + index) - wrist, index - pinky)


def _limbs(parents: Floats, both: Floats) -> Floats:
    """Global rotations (4, 2, 3, 3) of the two bones around each elbow and knee, which are hinges.

    `parents` (4, 3, 3) are the rotations of what the limbs hang on; `both` (2, 75, 3) rest and world.
    """
    rest, bones = both[:, _LIMB_ROWS[:, 1:]] - both[:, _LIMB_ROWS[:, :-1]]
    axis = cross(bones[:, 0], bones[:, 1])
    bend = np.arctan2(np.sqrt((axis * axis).sum(-1)), (bones[:, 0] * bones[:, 1]).sum(-1))
    bent = _frame(bones, axis[:, None]) @ _frame(rest, _HINGES[:, None]).swapaxes(-1, -2)
    upper = _minimal(_turned(parents, rest[:, 0]), bones[:, 0]) @ parents
    lower = _minimal(_turned(upper, rest[:, 1]), bones[:, 1]) @ upper
    straight = (bend < _MIN_BEND_RAD)[:, None, None, None]
    return np.where(straight, np.stack((upper, lower), axis=1), bent)


def _feet(shins: Floats, both: Floats) -> Floats:
    """Global rotations (2, 3, 3) of the feet, which turn no further from the shins than the toes ask."""
    rest, bones = both[:, _TOES] - both[:, _LIMB_ROWS[2:, 2]]
    return np.asarray(_minimal(_turned(shins, rest), bones) @ shins)


def _turned(R: Floats, v: Floats) -> Floats:
    """R (n, 3, 3) times v (n, 3)."""
    return np.asarray((R @ v[..., None])[..., 0])


def _frame(first: Floats, second: Floats) -> Floats:
    """Orthonormal columns: `first`, the part of `second` across it, their cross product; (..., 3) each."""
    x = unit(first)
    y = unit(second - (second * x).sum(-1, keepdims=True) * x)
    return np.stack((x, y, cross(x, y)), axis=-1)


def _minimal(a: Floats, b: Floats) -> Floats:
    """Smallest rotations (..., 3, 3) that turn directions a (..., 3) into directions b (..., 3)."""
    a, b = unit(a), unit(b)
    axis = cross(a, b)
    sine = np.sqrt((axis * axis).sum(-1, keepdims=True))
    angle = np.arctan2(sine, (a * b).sum(-1, keepdims=True))
    return matrix_of_vector(np.where(sine < _SMALL_SINE, 0.0, axis * (angle / np.maximum(sine, _SMALL_SINE))))


def _between(a: Floats, b: Floats, fraction: Floats) -> Floats:
    """Rotations (n, 3, 3) on the way from a to b, by a fraction (n,) of it."""
    return np.asarray(a @ matrix_of_vector(vector_of_matrix(a.swapaxes(-1, -2) @ b) * fraction[:, None]))


def _to_local(globals_: Floats, body: BodyModel) -> Floats:
    local = globals_.copy()
    above = globals_[body.parents[1:HAND_JOINT_0]]
    local[1:HAND_JOINT_0] = above.swapaxes(1, 2) @ globals_[1:HAND_JOINT_0]
    local[HAND_JOINT_0:] = matrix_of_vector(body.hand_mean)
    return local

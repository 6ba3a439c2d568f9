"""Feet that stand on the floor: captured ankles fitted to our body, toes that bend, a root that follows."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.types import Floats, Ints

ANKLE_BIAS_DEG = 11.0
"""Pitch of the standing sole in the clip (median) when the captured angles are put on our body."""
TOE_FREE_DEG, TOE_MAX_DEG = 6.0, 45.0
"""Beyond the first pitch of the foot the toes stay on the floor, up to the second bend."""


def sole_ids(body: BodyModel) -> list[Ints]:
    """Vertex ids of left heel, left ball, right heel, right ball: the lowest ones of each foot."""
    v = body.v_template
    groups: list[Ints] = []
    for side in SIDES:
        foot = body.regions == body.region_names.index(f"{side}_foot")
        sole = foot & (v[:, 1] < v[foot, 1].min() + 0.012)
        back, front = v[sole, 2].min(), v[sole, 2].max()
        share = (v[:, 2] - back) / (front - back)
        groups += [np.nonzero(sole & (share < 0.25))[0], np.nonzero(sole & (share > 0.6) & (share < 0.8))[0]]
    return groups


def flat_feet(pose: Floats) -> Floats:
    """Pose (T, 52, 3, 3) with the capture's ankle bias taken out."""
    result = pose.copy()
    lift = Rotation.from_euler("x", -ANKLE_BIAS_DEG, degrees=True).as_matrix()
    for side in SIDES:
        result[:, JOINT_INDEX[f"{side}_ankle"]] = pose[:, JOINT_INDEX[f"{side}_ankle"]] @ lift
    return result


def bent_toes(body: BodyModel, pose: Floats, vertices: Floats) -> Floats:
    """Pose whose toes bend as the heel rises; `vertices` (T, V, 3) are those of `pose`."""
    result = pose.copy()
    for k, side in enumerate(SIDES):
        heel, ball = (vertices[:, ids].mean(1) for ids in sole_ids(body)[2 * k : 2 * k + 2])
        span = heel - ball
        pitch = np.degrees(np.arcsin(span[:, 1] / np.linalg.norm(span, axis=1)))
        bend = gaussian_filter1d(np.clip(pitch - TOE_FREE_DEG, 0, TOE_MAX_DEG), 0.7, mode="nearest")
        joint = JOINT_INDEX[f"{side}_foot"]
        result[:, joint] = pose[:, joint] @ Rotation.from_euler("x", -bend[:, None], degrees=True).as_matrix()
    return result


def planted_root(body: BodyModel, vertices: Floats) -> Floats:
    """Root path (T, 3) on which the standing foot does not slide and the lowest vertex is on the floor.

    `vertices` (T, V, 3) are posed with the root at the origin.  The horizontal step of each frame is that of
    the soles, turned around, weighted by how near to the ground each vertex is at both ends of the step.
    """
    feet = np.isin(body.regions, [body.region_names.index(f"{side}_foot") for side in SIDES])
    soles = vertices[:, feet]
    lowest = soles[..., 1].min(1)
    height = np.maximum(soles[:-1, :, 1] - lowest[:-1, None], soles[1:, :, 1] - lowest[1:, None])
    weight = np.exp(-((height / 0.01) ** 2)) + 1e-12
    step = -((soles[1:] - soles[:-1]) * weight[..., None]).sum(1) / weight.sum(1)[:, None]
    path = np.concatenate([np.zeros((1, 3)), np.cumsum(step, axis=0)])
    path = gaussian_filter1d(path, 0.5, axis=0, mode="nearest")
    path[:, 1] = gaussian_filter1d(-lowest, 0.5, mode="nearest")
    return np.asarray(path)

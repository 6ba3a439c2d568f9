"""The mesh of a pose."""

import numpy as np

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.turns import matrix_of_6d
from scorehoi_ros.types import Floats, HumanPose


def pose_matrices(human: HumanPose) -> Floats:
    """(52, 3, 3) rotation matrices of theta."""
    return matrix_of_6d(human.theta)


def human_mesh(layer: BodyLayer, human: HumanPose) -> tuple[Floats, Floats]:
    """Vertices (V, 3) float32 and joints (52, 3) float64 in the camera frame."""
    return layer.skin.pose(pose_matrices(human), human.betas, human.t_cam)


def body_landmarks(body: BodyModel, mesh: tuple[Floats, Floats]) -> Floats:
    """(75, 3) MediaPipe points of a mesh: vertices (V, 3) and joints (52, 3)."""
    m = body.landmarks
    points = m.joint_weights @ mesh[1] + m.vertex_weights @ mesh[0][m.vertex_ids]
    return np.asarray(points)

"""The mesh of a pose."""

import numpy as np
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.types import Floats, HumanPose


def pose_matrices(human: HumanPose) -> Floats:
    """(52, 3, 3) rotation matrices of theta."""
    return rotation_6d_to_matrix(torch.as_tensor(human.theta, dtype=torch.float64)).numpy()


def human_mesh(layer: BodyLayer, human: HumanPose) -> tuple[Floats, Floats]:
    """Vertices (V, 3) float32 and joints (52, 3) float64 in the camera frame."""
    rotations = torch.as_tensor(pose_matrices(human), dtype=torch.float32)[None]
    betas = torch.as_tensor(human.betas, dtype=torch.float32)[None]
    root = torch.as_tensor(human.t_cam, dtype=torch.float32)[None]
    with torch.no_grad():
        vertices, joints = layer(rotations, betas, root)
    return vertices[0].numpy(), joints[0].numpy().astype(np.float64)


def body_landmarks(body: BodyModel, mesh: tuple[Floats, Floats]) -> Floats:
    """(75, 3) MediaPipe points of a mesh: vertices (V, 3) and joints (52, 3)."""
    m = body.landmarks
    points = m.joint_weights @ mesh[1] + m.vertex_weights @ mesh[0][m.vertex_ids]
    return np.asarray(points)

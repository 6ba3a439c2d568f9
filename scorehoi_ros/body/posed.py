"""The mesh of an estimate."""

import numpy as np
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.types import Estimate, Floats


def pose_matrices(estimate: Estimate) -> Floats:
    """(52, 3, 3) rotation matrices of theta."""
    return rotation_6d_to_matrix(torch.as_tensor(estimate.theta, dtype=torch.float64)).numpy()


def human_mesh(layer: BodyLayer, estimate: Estimate) -> tuple[Floats, Floats]:
    """Vertices (V, 3) float32 and joints (52, 3) in the camera frame."""
    rotations = torch.as_tensor(pose_matrices(estimate), dtype=torch.float32)[None]
    betas = torch.as_tensor(estimate.betas, dtype=torch.float32)[None]
    root = torch.as_tensor(estimate.t_cam, dtype=torch.float32)[None]
    with torch.no_grad():
        vertices, joints = layer(rotations, betas, root)
    return vertices[0].numpy(), joints[0].numpy().astype(np.float64)

"""Rigid transforms `T_dst_src` as (4, 4) float64 matrices."""

import numpy as np

from scorehoi_ros.geometry.turns import matrix_of_6d
from scorehoi_ros.types import Floats, ObjectPose


def make_transform(R: Floats, t: Floats) -> Floats:
    """Rotation (3, 3) and translation (3,) metres to `T_dst_src` (4, 4)."""
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = t
    return T


def invert_transform(T: Floats) -> Floats:
    """`T_src_dst` of `T_dst_src`, exact for a rigid transform."""
    R = T[:3, :3].T
    return make_transform(R, -R @ T[:3, 3])


def transform_points(T: Floats, points: Floats) -> Floats:
    """Points (..., 3) of `src` to `dst`."""
    return points @ T[:3, :3].T + T[:3, 3]


def object_transform(pose: ObjectPose) -> Floats:
    """T_cam_object (4, 4) of a pose."""
    return make_transform(matrix_of_6d(pose.R_o), pose.origin)

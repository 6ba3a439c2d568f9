"""How uncertain the pose of an object is, from what a silhouette can tell."""

import numpy as np

from scorehoi_ros.frame.evidence import Silhouette
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats

_PIXEL_SIGMA = 2.0


def pose_covariance(
    T_cam_object: Floats, template: ObjectTemplate, overlap: float, mask: Silhouette
) -> Floats:
    """(6, 6) rough covariance, ROS order, from what a silhouette can tell; not calibrated.

    An outline known to `_PIXEL_SIGMA` pixels fixes the lateral position to z sigma / f and the depth to
    z sigma / size; both and the rotation widen as the overlap falls.  Free turns of a symmetric template
    get the variance of a uniform angle.
    """
    z = float(T_cam_object[2, 3])
    focal = float(mask.K[0, 0])
    size_px = max(float(np.sqrt(mask.mask.sum())), 1.0)
    widen = 1.0 / max(overlap, 0.1)
    lateral, along, turn = z * _PIXEL_SIGMA / focal * widen, z * _PIXEL_SIGMA / size_px * widen, 0.15 * widen
    ray = T_cam_object[:3, 3] / np.linalg.norm(T_cam_object[:3, 3])
    position = lateral**2 * np.eye(3) + (along**2 - lateral**2) * np.outer(ray, ray)
    rotation = turn**2 * np.eye(3)
    uniform = np.pi**2 / 3
    if template.symmetry.sphere:
        rotation = uniform * np.eye(3)
    elif template.symmetry.axis is not None:
        axis = T_cam_object[:3, :3] @ template.symmetry.axis
        rotation = rotation + (uniform - turn**2) * np.outer(axis, axis)
    covariance = np.zeros((6, 6))
    covariance[:3, :3], covariance[3:, 3:] = position, rotation
    return covariance

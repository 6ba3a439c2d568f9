"""A result in another frame than that of its image."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.types import Floats, Floor, HumanState, ObjectState, Reconstruction


def moved(r: Reconstruction, T_target_cam: Floats, frame_id: str) -> Reconstruction:
    """Everything that has a place, in the frame `frame_id`: people, objects with covariance, the floor.

    What belongs to the image stays: camera, masks, landmarks, the picture.  Contacts are in the frame of
    their object.  The method's own estimate is that of the camera and is left out.
    """
    return replace(
        r,
        frame_id=frame_id,
        humans=tuple(_human(h, T_target_cam) if h.status.is_present else h for h in r.humans),
        objects=tuple(_object(o, T_target_cam) if o.status.is_present else o for o in r.objects),
        floor=None if r.floor is None else _floor(r.floor, T_target_cam),
        estimate=None,
    )


def _human(human: HumanState, T: Floats) -> HumanState:
    turned = (Rotation.from_matrix(T[:3, :3]) * Rotation.from_rotvec(human.pose[0])).as_rotvec()
    near = T.astype(np.float32)
    return replace(
        human,
        pose=np.concatenate((turned[None], human.pose[1:])),
        root=transform_points(T, human.root),
        joints=transform_points(T, human.joints),
        vertices=transform_points(near, human.vertices),
    )


def _object(state: ObjectState, T: Floats) -> ObjectState:
    turn = np.kron(np.eye(2), T[:3, :3])
    covariance = turn @ state.covariance @ turn.T
    return replace(state, T_cam_object=T @ state.T_cam_object, covariance=covariance)


def _floor(floor: Floor, T: Floats) -> Floor:
    normal = T[:3, :3] @ floor.normal
    return replace(floor, normal=normal, offset=float(floor.offset + normal @ T[:3, 3]))

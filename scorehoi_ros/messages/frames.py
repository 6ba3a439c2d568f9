"""People and objects as frames of TF."""

from typing import Any

from scipy.spatial.transform import Rotation

from scorehoi_ros.body.joint_angles import R_SMPL_BODY
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.messages.factory import Factory, header, transform_pose
from scorehoi_ros.types import Floats, HumanState, Reconstruction

_HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]


def body_pose(human: HumanState) -> Floats:
    """T_frame_body (4, 4) of a present person after REP 155: the origin lies between the hips."""
    R = Rotation.from_rotvec(human.pose[0]).as_matrix() @ R_SMPL_BODY
    return make_transform(R, human.joints[_HIPS].mean(axis=0))


def transforms(r: Reconstruction, body_prefix: str, object_prefix: str, factory: Factory) -> Any | None:
    """tf2_msgs/TFMessage of who and what is present, from the result's frame; None = nobody and nothing.

    A frame is named by prefix and track id; an empty prefix leaves its kind out.
    """
    poses = {body_prefix + h.id: body_pose(h) for h in r.humans if body_prefix and h.status.is_present}
    poses |= {
        object_prefix + o.id: o.T_cam_object for o in r.objects if object_prefix and o.status.is_present
    }
    if not poses:
        return None
    head = header(r.stamp_ns, r.frame_id, factory)
    entries = [_stamped(head, name, T, factory) for name, T in poses.items()]
    return factory("tf2_msgs/msg/TFMessage", transforms=entries)


def _stamped(head: Any, child: str, T: Floats, factory: Factory) -> Any:
    pose = transform_pose(T, factory)
    place = pose.position
    return factory(
        "geometry_msgs/msg/TransformStamped",
        header=head,
        child_frame_id=child,
        transform=factory(
            "geometry_msgs/msg/Transform",
            translation=factory("geometry_msgs/msg/Vector3", x=place.x, y=place.y, z=place.z),
            rotation=pose.orientation,
        ),
    )

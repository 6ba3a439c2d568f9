"""People as ROS4HRI (REP 155) has them, without ROS; for where the package hri_msgs is installed.

The region and the skeleton are those of hri_msgs for ROS 2: shares of the image, 0 to 1.
"""

from typing import Any

import numpy as np

from scorehoi_ros.body.joint_angles import ANGLE_NAMES, joint_angles
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.messages.factory import Factory, flat, header
from scorehoi_ros.messages.outline import image_box
from scorehoi_ros.types import Box, Camera, Floats, HumanState, Landmarks, Reconstruction

IDS_LIST = "hri_msgs/msg/IdsList"
REGION = "hri_msgs/msg/NormalizedRegionOfInterest2D"
SKELETON = "hri_msgs/msg/Skeleton2D"
JOINTS = "sensor_msgs/msg/JointState"
BODIES = "/humans/bodies"
"""Where REP 155 wants them."""
_JOINTS = (
    ("right_shoulder", 2), ("right_elbow", 3), ("right_wrist", 4),
    ("left_shoulder", 5), ("left_elbow", 6), ("left_wrist", 7),
    ("right_hip", 8), ("right_knee", 9), ("right_ankle", 10),
    ("left_hip", 11), ("left_knee", 12), ("left_ankle", 13),
)  # fmt: skip
"""Joint of the body model, and its place in Skeleton2D (the 18 points of OpenPose's COCO model)."""
_NECK, _SHOULDERS = 1, (2, 5)
_FACE = ((0, 0), (2, 14), (5, 15), (7, 16), (8, 17))
"""Row of the detector's landmarks (nose, left and right eye, left and right ear), and its place."""
_POINTS = 18


def tracked(r: Reconstruction, factory: Factory) -> Any:
    """hri_msgs/IdsList of who is present."""
    head = header(r.stamp_ns, r.frame_id, factory)
    return factory(IDS_LIST, header=head, ids=[h.id for h in r.humans if h.status.is_present])


def body_box(human: HumanState, camera: Camera) -> Box | None:
    """The part of the image that a person of a result in the camera's frame covers."""
    return image_box(human.vertices, camera)


def region(box: Box, camera: Camera, human: HumanState, head: Any, factory: Factory) -> Any:
    """hri_msgs/NormalizedRegionOfInterest2D."""
    w, h = camera.width, camera.height
    ends = {"xmin": box.x0 / w, "ymin": box.y0 / h, "xmax": box.x1 / w, "ymax": box.y1 / h}
    return factory(REGION, header=head, **ends, c=float(human.confidence))


def skeleton(
    human: HumanState, camera: Camera, landmarks: Landmarks | None, head: Any, factory: Factory
) -> Any:
    """hri_msgs/Skeleton2D of a person of a result in the camera's frame.

    Limbs are the projected joints, the neck lies between the shoulders, the face is what the detector saw
    (`landmarks` of this person).  A point outside the image, or not known, has confidence 0.
    """
    pixels, confidence = np.full((_POINTS, 2), np.nan), np.zeros(_POINTS)
    joints = project(np.asarray(human.joints, np.float64), camera.K)
    for name, place in _JOINTS:
        pixels[place], confidence[place] = joints[JOINT_INDEX[name]], human.confidence
    pixels[_NECK], confidence[_NECK] = pixels[list(_SHOULDERS)].mean(axis=0), human.confidence
    if landmarks is not None:
        for row, place in _FACE:
            pixels[place], confidence[place] = landmarks.pixels[row], landmarks.confidence[row]
    return factory(SKELETON, header=head, skeleton=_points(pixels, confidence, camera, factory))


def joint_state(human: HumanState, head: Any, factory: Factory) -> Any:
    """sensor_msgs/JointState with the 20 angles of REP 155, each name with the person's id."""
    none = flat(np.zeros(0), np.float64)
    return factory(
        JOINTS,
        header=head,
        name=[f"{name}_{human.id}" for name in ANGLE_NAMES],
        position=flat(joint_angles(human.pose), np.float64),
        velocity=none,
        effort=none,
    )


def _points(pixels: Floats, confidence: Floats, camera: Camera, factory: Factory) -> list[Any]:
    shares = (pixels + 0.5) / [camera.width, camera.height]
    inside = ((shares >= 0) & (shares <= 1)).all(axis=1)
    shares = np.where(inside[:, None], shares, 0.0)
    return [
        factory("hri_msgs/msg/NormalizedPointOfInterest2D", x=float(x), y=float(y), c=float(c))
        for (x, y), c in zip(shares, np.where(inside, confidence, 0.0), strict=True)
    ]

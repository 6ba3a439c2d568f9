"""Results as vision_msgs detections, without ROS; for where that package is installed.

`class_id` is "person" or the label of the template, `score` the probability that the pose is right, `id` the
track.  Only what is present is a detection.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.messages.factory import Factory, flat, header, transform_pose
from scorehoi_ros.messages.frames import body_pose
from scorehoi_ros.messages.outline import image_box
from scorehoi_ros.types import Box, Floats, HumanState, ObjectState, Reconstruction

DETECTIONS_3D = "vision_msgs/msg/Detection3DArray"
DETECTIONS_2D = "vision_msgs/msg/Detection2DArray"
PERSON = "person"


@dataclass(frozen=True)
class _Found:
    """One person or object that is present."""

    state: HumanState | ObjectState
    label: str
    T: Floats
    """T_result_own (4, 4): its body frame, or the object's."""
    points: Floats
    """(n, 3) in that frame."""


def detections_3d(r: Reconstruction, template: Any | None, factory: Factory) -> Any:
    """Boxes in the result's frame: a person's along the axes of its body frame, an object's along its own.

    `template`: ObjectTemplate of the objects that get a box, None = none; others have one of size 0.
    """
    head = header(r.stamp_ns, r.frame_id, factory)
    detections = [
        factory(
            "vision_msgs/msg/Detection3D",
            header=head,
            results=[_hypothesis(found, factory)],
            bbox=_box_3d(found, factory),
            id=found.state.id,
        )
        for found in _present(r, template)
    ]
    return factory(DETECTIONS_3D, header=head, detections=detections)


def detections_2d(r: Reconstruction, template: Any | None, factory: Factory) -> Any:
    """Boxes in the image, of a result in the camera's frame; what has no point in the image is left out.

    Poses are in the camera's frame, which is that of the header.
    """
    head = header(r.stamp_ns, r.frame_id, factory)
    boxes = [(f, image_box(transform_points(f.T, f.points), r.camera)) for f in _present(r, template)]
    detections = [
        factory(
            "vision_msgs/msg/Detection2D",
            header=head,
            results=[_hypothesis(found, factory)],
            bbox=_box_2d(box, factory),
            id=found.state.id,
        )
        for found, box in boxes
        if box is not None
    ]
    return factory(DETECTIONS_2D, header=head, detections=detections)


def _present(r: Reconstruction, template: Any | None) -> list[_Found]:
    """People first."""
    result = []
    for human in (h for h in r.humans if h.status.is_present):
        T = body_pose(human)
        points = transform_points(invert_transform(T), human.vertices)
        result.append(_Found(human, PERSON, T, points))
    for thing in (o for o in r.objects if o.status.is_present):
        known = template is not None and template.template_id == thing.template_id
        points = np.asarray(template.mesh.vertices, np.float64) if template and known else np.zeros((0, 3))
        result.append(_Found(thing, thing.label, thing.T_cam_object, points))
    return result


def _box_3d(found: _Found, factory: Factory) -> Any:
    points = found.points if len(found.points) else np.zeros((1, 3))
    low, high = points.min(axis=0), points.max(axis=0)
    x, y, z = (float(v) for v in high - low)
    return factory(
        "vision_msgs/msg/BoundingBox3D",
        center=transform_pose(found.T @ make_transform(np.eye(3), (low + high) / 2), factory),
        size=factory("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
    )


def _hypothesis(found: _Found, factory: Factory) -> Any:
    """A person's covariance is not known: zeros, as ROS has it."""
    state = found.state
    covariance = state.covariance if isinstance(state, ObjectState) else np.zeros((6, 6))
    return factory(
        "vision_msgs/msg/ObjectHypothesisWithPose",
        hypothesis=factory(
            "vision_msgs/msg/ObjectHypothesis", class_id=found.label, score=float(state.confidence)
        ),
        pose=factory(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=transform_pose(found.T, factory),
            covariance=flat(covariance, np.float64),
        ),
    )


def _box_2d(box: Box, factory: Factory) -> Any:
    """Pixel coordinates as everywhere here: (0, 0) is the centre of the first pixel."""
    x, y = (box.x0 + box.x1) / 2 - 0.5, (box.y0 + box.y1) / 2 - 0.5
    return factory(
        "vision_msgs/msg/BoundingBox2D",
        center=factory(
            "vision_msgs/msg/Pose2D",
            position=factory("vision_msgs/msg/Point2D", x=x, y=y),
            theta=0.0,
        ),
        size_x=box.x1 - box.x0,
        size_y=box.y1 - box.y0,
    )

"""Results as vision_msgs detections, without ROS; for where that package is installed.

`class_id` is "person" or the label of the template, `score` the probability that the pose is right, `id` the
track.  Only what is present is a detection.
"""

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


def detections_3d(r: Reconstruction, template: Any | None, factory: Factory) -> Any:
    """Boxes in the result's frame: a person's along the axes of its body frame, an object's along its own.

    `template`: ObjectTemplate of the objects that get a box, None = none; others have one of size 0.
    """
    head = header(r.stamp_ns, r.frame_id, factory)
    people = [
        _detection_3d(h, PERSON, body_pose(h), h.vertices, head, factory)
        for h in r.humans
        if h.status.is_present
    ]
    things = [
        _detection_3d(o, o.label, o.T_cam_object, _points_of(o, template), head, factory)
        for o in r.objects
        if o.status.is_present
    ]
    return factory(DETECTIONS_3D, header=head, detections=people + things)


def detections_2d(r: Reconstruction, template: Any | None, factory: Factory) -> Any:
    """Boxes in the image, of a result in the camera's frame; what has no point in the image is left out.

    Poses are in the camera's frame, which is that of the header.
    """
    head = header(r.stamp_ns, r.frame_id, factory)
    found = [(h, PERSON, body_pose(h), h.vertices) for h in r.humans if h.status.is_present]
    found += [
        (o, o.label, o.T_cam_object, transform_points(o.T_cam_object, _points_of(o, template)))
        for o in r.objects
        if o.status.is_present
    ]
    boxes = [(*entry, image_box(entry[3], r.camera)) for entry in found]
    return factory(
        DETECTIONS_2D,
        header=head,
        detections=[
            factory(
                "vision_msgs/msg/Detection2D",
                header=head,
                results=[_hypothesis(state, label, T, factory)],
                bbox=_box_2d(box, factory),
                id=state.id,
            )
            for state, label, T, _, box in boxes
            if box is not None
        ],
    )


def _points_of(state: ObjectState, template: Any | None) -> Floats:
    """(n, 3) in the object's frame; none when its template is not known."""
    if template is None or template.template_id != state.template_id:
        return np.zeros((0, 3))
    return np.asarray(template.mesh.vertices, np.float64)


def _detection_3d(
    state: HumanState | ObjectState, label: str, T: Floats, points: Floats, head: Any, factory: Factory
) -> Any:
    """`points`: of a person in the result's frame, of an object in its own."""
    if isinstance(state, HumanState):
        points = transform_points(invert_transform(T), points)
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(3), np.zeros(3))
    x, y, z = (float(v) for v in high - low)
    return factory(
        "vision_msgs/msg/Detection3D",
        header=head,
        results=[_hypothesis(state, label, T, factory)],
        bbox=factory(
            "vision_msgs/msg/BoundingBox3D",
            center=transform_pose(T @ make_transform(np.eye(3), (low + high) / 2), factory),
            size=factory("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        ),
        id=state.id,
    )


def _hypothesis(state: HumanState | ObjectState, label: str, T: Floats, factory: Factory) -> Any:
    """A person's covariance is not known: zeros, as ROS has it."""
    covariance = state.covariance if isinstance(state, ObjectState) else np.zeros((6, 6))
    return factory(
        "vision_msgs/msg/ObjectHypothesisWithPose",
        hypothesis=factory("vision_msgs/msg/ObjectHypothesis", class_id=label, score=float(state.confidence)),
        pose=factory(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=transform_pose(T, factory),
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

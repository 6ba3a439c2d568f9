"""Results as our messages, without ROS: one set of builders for the node (rclpy) and for bags (rosbags).

A state without an estimate (ABSENT, LOST, BAD_INPUT) gives empty arrays and an identity pose, whatever it
still carries: a stale mesh must never look like a new one.
"""

import dataclasses
from typing import Any, Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.messages.factory import Factory, flat, header, pose, transform_pose
from scorehoi_ros.types import Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

_NO_CONTACTS = Contacts(
    human_vertices=np.zeros(0, np.int32),
    human_probabilities=np.zeros(0),
    body_parts=(),
    object_points=np.zeros((0, 3)),
    object_probabilities=np.zeros(0),
    floor_points=np.zeros((0, 3)),
    floor_probabilities=np.zeros(0),
)


class BodyTopology(Protocol):
    """The part of `body.BodyModel` that the latched `BodyModel` message needs."""

    name: str
    version: str
    v_template: Any
    faces: Any
    joint_names: Any
    parents: Any
    region_names: Any
    regions: Any


def body_model(body: BodyTopology, factory: Factory, *, time_ns: int = 0, frame_id: str = "") -> Any:
    """scorehoi_ros/BodyModel: the topology that goes once to the latched topic."""
    return factory(
        "scorehoi_ros/msg/BodyModel",
        header=header(time_ns, frame_id, factory),
        name=body.name,
        version=body.version,
        num_vertices=len(body.v_template),
        faces=flat(body.faces, np.uint32),
        joint_names=list(body.joint_names),
        parents=flat(body.parents, np.int32),
        region_names=list(body.region_names),
        vertex_regions=flat(body.regions, np.uint8),
    )


def interaction(r: Reconstruction, factory: Factory, *, mesh_resource: str = "", age_ms: float = 0.0) -> Any:
    """scorehoi_ros/Interaction of one frame.

    `mesh_resource`: URI of the mesh of the primary object's template, given to every object of that template;
    `age_ms`: capture to publish, 0 when made offline.
    """
    head = header(r.stamp_ns, r.frame_id, factory)
    known = {r.object.template_id: mesh_resource} if r.object is not None else {}
    return factory(
        "scorehoi_ros/msg/Interaction",
        header=head,
        status=int(r.status),
        message=r.message,
        humans=[human_state(human, head, factory) for human in r.humans],
        objects=[object_state(o, head, factory, known.get(o.template_id, "")) for o in r.objects],
        contacts=[contact_state(contacts, head, factory) for contacts in r.contacts],
        floor_plane=_plane(r.floor),
        floor_is_guess=r.floor is not None and r.floor.source != "gravity",
        k=flat(r.camera.K, np.float64),
        camera_source=r.camera.source,
        stage_names=list(r.stage_ms),
        stage_ms=flat(list(r.stage_ms.values()), np.float32),
        age_ms=float(age_ms),
        warm=bool(r.quality.get("warm", 0.0)),
    )


def without_mesh(r: Reconstruction) -> Reconstruction:
    """The same result without the people's vertices, for links that cannot carry a mesh."""
    none = np.zeros((0, 3), np.float32)
    return dataclasses.replace(r, humans=tuple(dataclasses.replace(h, vertices=none) for h in r.humans))


def human_state(human: HumanState, head: Any, factory: Factory) -> Any:
    """scorehoi_ros/HumanState."""
    shown = human if human.status.is_present else nobody(human.status)
    orientation = Rotation.from_rotvec(shown.pose[0]) if len(shown.pose) else Rotation.identity()
    return factory(
        "scorehoi_ros/msg/HumanState",
        header=head,
        id=human.id,
        status=int(human.status),
        confidence=float(human.confidence),
        betas=flat(shown.betas, np.float32),
        pose=flat(shown.pose, np.float32),
        root=pose(shown.root, orientation, factory),
        joints=flat(shown.joints, np.float32),
        vertices=flat(shown.vertices, np.float32),
    )


def nobody(status: Status) -> HumanState:
    """A person of whom nothing is known but why: empty arrays, no id."""
    none = np.zeros((0, 3))
    return HumanState("", status, 0.0, np.zeros(0), none, np.zeros(3), none, np.zeros((0, 3), np.float32))


def primary_status(r: Reconstruction) -> Status:
    """Status of the primary person, also of one whom the reconstruction does not list."""
    if r.human is not None:
        return r.human.status
    return Status.BAD_INPUT if r.status == Status.BAD_INPUT else Status.ABSENT


def object_state(state: ObjectState, head: Any, factory: Factory, mesh_resource: str = "") -> Any:
    """scorehoi_ros/ObjectState; `mesh_resource` = URI of its template's mesh."""
    present = state.status.is_present
    return factory(
        "scorehoi_ros/msg/ObjectState",
        header=head,
        id=state.id,
        template_id=state.template_id,
        class_name=state.label,
        mesh_resource=mesh_resource,
        status=int(state.status),
        confidence=float(state.confidence),
        pose=factory(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=transform_pose(state.T_cam_object if present else np.eye(4), factory),
            covariance=flat(state.covariance if present else np.zeros((6, 6)), np.float64),
        ),
    )


def contact_state(contacts: Contacts | None, head: Any, factory: Factory) -> Any:
    """scorehoi_ros/ContactState; None = nothing touches: empty arrays and ids."""
    c = contacts or _NO_CONTACTS
    return factory(
        "scorehoi_ros/msg/ContactState",
        header=head,
        human_id=c.human_id,
        object_id=c.object_id,
        source=c.source,
        human_vertices=flat(c.human_vertices, np.uint32),
        human_probabilities=flat(c.human_probabilities, np.float32),
        body_parts=list(c.body_parts),
        object_points=flat(c.object_points, np.float32),
        object_probabilities=flat(c.object_probabilities, np.float32),
        floor_points=flat(c.floor_points, np.float32),
        floor_probabilities=flat(c.floor_probabilities, np.float32),
    )


def pose_stamped(state: ObjectState, head: Any, factory: Factory) -> Any:
    """geometry_msgs/PoseStamped of an object that is present."""
    return factory(
        "geometry_msgs/msg/PoseStamped", header=head, pose=transform_pose(state.T_cam_object, factory)
    )


def _plane(floor: Floor | None) -> Any:
    """(4,) normal and offset; zeros without a floor."""
    return flat(np.zeros(4) if floor is None else np.append(floor.normal, floor.offset), np.float64)

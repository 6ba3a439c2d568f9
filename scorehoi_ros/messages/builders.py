"""Results as ROS messages, without ROS: one set of builders for the node (rclpy) and for bags (rosbags).

Every builder takes a `Factory`: `factory(type_name, **fields)` makes one message of `type_name`
("scorehoi_ros/msg/HumanState") with ALL its fields.  Builders give arrays as flat, C-contiguous numpy arrays
of the field's exact dtype and sequences of strings as lists; the factory turns them into what its library
wants (`ros.factory.ros_message`: array.array for rclpy; `rosbags_factory`: numpy as it is).

A result that does not exist (ABSENT, LOST, BAD_INPUT) gives empty arrays and an identity pose, whatever the
reconstruction still carries: a stale mesh must never look like a new one.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.types import Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

NANOSECONDS = 1_000_000_000
HEADER = "std_msgs/msg/Header"


class Factory(Protocol):
    """Makes one message; `type_name` like "scorehoi_ros/msg/HumanState"."""

    def __call__(self, type_name: str, /, **fields: Any) -> Any:
        """Build the message; unknown or missing fields are a programming error and raise TypeError."""


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


@dataclasses.dataclass(frozen=True)
class ObjectIdentity:
    """Names of the object being followed, needed also when it is not seen."""

    template_id: str = ""
    label: str = ""
    mesh_resource: str = ""
    """URI of the template's mesh, empty when none was written."""


class TrackIds:
    """Names the person for as long as one track lasts: "human_1", then "human_2" after a loss, gap or reset.

    Used by the node and by the labeller alike, so that live and offline names agree.
    """

    def __init__(self, max_gap_s: float) -> None:
        self.set_max_gap(max_gap_s)
        self._number, self._tracking, self._last_ns = 0, False, 0

    def update(self, reconstruction: Reconstruction) -> str:
        """Track id of this frame, empty when nobody is there; a BAD_INPUT frame does not end the track."""
        if reconstruction.status == Status.BAD_INPUT:
            return ""
        gap_ns = reconstruction.stamp_ns - self._last_ns
        self._last_ns = reconstruction.stamp_ns
        human = reconstruction.human
        if human is None or not is_present(human.status):
            self._tracking = False
            return ""
        if not self._tracking or not 0 <= gap_ns <= self._max_gap_ns:
            self._number += 1
        self._tracking = True
        return f"human_{self._number}"

    def set_max_gap(self, max_gap_s: float) -> None:
        """A longer gap between stamps ends the track."""
        self._max_gap_ns = int(max_gap_s * NANOSECONDS)

    def reset(self) -> None:
        """The next person gets a new name."""
        self._tracking = False


def rosbags_factory(typestore: Any) -> Factory:
    """Factory for a `rosbags` typestore in which our message types are registered."""
    types: Mapping[str, Any] = typestore.types

    def build(type_name: str, /, **fields: Any) -> Any:
        return types[type_name](**fields)

    return build


def flat(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Flat contiguous copy-if-needed of `values` in `dtype`: the one form in which arrays enter a message."""
    return np.ascontiguousarray(values, dtype=dtype).reshape(-1)


def stamp(stamp_ns: int, factory: Factory) -> Any:
    """builtin_interfaces/Time of integer nanoseconds."""
    sec, nanosec = divmod(int(stamp_ns), NANOSECONDS)
    return factory("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)


def stamp_ns(time: Any) -> int:
    """Integer nanoseconds of a builtin_interfaces/Time."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def header(time_ns: int, frame_id: str, factory: Factory) -> Any:
    """std_msgs/Header."""
    return factory(HEADER, stamp=stamp(time_ns, factory), frame_id=frame_id)


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


def interaction(
    reconstruction: Reconstruction,
    factory: Factory,
    *,
    track_id: str = "",
    identity: ObjectIdentity | None = None,
    age_ms: float = 0.0,
) -> Any:
    """scorehoi_ros/Interaction of one frame.

    `track_id` names the person for as long as one track lasts; `identity` names the object when the frame
    has no object state, and gives the mesh URI; `age_ms` = capture to publish, 0 when made offline.
    """
    r = reconstruction
    head = header(r.stamp_ns, r.frame_id, factory)
    return factory(
        "scorehoi_ros/msg/Interaction",
        header=head,
        status=int(r.status),
        message=r.message,
        human=human_state(r.human, missing_status(r), head, factory, track_id=track_id),
        object=object_state(r.object, missing_status(r), head, factory, identity=identity),
        contacts=contact_state(r.contacts, r.floor, head, factory),
        k=flat(r.camera.K, np.float64),
        camera_source=r.camera.source,
        stage_names=list(r.stage_ms),
        stage_ms=flat(list(r.stage_ms.values()), np.float32),
        age_ms=float(age_ms),
    )


def without_mesh(reconstruction: Reconstruction) -> Reconstruction:
    """The same result without the human's vertices, for links that cannot carry the mesh."""
    if reconstruction.human is None:
        return reconstruction
    human = dataclasses.replace(reconstruction.human, vertices=np.zeros((0, 3), np.float32))
    return dataclasses.replace(reconstruction, human=human)


def missing_status(reconstruction: Reconstruction) -> Status:
    """Status of a human or object for which the reconstruction holds no state at all."""
    return Status.BAD_INPUT if reconstruction.status == Status.BAD_INPUT else Status.ABSENT


def is_present(status: Status) -> bool:
    """True when a state of this status carries an estimate of the frame itself."""
    return status in (Status.OK, Status.UNTRUSTED)


def human_state(
    human: HumanState | None, missing: Status, head: Any, factory: Factory, *, track_id: str = ""
) -> Any:
    """scorehoi_ros/HumanState; `missing` is the status used when `human` is None."""
    status = missing if human is None else human.status
    shown = human if human is not None and is_present(status) else None
    empty = np.zeros(0)
    return factory(
        "scorehoi_ros/msg/HumanState",
        header=head,
        id=track_id,
        status=int(status),
        confidence=float(human.confidence) if human is not None else 0.0,
        betas=flat(shown.betas if shown else empty, np.float32),
        pose=flat(shown.pose if shown else empty, np.float32),
        root=_root_pose(shown, factory),
        joints=flat(shown.joints if shown else empty, np.float32),
        vertices=flat(shown.vertices if shown else empty, np.float32),
    )


def object_state(
    state: ObjectState | None,
    missing: Status,
    head: Any,
    factory: Factory,
    *,
    identity: ObjectIdentity | None = None,
) -> Any:
    """scorehoi_ros/ObjectState; `missing` is the status used when `state` is None."""
    names = identity or ObjectIdentity()
    status = missing if state is None else state.status
    present = state is not None and is_present(status)
    transform = state.T_cam_object if state is not None and present else np.eye(4)
    covariance = state.covariance if state is not None and present else np.zeros((6, 6))
    return factory(
        "scorehoi_ros/msg/ObjectState",
        header=head,
        id=state.template_id if state is not None else names.template_id,
        class_name=state.label if state is not None else names.label,
        mesh_resource=names.mesh_resource,
        status=int(status),
        confidence=float(state.confidence) if state is not None else 0.0,
        pose=factory(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=pose(transform, factory),
            covariance=flat(covariance, np.float64),
        ),
    )


def contact_state(contacts: Contacts | None, floor: Floor | None, head: Any, factory: Factory) -> Any:
    """scorehoi_ros/ContactState; empty arrays without contacts, a zero plane without a floor."""
    c = contacts
    empty = np.zeros(0)
    plane = np.append(floor.normal, floor.offset) if floor is not None else np.zeros(4)
    return factory(
        "scorehoi_ros/msg/ContactState",
        header=head,
        human_vertices=flat(c.human_vertices if c else empty, np.uint32),
        human_probabilities=flat(c.human_probabilities if c else empty, np.float32),
        body_parts=list(c.body_parts) if c else [],
        object_points=flat(c.object_points if c else empty, np.float32),
        object_probabilities=flat(c.object_probabilities if c else empty, np.float32),
        floor_points=flat(c.floor_points if c else empty, np.float32),
        floor_probabilities=flat(c.floor_probabilities if c else empty, np.float32),
        floor_plane=flat(plane, np.float64),
        floor_is_guess=floor is not None and floor.source == "guess",
    )


def pose_stamped(reconstruction: Reconstruction, factory: Factory) -> Any | None:
    """geometry_msgs/PoseStamped of the object, or None when the frame has no estimate of it.

    PoseStamped has no status, so the topic stays silent instead of repeating an old pose.
    """
    state = reconstruction.object
    if state is None or not is_present(state.status):
        return None
    return factory(
        "geometry_msgs/msg/PoseStamped",
        header=header(reconstruction.stamp_ns, reconstruction.frame_id, factory),
        pose=pose(state.T_cam_object, factory),
    )


def pose(transform: ArrayLike, factory: Factory) -> Any:
    """geometry_msgs/Pose of a (4, 4) rigid transform in metres."""
    matrix = np.asarray(transform, dtype=np.float64)
    return _pose(matrix[:3, 3], Rotation.from_matrix(matrix[:3, :3]).as_quat(), factory)


def _root_pose(human: HumanState | None, factory: Factory) -> Any:
    if human is None:
        return _pose(np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]), factory)
    return _pose(human.root, quaternion_from_axis_angle(human.pose[0]), factory)


def quaternion_from_axis_angle(rotation: ArrayLike) -> NDArray[np.float64]:
    """(4,) unit quaternion xyzw of a (3,) axis-angle vector in radians."""
    vector = np.asarray(rotation, dtype=np.float64)
    angle = float(np.linalg.norm(vector))
    scale = 0.5 * np.sinc(angle / (2.0 * np.pi))
    return np.append(scale * vector, np.cos(angle / 2.0))


def _pose(position: ArrayLike, quaternion: ArrayLike, factory: Factory) -> Any:
    x, y, z = (float(v) for v in np.asarray(position))
    qx, qy, qz, qw = (float(v) for v in np.asarray(quaternion))
    return factory(
        "geometry_msgs/msg/Pose",
        position=factory("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=factory("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )

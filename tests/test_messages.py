"""Messages built through rosbags, without ROS: every field arrives, and a missing result is empty."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scipy.spatial.transform import Rotation

from scorehoi_ros.messages import builders as messages
from scorehoi_ros.types import Camera, Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

NUM_VERTICES = 50
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def store() -> Any:
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for path in sorted((REPOSITORY / "msg").glob("*.msg")):
        types.update(get_types_from_msg(path.read_text(), f"scorehoi_ros/msg/{path.stem}"))
    store.register(types)
    return store


def make_reconstruction(status: Status = Status.OK, *, vertices: int = NUM_VERTICES) -> Reconstruction:
    rng = np.random.default_rng(0)
    human = HumanState(
        status=status,
        confidence=0.75,
        betas=rng.normal(size=10),
        pose=rng.normal(size=(52, 3)),
        root=np.array([0.1, 0.2, 3.0]),
        joints=rng.normal(size=(52, 3)),
        vertices=rng.normal(size=(vertices, 3)).astype(np.float32),
    )
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec([0.1, 0.2, 0.3]).as_matrix()
    T[:3, 3] = [1.0, 2.0, 3.0]
    state = ObjectState(status, 0.5, "box", "abc", T, np.diag(np.arange(6.0)))
    contacts = Contacts(
        np.array([3, 4], np.int32), np.array([0.5, 1.0]), ("left_hand",), np.ones((1, 3)), np.ones(1),
        np.zeros((0, 3)), np.zeros(0),
    )  # fmt: skip
    camera = Camera(np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]]), 640, 480, source="guess")
    return Reconstruction(
        stamp_ns=1_700_000_000_123_456_789, frame_id="cam", name="0", camera=camera, status=status,
        message="m",
        human=human, object=state, contacts=contacts, floor=Floor(np.array([0.0, -1, 0]), -1.2),
        stage_ms={"human": 3.5, "fit": 40.0},
    )  # fmt: skip


def round_trip(store: Any, message: Any) -> Any:
    return store.deserialize_cdr(store.serialize_cdr(message, message.__msgtype__), message.__msgtype__)


def test_all_values_arrive(store: Any) -> None:
    r = make_reconstruction()
    sent = messages.interaction(r, messages.rosbags_factory(store), track_id="human_1", age_ms=12.5)
    got = round_trip(store, sent)
    assert messages.stamp_ns(got.header.stamp) == r.stamp_ns
    assert got.header.frame_id == got.human.header.frame_id == got.object.header.frame_id == "cam"
    np.testing.assert_array_equal(got.human.vertices.reshape(-1, 3), r.human.vertices)
    np.testing.assert_allclose(got.human.joints.reshape(52, 3), r.human.joints, rtol=1e-6)
    np.testing.assert_allclose(got.k.reshape(3, 3), r.camera.K)
    np.testing.assert_allclose(got.object.pose.covariance.reshape(6, 6), r.object.covariance)
    np.testing.assert_allclose(got.contacts.floor_plane, [0, -1, 0, -1.2])
    assert (got.human.id, got.age_ms, got.camera_source) == ("human_1", 12.5, "guess")
    assert dict(zip(got.stage_names, got.stage_ms, strict=True)) == r.stage_ms
    assert list(got.contacts.human_vertices) == [3, 4] and got.contacts.body_parts == ["left_hand"]
    assert got.contacts.floor_is_guess
    q = got.object.pose.pose.orientation
    np.testing.assert_allclose(Rotation.from_quat([q.x, q.y, q.z, q.w]).as_rotvec(), [0.1, 0.2, 0.3])


@pytest.mark.parametrize("status", [Status.ABSENT, Status.LOST, Status.BAD_INPUT])
def test_stale_estimate_is_never_published(store: Any, status: Status) -> None:
    """A LOST state may still carry the last mesh; the message must not."""
    factory = messages.rosbags_factory(store)
    got = round_trip(store, messages.interaction(make_reconstruction(status), factory))
    assert got.human.status == got.object.status == int(status)
    assert (
        len(got.human.vertices) == len(got.human.joints) == len(got.human.pose) == len(got.human.betas) == 0
    )
    assert got.object.pose.pose.position.z == 0.0 and got.object.pose.pose.orientation.w == 1.0
    assert got.object.class_name == "box"
    assert messages.pose_stamped(make_reconstruction(status), factory) is None


@pytest.mark.parametrize(
    ("whole", "part"), [(Status.BAD_INPUT, Status.BAD_INPUT), (Status.ABSENT, Status.ABSENT)]
)
def test_missing_states(store: Any, whole: Status, part: Status) -> None:
    r = dataclasses.replace(
        make_reconstruction(whole), human=None, object=None, contacts=None, floor=None, stage_ms={}
    )
    identity = messages.ObjectIdentity("abc", "box", "file:///box.ply")
    got = round_trip(store, messages.interaction(r, messages.rosbags_factory(store), identity=identity))
    assert got.human.status == got.object.status == int(part)
    assert (got.object.id, got.object.class_name, got.object.mesh_resource) == (
        "abc",
        "box",
        "file:///box.ply",
    )
    assert len(got.human.vertices) == len(got.contacts.human_vertices) == len(got.stage_ms) == 0
    np.testing.assert_array_equal(got.contacts.floor_plane, np.zeros(4))


def test_pose_stamped(store: Any) -> None:
    got = round_trip(store, messages.pose_stamped(make_reconstruction(), messages.rosbags_factory(store)))
    assert (got.pose.position.x, got.pose.position.y, got.pose.position.z) == (1.0, 2.0, 3.0)


def test_factory_refuses_a_forgotten_field(store: Any) -> None:
    with pytest.raises(TypeError):
        messages.rosbags_factory(store)("geometry_msgs/msg/Point", x=1.0)


@given(st.lists(st.floats(-3.1, 3.1), min_size=3, max_size=3))
def test_quaternion_agrees_with_scipy(rotation: list[float]) -> None:
    ours = messages.quaternion_from_axis_angle(rotation)
    same = Rotation.from_quat(ours) * Rotation.from_rotvec(rotation).inv()
    assert same.magnitude() < 1e-7 and abs(np.linalg.norm(ours) - 1) < 1e-12

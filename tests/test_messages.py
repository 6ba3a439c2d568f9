"""Messages of every kind of result, through both libraries: every field arrives, what is missing is empty."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.messages import builders
from scorehoi_ros.messages.camera_info import camera_info
from scorehoi_ros.messages.factory import header, stamp_ns
from scorehoi_ros.messages.markers import MarkerBuilder
from scorehoi_ros.messages.topics import TOPICS, frame_messages
from scorehoi_ros.types import Camera, Reconstruction, Status
from tests.message_libraries import LIBRARIES, Rclpy, Rosbags, assert_pose, sent
from tests.reconstructions import (
    EVERY_CASE,
    FakeBody,
    FakeTemplate,
    bad_input,
    both_lost,
    human_only,
    lost,
    never_seen,
    nobody,
    object_only,
    pair,
    two_of_each,
)

STAMP_NS = 1_700_000_000_123_456_789
Case = Callable[[int, int], Reconstruction]


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    return request.param()


def published(library: Any, r: Reconstruction, **options: Any) -> Any:
    """Everything of a frame as it arrives, by topic."""
    messages = frame_messages(r, library.make, **options)
    return SimpleNamespace(**{name: sent(library, m, TOPICS[name]) for name, m in messages.items()})


def rows(values: Any, *shape: int) -> np.ndarray:
    return np.asarray(values).reshape(-1, *shape)


@pytest.mark.parametrize("case", EVERY_CASE)
def test_every_value_of_every_case_arrives(library: Any, case: Case) -> None:
    r = case(1, STAMP_NS)
    got = published(library, r, age_ms=12.5).interaction
    assert stamp_ns(got.header.stamp) == STAMP_NS
    assert (got.header.frame_id, got.status, got.message) == (r.frame_id, int(r.status), r.message)
    assert (got.camera_source, got.age_ms) == (r.camera.source, 12.5)
    np.testing.assert_array_equal(rows(got.k, 3), r.camera.K)
    assert dict(zip(got.stage_names, got.stage_ms, strict=True)) == r.stage_ms
    plane = np.zeros(4) if r.floor is None else [*r.floor.normal, r.floor.offset]
    np.testing.assert_array_equal(got.floor_plane, plane)
    assert got.floor_is_guess == (r.floor is not None)
    for m, human in zip(got.humans, r.humans, strict=True):
        assert (m.id, m.status, m.header.frame_id) == (human.id, int(human.status), r.frame_id)
        assert m.confidence == pytest.approx(human.confidence)
        np.testing.assert_array_equal(rows(m.vertices, 3), human.vertices)
        for name in ("betas", "pose", "joints"):
            np.testing.assert_allclose(getattr(m, name), getattr(human, name).reshape(-1), rtol=1e-6)
        if human.status.is_present:
            assert_pose(m.root, human.root, Rotation.from_rotvec(human.pose[0]))
    for m, state in zip(got.objects, r.objects, strict=True):
        names = (m.id, m.template_id, m.class_name, m.status)
        assert names == (state.id, state.template_id, state.label, int(state.status))
        T = state.T_cam_object
        assert_pose(m.pose.pose, T[:3, 3], Rotation.from_matrix(T[:3, :3]))
        np.testing.assert_array_equal(rows(m.pose.covariance, 6), state.covariance)
    for m, contacts in zip(got.contacts, r.contacts, strict=True):
        assert (m.human_id, m.object_id, m.source) == (contacts.human_id, contacts.object_id, contacts.source)
        assert tuple(m.body_parts) == contacts.body_parts
        np.testing.assert_array_equal(m.human_vertices, contacts.human_vertices)
        for name in ("human_probabilities", "object_probabilities", "floor_probabilities"):
            np.testing.assert_allclose(getattr(m, name), getattr(contacts, name), rtol=1e-6)
        for name in ("object_points", "floor_points"):
            np.testing.assert_allclose(rows(getattr(m, name), 3), getattr(contacts, name), rtol=1e-6)


@pytest.mark.parametrize("case", EVERY_CASE)
def test_what_one_library_wrote_the_other_reads(case: Case) -> None:
    """The bytes themselves may differ: rclpy leaves what lies between the fields as it finds it."""
    bags, written = Rosbags(), []
    for library in (bags, Rclpy()):
        messages = frame_messages(case(2, STAMP_NS), library.make)
        builder = MarkerBuilder(FakeBody(), FakeTemplate(), library.make)
        messages["markers"] = builder.build(case(2, STAMP_NS))
        messages["body_model"] = builders.body_model(FakeBody(), library.make, time_ns=5)
        data = {name: library.write(message, TOPICS[name]) for name, message in messages.items()}
        written.append(
            {name: bags.write(bags.read(d, TOPICS[name]), TOPICS[name]) for name, d in data.items()}
        )
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("case", "human", "human_id", "object_id", "shown"),
    [
        (pair, Status.OK, "human_1", "object_1", True),
        (two_of_each, Status.OK, "human_1", "object_1", True),
        (human_only, Status.OK, "human_1", "", False),
        (object_only, Status.ABSENT, "", "object_1", True),
        (lost, Status.OK, "human_1", "", False),
        (both_lost, Status.LOST, "human_1", "", False),
        (never_seen, Status.OK, "human_1", "", False),
        (nobody, Status.ABSENT, "", "", False),
        (bad_input, Status.BAD_INPUT, "", "", False),
    ],
)
def test_the_primary_pair_has_topics_of_its_own(
    library: Any, case: Case, human: Status, human_id: str, object_id: str, shown: bool
) -> None:
    """~/human and ~/contacts speak in every frame; a pose is sent only when the frame shows the object."""
    got = published(library, case(0, STAMP_NS))
    assert (got.human.status, got.human.id) == (int(human), human_id)
    assert got.contacts.object_id == object_id
    assert stamp_ns(got.human.header.stamp) == stamp_ns(got.contacts.header.stamp) == STAMP_NS
    assert hasattr(got, "object_pose") == shown
    if shown:
        T = case(0, STAMP_NS).object.T_cam_object
        assert_pose(got.object_pose.pose, T[:3, 3], Rotation.from_matrix(T[:3, :3]))


@pytest.mark.parametrize("status", [Status.ABSENT, Status.LOST, Status.BAD_INPUT])
def test_stale_estimate_is_never_published(library: Any, status: Status) -> None:
    """A state may still carry the last mesh and pose; the messages must not."""
    r = pair(0, STAMP_NS)
    r = replace(r, humans=(replace(r.human, status=status),), objects=(replace(r.object, status=status),))
    got = published(library, r)
    assert got.human.status == got.interaction.objects[0].status == int(status)
    assert not any(len(getattr(got.human, name)) for name in ("vertices", "joints", "pose", "betas"))
    for pose in (got.human.root, got.interaction.objects[0].pose.pose):
        assert_pose(pose, np.zeros(3), Rotation.identity())
    assert not np.any(got.interaction.objects[0].pose.covariance)
    assert got.interaction.objects[0].class_name == "box"
    assert not hasattr(got, "object_pose")


def test_mesh_can_be_left_out_and_its_file_named(library: Any) -> None:
    r = two_of_each(0, STAMP_NS)
    other = replace(r.objects[1], template_id="another")
    r = builders.without_mesh(replace(r, objects=(r.objects[0], other)))
    got = published(library, r, mesh_resource="file:///box.ply").interaction
    assert [len(m.vertices) for m in got.humans] == [0, 0] and len(got.humans[1].joints) == 52 * 3
    assert [m.mesh_resource for m in got.objects] == ["file:///box.ply", ""]


def test_body_model(library: Any) -> None:
    body = FakeBody()
    kind = TOPICS["body_model"]
    got = sent(library, builders.body_model(body, library.make, time_ns=7, frame_id="cam"), kind)
    np.testing.assert_array_equal(rows(got.faces, 3), body.faces)
    np.testing.assert_array_equal(got.parents, body.parents)
    assert tuple(got.joint_names) == body.joint_names and tuple(got.region_names) == body.region_names
    assert (got.name, got.version, got.num_vertices) == (body.name, body.version, len(body.v_template))
    assert len(got.vertex_regions) == len(body.v_template) and stamp_ns(got.header.stamp) == 7


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        ("plumb_bob", [], [0, 0, 0, 0, 0]),
        ("plumb_bob", [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4, 0]),
        ("rational_polynomial", [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
        ("equidistant", [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_camera_info(library: Any, model: Any, given: list[float], expected: list[float]) -> None:
    K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
    camera = Camera(K, 640, 480, np.array(given, float), model)
    kind = "sensor_msgs/msg/CameraInfo"
    got = sent(library, camera_info(camera, header(5, "cam", library.make), library.make), kind)
    assert (got.width, got.height, got.distortion_model, got.header.frame_id) == (640, 480, model, "cam")
    assert list(got.d) == expected
    np.testing.assert_array_equal(rows(got.k, 3), K)
    np.testing.assert_array_equal(rows(got.r, 3), np.eye(3))
    np.testing.assert_array_equal(rows(got.p, 4), np.c_[K, np.zeros(3)])


def test_factory_refuses_a_forgotten_or_unknown_field(library: Any) -> None:
    with pytest.raises(TypeError):
        library.make("geometry_msgs/msg/Point", x=1.0)
    with pytest.raises(TypeError):
        library.make("geometry_msgs/msg/Point", x=1.0, y=1.0, z=1.0, w=1.0)

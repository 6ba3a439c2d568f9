"""Labels into one MCAP and back: equal stamps, equal values, readable by independent readers."""

from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader
from reconstructions import FakeBody, FakeTemplate, lost, nobody, reconstruction
from rosbags.highlevel import AnyReader

from scorehoi_ros.errors import OutputError
from scorehoi_ros.io.bag_writer import NAMESPACE, label_bag
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame, Status

START = 1_700_000_000_000_000_123
STAMPS = [START, START + 33_000_001, START + 70_000_007, START + 100_000_000]


def write(path: Path) -> list:
    results = [
        reconstruction(0, STAMPS[0]), reconstruction(1, STAMPS[1]), lost(2, STAMPS[2]), nobody(3, STAMPS[3])
    ]  # fmt: skip
    rgb = np.full((48, 64, 3), (30, 150, 220), np.uint8)
    with label_bag(path, FakeBody(), FakeTemplate()) as bag:
        for r in results:
            bag.write(r, rgb, log_ns=r.stamp_ns + 500)
    return results


def read(path: Path) -> dict[str, list]:
    topics: dict[str, list] = {}
    with AnyReader([path]) as reader:
        for connection, log_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            topics.setdefault(connection.topic.removeprefix(NAMESPACE + "/"), []).append((log_ns, message))
    return topics


def ns(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    results = write(path)
    topics = read(path)
    assert {name: len(entries) for name, entries in topics.items()} == {
        "body_model": 1, "interaction": 4, "human": 4, "contacts": 4, "object_pose": 2, "markers": 4,
        "image/compressed": 4, "camera_info": 4,
    }  # fmt: skip
    for name in ("interaction", "human", "contacts", "image/compressed", "camera_info"):
        assert [ns(m) for _, m in topics[name]] == STAMPS
        assert [log for log, _ in topics[name]] == [s + 500 for s in STAMPS]
    for (_, message), r in zip(topics["interaction"][:2], results[:2], strict=True):
        assert message.header.frame_id == r.frame_id
        assert np.array_equal(message.human.vertices.reshape(-1, 3), r.human.vertices)
        assert np.allclose(message.human.pose.reshape(52, 3), r.human.pose, atol=1e-6)
        assert np.allclose(message.human.betas, r.human.betas, atol=1e-6)
        assert np.array_equal(message.contacts.human_vertices, r.contacts.human_vertices)
        assert message.contacts.body_parts == ["left_hand", "back"]
        assert message.object.pose.pose.position.x == r.object.T_cam_object[0, 3]
        assert np.allclose(message.k.reshape(3, 3), r.camera.K)
        assert message.camera_source == "user"
        assert list(message.stage_names) == ["human", "fit"]
    assert [m.status for _, m in topics["interaction"]] == [0, 0, Status.LOST, Status.ABSENT]
    assert topics["interaction"][2][1].message == "the object was not found"
    body = topics["body_model"][0][1]
    assert np.array_equal(body.faces.reshape(-1, 3), FakeBody().faces)
    assert body.joint_names[51] == "joint_51"


def test_markers_show_what_is_there_and_delete_what_is_not(tmp_path: Path) -> None:
    write(tmp_path / "labels.mcap")
    arrays = [m for _, m in read(tmp_path / "labels.mcap")["markers"]]
    shown = [{marker.ns: (marker.action, len(marker.points)) for marker in array.markers} for array in arrays]
    assert shown[0]["human"][0] == 0
    assert 500 < shown[0]["human"][1] / 3 <= 1500
    assert shown[0]["skeleton"] == (0, 102)
    assert shown[0]["object"] == (0, 36)
    assert shown[0]["contacts"] == (0, 3)
    assert shown[2]["object"] == (2, 0)
    assert shown[2]["human"][0] == 0
    assert {action for action, _ in shown[3].values()} == {2}
    assert arrays[0].markers[0].header.frame_id == "camera_color_optical_frame"


def test_other_readers_accept_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    write(path)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert summary.statistics.message_count == 27
        assert sum(1 for _ in reader.iter_messages()) == 27
        latched = [
            c for c in summary.channels.values() if "transient_local" in c.metadata["offered_qos_profiles"]
        ]
    assert [c.topic for c in latched] == ["/scorehoi/body_model"]
    frames = list(open_source(path).frames())
    assert [f.stamp_ns for f in frames] == STAMPS
    assert all(isinstance(f, Frame) for f in frames)
    assert np.abs(frames[0].rgb.astype(int) - (30, 150, 220)).max() < 8
    assert np.allclose(frames[0].camera.K, reconstruction().camera.K)


def test_an_error_leaves_the_old_bag_untouched(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    write(path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError), label_bag(path, FakeBody(), None) as bag:
        bag.write(reconstruction(0, START))
        assert path.read_bytes() == before
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["labels.mcap"]


def test_without_images_and_template(tmp_path: Path) -> None:
    with label_bag(tmp_path / "labels.mcap", FakeBody(), None, jpeg_quality=0) as bag:
        bag.write(reconstruction(0, START), np.zeros((48, 64, 3), np.uint8))
    topics = read(tmp_path / "labels.mcap")
    assert "image/compressed" not in topics
    assert topics["interaction"][0][0] == START


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(OutputError, match="cannot write"),
        label_bag(tmp_path / "file" / "x.mcap", FakeBody(), None),
    ):
        pass

"""Labels into one MCAP and back: equal stamps, equal values, readable by independent readers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import Writer
from rosbags.highlevel import AnyReader

from scorehoi_ros.errors import OutputError
from scorehoi_ros.io.bags.channels import add_channel
from scorehoi_ros.io.bags.writer import NAMESPACE, label_bag
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame, Reconstruction, Status
from tests.reconstructions import (
    FakeBody,
    FakeTemplate,
    bad_input,
    lost,
    nobody,
    object_only,
    pair,
    two_of_each,
)

START = 1_700_000_000_000_000_123
STAMPS = [START + ns for ns in (0, 33_000_001, 70_000_007, 100_000_000, 133_000_000, 166_000_000)]


def write(path: Path) -> list[Reconstruction]:
    makers = (pair, two_of_each, lost, nobody, object_only, bad_input)
    results = [make(index, STAMPS[index]) for index, make in enumerate(makers)]
    with label_bag(path, FakeBody(), FakeTemplate()) as bag:
        for r in results:
            bag.write(r, log_ns=r.stamp_ns + 500)
    return results


def read(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """Log time and message of every entry, by topic."""
    topics: dict[str, list[tuple[int, Any]]] = {}
    with AnyReader([path]) as reader:
        for connection, log_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            topics.setdefault(connection.topic.removeprefix(NAMESPACE + "/"), []).append((log_ns, message))
    return topics


def ns(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    results = write(path)
    topics = read(path)
    assert {name: len(entries) for name, entries in topics.items()} == {
        "body_model": 1, "interaction": 6, "human": 6, "contacts": 6, "object_pose": 3, "markers": 6,
        "image/compressed": 5, "camera_info": 5,
    }  # fmt: skip
    for name in ("interaction", "human", "contacts"):
        assert [ns(m) for _, m in topics[name]] == STAMPS
        assert [log for log, _ in topics[name]] == [s + 500 for s in STAMPS]
    for (_, m), r in zip(topics["interaction"], results, strict=True):
        assert (m.status, m.message, m.header.frame_id) == (int(r.status), r.message, r.frame_id)
        assert [h.id for h in m.humans] == [h.id for h in r.humans]
        assert [(o.id, o.template_id) for o in m.objects] == [(o.id, o.template_id) for o in r.objects]
        joined = [(c.human_id, c.object_id) for c in m.contacts]
        assert joined == [(c.human_id, c.object_id) for c in r.contacts]
        for message, human in zip(m.humans, r.humans, strict=True):
            assert np.array_equal(message.vertices.reshape(-1, 3), human.vertices)
    assert [m.status for _, m in topics["human"]] == [0, 0, 0, Status.ABSENT, Status.ABSENT, Status.BAD_INPUT]
    assert [ns(m) for _, m in topics["object_pose"]] == [STAMPS[i] for i in (0, 1, 4)]
    body = topics["body_model"][0][1]
    assert np.array_equal(body.faces.reshape(-1, 3), FakeBody().faces)


def test_the_image_and_its_camera_belong_to_the_results(tmp_path: Path) -> None:
    """A frame that could not be used has no image on which anything projects."""
    write(tmp_path / "labels.mcap")
    topics = read(tmp_path / "labels.mcap")
    assert [ns(m) for _, m in topics["image/compressed"]] == STAMPS[:5]
    for _, m in topics["camera_info"]:
        assert np.array_equal(m.k.reshape(3, 3), pair().camera.K) and (m.width, m.height) == (64, 48)
        assert list(m.d) == [0, 0, 0, 0, 0]


def test_markers_follow_the_template(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    with label_bag(path, FakeBody(), None) as bag:
        bag.write(pair(0, 1))
        bag.set_template(FakeTemplate())
        bag.write(two_of_each(0, 2))
        bag.write(nobody(0, 3))
    counts = [
        [len(marker.points) for marker in m.markers if marker.ns == "object"]
        for _, m in read(path)["markers"]
    ]
    assert counts == [[0], [36, 36], [0, 0]]


def test_other_readers_accept_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    write(path)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert summary.statistics.message_count == 38
        assert sum(1 for _ in reader.iter_messages()) == 38
        latched = [
            c for c in summary.channels.values() if "transient_local" in c.metadata["offered_qos_profiles"]
        ]
    assert [c.topic for c in latched] == ["/scorehoi/body_model"]
    frames = list(open_source(path).frames())
    assert [f.stamp_ns for f in frames] == STAMPS[:5]
    assert all(isinstance(f, Frame) for f in frames)
    assert np.abs(frames[0].rgb.astype(int) - (30, 150, 220)).max() < 8
    assert np.allclose(frames[0].camera.K, pair().camera.K)


@pytest.mark.parametrize("reliable", [True, False])
@pytest.mark.parametrize("latched", [True, False])
def test_a_channel_keeps_the_publishers_qos(tmp_path: Path, reliable: bool, latched: bool) -> None:
    path = tmp_path / "x.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="ros2", library="test")
        add_channel(writer, "/x", "scorehoi_ros/msg/Interaction", reliable=reliable, latched=latched)
        writer.finish()
    with path.open("rb") as file:
        (channel,) = make_reader(file).get_summary().channels.values()
    (qos,) = yaml.safe_load(channel.metadata["offered_qos_profiles"])
    assert qos["reliability"] == ("reliable" if reliable else "best_effort")
    assert qos["durability"] == ("transient_local" if latched else "volatile")
    with AnyReader([path]) as reader:
        assert reader.connections[0].msgtype == "scorehoi_ros/msg/Interaction"


def test_an_error_leaves_the_old_bag_untouched(tmp_path: Path) -> None:
    path = tmp_path / "labels.mcap"
    write(path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError), label_bag(path, FakeBody(), None) as bag:
        bag.write(pair(0, START))
        assert path.read_bytes() == before
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["labels.mcap"]


def test_without_images_and_template(tmp_path: Path) -> None:
    with label_bag(tmp_path / "labels.mcap", FakeBody(), None, jpeg_quality=0) as bag:
        bag.write(pair(0, START))
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

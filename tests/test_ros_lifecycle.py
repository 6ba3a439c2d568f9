"""Lifecycle, overload, other cameras, and a bag played and recorded: each with a node process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState  # noqa: E402
from rosbags.rosbag2 import Reader, StoragePlugin, Writer  # noqa: E402
from scorehoi_ros.srv import SetObjectPrompt  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from scorehoi_ros.io.bags.message_types import typestore  # noqa: E402
from scorehoi_ros.messages.factory import RosbagsFactory, stamp_ns  # noqa: E402
from scorehoi_ros.ros import qos  # noqa: E402
from scorehoi_ros.ros.subscribe import RELIABILITIES  # noqa: E402
from scorehoi_ros.ros.tools.stamps import header_stamp  # noqa: E402
from scorehoi_ros.types import Status  # noqa: E402
from tests.ros_helpers import START_S, Talker, node_process, small_image, talker  # noqa: E402

pytestmark = pytest.mark.ros
CAMERA: dict[str, Any] = {"camera": "60,60,32,24"}


def test_lifecycle_cycles_and_a_failed_configure_can_be_mended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings: dict[str, Any] = {"autostart": False, "object": "broken:1"}
    with talker() as t, node_process(log, fresh=True, **settings, **CAMERA) as process:
        t.until(lambda: t.node.count_services("/scorehoi/get_state"), START_S)
        assert t.state() == "unconfigured"
        assert not t.call(Trigger, "/scorehoi/reset").success
        assert (
            "not configured"
            in t.call(SetObjectPrompt, "/scorehoi/set_object_prompt", object="ball:1").message
        )
        assert not t.transition("configure") and t.state() == "unconfigured"
        assert "is not an object" in t.diagnosis()[1] and "Traceback" not in log.read_text()
        assert t.set_parameter("object", "ball:0.22") == "", "settable as long as the node is not configured"
        for _ in range(2):
            cycle_once(t)
        assert t.transition("configure") and t.transition("activate")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    assert "Traceback" not in log.read_text(), log.read_text()


def cycle_once(t: Talker) -> None:
    assert t.transition("configure") and t.state() == "inactive"
    assert t.image.get_subscription_count() == 0
    assert t.transition("activate") and t.state() == "active"
    t.wait_for_node()
    assert t.answer().message.startswith("n=1")
    assert t.transition("deactivate") and t.state() == "inactive"
    t.until(lambda: t.image.get_subscription_count() == 0)
    assert t.transition("activate")
    t.wait_for_node()
    assert t.answer().message.startswith("n=1"), "a new activation starts afresh"
    assert t.transition("deactivate") and t.transition("cleanup") and t.state() == "unconfigured"
    t.until(lambda: t.node.count_publishers("/scorehoi/interaction") == 0)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("height_m", 9.0, "height_m"),
        ("segmenter", "magic", "segmenter"),
        ("object", 5, "object"),
        ("autostart", 1, "autostart must be true or false"),
        ("use_sim_time", 1, "use_sim_time must be true or false"),
        ("start_type_description_service", "'no'", "start_type_description_service must be true or false"),
        ("ros4hri", "'true'", "ros4hri must be true or false"),
    ],
)
def test_wrong_start_parameter_ends_with_words(tmp_path: Path, name: str, value: Any, words: str) -> None:
    with node_process(tmp_path / "log", **{name: value}) as process:
        assert process.wait(timeout=START_S) != 0
    log = (tmp_path / "log").read_text()
    assert words in log and "waiting for images" not in log


def test_impossible_transitions_are_refused_and_the_node_lives(tmp_path: Path) -> None:
    with talker() as t, node_process(tmp_path / "log", object="ball:0.22", **CAMERA) as process:
        t.wait_for_node()
        assert not t.transition("activate") and not t.transition("configure")
        assert not t.call(ChangeState, "/scorehoi/change_state", transition=Transition(id=77)).success
        assert t.answer(small_image(9, t.header())).status == Status.OK
        assert process.poll() is None and "not possible" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("topic", ["image_topic", "camera_info_topic", "depth_topic"])
def test_wrong_topic_names_end_with_words(tmp_path: Path, topic: str) -> None:
    wrong: dict[str, Any] = {topic: "no{topic"}
    with node_process(tmp_path / "log", 0.0, **wrong) as process:
        assert process.wait(timeout=20) != 0
    assert f"{topic} is 'no{{topic'. Invalid topic name" in (tmp_path / "log").read_text()


def test_overload_drops_old_frames_and_keeps_services_quick(tmp_path: Path) -> None:
    with talker() as t, node_process(tmp_path / "log", delay_s=0.2, **CAMERA):
        t.wait_for_node()
        for _ in range(40):
            t.send()
            t.spin(0.033)
        last = t.stamp_ns
        t.until(lambda: t.results and stamp_ns(t.results[-1].header.stamp) == last)
        stamps = [stamp_ns(r.header.stamp) for r in t.results]
        assert stamps == sorted(stamps) and 5 <= len(stamps) <= 20
        values = t.diagnosis()[2]
        assert int(values["frames_dropped"]) == 40 - len(stamps) and int(values["frames_in"]) == 40
        assert t.results[-1].age_ms < 900, "the newest frame waits for one in progress at most"


def test_it_is_heard_of_while_simulated_time_stands_still(tmp_path: Path) -> None:
    """Without /clock: what is wrong is told, and a best-effort camera is found."""
    with talker() as t, node_process(tmp_path / "log", use_sim_time=True, **CAMERA):
        t.node.destroy_publisher(t.image)
        t.image = t.node.create_publisher(Image, "image", qos.image(RELIABILITIES["best_effort"], 5))
        t.wait_for_node()
        assert "no images" in t.until(lambda: next((d for d in [t.diagnosis()[1]] if "no images" in d), ""))
        t.until(lambda: t.image.get_subscription_count())
        t.spin(0.5)
        assert t.answer().status == Status.OK


def test_best_effort_camera_with_depth_and_masks(tmp_path: Path) -> None:
    """The node changes to best effort by itself; companions are matched by stamp, late ones left out."""
    topics: dict[str, Any] = {"depth_topic": "depth", "human_mask_topic": "human_mask", "sync_wait_s": 0.3}
    with talker() as t, node_process(tmp_path / "log", **topics, **CAMERA):
        best_effort = qos.image(RELIABILITIES["best_effort"], 5)
        t.node.destroy_publisher(t.image)
        t.image = t.node.create_publisher(Image, "image", best_effort)
        depth = t.node.create_publisher(Image, "depth", 5)
        mask = t.node.create_publisher(Image, "human_mask", 5)
        t.wait_for_node()
        t.until(lambda: depth.get_subscription_count() and mask.get_subscription_count())
        t.spin(1.0)
        image = small_image(70, t.header())
        inside = np.repeat(np.array([255, 0], np.uint8), 24)[:, None].repeat(64, axis=1)
        mask.publish(plane("mono8", image.header, inside))
        depth.publish(plane("16UC1", image.header, np.full((48, 64), 1500, np.uint16)))
        assert t.answer(image).message.endswith("depth=1.500 human_mask=1536")
        small = small_image(70, t.header())
        depth.publish(plane("16UC1", small.header, np.full((8, 8), 1500, np.uint16)))
        got = t.answer(small)
        assert got.status == Status.OK and "depth" not in got.message and "human_mask" not in got.message


def plane(encoding: str, header: Any, values: Any) -> Image:
    height, width = values.shape
    return Image(
        header=header,
        encoding=encoding,
        height=height,
        width=width,
        step=values.strides[0],
        data=values.tobytes(),
    )


def test_bag_played_reconstructed_and_recorded(tmp_path: Path) -> None:
    bag, out, mapping = tmp_path / "bag", tmp_path / "labels.mcap", tmp_path / "map.json"
    bag_stamps = write_bag(bag, 12)
    record = [
        sys.executable,
        "-m",
        "scorehoi_ros.ros.tools.recorder",
        "--out",
        str(out),
        "--count",
        "12",
        "--topics",
    ]
    record += ["/scorehoi/interaction", "/scorehoi/body_model"]
    play = [
        sys.executable,
        "-m",
        "scorehoi_ros.ros.tools.player",
        str(bag),
        "--lockstep",
        "/scorehoi/interaction",
    ]
    play += ["--mapping", str(mapping), "--answer-timeout", "5"]
    with node_process(tmp_path / "log", image_topic="/cam/image_raw"):
        recorder = subprocess.Popen(record)
        assert subprocess.run(play, timeout=40).returncode == 0
        assert recorder.wait(timeout=20) == 0
    stamps = dict(json.loads(mapping.read_text()))
    assert list(stamps.values()) == bag_stamps
    with Reader(out) as reader:
        messages = [(c.topic, header_stamp(data)) for c, _, data in reader.messages()]
    assert [stamps[s] for topic, s in messages if topic == "/scorehoi/interaction"] == bag_stamps
    assert sum(topic == "/scorehoi/body_model" for topic, _ in messages) == 1


def write_bag(path: Path, count: int) -> list[int]:
    store = typestore()
    make = RosbagsFactory(store)
    stamps = [1_600_000_000_000_000_000 + i * 33_000_000 for i in range(count)]
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        kind = "sensor_msgs/msg/Image"
        connection = writer.add_connection("/cam/image_raw", kind, typestore=store)
        for i, stamp in enumerate(stamps):
            time = make("builtin_interfaces/msg/Time", sec=stamp // 10**9, nanosec=stamp % 10**9)
            message = make(
                kind, header=make("std_msgs/msg/Header", stamp=time, frame_id="cam"), height=48, width=64,
                encoding="rgb8", is_bigendian=0, step=192, data=np.full(48 * 192, i + 1, np.uint8),
            )  # fmt: skip
            writer.write(connection, stamp, store.serialize_cdr(message, kind))
    return stamps

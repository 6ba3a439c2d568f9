"""Which topics the node listens to: remapping, transports, types from the graph; over real DDS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

import rclpy  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from scorehoi_ros.ros.inputs import camera_info_topic, image_topic  # noqa: E402
from scorehoi_ros.ros.settings import NodeConfig  # noqa: E402
from scorehoi_ros.types import Status  # noqa: E402
from tests.ros_helpers import RELIABLE, START_S, Talker, node_process, small_image, talker  # noqa: E402

pytestmark = pytest.mark.ros


@pytest.fixture
def context() -> Iterator[None]:
    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


@pytest.mark.parametrize(
    ("rules", "settings", "image", "info"),
    [
        ([], {}, "/image", "/camera_info"),
        (["image:=/cam/image_raw"], {}, "/cam/image_raw", "/cam/camera_info"),
        (
            ["image:=/cam/image_raw"],
            {"transport": "compressed"},
            "/cam/image_raw/compressed",
            "/cam/camera_info",
        ),
        (
            ["image:=/cam/raw/compressed"],
            {"transport": "compressed"},
            "/cam/raw/compressed",
            "/cam/camera_info",
        ),
        (["image:=/cam/raw/compressed"], {}, "/cam/raw/compressed", "/cam/camera_info"),
        (["image/compressed:=/z/c"], {"transport": "compressed"}, "/z/c", "/camera_info"),
        (["image:=/cam/image_raw", "camera_info:=/other/info"], {}, "/cam/image_raw", "/other/info"),
        (["image:=/cam/image_raw", "/cam/camera_info:=/other/info"], {}, "/cam/image_raw", "/other/info"),
        (["__ns:=/robot"], {}, "/robot/image", "/robot/camera_info"),
        (["__ns:=/robot", "image:=cam/raw"], {}, "/robot/cam/raw", "/robot/cam/camera_info"),
        (["/a/image:=/b/image_raw"], {"image_topic": "/a/image"}, "/b/image_raw", "/b/camera_info"),
        (["image:=/depth", "depth:=/image"], {}, "/depth", "/camera_info"),
        ([], {"image_topic": "/a/image_raw/compressed"}, "/a/image_raw/compressed", "/a/camera_info"),
    ],
)
def test_remapping(context: None, rules: list[str], settings: Any, image: str, info: str) -> None:
    words = ["--ros-args", *(word for rule in rules for word in ("-r", rule))]
    node = Node("remapped", cli_args=words)
    config = NodeConfig(**settings)
    try:
        assert node.resolve_topic_name(image_topic(node, config)) == image
        assert node.resolve_topic_name(camera_info_topic(node, config.image_topic)) == info
    finally:
        node.destroy_node()


def png(t: Talker, level: int = 7) -> CompressedImage:
    data = cv2.imencode(".png", np.full((48, 64, 3), level, np.uint8))[1].tobytes()
    return CompressedImage(header=t.header(), format="png", data=data)


def answer(t: Talker, publisher: Any, message: Any) -> Any:
    publisher.publish(message)
    return t.until(
        lambda: next((r for r in t.results if r.header.stamp == message.header.stamp), None), START_S
    )


def listens(t: Talker, *topics: str) -> None:
    t.until(lambda: all(t.node.count_subscribers(topic) for topic in topics), START_S)
    t.spin(0.5)


def test_a_remapped_compressed_camera_with_binning_and_a_lens(tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings: dict[str, Any] = {
        "object": "ball:0.22",
        "transport": "compressed",
        "camera_info_timeout_s": 0.3,
    }
    with talker() as t, node_process(log, rules=["image:=/cam/image_raw"], **settings):
        images = t.node.create_publisher(CompressedImage, "/cam/image_raw/compressed", RELIABLE)
        infos = t.node.create_publisher(CameraInfo, "/cam/camera_info", RELIABLE)
        listens(t, "/cam/image_raw/compressed", "/cam/camera_info")
        assert answer(t, images, png(t)).camera_source == "guess"
        t.until(lambda: "no CameraInfo has come on /cam/camera_info" in log.read_text())
        info = CameraInfo(width=256, height=192, distortion_model="equidistant", d=[0.01, 0.0, 0.0, 0.0, 0.0])
        info.k = np.array([200.0, 0, 127.5, 0, 200, 95.5, 0, 0, 1])
        info.binning_x = info.binning_y = 2
        info.roi = RegionOfInterest(x_offset=64, y_offset=48, width=128, height=96)
        infos.publish(info)
        t.spin(0.3)
        got = answer(t, images, png(t))
        assert got.status == Status.OK and got.camera_source == "camera_info"
        np.testing.assert_allclose(got.k, [100, 0, 31.5, 0, 100, 23.5, 0, 0, 1])


def test_the_type_is_that_of_the_publisher(tmp_path: Path) -> None:
    """First something that is no image, then compressed images, then raw ones, all on one topic."""
    log = tmp_path / "log"
    settings: dict[str, Any] = {"object": "ball:0.22", "camera": "60,60,32,24", "warn_period_s": 0.3}
    with talker() as t, node_process(log, image_topic="/cam/colour", **settings):
        other = t.node.create_publisher(String, "/cam/colour", RELIABLE)
        expected = "/cam/colour is of type std_msgs/msg/String; expected sensor_msgs/msg/Image or"
        t.until(lambda: expected in log.read_text(), START_S)
        t.node.destroy_publisher(other)
        for kind, make in ((CompressedImage, png), (Image, lambda t: small_image(7, t.header()))):
            publisher = t.node.create_publisher(kind, "/cam/colour", RELIABLE)
            t.until(publisher.get_subscription_count, START_S)
            t.spin(1.5)
            assert answer(t, publisher, make(t)).status == Status.OK
            assert "is of type" not in t.diagnosis()[1]
            t.node.destroy_publisher(publisher)
            t.spin(0.5)
    assert "Traceback" not in log.read_text(), log.read_text()

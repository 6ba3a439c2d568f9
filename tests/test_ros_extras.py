"""Detections and REP 155 over real DDS, where vision_msgs and hri_msgs are there; a slow test builds them."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import Image, JointState  # noqa: E402

from scorehoi_ros.messages.moved import moved  # noqa: E402
from scorehoi_ros.ros.factory import message_class  # noqa: E402
from scorehoi_ros.ros.outputs import Outputs  # noqa: E402
from scorehoi_ros.ros.settings import NodeConfig  # noqa: E402
from scorehoi_ros.types import Reconstruction  # noqa: E402
from tests.optional_messages import PACKAGES, build  # noqa: E402
from tests.reconstructions import FakeBody, FakeTemplate, both_lost, nobody, pair  # noqa: E402
from tests.ros_helpers import Talker, talker  # noqa: E402

PIPELINE = SimpleNamespace(body=FakeBody(), template=FakeTemplate())
THERE = all(importlib.util.find_spec(package) for package in PACKAGES)
needs_packages = pytest.mark.skipif(not THERE, reason="needs vision_msgs and hri_msgs")
pytestmark = pytest.mark.ros
BODY = "/humans/bodies/human_1"


@pytest.fixture
def t() -> Iterator[Talker]:
    with talker() as made:
        yield made


@pytest.fixture
def sender(t: Talker) -> Iterator[Any]:
    node = Node("sender")
    outputs = Outputs(node)
    outputs.describe(PIPELINE)
    yield SimpleNamespace(node=node, outputs=outputs)
    outputs.destroy()
    node.destroy_node()


def publish(sender: Any, r: Reconstruction, T: Any = None, **settings: Any) -> None:
    sender.outputs.publish(r, PIPELINE, NodeConfig(**settings), 1.0, T)


def topics(t: Talker) -> set[str]:
    return {
        n
        for n, _ in t.node.get_topic_names_and_types()
        if n.startswith("/humans") and t.node.count_publishers(n)
    }


@pytest.mark.skipif(THERE, reason="both packages are there")
def test_without_the_packages_nothing_is_published_of_them(t: Talker, sender: Any) -> None:
    publish(sender, pair())
    assert set(sender.outputs.missing) == {p for p in PACKAGES if importlib.util.find_spec(p) is None}
    t.spin(0.5)
    assert not topics(t) and not t.node.count_publishers("/sender/detections_3d")


@needs_packages
def test_detections_for_subscribers(t: Talker, sender: Any) -> None:
    space: list[Any] = []
    image: list[Any] = []
    t.hear(message_class("vision_msgs/msg/Detection3DArray"), "/sender/detections_3d", space)
    t.hear(message_class("vision_msgs/msg/Detection2DArray"), "/sender/detections_2d", image)
    t.until(lambda: all(sender.node.count_subscribers(f"/sender/detections_{d}d") for d in (2, 3)))
    r, T = pair(0, 7), np.eye(4)
    T[:3, 3] = [0, 0, 5]
    while not (space and image):
        publish(sender, r, T, target_frame="map")
        t.spin(0.05)
    assert (space[-1].header.frame_id, image[-1].header.frame_id) == ("map", r.frame_id)
    placed = moved(r, T, "map").objects[0].T_cam_object[2, 3]
    assert space[-1].detections[1].results[0].pose.pose.position.z == pytest.approx(placed)
    assert image[-1].detections[1].results[0].pose.pose.position.z == pytest.approx(placed - 5)


@needs_packages
def test_topics_of_a_body_come_and_go_with_its_track(t: Talker, sender: Any) -> None:
    heard: dict[str, list[Any]] = {n: [] for n in ("tracked", "roi", "cropped", "skeleton2d", "joint_states")}
    kinds = {
        "roi": message_class("hri_msgs/msg/NormalizedRegionOfInterest2D"), "cropped": Image,
        "skeleton2d": message_class("hri_msgs/msg/Skeleton2D"), "joint_states": JointState,
    }  # fmt: skip
    t.hear(message_class("hri_msgs/msg/IdsList"), "/humans/bodies/tracked", heard["tracked"])
    for name, kind in kinds.items():
        t.hear(kind, f"{BODY}/{name}", heard[name])
    r = replace(pair(0, 7), flat=np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3))
    while not all(heard.values()):
        publish(sender, r)
        t.spin(0.05)
    assert heard["tracked"][-1].ids == ["human_1"]
    roi, crop = heard["roi"][-1], heard["cropped"][-1]
    assert roi.header.frame_id == crop.header.frame_id == r.frame_id
    x0, y0 = int(np.floor(roi.xmin * 64)), int(np.floor(roi.ymin * 48))
    got = np.frombuffer(crop.data, np.uint8).reshape(crop.height, crop.width, 3)
    np.testing.assert_array_equal(got, r.flat[y0 : y0 + crop.height, x0 : x0 + crop.width])
    assert len(heard["joint_states"][-1].name) == 20 and len(heard["skeleton2d"][-1].skeleton) == 18
    count = len(heard["roi"])
    heard["tracked"].clear()
    publish(sender, both_lost(1, 8))
    t.until(lambda: heard["tracked"])
    assert heard["tracked"][-1].ids == [] and f"{BODY}/roi" in topics(t) and len(heard["roi"]) == count
    publish(sender, nobody(2, 9))
    t.until(lambda: topics(t) == {"/humans/bodies/tracked"})
    publish(sender, r)
    t.until(lambda: f"{BODY}/roi" in topics(t))
    publish(sender, r, ros4hri=False)
    t.until(lambda: topics(t) == {"/humans/bodies/tracked"})


@pytest.mark.slow
@pytest.mark.skipif(THERE, reason="both packages are there")
def test_with_packages_built_for_it(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    for package in PACKAGES:
        build(tmp_path / package, package, prefix)
    (site,) = prefix.glob("lib/python3*/site-packages")
    paths = {"PYTHONPATH": site, "LD_LIBRARY_PATH": prefix / "lib", "AMENT_PREFIX_PATH": prefix}
    environment = os.environ | {n: f"{p}{os.pathsep}{os.environ.get(n, '')}" for n, p in paths.items()}
    command = [sys.executable, "-m", "pytest", "-q", __file__]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout, done.stdout

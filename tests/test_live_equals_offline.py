"""The same bag, labelled, and played through the node in lockstep, gives equal messages in every case."""

import argparse
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

import rclpy  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rosbags.highlevel import AnyReader  # noqa: E402
from scorehoi_ros.msg import Interaction  # noqa: E402

from scorehoi_ros.commands import label as command  # noqa: E402
from scorehoi_ros.config.inputs import InputConfig  # noqa: E402
from scorehoi_ros.config.option import option_name, settings_of  # noqa: E402
from scorehoi_ros.config.pipeline import PipelineConfig  # noqa: E402
from scorehoi_ros.io.bags.message_types import typestore  # noqa: E402
from scorehoi_ros.io.bags.storage import open_storage  # noqa: E402
from scorehoi_ros.ros.tools.player import Played, Player  # noqa: E402
from tests.awkward_bags import CASES, IMAGE, SETTINGS, Case  # noqa: E402
from tests.fake_pipeline import FakePipeline  # noqa: E402
from tests.ros_helpers import RELIABLE, START_S, Talker, node_process, talker  # noqa: E402

pytestmark = pytest.mark.ros
TOPIC, KIND = "/scorehoi/interaction", "scorehoi_ros/msg/Interaction"
TIMES = ("stage_ms", "age_ms")
ANSWER_S = 10.0
CHANGED = {name for case in CASES for name in case.settings}
UNCHANGED = {s.name: s.default for cls in (PipelineConfig, InputConfig) for s in settings_of(cls)}
UNCHANGED = {name: value for name, value in UNCHANGED.items() if name in CHANGED}
"""What a case leaves at its default may have been set by the one before."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talker]:
    """A node that is not configured, and somebody to drive it."""
    log = tmp_path_factory.mktemp("live") / "node.log"
    settings = {"image_topic": IMAGE, "autostart": False}
    # A small body: here it is not the mesh that is looked at.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_VERTICES", "100")
        yield from running(log, settings)


def running(log: Path, settings: dict[str, Any]) -> Iterator[Talker]:
    with talker() as t, node_process(log, **settings) as process:
        t.until(lambda: t.node.count_services("/scorehoi/get_state"), START_S)
        yield t
        assert process.poll() is None, f"the node died: {log.read_text()}"


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_live_equals_offline(live: Talker, tmp_path: Path, case: Case) -> None:
    bag = case.write(tmp_path / "bag")
    settings = SETTINGS | case.settings
    offline = label(bag, settings, tmp_path / "labels")
    late = bool(case.latched) or "gravity_frame" in case.settings
    played, online = play(live, bag, settings, late)
    assert (len(offline), played.images, played.unanswered) == (4, 4, 0)
    assert [said(m) for m in online] == [said(m) for m in offline]
    for a, b in zip(online, offline, strict=True):
        assert_equal(a, b, "interaction")
    for index, (message, words) in enumerate(zip(offline, case.expect, strict=False)):
        check(said(message), words.format(i=index, n=index + 1))


def label(bag: Path, settings: dict[str, Any], out: Path) -> list[Any]:
    """Interaction messages of `scorehoi label`."""
    arguments = [str(bag), "--out", str(out), "--no-overlay", "--image-topic", IMAGE]
    for name, value in settings.items():
        arguments += [option_name(name), str(value)]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    command.run_with(parser.parse_args(arguments), FakePipeline, lambda rgb, *_: rgb)
    with AnyReader([out / "labels.mcap"]) as reader:
        return [typestore().deserialize_cdr(d, KIND) for c, _, d in reader.messages() if c.topic == TOPIC]


def play(live: Talker, bag: Path, settings: dict[str, Any], late: bool) -> tuple[Played, list[Any]]:
    """Interaction messages of the node, which is configured afresh.

    `late` = it must have time to subscribe anew to what publishers keep for latecomers.
    """
    assert live.set_parameters(UNCHANGED | settings) == ""
    assert live.transition("configure") and live.transition("activate")
    node = Node("player")
    raw: list[bytes] = []
    try:
        node.create_subscription(Interaction, TOPIC, raw.append, RELIABLE, raw=True)
        player = Player(node, open_storage(bag), frozenset(), TOPIC)
        player.wait_for_subscribers(ANSWER_S, settle_s=2.5 if late else 0.4)
        played = player.play_in_lockstep(ANSWER_S, ahead_s=2.0)
        end = time.monotonic() + ANSWER_S
        while len(raw) < played.images and time.monotonic() < end:
            rclpy.spin_once(node, timeout_sec=0.02)
    finally:
        node.destroy_node()
        assert live.transition("deactivate") and live.transition("cleanup")
    return played, [typestore().deserialize_cdr(data, KIND) for data in raw]


def said(message: Any) -> str:
    """The fake pipeline's report, with what the message itself says about the camera."""
    return f"{message.message} {message.camera_source}"


def check(text: str, words: str) -> None:
    for word in words.split():
        assert (word[1:] not in text) if word.startswith("-") else (word in text), f"{words!r}: {text!r}"


def assert_equal(a: Any, b: Any, where: str) -> None:
    if dataclasses.is_dataclass(a):
        assert type(a) is type(b), where
        for field in dataclasses.fields(a):
            if field.name not in TIMES:
                assert_equal(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f"{where}[{index}]")
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b, where)
    else:
        assert a == b, where


def test_a_difference_would_be_noticed() -> None:
    make = typestore().types["geometry_msgs/msg/Point"]
    with pytest.raises(AssertionError, match="y"):
        assert_equal(make(x=1.0, y=2.0, z=3.0), make(x=1.0, y=2.5, z=3.0), "point")

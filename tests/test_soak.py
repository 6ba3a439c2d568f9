"""Nothing is left over: the lifecycle cycled many times in this process, and the tool that watches memory."""

import gc
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

import rclpy  # noqa: E402
import soak  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import TransitionCallbackReturn  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from scorehoi_ros.frame.session import Build  # noqa: E402
from scorehoi_ros.load import load_pipeline  # noqa: E402
from scorehoi_ros.ros.node import ReconstructNode  # noqa: E402
from tests.fake_pipeline import FakePipeline  # noqa: E402
from tests.ros_helpers import Talker, small_image  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.slow]
SETTLED = 5
"""Cycles after which nothing may grow any more."""


@dataclass(frozen=True)
class Held:
    """What the process holds."""

    threads: int
    native_threads: int
    files: int
    resident_mib: float


def held() -> Held:
    gc.collect()  # when garbage is collected is not what is tested
    tasks, files = os.listdir("/proc/self/task"), os.listdir("/proc/self/fd")
    return Held(threading.active_count(), len(tasks), len(files), soak.resident_mib(os.getpid()))


@pytest.fixture
def context() -> Iterator[None]:
    rclpy.init(args=[])
    try:
        yield
    finally:
        rclpy.try_shutdown()


def cycle(node: ReconstructNode, executor: SingleThreadedExecutor, talker: Talker, message: str) -> None:
    """All four transitions, with one image answered in between."""
    success = TransitionCallbackReturn.SUCCESS
    assert node.trigger_configure() == success and node.trigger_activate() == success
    before = len(talker.results)
    for _ in range(2000):
        if len(talker.results) > before:
            break
        if talker.image.get_subscription_count() and node._watcher.counts().submitted == 0:
            talker.send(small_image(70, talker.header()))
        executor.spin_once(timeout_sec=0.01)
    assert message in talker.results[-1].message and len(talker.results) > before
    assert node.trigger_deactivate() == success and node.trigger_cleanup() == success


def run_cycles(build: Build, count: int, message: str, **values: Any) -> list[Held]:
    talker = Talker()
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = ReconstructNode(build, parameter_overrides=overrides)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(talker.node)
    try:
        seen = []
        for _ in range(count):
            cycle(node, executor, talker, message)
            talker.results.clear()
            talker.diagnostics.clear()
            seen.append(held())
        return seen
    finally:
        executor.shutdown()
        node.destroy_node()
        talker.node.destroy_node()


def assert_flat(seen: list[Held], growth: float) -> None:
    settled, last = seen[SETTLED - 1], seen[-1]
    most_mib = max(h.resident_mib for h in seen[:SETTLED])
    assert last.threads == settled.threads and last.native_threads == settled.native_threads
    assert last.files == settled.files
    assert last.resident_mib < most_mib * (1 + growth), [round(h.resident_mib) for h in seen]


def test_fifty_cycles_of_the_lifecycle_leave_nothing(context: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node itself: workers, publishers, subscriptions, timers."""
    monkeypatch.setenv("FAKE_VERTICES", "1000")
    seen = run_cycles(FakePipeline, 50, "n=1", camera="60,60,32,24", object="ball:0.22")
    assert_flat(seen, 0.03)


def test_cycles_with_the_real_pipeline_leave_nothing(context: None) -> None:
    """Detector, networks and kernels."""
    seen = run_cycles(load_pipeline, 12, "", camera="60,60,32,24", object="ball:0.22", method="regress")
    assert_flat(seen, 0.03)


def test_a_session_does_not_grow(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--in-process", "--frames", "30", "--settle", "10"]) == 0
    printed = capsys.readouterr().out
    assert "10 frames" in printed and "30 frames, 0 resets" in printed


def test_growth_is_what_comes_after_the_first_look() -> None:
    meter = soak.Meter(os.getpid(), [1, 2], seen=[(1, 100.0), (2, 103.0), (3, 101.0)])
    assert meter.growth == pytest.approx(0.03) and meter.growth > soak.GROWTH
    assert soak.looks(100, 2500) == [100, 1000, 2000, 2500]
    assert [i for _, i in zip(range(7), soak.there_and_back(3), strict=False)] == [0, 1, 2, 1, 0, 1, 2]

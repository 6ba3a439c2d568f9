"""Smoothed answers of the node, over real DDS: they come later, in their order, and all of them."""

from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from scorehoi_ros.config.pipeline import PipelineConfig  # noqa: E402
from scorehoi_ros.messages.factory import stamp_ns  # noqa: E402
from scorehoi_ros.ros import answers  # noqa: E402
from tests.fake_pipeline import FakePipeline  # noqa: E402
from tests.ros_helpers import Talker, node_process, talker  # noqa: E402

pytestmark = pytest.mark.ros
STEP_S = 0.1


def patient(config: PipelineConfig) -> FakePipeline:
    """In the node's process: no pause of a busy machine is taken for the end of the images."""
    answers.SILENCE_S = 5.0
    return FakePipeline(config)


@pytest.fixture
def smoothing(tmp_path) -> Iterator[Talker]:
    log = tmp_path / "node.log"
    with talker() as t, node_process(log, build=patient, smoothing_s=0.25) as process:
        t.wait_for_node()
        t.send_info()
        yield t
        assert process.poll() is None, f"the node died: {log.read_text()}"


def test_answers_wait_for_those_after_them_and_none_is_lost(smoothing: Talker) -> None:
    t = smoothing
    sent: list[int] = []
    for _ in range(6):
        sent.append(stamp_ns(t.send(step_s=STEP_S).header.stamp))
        # One after the other, so that none is dropped: each makes the third before it leave.
        t.until(lambda: len(t.results) >= len(sent) - 3)
        t.spin(0.3)
        assert len(t.results) == max(0, len(sent) - 3)
    t.until(lambda: len(t.results) == len(sent), 20.0)
    assert [stamp_ns(r.header.stamp) for r in t.results] == sent


def test_what_waits_is_published_before_the_node_stops(smoothing: Talker) -> None:
    t = smoothing
    first = t.send(step_s=STEP_S)
    t.spin(0.4)
    assert t.results == []
    assert t.transition("deactivate")
    t.until(lambda: len(t.results) == 1, 5.0)
    assert t.results[0].header.stamp == first.header.stamp
    assert t.transition("activate")
    assert (
        t.set_parameter("smoothing_s", 0.0)
        == "smoothing_s takes effect at configure: clean up the node first."
    )

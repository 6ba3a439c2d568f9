"""The node's parts that know nothing of ROS."""

import argparse
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.commands import node as node_command
from scorehoi_ros.config.option import settings_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame, bad_input
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.geometry.decimate import coarse_faces
from scorehoi_ros.ros.age import age_of
from scorehoi_ros.ros.health import Health, Throttle, advice
from scorehoi_ros.ros.lost import LostImages, lost_text
from scorehoi_ros.ros.recent import Rates, Sample, summary
from scorehoi_ros.ros.settings import NodeConfig, build_config, coerce, topic_beside
from scorehoi_ros.ros.worker import Worker
from scorehoi_ros.types import Reconstruction, Status
from tests.fake_pipeline import make_body


def no_error(error: Exception) -> None:
    raise AssertionError(error)


def test_worker_takes_the_newest_and_counts_the_rest() -> None:
    gate, seen = threading.Event(), []

    def work(item: int) -> None:
        seen.append(item)
        gate.wait(5)

    worker: Worker[int] = Worker(work, no_error)
    worker.submit(1)
    while not seen:
        time.sleep(0.001)
    assert [worker.submit(i) for i in (2, 3, 4)] == [False, True, True]
    gate.set()
    deadline = time.monotonic() + 5
    while worker.counts().done < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    counts = worker.counts()
    assert seen == [1, 4] and (counts.submitted, counts.done, counts.dropped) == (4, 2, 2)
    assert worker.stop(5) and not worker.submit(5)


def test_worker_survives_errors_and_runs_commands_in_order() -> None:
    errors: list[str] = []
    order: list[str] = []

    def work(item: str) -> None:
        raise ValueError(item)

    worker = Worker(work, lambda error: errors.append(str(error)))
    worker.submit("a")
    assert wait(lambda: worker.counts().failed == 1)
    worker.post(lambda: order.append("first"))
    worker.post(lambda: order.append("second"))
    assert worker.drain(5) and order == ["first", "second"] and errors == ["a"]
    assert worker.stop(5)


def test_worker_drain_waits_for_the_item_in_progress() -> None:
    gate, started = threading.Event(), threading.Event()

    def work(item: int) -> None:
        started.set()
        gate.wait(5)

    worker: Worker[int] = Worker(work, no_error)
    worker.submit(1)
    assert started.wait(5)
    worker.submit(2)
    assert not worker.drain(0.05)
    gate.set()
    assert worker.drain(5) and worker.counts().dropped == 1 and worker.stop(5)


def test_who_makes_items_waits_for_room() -> None:
    gate, started = threading.Event(), threading.Event()

    def work(item: int) -> None:
        started.set()
        gate.wait(5)

    worker: Worker[int] = Worker(work, no_error)
    assert worker.await_room(0.0, 0.0)
    worker.submit(1)
    assert started.wait(5)
    worker.submit(2)
    assert not worker.await_room(0.0, 0.05), "the slot is taken"
    gate.set()
    assert worker.await_room(0.0, 5) and wait(lambda: worker.counts().done == 2)
    assert worker.counts().dropped == 0 and worker.stop(5)


def test_who_makes_items_waits_while_the_one_in_progress_is_young() -> None:
    worker: Worker[int] = Worker(lambda item: time.sleep(0.1), no_error)
    worker.submit(1)
    assert wait(lambda: worker.counts().done == 1)
    worker.submit(2)
    began = time.monotonic()
    assert worker.await_room(0.03, 5)
    assert time.monotonic() - began > 0.05 and worker.counts().done == 1
    assert worker.stop(5)


def wait(condition: Any) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(condition())


def test_age_of_another_clock_counts_from_arrival() -> None:
    assert age_of(10**18, 10**18 + 5_000_000, 0, 0).ms == pytest.approx(5.0)
    for stamp in (0, 10**18 + 10**9):
        age = age_of(stamp, 10**18, 1_000_000, 4_000_000)
        assert age.from_arrival and age.ms == pytest.approx(3.0)


def unusable(reason: str) -> Reconstruction:
    return bad_input(BadFrame("0", 0, reason), reason)


def test_advice_says_why_there_is_no_output() -> None:
    now = [100.0]
    health = Health(lambda: now[0])
    assert advice(health.snapshot(), 100.0, "/image", list) == {}
    health.lifecycle("active")
    assert advice(health.snapshot(), 102.0, "/image", list) == {}
    assert "nobody publishes images" in advice(health.snapshot(), 104.0, "/image", list)["no_images"]
    assert advice(health.snapshot(), 104.0, "/image", list, busy=True) == {}
    assert "QoS" in advice(health.snapshot(), 104.0, "/image", lambda: ["/image"])["no_images"]
    now[0] = 104.0
    health.image()
    health.result(unusable("the image is truncated"), 1.0, False, 0)
    texts = advice(health.snapshot(), 104.5, "/image", list)
    assert "truncated" in texts["status"] and "guess" not in texts, "it says nothing of the camera"
    guessed = replace(unusable("too dark"), camera=guess_camera(64, 48))
    health.result(guessed, 1.0, False, 0)
    assert "guess" in advice(health.snapshot(), 104.5, "/image", list)
    health.result(unusable("the image is truncated"), 1.0, False, 0)
    assert "guess" in advice(health.snapshot(), 104.5, "/image", list)
    now[0] = 120.0
    health.result(unusable("a frame that took long"), 1.0, False, 0)
    assert "no_images" not in advice(health.snapshot(), 121.0, "/image", list)
    health.lifecycle("inactive")
    assert advice(health.snapshot(), 200.0, "/image", list) == {}


def test_a_problem_found_while_activating_lasts_until_the_node_is_inactive() -> None:
    health = Health(lambda: 100.0)
    health.lifecycle("inactive")
    health.problem("tf", "gravity_frame needs tf2_msgs")
    health.lifecycle("active")
    assert advice(health.snapshot(), 101.0, "/image", list) == {"tf": "gravity_frame needs tf2_msgs"}
    health.lifecycle("inactive")
    health.lifecycle("active")
    assert advice(health.snapshot(), 101.0, "/image", list) == {}


def sample(age_ms: float, status: Status = Status.OK, warm: float | None = None, **stages: float) -> Sample:
    return Sample(age_ms, stages, status, warm)


def test_percentiles_and_shares_of_the_last_frames() -> None:
    assert summary(()) == {}
    samples = [sample(float(i), solve=10.0) for i in range(101)]
    assert summary(samples) == {
        "age_ms.p50": "50.0", "age_ms.p95": "95.0",
        "stage_ms.solve.p50": "10.0", "stage_ms.solve.p95": "10.0", "share_lost": "0.00",
    }  # fmt: skip
    mixed = [sample(1, warm=1.0, look=4.0), sample(1, Status.LOST, warm=0.0), sample(1, warm=1.0)]
    told = summary([*mixed, sample(1)])
    assert (told["share_lost"], told["share_warm"], told["stage_ms.look.p50"]) == ("0.25", "0.67", "4.0")


def test_health_keeps_the_last_hundred_samples_and_forgets_them_when_activated() -> None:
    health = Health(lambda: 0.0)
    for i in range(150):
        health.result(unusable("x"), float(i), False, 0)
    recent = health.snapshot().recent
    assert [s.age_ms for s in recent] == list(range(50, 150))
    health.not_installed(("hri_msgs",))
    health.lifecycle("active")
    assert health.snapshot().recent == () and health.snapshot().not_installed == ("hri_msgs",)


def test_rates_are_means_over_the_window() -> None:
    rates = Rates()
    assert rates.add(100.0, {"in": 5}) == {"in": "0.0"}
    assert rates.add(101.0, {"in": 35}) == {"in": "30.0"}
    for second in range(2, 30):
        told = rates.add(100.0 + second, {"in": 35 + 15 * (second - 1)})
    assert told == {"in": "15.0"}, "what was before the window is forgotten"
    assert rates.add(130.0, {"in": 0}) == {"in": "0.0"}, "the node was activated anew"
    assert rates.add(132.0, {"in": 10}) == {"in": "5.0"}


def test_throttle() -> None:
    throttle = Throttle()
    assert [throttle.allows("a", t, 10.0) for t in (0.0, 5.0, 10.0)] == [True, False, True]
    assert throttle.allows("b", 10.0, 10.0)


def test_settings_from_parameter_values() -> None:
    values = {setting.name: setting.default for setting in settings_of(PipelineConfig)}
    config = build_config(PipelineConfig, values | {"gravity": [0, 1, 0], "height_m": 2, "unknown": 1})
    assert config.gravity == [0.0, 1.0, 0.0] and isinstance(config.height_m, float)
    for name, value in [("object", 5), ("height_m", True), ("gravity", "down"), ("gravity", None)]:
        with pytest.raises(InputError, match=name):
            build_config(PipelineConfig, values | {name: value})
    with pytest.raises(InputError, match="one of raw, compressed"):
        NodeConfig(transport="smoke")
    assert coerce(NodeConfig.__dataclass_fields__["overlay_width"], 640.0) == 640
    assert topic_beside("/cam/image_raw", "camera_info") == "/cam/camera_info"
    assert topic_beside("image", "camera_info") == "camera_info"


def test_coarse_faces_follow_the_same_vertices() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    from scipy.spatial import ConvexHull

    faces = ConvexHull(points).simplices
    coarse = coarse_faces(points, faces, 800)
    assert 300 < len(coarse) <= 800 and coarse.max() < len(points)
    a, b, c = points[coarse].transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert area > 0.85 * 4 * np.pi
    assert coarse_faces(points, faces, 10**6) is not None and len(make_body().faces) == 27_000


def test_command_line_hands_ros_arguments_on() -> None:
    parser = argparse.ArgumentParser()
    node_command.add_arguments(parser)
    # What `ros2 launch` gives: --ros-args twice.
    args = parser.parse_args(
        ["--object", "ball:0.2", "--ros-args", "--log-level", "info", "--ros-args", "-r", "a:=b"]
    )
    assert node_command.ros_arguments(args) == [
        "--ros-args", "-p", "object:=ball:0.2", "--log-level", "info", "--ros-args", "-r", "a:=b",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no parameter file"):
        node_command.ros_arguments(parser.parse_args(["--params-file", "nowhere.yaml"]))


def test_lost_images_are_told_by_the_numbers_of_their_publisher() -> None:
    def lost(*numbers: int | None, publishers: int = 1) -> list[int]:
        counter = LostImages()
        return [counter.before({"publication_sequence_number": n}, publishers) for n in numbers]

    assert lost(7, 8, 9, 12, 13) == [0, 0, 0, 2, 0]
    assert lost(100, 1, 2, 4) == [0, 0, 0, 1]  # the publisher came back
    assert lost(5, 900_000, 6) == [0, 0, 0]
    assert lost(None, None, 3, None, 9) == [0] * 5  # a middleware that does not number
    assert lost(1, 5, 9, publishers=2) == [0, 0, 0]
    assert LostImages().before({}, 1) == 0


def test_lost_images_are_a_problem_when_they_are_many() -> None:
    assert lost_text({"lost_per_s": "5.0", "in_per_s": "25.0"}, "/x") == ""
    assert lost_text({"lost_per_s": "0.0", "in_per_s": "0.0"}, "/x") == ""
    assert "20.0 of 30.0 images a second on /x" in lost_text({"lost_per_s": "20.0", "in_per_s": "10.0"}, "/x")

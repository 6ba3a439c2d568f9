"""The node's parts that know nothing of ROS."""

import argparse
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_pipeline import FakePipeline, make_body

from scorehoi_ros.commands import node as node_command
from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.option import settings_of
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import CameraError, InputError, TemplateError
from scorehoi_ros.frame.session import Session, bad_input
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.geometry.decimate import coarse_faces
from scorehoi_ros.ros.age import age_of
from scorehoi_ros.ros.cameras import Cameras
from scorehoi_ros.ros.health import Health, Throttle, advice
from scorehoi_ros.ros.matcher import StampMatcher
from scorehoi_ros.ros.settings import FIELDS, NodeConfig, build_config, coerce, topic_beside
from scorehoi_ros.ros.worker import Worker
from scorehoi_ros.types import Frame, Prompt, Status


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


def wait(condition: Any) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return bool(condition())


def test_matcher_waits_for_companions_and_gives_up_in_time() -> None:
    matcher = StampMatcher(("depth",), tolerance_ns=0, wait_ns=100)
    assert matcher.add_image("a", 10, received_ns=0) == []
    assert matcher.add_companion("depth", "wrong", 11, now_ns=50) == []
    (bundle,) = matcher.add_companion("depth", "right", 10, now_ns=60)
    assert bundle.companions == {"depth": "right"} and bundle.missing == ()
    assert matcher.add_image("b", 20, received_ns=70) == [] and matcher.ready(169) == []
    (late,) = matcher.ready(170)
    assert (late.image, late.missing) == ("b", ("depth",))


def test_matcher_tolerance_takes_the_nearest() -> None:
    matcher = StampMatcher(("depth",), tolerance_ns=5, wait_ns=100)
    for stamp in (6, 9, 16):
        matcher.add_companion("depth", stamp, stamp, now_ns=0)
    assert matcher.add_image("a", 10, received_ns=0)[0].companions == {"depth": 9}


def test_age_of_another_clock_counts_from_arrival() -> None:
    assert age_of(10**18, 10**18 + 5_000_000, 0, 0).ms == pytest.approx(5.0)
    for stamp in (0, 10**18 + 10**9):
        age = age_of(stamp, 10**18, 1_000_000, 4_000_000)
        assert age.from_arrival and age.ms == pytest.approx(3.0)


def info(**changes: Any) -> Any:
    fields = {"header": SimpleNamespace(frame_id="cam"), "k": [50.0, 0, 32, 0, 50, 24, 0, 0, 1], "d": []}
    return SimpleNamespace(**(fields | {"width": 64, "height": 48, "distortion_model": ""} | changes))


def test_camera_info_then_guess_after_the_timeout() -> None:
    cameras = Cameras("", 2.0)
    assert cameras.choose(64, 48, "cam", now_s=10.0) is None and "no CameraInfo" in cameras.problem
    assert cameras.choose(64, 48, "cam", now_s=11.9) is None
    assert cameras.choose(64, 48, "cam", now_s=12.0).source == "guess"
    cameras.update(info())
    camera = cameras.choose(64, 48, "cam", now_s=12.1)
    assert camera.source == "camera_info" and camera.K[0, 0] == 50 and cameras.problem == ""


def test_users_camera_wins_and_must_fit() -> None:
    cameras = Cameras("70,70,32,24", 0.0)
    cameras.update(info())
    assert cameras.choose(64, 48, "cam").source == "user"
    with pytest.raises(CameraError):
        Cameras("70,70,32", 0.0).choose(64, 48, "cam")


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
    health.result(bad_input(0, "cam", "the image is truncated"), 1.0, False, 0)
    texts = advice(health.snapshot(), 104.5, "/image", list)
    assert "truncated" in texts["status"] and "guess" in texts
    now[0] = 120.0
    health.result(bad_input(0, "cam", "a frame that took long"), 1.0, False, 0)
    assert "no_images" not in advice(health.snapshot(), 121.0, "/image", list)
    health.lifecycle("inactive")
    assert advice(health.snapshot(), 200.0, "/image", list) == {}


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


def frame(stamp: int, level: int = 7) -> Frame:
    return Frame(np.full((48, 64, 3), level, np.uint8), guess_camera(64, 48), stamp, "cam")


def test_session_keeps_state_over_harmless_changes_only() -> None:
    session = Session(PipelineConfig(object="ball:0.2"), FakePipeline)
    old = session.pipeline
    session.step(frame(1))
    session.rebuild(PipelineConfig(object="ball:0.2", fit=FitConfig(track_iterations=5)))
    assert old.closed and session.step(frame(2)).reconstruction.message.startswith("n=2 it=5")
    kept = session.pipeline
    with pytest.raises(TemplateError):
        session.rebuild(PipelineConfig(object="broken"))
    assert session.pipeline is kept and not kept.closed
    session.rebuild(PipelineConfig(object="box:1x1x1"))
    assert session.step(frame(3)).reconstruction.message.startswith("n=1")


def test_session_says_when_frames_are_too_far_apart_to_track() -> None:
    session = Session(PipelineConfig(max_gap_s=0.5), FakePipeline)
    warnings = []
    for stamp in (0, 1, 2, 3):
        session.step(frame(10**18 + stamp * 10**9))
        warnings.append("max_gap_s" in session.warning)
    assert warnings == [False, False, True, True]
    session.step(frame(10**18 + 3 * 10**9 + 1))
    assert session.warning == ""


def test_session_resets_on_backward_time_and_after_a_fault() -> None:
    session = Session(PipelineConfig(), FakePipeline)
    session.set_prompt(Prompt(points=np.zeros((1, 2))))
    first = session.step(frame(1000))
    assert "points=1" in first.reconstruction.message and first.track_id == "human_1"
    assert session.step(frame(2000)).track_id == "human_1"
    back = session.step(frame(500))
    assert back.reconstruction.message.startswith("n=1") and back.track_id == "human_2"
    broken = session.step(frame(600, level=255))
    assert broken.reconstruction.status == Status.BAD_INPUT and "fault" in broken.reconstruction.message
    assert session.step(frame(700)).track_id == "human_3"


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


def test_every_parameter_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "ros_api.md").read_text()
    missing = [
        name
        for name, f in FIELDS.items()
        if f"| `{name}`{' *' if f.metadata['read_only'] else ''} |" not in text
    ]
    assert not missing

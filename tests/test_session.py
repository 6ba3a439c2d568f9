"""The session: state over harmless changes, time, faults, prompts, unrelated photos."""

from typing import Any

import numpy as np
import pytest

from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import TemplateError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.session import Session
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.types import Frame, Prompt, Status
from tests.fake_pipeline import FakePipeline

SECOND = 10**9


def session_of(config: PipelineConfig, **options: Any) -> Any:
    """A session whose results are looked into without asking whether they are there."""
    return Session(config, FakePipeline, **options)


def frame(stamp: int, level: int = 7) -> Frame:
    return Frame(np.full((48, 64, 3), level, np.uint8), guess_camera(64, 48), stamp, "cam")


def test_state_survives_harmless_changes_only() -> None:
    session = session_of(PipelineConfig(object="ball:0.2"))
    old: Any = session.pipeline
    session.step(frame(1))
    session.rebuild(PipelineConfig(object="ball:0.2", fit=FitConfig(track_iterations=5)))
    assert old.closed and session.step(frame(2)).message.startswith("n=2 it=5")
    kept: Any = session.pipeline
    with pytest.raises(TemplateError):
        session.rebuild(PipelineConfig(object="broken"))
    assert not kept.closed and kept is session.pipeline
    session.rebuild(PipelineConfig(object="box:1x1x1"))
    assert session.step(frame(3)).message.startswith("n=1")


def test_the_same_settings_build_nothing() -> None:
    session = session_of(PipelineConfig())
    pipeline: Any = session.pipeline
    session.rebuild(PipelineConfig())
    assert not pipeline.closed and pipeline is session.pipeline


def test_frames_too_far_apart_to_track_are_told_about() -> None:
    session = session_of(PipelineConfig(max_gap_s=0.5))
    warnings = []
    for second in (0, 1, 2, 3):
        session.step(frame(SECOND * (10**9 + second)))
        warnings.append("max_gap_s" in session.warning)
    assert warnings == [False, False, True, True]
    session.step(frame(SECOND * (10**9 + 3) + 1))
    assert session.warning == ""


def test_stamps_that_stand_still_are_told_about() -> None:
    session = session_of(PipelineConfig())
    assert [session.step(frame(0)).message.split()[0] for _ in range(3)] == ["n=1"] * 3
    assert "do not advance" in session.warning
    session.step(frame(1))
    assert session.warning == ""


def test_time_that_goes_back_and_faults_start_afresh_with_new_ids() -> None:
    session = session_of(PipelineConfig())
    session.set_prompt(Prompt(points=np.zeros((1, 2))))
    first = session.step(frame(1000))
    assert "points=1" in first.message and first.human.id == "human_1"
    assert session.step(frame(2000)).human.id == "human_1"
    back = session.step(frame(500))
    assert back.message.startswith("n=1") and back.human.id == "human_2"
    broken = session.step(frame(600, level=255))
    assert broken.status == Status.BAD_INPUT and "internal error" in broken.message
    assert broken.camera.width == 64 and broken.frame_id == "cam"
    assert session.step(frame(700)).human.id == "human_3"
    assert session.resets == 2


def test_a_bad_frame_is_answered_and_the_track_goes_on() -> None:
    session = session_of(PipelineConfig())
    session.step(frame(1000))
    bad = session.step(BadFrame("x", 0, "truncated", "cam"))
    assert (bad.status, bad.message, bad.stamp_ns, bad.humans) == (Status.BAD_INPUT, "truncated", 0, ())
    assert not np.any(bad.camera.K) and bad.camera.source == "guess"
    assert session.step(frame(2000)).message.startswith("n=2")


def test_unrelated_photos_start_afresh_whatever_their_stamps() -> None:
    session = session_of(PipelineConfig(), independent=True)
    assert [session.step(frame(s)).message.split()[0] for s in (5, 6, 1, 1, 1)] == ["n=1"] * 5
    assert session.warning == ""


def test_reset_forgets_the_prompt_too() -> None:
    session = session_of(PipelineConfig())
    session.step(frame(1000))
    session.set_prompt(Prompt(points=np.zeros((1, 2))))
    session.reset()
    result = session.step(frame(2000))
    assert result.message.startswith("n=1") and "points" not in result.message
    assert result.human.id == "human_2"

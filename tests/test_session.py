"""The session: state over harmless changes, time, faults, prompts, unrelated photos."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import TemplateError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.clock import TrackClock
from scorehoi_ros.frame.session import Session
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.types import Frame, Prompt, Status
from tests.fake_pipeline import FakePipeline

SECOND = 10**9


def session_of(config: PipelineConfig, **options: Any) -> Any:
    """A session whose results are looked into without asking whether they are there."""
    return Session(config, FakePipeline, **options)


def frame(stamp: int, level: int = 7, arrived: int | None = None) -> Frame:
    rgb = np.full((48, 64, 3), level, np.uint8)
    return Frame(rgb, guess_camera(64, 48), stamp, "cam", log_ns=arrived)


def tracks(session: Any, *frames: Frame) -> list[str]:
    """ "n=..." of each frame: how many the track has seen."""
    return [session.step(f).message.split()[0] for f in frames]


def test_state_survives_harmless_changes_only() -> None:
    session = session_of(PipelineConfig(object="ball:0.2"))
    old: Any = session.pipeline
    session.step(frame(1))
    session.rebuild(PipelineConfig(object="ball:0.2", fit=FitConfig(track_iterations=5)))
    assert not old.closed and session.pipeline.load == old.load, "nothing was loaded anew"
    assert session.step(frame(2)).message.startswith("n=2 it=5")
    kept: Any = session.pipeline
    with pytest.raises(TemplateError):
        session.rebuild(PipelineConfig(object="broken"))
    assert not kept.closed and kept is session.pipeline
    session.rebuild(PipelineConfig(object="box:1x1x1"))
    assert kept.closed and session.pipeline.load > kept.load
    assert session.step(frame(3)).message.startswith("n=1")


def test_a_box_given_while_running_is_the_next_prompt_and_keeps_the_track() -> None:
    session = session_of(PipelineConfig())
    session.step(frame(1))
    session.rebuild(PipelineConfig(prompt_box=[1.0, 2.0, 30.0, 40.0]))
    assert session.step(frame(2)).message.startswith("n=2 it=40 box=1,30")
    session.rebuild(PipelineConfig(prompt_box=[1.0, 2.0, 30.0, 40.0], min_probability=0.5))
    assert "box" not in session.step(frame(3)).message


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


@pytest.mark.parametrize("stamp", [0, 17 * SECOND])
def test_stamps_that_stand_still_are_told_about_and_the_arrival_counts(stamp: int) -> None:
    session = session_of(PipelineConfig(max_gap_s=1.0))
    frames = [frame(stamp, arrived=7 + i * SECOND // 30) for i in range(4)]
    results = [session.step(f) for f in frames]
    assert [r.message.split()[0] for r in results] == ["n=1", "n=2", "n=3", "n=4"]
    assert {r.stamp_ns for r in results} == {stamp}, "what is published keeps its stamp"
    assert "do not advance" in session.warning
    late = session.step(frame(stamp, arrived=7 + 3 * SECOND))
    assert late.human.id == "human_2", "a gap of arrivals ends the track as a gap of stamps does"
    session.step(frame(stamp + 1, arrived=8 + 3 * SECOND))
    assert session.warning == ""


def test_stamps_that_stand_still_and_say_no_arrival_keep_the_track() -> None:
    assert tracks(session_of(PipelineConfig()), *[frame(0)] * 3) == ["n=1", "n=2", "n=3"]


def test_stamps_slightly_out_of_order_are_answered_and_move_nothing(caplog: Any) -> None:
    session = session_of(PipelineConfig())
    start, step = 10**9 * SECOND, SECOND // 30
    session.step(frame(start))
    session.step(frame(start + 3 * step))
    session.set_prompt(Prompt(points=np.zeros((1, 2))))
    late = session.step(frame(start + step))
    again = session.step(frame(start + 2 * step))
    assert late.message.startswith("n=3") and again.message.startswith("n=3") and late.human.id == "human_1"
    assert late.stamp_ns == start + step and "points" not in late.message
    newest = session.step(frame(start + 4 * step))
    assert newest.message.startswith("n=3") and "points=1" in newest.message, "the prompt waited"
    assert session.resets == 0 and caplog.text.count("out of order") == 1


def test_time_that_goes_back_and_faults_start_afresh_with_new_ids() -> None:
    session = session_of(PipelineConfig())
    session.set_prompt(Prompt(points=np.zeros((1, 2))))
    first = session.step(frame(1 * SECOND))
    assert "points=1" in first.message and first.human.id == "human_1"
    assert session.step(frame(2 * SECOND)).human.id == "human_1"
    back = session.step(frame(SECOND // 2))
    assert back.message.startswith("n=1") and back.human.id == "human_2"
    broken = session.step(frame(SECOND, level=255))
    assert broken.status == Status.BAD_INPUT and "internal error" in broken.message
    assert broken.camera.width == 64 and broken.frame_id == "cam" and broken.stamp_ns == SECOND
    assert session.step(frame(2 * SECOND)).human.id == "human_3"
    assert session.resets == 2


def moments(*pairs: tuple[float, float | None]) -> list[tuple[float, str]]:
    """(time, order) of images with these (stamp, arrival), in seconds."""
    clock = TrackClock()
    taken = [clock.take(round(s * SECOND), None if a is None else round(a * SECOND)) for s, a in pairs]
    return [(m.time_ns / SECOND, m.order) for m in taken]


def test_the_clock_of_the_track() -> None:
    assert moments((5, 1), (5.1, 9), (5.3, 9.5)) == [(5, "on"), (5.1, "on"), (5.3, "on")]
    whole_seconds = moments((5, 1), (5, 1.5), (6, 2.0), (6, 2.5), (8, 4.5))
    assert [time for time, _ in whole_seconds] == [5, 5.5, 6, 6.5, 8.5]
    unset_at_first = moments((0, 1), (0, 1.5), (1000, 2), (1000.5, 9), (0, 9.25), (1001, 9.5))
    assert [time for time, _ in unset_at_first] == [0, 0.5, 1, 1.5, 1.75, 2]
    assert {order for _, order in unset_at_first} == {"on"}
    at_once = moments((0, 1), (0, 1.000001), (0, 1.1), (0, 1.1), (0, None), (7, 1.1))
    assert [time for time, _ in at_once] == pytest.approx(
        [0, 1 / 30, 0.133332, 0.166666, 0.2, 0.233333], abs=1e-5
    )
    disordered = moments((5, 1), (5.2, 2), (5.1, 3), (5.15, 4), (5.3, 5), (5.1, 6), (5.2, 7))
    assert [order for _, order in disordered] == ["on", "on", "late", "late", "on", "back", "on"]
    assert disordered[2][0] == pytest.approx(5.2) and disordered[4][0] == pytest.approx(5.3)


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


def test_a_prompt_waits_for_a_frame_that_can_be_used() -> None:
    session = session_of(PipelineConfig())
    told: list[Any] = []
    glimpse = session.pipeline.glimpse

    def spy(seen: Frame, before: Any, prompt: Any = None) -> Any:
        told.append(prompt)
        if int(seen.rgb.max()) == 9:
            raise ValueError("cannot be looked at")
        found = glimpse(seen, before, prompt)
        return replace(found, problem="too large") if int(seen.rgb.max()) == 8 else found

    session.pipeline.glimpse = spy
    prompt = Prompt(points=np.zeros((1, 2)))
    session.set_prompt(prompt)
    session.step(frame(1000, level=9))
    session.step(frame(2000, level=8))
    assert "points" in session.step(frame(3000)).message
    assert "points" not in session.step(frame(4000)).message
    assert told == [prompt, prompt, prompt, None]


def test_reset_forgets_where_the_person_was() -> None:
    session = session_of(PipelineConfig())
    person: Any = object()
    told: list[Any] = []
    glimpse = session.pipeline.glimpse

    def spy(seen: Frame, before: Any, prompt: Any = None) -> Any:
        told.append(before)
        return replace(glimpse(seen, before, prompt), last=person)

    session.pipeline.glimpse = spy
    for stamp in (1000, 2000):
        session.step(frame(stamp))
    session.reset()
    session.step(frame(3000))
    assert [before is None for before in told] == [True, False, True]


def test_masks_that_lie_off_are_told_while_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(PipelineConfig())
    solve = session.pipeline.reconstruct

    def off(px: dict[str, float]) -> None:
        def reconstruct(*args: Any) -> Any:
            result, state = solve(*args)
            return replace(result, quality=px), state

        monkeypatch.setattr(session.pipeline, "reconstruct", reconstruct)

    off({"object_mask_off_px": 14.2})
    session.step(frame(1))
    told = session.mask_warning
    assert "object_mask_off_px" in told
    off({"human_mask_off_px": 8.0})
    session.step(frame(4))
    assert session.mask_warning == told, "who warns once for each text warns once"
    off({"human_iou": 0.8})
    session.step(frame(9))
    assert session.mask_warning == ""

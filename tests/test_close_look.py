"""A slow network looks at the object beside the frames: none of a track waits, and what it finds is used."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.errand import Errand
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.session import Session
from scorehoi_ros.frame.track import begin
from scorehoi_ros.perception.close_look import Answer, Aside, CloseLook
from scorehoi_ros.perception.object.two_step import TwoStepSegmenter
from scorehoi_ros.perception.object.window import mask_box
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.types import Bools, Box, Frame, Masks, Prompt, Reconstruction
from tests.test_seams import SCENE, Recorder

STEP_NS, MAIN = 200_000_000, threading.main_thread().name
THERE: Bools = SCENE.frame.masks.object
WHERE = Prompt(box=mask_box(THERE, 0.0))
BARE = replace(SCENE.frame, masks=Masks(human=SCENE.frame.masks.human))


class Slow:
    """A network that knows where the object is, and takes until the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.threads: list[str] = []
        self.fault: Exception | None = None

    def segment(self, rgb: np.ndarray, prompt: Prompt, exclude: Bools | None) -> Segmentation:
        self.threads.append(threading.current_thread().name)
        assert self.gate.wait(20.0), "somebody waits for the slow network"
        if self.fault is not None:
            raise self.fault
        return Segmentation(THERE, THERE.astype(np.float32), 0.9)


class Quick:
    """Finds the object only where a mask with colours says just where it is; else at most something small."""

    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    def segment(self, rgb: np.ndarray, prompt: Prompt, exclude: Bools | None) -> Segmentation:
        self.asked.append(prompt)
        if prompt.mask is not None and (prompt.mask == THERE).all() and prompt.appearance is not None:
            return Segmentation(THERE, THERE.astype(np.float32), 0.8, prompt.appearance)
        return empty_segmentation(*rgb.shape[:2])


class Play:
    """A session on one scene, whose frames follow one another at 5 Hz."""

    def __init__(self, looker: ThreadPoolExecutor | None) -> None:
        self.slow, self.quick, self.looker, self.now_ns = Slow(), Quick(), looker, 0
        self.session = Session(PipelineConfig(), lambda _: self.pipeline(), aside=looker)

    def pipeline(self) -> Pipeline:
        pipeline = Recorder().pipeline()
        return replace(
            pipeline, eyes=replace(pipeline.eyes, segmenter=TwoStepSegmenter(self.slow, self.quick))
        )

    def frame(self, prompt: Prompt | None = None, frame: Frame = BARE) -> Reconstruction:
        if prompt is not None:
            self.session.set_prompt(prompt)
        self.now_ns += STEP_NS
        return self.session.step(replace(frame, stamp_ns=self.now_ns))

    def heard(self) -> None:
        """Open the gate, and wait until the looker has done what was sent to it."""
        self.slow.gate.set()
        self.looker.submit(int).result()


@pytest.fixture
def live():
    with ThreadPoolExecutor(1, "looker") as looker:
        play = Play(looker)
        yield play
        play.slow.gate.set()


def found(result: Reconstruction) -> bool:
    return result.object is not None and result.object.status.is_present


def test_the_first_frame_waits_and_none_after_it(live: Play) -> None:
    assert found(live.frame(WHERE)) and set(live.slow.threads) == {MAIN}
    live.slow.threads.clear()
    live.slow.gate.clear()
    missed = [found(live.frame()) for _ in range(7)]
    assert not any(missed), "colours alone do not find it"
    assert live.slow.threads in ([], ["looker_0"]), "one look at a time, by the looker"
    live.heard()
    assert live.slow.threads == ["looker_0"]
    assert found(live.frame()) and live.slow.threads == ["looker_0"]
    assert live.quick.asked[-1].mask is THERE


def test_what_the_user_points_at_is_looked_at_closely_beside_the_frames(live: Play) -> None:
    """Also between two close looks that are due by themselves."""
    live.frame()
    live.slow.gate.clear()
    assert not found(live.frame(WHERE))
    live.heard()
    assert set(live.slow.threads) == {"looker_0"} and found(live.frame())


def test_without_a_looker_frames_wait_and_every_run_is_the_same() -> None:
    runs = []
    for _ in range(2):
        play = Play(None)
        results = [play.frame(WHERE), *(play.frame() for _ in range(9))]
        runs.append([(found(r), r.masks.object_score, len(play.slow.threads)) for r in results])
        assert set(play.slow.threads) == {MAIN}
        # One look into the box; then one in each half second, as colours alone do not find it.
        assert len(play.slow.threads) == 1 + 4
    assert runs[0] == runs[1]


def no_reset(play: Play) -> Any:
    return None


def reset(play: Play) -> Any:
    return play.session.reset()


def back(play: Play) -> None:
    """As a bag that starts again."""
    play.now_ns = 0


@pytest.mark.parametrize(("happens", "used"), [(no_reset, True), (reset, False), (back, False)])
def test_an_answer_does_not_outlive_its_track(live: Play, happens: Any, used: bool) -> None:
    live.frame(WHERE)
    live.slow.gate.clear()
    live.frame(WHERE)
    happens(live)
    live.heard()
    live.quick.asked.clear()
    live.frame()
    assert any(prompt.mask is THERE for prompt in live.quick.asked) == used


def test_an_answer_from_another_camera_is_dropped(live: Play) -> None:
    live.frame(WHERE)
    live.slow.gate.clear()
    live.frame(WHERE)
    live.frame(frame=replace(BARE, frame_id="other"))
    live.heard()
    live.quick.asked.clear()
    live.frame(frame=replace(BARE, frame_id="other"))
    assert not any(prompt.mask is THERE for prompt in live.quick.asked)


def test_a_network_that_fails_is_told_of_and_asked_again(live: Play, caplog: Any) -> None:
    live.frame(WHERE)
    live.slow.fault = RuntimeError("out of memory")
    live.frame(WHERE)
    live.heard()
    live.slow.fault = None
    assert not found(live.frame(WHERE)) and "out of memory" in caplog.text
    live.heard()
    assert found(live.frame())


def test_given_masks_and_one_step_segmenters_want_no_close_look(live: Play) -> None:
    live.frame(WHERE)
    live.slow.threads.clear()
    live.frame(WHERE, SCENE.frame)
    live.heard()
    assert live.slow.threads == []
    state = replace(begin(BARE), aside=Aside())
    quick = live.pipeline()
    quick = replace(quick, eyes=replace(quick.eyes, segmenter=Quick()))
    _, after = quick.step(replace(BARE, stamp_ns=STEP_NS), state, WHERE)
    assert after.aside is None or after.aside.wanted is None


@pytest.mark.parametrize(
    ("frame_id", "side", "fits"), [("a", 480, True), ("b", 480, False), ("a", 479, False)]
)
def test_an_answer_fits_frames_of_its_camera(frame_id: str, side: int, fits: bool) -> None:
    answer = Answer(empty_segmentation(480, side), frame_id)
    assert answer.fits(replace(BARE, frame_id="a")) == fits


def test_what_is_sent_is_not_kept_in_the_state() -> None:
    look = CloseLook(TwoStepSegmenter(Slow(), Quick()), BARE.rgb, Prompt(box=Box(0, 0, 9, 9)), None, "a")
    state = replace(begin(BARE), aside=Aside(wanted=look))
    assert Errand(None).sent(state).aside is None
    assert Errand(None).told(begin(BARE), True).aside is None


def test_a_slow_look_at_a_proposal_must_find_something_round() -> None:
    """And one that the user asked for need not."""
    found = [
        CloseLook(TwoStepSegmenter(Slow(), Quick()), BARE.rgb, WHERE, None, "a", told)().found.mask.any()
        for told in (True, False)
    ]
    assert found == [True, False]

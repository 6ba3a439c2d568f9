"""One session drives the pipeline, live and offline: it owns the state and the prompt, and answers faults."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from threading import Lock
from typing import Protocol

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig, parse_box
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame, bad_input
from scorehoi_ros.frame.clock import DISORDER_NS, Moment, Reading, TrackClock
from scorehoi_ros.frame.errand import Errand
from scorehoi_ros.frame.glimpse import Glimpse, LastGlimpse
from scorehoi_ros.frame.track import TrackState, forget
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats, Frame, HumanPose, Masks, Prompt, Reconstruction

log = logging.getLogger(__name__)


class PipelineLike(Protocol):
    """The part of `frame.pipeline.Pipeline` that a session and those who write its results use."""

    @property
    def body(self) -> BodyModel:
        """The body model."""

    @property
    def template(self) -> ObjectTemplate | None:
        """The object template, None = human only."""

    def mesh_of(self, human: HumanPose) -> tuple[Floats, Floats]:
        """Vertices (V, 3) and joints (52, 3) of a pose, in the camera frame."""

    def glimpse(self, frame: Frame, before: LastGlimpse | None, prompt: Prompt | None = None) -> Glimpse:
        """The half of a step that needs no solution of earlier frames."""

    def reconstruct(
        self, seen: Glimpse, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """The other half; an unusable frame gets its status."""

    def adjusted(self, config: PipelineConfig) -> "PipelineLike | None":
        """The same with other settings, which shares what is loaded; None when that will not do for them."""

    def close(self) -> None:
        """Free what it holds."""


Build = Callable[[PipelineConfig], PipelineLike]
"""Makes a pipeline; raises ScorehoiError with what is missing or wrong."""


@dataclass(frozen=True)
class Sight:
    """The first half of a step."""

    seen: Glimpse
    """In the time of the track."""
    moment: Moment
    stamp_ns: int
    """Of the image, as it came."""


@dataclass(frozen=True)
class SessionMemory:
    """Everything in a session that the answer to the next frame depends on, but for a prompt."""

    state: TrackState | None
    last: LastGlimpse | None
    reading: Reading | None
    """Of the clock."""
    solved_ns: int | None
    gaps: int
    repeats: int


class Session:
    """Pipeline, state and prompt; every method must be called from the one thread that owns the session.

    But for `glimpse`, which another thread may call, so that the next frame is looked at while one is solved:
    what it remembers is its own.  `independent` = unrelated photos: every frame starts afresh.  `aside` takes
    slow looks at the object beside the frames, so that a frame of a track never waits for one; None = frames
    wait, and say the same on every run.  Raises what `build` raises.
    """

    def __init__(
        self,
        config: PipelineConfig,
        build: Build,
        *,
        independent: bool = False,
        aside: Executor | None = None,
    ) -> None:
        self.config = config
        self._build, self._independent = build, independent
        self._errand = Errand(aside)
        self.pipeline = build(config)
        self._state: TrackState | None = None
        self._last: LastGlimpse | None = None
        self._looking = Lock()
        self._prompt: Prompt | None = None
        self._prompt_to_look: Prompt | None = None
        self._clock = TrackClock()
        self._solved_ns: int | None = None
        self._gaps = self._repeats = 0
        self._told_of_disorder = False
        self._off = False
        self.resets = 0

    def warm_up(self) -> None:
        """One black image through the pipeline, so that the first real one does not pay for start-up work."""
        rgb, nowhere = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), bool)
        # The mask says that no object is there: else a prompt box would have one fitted to darkness.
        frame = Frame(rgb, guess_camera(640, 480), stamp_ns=0, masks=Masks(object=nowhere), name="warm_up")
        self.pipeline.reconstruct(self.pipeline.glimpse(frame, None), None)

    def step(self, frame: Frame | BadFrame) -> Reconstruction:
        """One frame through both halves; never raises for a frame.

        A BadFrame is answered as it is and the track goes on after it.  Stamps that say nothing are replaced
        by times of arrival, for the track alone (`frame.clock`).  A frame that is slightly out of order is
        answered from the track, which stays as it is.  Time that goes back further (bag loop, seek) starts
        afresh.  A fault in the pipeline marks the frame and drops the state.
        """
        return self.reconstruct(self.glimpse(frame))

    def glimpse(self, frame: Frame | BadFrame) -> Sight | BadFrame:
        """The first half of `step`; called for every frame, in the order in which they came."""
        if isinstance(frame, BadFrame):
            return frame
        with self._looking:
            moment = self._clock.take(frame.stamp_ns, frame.log_ns)
            if self._independent:
                moment, self._last = Moment(frame.stamp_ns), None
            prompt = None
            if moment.order != "late":
                prompt, self._prompt_to_look = self._prompt_to_look, None
            try:
                seen = self.pipeline.glimpse(replace(frame, stamp_ns=moment.time_ns), self._last, prompt)
            except Exception as error:
                self._last, self._prompt_to_look = None, self._prompt_to_look or prompt
                log.error("looking at frame %s failed: %s", frame.name, error, exc_info=error)
                return BadFrame(frame.name, frame.stamp_ns, f"internal error: {error!r}", frame.frame_id)
            if moment.order != "late":
                self._last = seen.last
            if seen.problem:
                self._prompt_to_look = self._prompt_to_look or prompt
            return Sight(seen, moment, frame.stamp_ns)

    def reconstruct(self, sight: Sight | BadFrame) -> Reconstruction:
        """The second half of `step`; frames may be left out."""
        if isinstance(sight, BadFrame):
            return bad_input(sight, sight.reason)
        frame, late = sight.seen.frame, sight.moment.order == "late"
        self._follow_time(sight.moment)
        prompt = None if late else self._prompt
        try:
            result, state = self.pipeline.reconstruct(
                sight.seen, self._errand.told(self._state, not late), prompt
            )
        except Exception as error:
            # The state may be half-changed, so it is not used any more.
            known = isinstance(error, ScorehoiError)
            log.error("frame %s failed: %s", frame.name, error, exc_info=None if known else error)
            self._start_afresh()
            reason = str(error) if known else f"internal error: {error!r}"
            return bad_input(replace(frame, stamp_ns=sight.stamp_ns), reason)
        finally:
            self._prompt = self._prompt if late or sight.seen.problem else None
        self._off = any(f"{name}_mask_off_px" in result.quality for name in ("human", "object"))
        if not late:
            self._state = self._errand.sent(state)
        return replace(result, stamp_ns=sight.stamp_ns, track_ns=sight.moment.time_ns)

    @property
    def warning(self) -> str:
        """What is wrong with the stamps, when they stand still, or are too far apart to track anything."""
        if self._repeats >= 2:
            return (
                "stamps of images do not advance; their times of arrival are used to follow what moves; "
                "mend the driver's clock"
            )
        if self._gaps < 2:
            return ""
        return (
            f"frames are more than max_gap_s = {self.config.max_gap_s:g} s apart, so that each starts afresh "
            "(slow, and with new ids); set max_gap_s above the time a frame takes"
        )

    @property
    def mask_warning(self) -> str:
        """That masks of the last frame did not lie where they should; the same words each time."""
        if not self._off:
            return ""
        return (
            "given masks do not lie on the image (quality of frames: human_mask_off_px, object_mask_off_px); "
            "they are moved, and trusted less: check that they are of the same moment, size and crop"
        )

    @property
    def memory(self) -> SessionMemory:
        """What another session, given it, goes on from as this one would."""
        return SessionMemory(
            self._state,
            self._last,
            self._clock.last,
            self._solved_ns,
            self._gaps,
            self._repeats,
        )

    def remember(self, memory: SessionMemory) -> None:
        """Go on from the memory of another session with the same settings."""
        self._state, self._last = memory.state, memory.last
        self._clock = TrackClock(memory.reading)
        self._solved_ns, self._gaps, self._repeats = memory.solved_ns, memory.gaps, memory.repeats

    def reset(self) -> None:
        """Forget the person, the object and any prompt not yet used."""
        self._prompt = None
        with self._looking:
            self._last = self._prompt_to_look = None
        self._start_afresh()

    def set_prompt(self, prompt: Prompt) -> None:
        """Use a prompt for the next frame: to find the object, and who of several people handles it."""
        self._prompt = prompt
        with self._looking:
            self._prompt_to_look = prompt

    def rebuild(self, config: PipelineConfig) -> None:
        """Change settings; the old pipeline stays when the new one cannot be made (ScorehoiError).

        Nothing is loaded that need not be.  The state survives unless something that it was made from
        (object, body, method) changed.  A new `prompt_box` is the prompt of the next frame, too.
        """
        if config == self.config:
            return
        pipeline = self.pipeline.adjusted(config)
        old = None if pipeline is not None else self.pipeline
        pipeline = pipeline or self._build(config)
        made_from = ("object", "body_model", "method")
        if any(getattr(config, name) != getattr(self.config, name) for name in made_from):
            self.reset()
        if config.prompt_box and config.prompt_box != self.config.prompt_box:
            self.set_prompt(Prompt(box=parse_box(config.prompt_box)))
        with self._looking:
            if old is not None:
                old.close()
            self.pipeline, self.config = pipeline, config

    def close(self) -> None:
        """Free what the pipeline holds."""
        with self._looking:
            self.pipeline.close()

    def _follow_time(self, moment: Moment) -> None:
        if self._independent:
            self._state = forget(self._state)
            return
        self._repeats = self._repeats + 1 if moment.still else 0
        if moment.order == "late":
            self._tell_of_disorder()
            return
        passed_s = 0.0 if self._solved_ns is None else (moment.time_ns - self._solved_ns) * 1e-9
        if passed_s < 0:
            log.info("time went back by %.3f s (bag loop or seek): tracking starts afresh", -passed_s)
            self._start_afresh()
        self._gaps = self._gaps + 1 if passed_s > self.config.max_gap_s else 0
        self._solved_ns = moment.time_ns

    def _tell_of_disorder(self) -> None:
        if self._told_of_disorder:
            return
        self._told_of_disorder = True
        log.warning(
            "images come out of order: those up to %.1f s late are answered, and do not move the track; "
            "this is said once",
            DISORDER_NS * 1e-9,
        )

    def _start_afresh(self) -> None:
        self._state = forget(self._state)
        self._errand.forget()
        self.resets += 1

"""One session drives the pipeline, live and offline: it owns the state and the prompt, and answers faults."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig, parse_box
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame, bad_input
from scorehoi_ros.frame.clock import DISORDER_NS, Moment, TrackClock
from scorehoi_ros.frame.track import TrackState, forget
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame, Prompt, Reconstruction

log = logging.getLogger(__name__)


class PipelineLike(Protocol):
    """The part of `frame.pipeline.Pipeline` that a session and those who write its results use."""

    @property
    def body(self) -> BodyModel:
        """The body model."""

    @property
    def template(self) -> ObjectTemplate | None:
        """The object template, None = human only."""

    def step(
        self, frame: Frame, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """One frame; an unusable one gets its status."""

    def adjusted(self, config: PipelineConfig) -> "PipelineLike | None":
        """The same with other settings, which shares what is loaded; None when that will not do for them."""

    def close(self) -> None:
        """Free what it holds."""


Build = Callable[[PipelineConfig], PipelineLike]
"""Makes a pipeline; raises ScorehoiError with what is missing or wrong."""


class Session:
    """Pipeline, state and prompt; every method must be called from the one thread that owns the session.

    `independent` = unrelated photos: every frame starts afresh.  Raises what `build` raises.
    """

    def __init__(self, config: PipelineConfig, build: Build, *, independent: bool = False) -> None:
        self.config = config
        self._build, self._independent = build, independent
        self.pipeline = build(config)
        self._state: TrackState | None = None
        self._prompt: Prompt | None = None
        self._clock = TrackClock()
        self._gaps = self._repeats = 0
        self._told_of_disorder = False
        self.resets = 0

    def warm_up(self) -> None:
        """One black image through the pipeline, so that the first real one does not pay for start-up work."""
        rgb = np.zeros((480, 640, 3), np.uint8)
        self.pipeline.step(Frame(rgb, guess_camera(640, 480), stamp_ns=0, name="warm_up"), None)

    def step(self, frame: Frame | BadFrame) -> Reconstruction:
        """One frame through the pipeline; never raises for a frame.

        A BadFrame is answered as it is and the track goes on after it.  Stamps that say nothing are replaced
        by times of arrival, for the track alone (`frame.clock`).  A frame that is slightly out of order is
        answered from the track, which stays as it is.  Time that goes back further (bag loop, seek) starts
        afresh.  A fault in the pipeline marks the frame and drops the state.
        """
        if isinstance(frame, BadFrame):
            return bad_input(frame, frame.reason)
        moment = self._follow_time(frame)
        late = moment.order == "late"
        prompt = None if late else self._prompt
        timed = replace(frame, stamp_ns=moment.time_ns)
        try:
            result, state = self.pipeline.step(timed, self._state, prompt)
        except Exception as error:
            # The state may be half-changed, so it is not used any more.
            known = isinstance(error, ScorehoiError)
            log.error("frame %s failed: %s", frame.name, error, exc_info=None if known else error)
            self._start_afresh()
            return bad_input(frame, str(error) if known else f"internal error: {error!r}")
        finally:
            self._prompt = self._prompt if late else None
        if not late:
            self._state = state
        return replace(result, stamp_ns=frame.stamp_ns)

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

    def reset(self) -> None:
        """Forget the person, the object and any prompt not yet used."""
        self._prompt = None
        self._start_afresh()

    def set_prompt(self, prompt: Prompt) -> None:
        """Use a prompt for the next frame."""
        self._prompt = prompt

    def rebuild(self, config: PipelineConfig) -> None:
        """Change settings; the old pipeline stays when the new one cannot be made (ScorehoiError).

        Nothing is loaded that need not be.  The state survives unless something that it was made from
        (object, body, method) changed.  A new `prompt_box` is the prompt of the next frame, too.
        """
        if config == self.config:
            return
        pipeline = self.pipeline.adjusted(config)
        if pipeline is None:
            pipeline = self._build(config)
            self.close()
        made_from = ("object", "body_model", "method")
        if any(getattr(config, name) != getattr(self.config, name) for name in made_from):
            self.reset()
        if config.prompt_box and config.prompt_box != self.config.prompt_box:
            self.set_prompt(Prompt(box=parse_box(config.prompt_box)))
        self.pipeline, self.config = pipeline, config

    def close(self) -> None:
        """Free what the pipeline holds."""
        self.pipeline.close()

    def _follow_time(self, frame: Frame) -> Moment:
        """When the frame is, in the time of the track."""
        if self._independent:
            self._state = forget(self._state)
            return Moment(frame.stamp_ns)
        moment = self._clock.take(frame.stamp_ns, frame.log_ns)
        if moment.order == "back":
            log.info("time went back (bag loop or seek): tracking starts afresh")
            self._start_afresh()
        if moment.order == "late" and not self._told_of_disorder:
            self._told_of_disorder = True
            log.warning(
                "images come out of order: those up to %.1f s late are answered, and do not move the track; "
                "this is said once",
                DISORDER_NS * 1e-9,
            )
        self._gaps = self._gaps + 1 if moment.passed_ns > self.config.max_gap_s * 1e9 else 0
        self._repeats = self._repeats + 1 if moment.still else 0
        return moment

    def _start_afresh(self) -> None:
        self._state = forget(self._state)
        self.resets += 1

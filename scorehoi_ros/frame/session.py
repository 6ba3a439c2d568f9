"""One session drives the pipeline, live and offline: it owns the state and the prompt, and answers faults."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Protocol

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame, bad_input
from scorehoi_ros.frame.glimpse import Glimpse, Trail
from scorehoi_ros.frame.track import TrackState, forget
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame, Masks, Prompt, Reconstruction

log = logging.getLogger(__name__)


class PipelineLike(Protocol):
    """The part of `frame.pipeline.Pipeline` that a session and those who write its results use."""

    @property
    def body(self) -> BodyModel:
        """The body model."""

    @property
    def template(self) -> ObjectTemplate | None:
        """The object template, None = human only."""

    def glimpse(self, frame: Frame, before: Trail | None) -> Glimpse:
        """The half of a step that needs no solution of earlier frames."""

    def reconstruct(
        self, seen: Glimpse, state: TrackState | None, prompt: Prompt | None = None
    ) -> tuple[Reconstruction, TrackState]:
        """The other half; an unusable frame gets its status."""

    def close(self) -> None:
        """Free what it holds."""


Build = Callable[[PipelineConfig], PipelineLike]
"""Makes a pipeline; raises ScorehoiError with what is missing or wrong."""


class Session:
    """Pipeline, state and prompt; every method must be called from the one thread that owns the session.

    But for `glimpse`, which another thread may call, so that the next frame is looked at while one is solved:
    what it remembers is its own.  `independent` = unrelated photos: every frame starts afresh.  Raises what
    `build` raises.
    """

    def __init__(self, config: PipelineConfig, build: Build, *, independent: bool = False) -> None:
        self.config = config
        self._build, self._independent = build, independent
        self.pipeline = build(config)
        self._state: TrackState | None = None
        self._trail: Trail | None = None
        self._looking = Lock()
        self._prompt: Prompt | None = None
        self._last_stamp_ns: int | None = None
        self._gaps = self._repeats = 0
        self.resets = 0

    def warm_up(self) -> None:
        """One black image through the pipeline, so that the first real one does not pay for start-up work."""
        rgb, nowhere = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), bool)
        # The mask says that no object is there: the prompt of the first frame would have one fitted to darkness.
        frame = Frame(rgb, guess_camera(640, 480), stamp_ns=0, masks=Masks(object=nowhere), name="warm_up")
        self.pipeline.reconstruct(self.pipeline.glimpse(frame, None), None)

    def step(self, frame: Frame | BadFrame) -> Reconstruction:
        """One frame through both halves; never raises for a frame.

        A BadFrame is answered as it is and the track goes on after it.  Time that goes back (bag loop, seek)
        starts afresh.  A fault in the pipeline marks the frame and drops the state.
        """
        return self.reconstruct(self.glimpse(frame))

    def glimpse(self, frame: Frame | BadFrame) -> Glimpse | BadFrame:
        """The first half of `step`; frames must come in the order of their second halves."""
        if isinstance(frame, BadFrame):
            return frame
        with self._looking:
            try:
                seen = self.pipeline.glimpse(frame, None if self._independent else self._trail)
            except Exception as error:
                self._trail = None
                log.error("looking at frame %s failed: %s", frame.name, error, exc_info=error)
                return BadFrame(frame.name, frame.stamp_ns, f"internal error: {error!r}", frame.frame_id)
            self._trail = seen.trail
            return seen

    def reconstruct(self, seen: Glimpse | BadFrame) -> Reconstruction:
        """The second half of `step`."""
        if isinstance(seen, BadFrame):
            return bad_input(seen, seen.reason)
        frame = seen.frame
        self._follow_time(frame.stamp_ns)
        prompt, self._prompt = self._prompt, None
        try:
            result, self._state = self.pipeline.reconstruct(seen, self._state, prompt)
        except Exception as error:
            # The state may be half-changed, so it is not used any more.
            known = isinstance(error, ScorehoiError)
            log.error("frame %s failed: %s", frame.name, error, exc_info=None if known else error)
            self._start_afresh()
            return bad_input(frame, str(error) if known else f"internal error: {error!r}")
        return result

    @property
    def warning(self) -> str:
        """Why nothing is ever tracked, when that is so: stamps too far apart, or standing still."""
        if self._repeats >= 2:
            return (
                "stamps of images do not advance, so that each frame starts afresh; mend the driver's clock"
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
        """Change settings; the old pipeline stays when the new one cannot be built (ScorehoiError).

        The state survives unless something that it was made from (object, body) changed.
        """
        if config == self.config:
            return
        pipeline = self._build(config)
        made_from = ("object", "body_model", "method")
        if any(getattr(config, name) != getattr(self.config, name) for name in made_from):
            self.reset()
        with self._looking:
            self.pipeline.close()
            self.pipeline, self.config = pipeline, config

    def close(self) -> None:
        """Free what the pipeline holds."""
        with self._looking:
            self.pipeline.close()

    def _follow_time(self, stamp_ns: int) -> None:
        if self._independent:
            self._state = forget(self._state)
            return
        gap_s = 0.0 if self._last_stamp_ns is None else (stamp_ns - self._last_stamp_ns) * 1e-9
        repeated = self._last_stamp_ns == stamp_ns
        if gap_s < 0:
            log.info("time went back by %.3f s (bag loop or seek): tracking starts afresh", -gap_s)
            self._start_afresh()
        self._gaps = self._gaps + 1 if gap_s > self.config.max_gap_s else 0
        self._repeats = self._repeats + 1 if repeated else 0
        self._last_stamp_ns = stamp_ns

    def _start_afresh(self) -> None:
        self._state = forget(self._state)
        self.resets += 1

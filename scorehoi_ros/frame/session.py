"""What the worker thread owns: the pipeline, its tracking state, and the prompt for the next frame."""

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.messages.builders import ObjectIdentity, TrackIds
from scorehoi_ros.types import Camera, Frame, Prompt, Reconstruction, Status

log = logging.getLogger(__name__)


class PipelineLike(Protocol):
    """The part of `pipeline.Pipeline` that the node uses."""

    @property
    def body(self) -> Any:
        """The body model."""

    @property
    def template(self) -> Any | None:
        """The object template, None = human only."""

    def step(self, frame: Frame, state: Any, prompt: Prompt | None = None) -> tuple[Reconstruction, Any]:
        """One frame; never raises for a bad frame."""


PipelineFactory = Callable[[PipelineConfig], PipelineLike]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One frame's result with the track it belongs to."""

    reconstruction: Reconstruction
    track_id: str


class Session:
    """Pipeline, state and prompt; every method must be called from the one thread that owns the session."""

    def __init__(self, config: PipelineConfig, factory: PipelineFactory) -> None:
        self.config = config
        self._factory = factory
        self.pipeline = factory(config)
        self._state: Any = None
        self._prompt: Prompt | None = None
        self._last_stamp_ns: int | None = None
        self._tracks = TrackIds(config.max_gap_s)
        self._long_gaps = 0
        self.resets = 0

    def warm_up(self) -> None:
        """One black image through the pipeline, so that the first real one does not pay for start-up work."""
        rgb = np.zeros((480, 640, 3), np.uint8)
        self.pipeline.step(Frame(rgb, guess_camera(640, 480), stamp_ns=0, name="warm_up"), None)

    def step(self, frame: Frame) -> Outcome:
        """One frame through the pipeline; time that runs backwards (bag loop, seek) starts afresh."""
        if self._last_stamp_ns is not None and frame.stamp_ns < self._last_stamp_ns:
            back_s = (self._last_stamp_ns - frame.stamp_ns) * 1e-9
            log.info("time went back by %.3f s (bag loop or seek): tracking starts afresh", back_s)
            self.reset()
        gap_s = (frame.stamp_ns - (self._last_stamp_ns or frame.stamp_ns)) * 1e-9
        self._long_gaps = self._long_gaps + 1 if gap_s > self.config.max_gap_s else 0
        self._last_stamp_ns = frame.stamp_ns
        prompt, self._prompt = self._prompt, None
        try:
            result, self._state = self.pipeline.step(frame, self._state, prompt)
        except Exception as error:
            # A fault of ours: the frame is marked, the state is dropped because it may be half-changed.
            log.exception("frame %d failed", frame.stamp_ns)
            self.reset()
            result = bad_input(frame.stamp_ns, frame.frame_id, f"internal error: {error!r}", frame.camera)
        return Outcome(result, self._tracks.update(result))

    @property
    def warning(self) -> str:
        """Why nothing is ever tracked, when that is so: frames further apart than `max_gap_s`."""
        if self._long_gaps < 2:
            return ""
        return (
            f"frames are more than max_gap_s = {self.config.max_gap_s:g} s apart, so that each starts afresh "
            "(slow, and with a new track id); set max_gap_s above the time a frame takes"
        )

    def reset(self) -> None:
        """Forget the person, the object and any prompt not yet used."""
        self._state = self._prompt = self._last_stamp_ns = None
        self._tracks.reset()
        self.resets += 1

    def set_prompt(self, prompt: Prompt) -> None:
        """Use a prompt for the next frame."""
        self._prompt = prompt

    def rebuild(self, config: PipelineConfig) -> None:
        """Change settings; the old pipeline stays when the new one cannot be built (ScorehoiError).

        The state survives unless something that it was made from (object, body) changed.
        """
        pipeline = self._factory(config)
        self.close()
        made_from = ("object", "body_model")
        if any(getattr(config, name) != getattr(self.config, name) for name in made_from):
            self.reset()
        self.pipeline, self.config = pipeline, config
        self._tracks.set_max_gap(config.max_gap_s)

    def identity(self, mesh_resource: str = "") -> ObjectIdentity:
        """Names of the object for messages."""
        template = self.pipeline.template
        if template is None:
            return ObjectIdentity()
        return ObjectIdentity(template.template_id, template.label, mesh_resource)

    def close(self) -> None:
        """Free what the pipeline holds."""
        close = getattr(self.pipeline, "close", None)
        if close is not None:
            close()


def bad_input(stamp_ns: int, frame_id: str, reason: str, camera: Camera | None = None) -> Reconstruction:
    """The result for a frame that cannot be used; without a camera K is zeros and the source "guess"."""
    unknown = Camera(np.zeros((3, 3)), 0, 0, source="guess")
    return Reconstruction(
        stamp_ns, frame_id, str(stamp_ns), camera or unknown, status=Status.BAD_INPUT, message=reason
    )

"""The first half of a step: what can be looked up in a frame before the frames before it are solved.

A live node looks at frame k + 1 while it still solves frame k, so nothing here may depend on a solution: the
detector follows a person by what it saw itself in the frame before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.geometry.camera import check_size, undistort_frame, validate_camera
from scorehoi_ros.perception.protocols import HumanDetector
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import Frame, HumanObservation

FOLLOWED_S = 0.5
"""A person may be followed over a gap of this length; after a longer one it is looked for afresh."""


@dataclass(frozen=True)
class LastGlimpse:
    """What the detector saw in a frame, for the next frame of the same camera."""

    stamp_ns: int
    image_size: tuple[int, int]
    """(width, height)"""
    frame_id: str
    seen: HumanObservation

    def leads_to(self, frame: Frame) -> bool:
        """Whether a person may be followed from here into a frame."""
        same = (
            self.image_size == (frame.camera.width, frame.camera.height) and self.frame_id == frame.frame_id
        )
        return same and 0 < frame.stamp_ns - self.stamp_ns <= FOLLOWED_S * 1e9


@dataclass(frozen=True)
class Glimpse:
    """A frame with the person that was seen in it."""

    frame: Frame
    """As it came."""
    flat: Frame
    """Undistorted; the frame itself when it cannot be used."""
    last: LastGlimpse | None
    """For the glimpse of the next frame; None = nobody was seen."""
    seen: HumanObservation | None = None
    problem: str = ""
    """Why the frame cannot be used, in words for the user; empty when it can."""
    ms: Mapping[str, float] = field(default_factory=dict)
    """Stage times."""


def glimpse(frame: Frame, before: LastGlimpse | None, detector: HumanDetector) -> Glimpse:
    """Check and undistort a frame, and see who is in it; never raises for a frame.

    `before` is what the frame before left, None = look afresh; one that does not lead to the frame (time
    went back, a gap, another camera) is not followed.
    """
    timer = StageTimer()
    try:
        check_frame(frame)
        flat = undistort_frame(frame)
        with timer("detect_human"):
            followed = before.seen if before is not None and before.leads_to(frame) else None
            seen = detector.detect(flat.rgb, followed)
    except ScorehoiError as error:
        return Glimpse(frame, frame, before, problem=str(error), ms=timer.ms)
    size = (frame.camera.width, frame.camera.height)
    last = None if seen is None else LastGlimpse(frame.stamp_ns, size, frame.frame_id, seen)
    return Glimpse(frame, flat, last, seen, ms=timer.ms)


def check_frame(frame: Frame) -> None:
    """Raise InputError or CameraError when the image or its calibration cannot be used."""
    rgb = frame.rgb
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < 1:
        raise InputError(
            "an image must be (height, width, 3) uint8 RGB with at least one pixel. "
            f"Got {rgb.shape} {rgb.dtype}."
        )
    validate_camera(frame.camera)
    height, width = rgb.shape[:2]
    check_size(frame.camera, width, height)
    for name, plane in (
        ("depth", frame.depth),
        ("human mask", frame.masks.human),
        ("object mask", frame.masks.object),
    ):
        if plane is not None and plane.shape != (height, width):
            raise InputError(f"the {name} must have the image's size {(height, width)}. Got {plane.shape}.")
        if plane is not None and name != "depth" and plane.dtype != np.bool_:
            raise InputError(f"the {name} must be bool. Got {plane.dtype}; give `mask > 127`.")

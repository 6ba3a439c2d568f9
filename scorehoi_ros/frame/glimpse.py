"""The first half of a step: what can be looked up in a frame before the frames before it are solved.

A live node looks at frame k + 1 while it still solves frame k, so nothing here may depend on a solution: the
detector follows a person by what it saw itself in the frame before.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.geometry.camera import check_size, undistort_frame, validate_camera
from scorehoi_ros.perception.object.window import mask_box, points_box
from scorehoi_ros.perception.protocols import HumanDetector
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import Box, ChosenBy, Frame, Hint, HumanObservation, Prompt, Trail

log = logging.getLogger(__name__)

CHOSEN: dict[ChosenBy, str] = {
    "prominence": "the one seen best",
    "mask": "the one in the given mask",
    "object": "the one nearest to the object",
    "trail": "the one seen before",
}
FOLLOWED_S = 0.5
"""A person may be followed over a gap of this length; after a longer one it is looked for afresh."""


@dataclass(frozen=True)
class LastGlimpse:
    """What the detector saw in a frame, for the next frame of the same camera."""

    stamp_ns: int
    image_size: tuple[int, int]
    """(width, height)"""
    frame_id: str
    seen: HumanObservation | None
    """None = nobody."""
    empty: int = 0
    """Frames up to this one that showed nobody."""
    lost: Trail | None = None
    """Of the last person seen, where this frame shows nobody."""
    thing: Box | None = None
    """Around the object where it was last told."""

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
    """For the glimpse of the next frame."""
    seen: HumanObservation | None = None
    problem: str = ""
    """Why the frame cannot be used, in words for the user; empty when it can."""
    ms: Mapping[str, float] = field(default_factory=dict)
    """Stage times."""


def glimpse(
    frame: Frame, before: LastGlimpse | None, detector: HumanDetector, prompt: Prompt | None = None
) -> Glimpse:
    """Check and undistort a frame, and see who is in it; never raises for a frame.

    `before` is what the frame before left, None = look afresh; one that does not lead to the frame (time
    went back, a gap, another camera) is not followed.  `prompt` says where the object is in this frame: of
    several people who is nearest to it is meant.
    """
    timer = StageTimer()
    try:
        check_frame(frame)
        flat = undistort_frame(frame)
        with timer("detect_human"):
            last = before if before is not None and before.leads_to(frame) else None
            hint = _hint(flat, last, prompt)
            seen = detector.detect(flat.rgb, None if last is None else last.seen, hint)
    except ScorehoiError as error:
        return Glimpse(frame, frame, before, problem=str(error), ms=timer.ms)
    after = _after(frame, last, seen, hint)
    _tell(last, seen)
    return Glimpse(frame, flat, after, seen, ms=timer.ms)


def _hint(flat: Frame, last: LastGlimpse | None, prompt: Prompt | None) -> Hint:
    """Who is meant in a frame: by its masks, the user's prompt, and what the frames before left."""
    told, given = _told_place(prompt), flat.masks.object
    thing = told or (mask_box(given, margin=0.0) if given is not None else None)
    if last is None:
        return Hint(flat.masks.human, thing, told is not None)
    return Hint(flat.masks.human, thing, told is not None, last.thing, last.lost, last.empty)


def _told_place(prompt: Prompt | None) -> Box | None:
    if prompt is None or prompt.box is not None:
        return None if prompt is None else prompt.box
    if prompt.mask is not None:
        return mask_box(prompt.mask, margin=0.0)
    return points_box(np.reshape(prompt.points, (-1, 2)), reach=1.0) if prompt.points is not None else None


def _after(frame: Frame, last: LastGlimpse | None, seen: HumanObservation | None, hint: Hint) -> LastGlimpse:
    """What a frame leaves for the next."""
    size, thing = (frame.camera.width, frame.camera.height), hint.thing or hint.old_thing
    if seen is not None:
        return LastGlimpse(frame.stamp_ns, size, frame.frame_id, seen, thing=thing)
    lost = hint.lost
    if last is not None and last.seen is not None:
        lost = last.seen.trail
    return LastGlimpse(frame.stamp_ns, size, frame.frame_id, None, hint.empty + 1, lost, thing)


def _tell(last: LastGlimpse | None, seen: HumanObservation | None) -> None:
    """Log that one of several people was chosen, when that is new."""
    trail = None if seen is None else seen.trail
    before = None if last is None or last.seen is None else last.seen.trail
    if trail is None or trail.people < 2 or (before is not None and before.people == trail.people):
        return
    log.info("%d people in view: %s is reconstructed", trail.people, CHOSEN[trail.chosen_by])


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

"""What is carried from frame to frame: passed in and returned, never hidden."""

from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.frame.stages import Prediction
from scorehoi_ros.types import Estimate, Floats, Frame, Reconstruction, Status

_VELOCITY_BLEND = 0.5
"""Share of the newest difference in the velocity: halves the jitter, follows a change within two frames."""
_MAX_SPEED = 4.0
"""m/s; a faster move between frames is a new detection and says nothing about where it goes next."""
_SURE_SCORE, _SURE_IOU = 0.6, 0.8
"""Mask score and template overlap from which a frame may teach what the object looks like."""


@dataclass(frozen=True)
class TrackState:
    """Memory of a track; None in its place means: start afresh."""

    stamp_ns: int
    """Of the newest frame."""
    seen_ns: int
    """Of the frame in which the person was last accepted."""
    image_size: tuple[int, int]
    """(width, height); another size is another camera."""
    frame_id: str
    estimate: Estimate | None = None
    """Last accepted estimate; its object part may be older than its human part."""
    human_velocity: Floats | None = None
    """(3,) m/s of t_cam."""
    object_velocity: Floats | None = None
    """(3,) m/s of the object's origin in the camera frame."""
    object_tracked: bool = False
    """Whether the object was accepted in the newest frame."""
    betas: Floats | None = None
    """(10,) shape of this track, fixed at its first accepted frame."""
    appearance: Floats | None = None
    """What the segmenter says the object looks like, from the last frame that was sure of it."""


def begin(frame: Frame) -> TrackState:
    """The empty state before a first frame."""
    size = (frame.camera.width, frame.camera.height)
    return TrackState(frame.stamp_ns, frame.stamp_ns, size, frame.frame_id)


def fits(state: TrackState | None, frame: Frame, max_gap_s: float) -> bool:
    """Whether a frame continues the track.

    Time must go on, from the same camera, and the person must have been seen within `max_gap_s`: after a
    longer loss whoever comes into view is somebody new.
    """
    if state is None:
        return False
    same = state.image_size == (frame.camera.width, frame.camera.height) and state.frame_id == frame.frame_id
    recent = (frame.stamp_ns - state.seen_ns) * 1e-9 <= max_gap_s
    return same and recent and frame.stamp_ns > state.stamp_ns


def predict(state: TrackState, stamp_ns: int) -> Prediction | None:
    """The last estimate moved to `stamp_ns` by constant velocity; None when nobody is tracked."""
    estimate = state.estimate
    if estimate is None:
        return None
    dt = (stamp_ns - state.seen_ns) * 1e-9
    t_cam = estimate.t_cam + dt * _or_zero(state.human_velocity)
    if estimate.t_o is None:
        return Prediction(replace(estimate, t_cam=t_cam), estimate, False)
    origin = estimate.object_origin + dt * _or_zero(state.object_velocity)
    return Prediction(replace(estimate, t_cam=t_cam, t_o=origin - t_cam), estimate, state.object_tracked)


def advance(
    state: TrackState | None, frame: Frame, result: Reconstruction, appearance: Floats | None = None
) -> TrackState:
    """The state after a frame: accepted parts replace old ones, the others stay where they were left."""
    before = state or begin(frame)
    new, old = result.estimate, before.estimate
    if result.human is None or new is None or result.human.status > Status.UNTRUSTED:
        # A velocity must not carry a lost person away.
        return replace(
            before, stamp_ns=frame.stamp_ns, object_tracked=False, human_velocity=None, object_velocity=None
        )
    dt = (frame.stamp_ns - before.seen_ns) * 1e-9
    locked = before.betas is not None or result.human.status != Status.OK
    after = replace(
        before,
        stamp_ns=frame.stamp_ns,
        seen_ns=frame.stamp_ns,
        human_velocity=_velocity(before.human_velocity, old.t_cam if old else None, new.t_cam, dt),
        betas=before.betas if locked else new.betas,
    )
    if new.t_o is None:
        kept = _keep_object(new, old)
        return replace(after, estimate=kept, object_velocity=None, object_tracked=False)
    place = old.object_origin if old is not None and before.object_tracked else None
    return replace(
        after,
        estimate=new,
        object_velocity=_velocity(before.object_velocity, place, new.object_origin, dt),
        object_tracked=True,
        appearance=appearance if appearance is not None and _is_sure(result) else before.appearance,
    )


def object_was_tracked(state: TrackState | None) -> bool:
    """Whether an object pose was accepted since the track began."""
    return state is not None and state.estimate is not None and state.estimate.R_o is not None


def _is_sure(result: Reconstruction) -> bool:
    return (
        result.object is not None
        and result.object.status == Status.OK
        and result.masks.object_score >= _SURE_SCORE
        and result.quality.get("object_iou", 0.0) >= _SURE_IOU
    )


def _keep_object(new: Estimate, old: Estimate | None) -> Estimate:
    """The new human with the last accepted object where it was left."""
    if old is None or old.t_o is None:
        return replace(new, R_o=None, t_o=None)
    return replace(new, R_o=old.R_o, t_o=old.object_origin - new.t_cam)


def _velocity(old: Floats | None, before: Floats | None, now: Floats, dt: float) -> Floats | None:
    if before is None or dt <= 0:
        return None
    measured = (now - before) / dt
    if np.linalg.norm(measured) > _MAX_SPEED:
        return None
    return measured if old is None else _VELOCITY_BLEND * measured + (1 - _VELOCITY_BLEND) * old


def _or_zero(velocity: Floats | None) -> Floats:
    return np.zeros(3) if velocity is None else velocity

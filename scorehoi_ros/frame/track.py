"""What is carried from frame to frame: passed in and returned, never hidden."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scorehoi_ros.frame.glimpse import LastGlimpse
from scorehoi_ros.frame.stages import Prediction
from scorehoi_ros.perception.close_look import Aside
from scorehoi_ros.types import Estimate, Floats, Frame, HumanPose, ObjectPose, Reconstruction, Status

_VELOCITY_BLEND = 0.5
"""Share of the newest difference in the velocity: halves the jitter, follows a change within two frames."""
_MAX_SPEED = 4.0
"""m/s; a faster move between frames is a new detection and says nothing about where it goes next."""
SURE_SCORE, _SURE_IOU = 0.6, 0.8
"""Mask score and template overlap from which a frame may teach what the object looks like, even if it is not
sure how the object is turned."""
_STEADY_S = 0.5
"""For how long a velocity says where somebody will be."""
_CLOSE_LOOK_NS = 500_000_000
"""An object that is missed or in doubt is looked for by a slow segmenter in one frame of each such period."""


@dataclass(frozen=True)
class HumanTrack:
    """A person from the first accepted frame on."""

    id: str
    pose: HumanPose
    """Last accepted."""
    seen_ns: int
    """Of the frame in which the person was last accepted."""
    velocity: Floats | None = None
    """(3,) m/s of t_cam."""
    betas: Floats | None = None
    """(10,) shape of this track, fixed at its first frame of status OK."""


@dataclass(frozen=True)
class ObjectTrack:
    """An object from the first accepted frame on."""

    id: str
    pose: ObjectPose
    """Last accepted."""
    seen_ns: int
    """Of the frame in which the object was last accepted."""
    velocity: Floats | None = None
    """(3,) m/s of the origin in the camera frame."""
    tracked: bool = True
    """Whether the object was accepted in the newest frame."""
    appearance: Floats | None = None
    """What the segmenter says the object looks like, from the last frame that was sure of it."""


@dataclass(frozen=True)
class TrackState:
    """Memory between frames; None in its place means: start afresh, also with the names."""

    stamp_ns: int
    """Of the newest frame."""
    image_size: tuple[int, int]
    """(width, height); another size is another camera."""
    frame_id: str
    human: HumanTrack | None = None
    object: ObjectTrack | None = None
    memory: Any = None
    """What the method left for itself."""
    last_glimpse: LastGlimpse | None = None
    """What the detector left for itself."""
    humans_named: int = 0
    """How many people have been given an id, so that nobody gets one twice."""
    objects_named: int = 0
    aside: Aside | None = None
    """None = a slow segmenter is waited for."""


def begin(frame: Frame, before: TrackState | None = None) -> TrackState:
    """The empty state before a first frame; new tracks get other ids than those of the state `before`."""
    size = (frame.camera.width, frame.camera.height)
    named = (before.humans_named, before.objects_named) if before is not None else (0, 0)
    return TrackState(frame.stamp_ns, size, frame.frame_id, humans_named=named[0], objects_named=named[1])


def forget(state: TrackState | None) -> TrackState | None:
    """A state without tracks and memory that still knows which ids were given: a reset."""
    if state is None:
        return None
    return replace(state, human=None, object=None, memory=None, last_glimpse=None, aside=None)


def current(state: TrackState | None, frame: Frame, max_gap_s: float) -> TrackState:
    """What of a state still holds for a frame.

    Time must go on, from the same camera.  A person who was not seen for `max_gap_s` is forgotten: whoever
    comes into view then is somebody new.  An object is forgotten when for that long neither it nor a person
    was seen; while somebody is there it is still looked for where it was left.
    """
    if state is None:
        return begin(frame)
    same = state.image_size == (frame.camera.width, frame.camera.height) and state.frame_id == frame.frame_id
    if not same or frame.stamp_ns <= state.stamp_ns:
        return begin(frame, state)
    oldest = frame.stamp_ns - int(max_gap_s * 1e9)
    human = state.human if state.human is not None and state.human.seen_ns >= oldest else None
    thing = state.object
    if thing is not None and human is None and thing.seen_ns < oldest:
        thing = None
    return replace(state, human=human, object=thing, memory=state.memory if human or thing else None)


def heard(state: TrackState, frame: Frame) -> TrackState:
    """`state`, which holds for the frame, with the object's colours as a slow look has just found them.

    An answer that is of another camera is dropped.
    """
    answer = None if state.aside is None else state.aside.answer
    if answer is None:
        return state
    if not answer.fits(frame):
        return replace(state, aside=Aside())
    found, thing = answer.found, state.object
    if thing is None or found.appearance is None or found.score < SURE_SCORE:
        return state
    return replace(state, object=replace(thing, appearance=found.appearance))


def predict(state: TrackState, stamp_ns: int) -> Prediction | None:
    """The last human and object moved to `stamp_ns` by constant velocity; None when nothing is tracked.

    After `_STEADY_S` they are taken to stand still: nobody walks on through a long gap as before it.
    """
    human, thing = state.human, state.object
    if human is None and thing is None:
        return None
    moved_human = moved_object = None
    elapsed_s = 0.0
    if thing is not None:
        elapsed_s = dt = (stamp_ns - thing.seen_ns) * 1e-9
        moved_object = replace(thing.pose, origin=thing.pose.origin + _way(thing.velocity, dt))
    if human is not None:
        elapsed_s = dt = (stamp_ns - human.seen_ns) * 1e-9
        moved_human = replace(human.pose, t_cam=human.pose.t_cam + _way(human.velocity, dt))
    return Prediction(
        moved=Estimate(moved_human, moved_object),
        previous=Estimate(human.pose if human else None, thing.pose if thing else None),
        object_tracked=thing is not None and thing.tracked,
        betas=human.betas if human else None,
        memory=state.memory,
        elapsed_s=elapsed_s,
        look_closely=stamp_ns // _CLOSE_LOOK_NS != state.stamp_ns // _CLOSE_LOOK_NS,
    )


def human_id(state: TrackState) -> str:
    """Id of the tracked person, or of the one who would be found now."""
    return state.human.id if state.human is not None else f"human_{state.humans_named + 1}"


def object_id(state: TrackState) -> str:
    """Id of the tracked object, or of the one that would be found now."""
    return state.object.id if state.object is not None else f"object_{state.objects_named + 1}"


def advance(
    state: TrackState, result: Reconstruction, appearance: Floats | None = None, memory: Any = None
) -> TrackState:
    """The state after a frame: accepted parts replace old ones, the others stay where they were left.

    `state` is what `current` gave for the frame; `appearance` of the segmenter and `memory` of the method
    are those of this frame.
    """
    found = result.estimate or Estimate()
    after = replace(
        state,
        stamp_ns=result.stamp_ns,
        human=_next_human(state, found.human, result),
        object=_next_object(state, found.object, result, appearance),
        memory=memory,
    )
    return replace(
        after,
        humans_named=state.humans_named + (state.human is None and after.human is not None),
        objects_named=state.objects_named + (state.object is None and after.object is not None),
    )


def _next_human(state: TrackState, found: HumanPose | None, result: Reconstruction) -> HumanTrack | None:
    before = state.human
    if found is None or result.human is None:
        # A velocity must not carry a lost person away.
        return before and replace(before, velocity=None)
    betas = before.betas if before is not None else None
    if betas is None and result.human.status == Status.OK:
        betas = found.betas
    velocity = None
    if before is not None:
        dt = (result.stamp_ns - before.seen_ns) * 1e-9
        velocity = _velocity(before.velocity, before.pose.t_cam, found.t_cam, dt)
    return HumanTrack(human_id(state), found, result.stamp_ns, velocity, betas)


def _next_object(
    state: TrackState, found: ObjectPose | None, result: Reconstruction, appearance: Floats | None
) -> ObjectTrack | None:
    before = state.object
    if found is None:
        return before and replace(before, velocity=None, tracked=False)
    learnt = appearance if appearance is not None and _is_sure(result) else None
    if before is None:
        return ObjectTrack(object_id(state), found, result.stamp_ns, appearance=learnt)
    velocity = None
    if before.tracked:
        dt = (result.stamp_ns - before.seen_ns) * 1e-9
        velocity = _velocity(before.velocity, before.pose.origin, found.origin, dt)
    return replace(
        before,
        pose=found,
        seen_ns=result.stamp_ns,
        velocity=velocity,
        tracked=True,
        appearance=before.appearance if learnt is None else learnt,
    )


def _is_sure(result: Reconstruction) -> bool:
    return (
        result.object is not None
        and result.object.status.is_present
        and result.masks.object_score >= SURE_SCORE
        and result.quality.get("object_iou", 0.0) >= _SURE_IOU
    )


def _velocity(old: Floats | None, before: Floats, now: Floats, dt: float) -> Floats | None:
    if dt <= 0:
        return None
    measured = (now - before) / dt
    if np.linalg.norm(measured) > _MAX_SPEED:
        return None
    return measured if old is None else _VELOCITY_BLEND * measured + (1 - _VELOCITY_BLEND) * old


def _way(velocity: Floats | None, dt: float) -> Floats:
    """(3,) metres covered in `dt` seconds."""
    return np.zeros(3) if velocity is None else min(dt, _STEADY_S) * velocity

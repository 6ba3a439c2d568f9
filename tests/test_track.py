"""What a track remembers, what it calls things, and when it begins anew."""

from dataclasses import replace

import numpy as np
import pytest

from scorehoi_ros.frame import track
from scorehoi_ros.types import (
    Camera,
    Estimate,
    Frame,
    HumanPose,
    HumanState,
    Masks,
    ObjectPose,
    ObjectState,
    Reconstruction,
    Status,
)

SECOND = 1_000_000_000
CAMERA = Camera(np.eye(3), 8, 6)
GAP_S = 5.0


def frame(at_s: float, frame_id: str = "cam", camera: Camera = CAMERA) -> Frame:
    return Frame(np.zeros((camera.height, camera.width, 3), np.uint8), camera, int(at_s * SECOND), frame_id)


def result(shown: Frame, x: float | None, thing: float | None, state: track.TrackState) -> Reconstruction:
    """A person at `x` and an object at `thing` metres to the right; None = not found."""
    human = None if x is None else HumanPose(np.zeros((52, 6)), np.full(10, x), np.array([x, 0, 3.0]))
    pose = None if thing is None else ObjectPose(np.zeros(6), np.array([thing, 0, 2.5]))
    none = np.zeros((0, 3))
    status = Status.LOST if human is None else Status.OK
    person = HumanState(track.human_id(state), status, 1.0, none, none, none, none, none.astype(np.float32))
    box = ObjectState(track.object_id(state), Status.OK, 1.0, "box", "0", np.eye(4), np.eye(6))
    return Reconstruction(
        shown.stamp_ns,
        shown.frame_id,
        "",
        shown.camera,
        status,
        "",
        humans=(person,),
        objects=() if pose is None else (box,),
        estimate=Estimate(human, pose),
        masks=Masks(object_score=1.0),
        quality={"object_iou": 0.9},
    )


def follow(steps: list[tuple[Frame, float | None, float | None]]) -> tuple[list[str], track.TrackState]:
    """Ids of the person over some frames, "" where there is none, and the last state."""
    state, names = None, []
    for shown, x, thing in steps:
        known = track.current(state, shown, GAP_S)
        made = result(shown, x, thing, known)
        names.append("" if x is None else made.humans[0].id)
        state = track.advance(known, made)
    assert state is not None
    return names, state


def test_one_lost_frame_does_not_change_the_id() -> None:
    names, state = follow([(frame(0), 0.0, None), (frame(0.1), None, None), (frame(0.2), 0.0, None)])
    assert names == ["human_1", "", "human_1"]
    assert state.human is not None
    np.testing.assert_array_equal(state.human.betas, np.zeros(10))


@pytest.mark.parametrize(
    "second",
    [
        frame(0.1, frame_id="another"),
        frame(0.1, camera=replace(CAMERA, width=16)),
        frame(-1.0),
        frame(0.0),
        frame(6.0),
    ],
    ids=["camera", "image size", "time goes back", "same stamp", "long gap"],
)
def test_a_new_track_has_a_new_id_and_a_new_shape(second: Frame) -> None:
    names, state = follow([(frame(0), 0.0, 1.0), (second, 0.5, 1.0)])
    assert names == ["human_1", "human_2"]
    assert state.human is not None and state.human.betas is not None
    np.testing.assert_array_equal(state.human.betas, np.full(10, 0.5))
    assert state.object is not None and state.object.id == "object_2"


def test_a_reset_forgets_but_gives_no_name_twice() -> None:
    _, state = follow([(frame(0), 0.0, 1.0)])
    fresh = track.forget(state)
    assert fresh is not None and track.predict(fresh, SECOND) is None
    assert track.human_id(track.current(fresh, frame(1), GAP_S)) == "human_2"


def test_object_and_person_are_remembered_each_for_itself() -> None:
    steps = [(frame(0), 0.0, 1.0)] + [(frame(t), None, 1.0) for t in range(1, 9)]
    _, state = follow(steps)
    assert state.object is not None and state.object.id == "object_1" and state.object.tracked
    assert state.human is None, "not seen for longer than the gap"
    prediction = track.predict(state, 9 * SECOND)
    assert prediction is not None and prediction.moved.human is None and prediction.betas is None
    assert len(prediction.object_hypotheses(None)) == 1


def test_object_out_of_sight_is_kept_while_somebody_is_there() -> None:
    _, state = follow([(frame(0), 0.0, 1.0)] + [(frame(t), 0.0, None) for t in range(1, 9)])
    assert state.object is not None and not state.object.tracked
    np.testing.assert_array_equal(state.object.pose.origin, [1.0, 0, 2.5])


def test_velocity_moves_both_parts() -> None:
    _, state = follow([(frame(0), 0.0, 1.0), (frame(0.1), 0.1, 1.05)])
    prediction = track.predict(state, int(0.2 * SECOND))
    assert prediction is not None and prediction.moved.human is not None
    assert prediction.moved.object is not None
    assert prediction.moved.human.t_cam[0] == pytest.approx(0.2)
    assert prediction.moved.object.origin[0] == pytest.approx(1.1)
    assert prediction.object_tracked


def test_a_jump_is_no_velocity() -> None:
    _, state = follow([(frame(0), 0.0, None), (frame(0.1), 3.0, None)])
    assert state.human is not None and state.human.velocity is None


def test_memory_of_the_method_lives_as_long_as_a_track() -> None:
    known = track.current(None, frame(0), GAP_S)
    state = track.advance(known, result(frame(0), 0.0, None, known), memory="mine")
    prediction = track.predict(track.current(state, frame(1), GAP_S), SECOND)
    assert prediction is not None and prediction.memory == "mine"
    assert track.current(state, frame(10), GAP_S).memory is None


def test_a_close_look_is_taken_in_one_frame_of_each_half_second() -> None:
    """However the frames lie; after a longer gap in the first one."""
    times = [0.0, *np.arange(0.07, 2.0, 0.1), 3.7, 3.8]
    state, looks = None, []
    for at_s in times:
        known = track.current(state, frame(at_s), GAP_S)
        prediction = track.predict(known, frame(at_s).stamp_ns)
        looks += [at_s] if prediction is not None and prediction.look_closely else []
        state = track.advance(known, result(frame(at_s), 0.0, None, known))
    np.testing.assert_allclose(looks, [0.57, 1.07, 1.57, 3.7])

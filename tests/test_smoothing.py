"""Smoothing over time: what a line keeps, what it takes away, and when answers leave."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.frame.saved import load_value, save_value
from scorehoi_ros.frame.smoothing import MOST_SIGMAS, Smoother
from scorehoi_ros.geometry.turns import matrix_of_6d, matrix_of_vector, six_of_matrix, vector_of_matrix
from scorehoi_ros.types import Estimate, Floats, HumanPose, ObjectPose, Reconstruction
from tests.reconstructions import bad_input, lost, pair

STEP_NS = 50_000_000
STEP_S = 1e-9 * STEP_NS


def mesh_of(human: HumanPose) -> tuple[Floats, Floats]:
    return np.zeros((4, 3)) + human.t_cam, np.zeros((52, 3)) + human.t_cam


def answer(k: int, turn: Sequence[float], point: Sequence[float]) -> Reconstruction:
    """Frame k, with every rotation and both places as told."""
    six = six_of_matrix(matrix_of_vector(np.asarray(turn, float)))
    place = np.asarray(point, float)
    human = HumanPose(np.tile(six, (52, 1)), np.zeros(10), place)
    r = pair(k, k * STEP_NS)
    unsure = (replace(r.objects[0], covariance=np.eye(6)),)
    estimate = Estimate(human, ObjectPose(six, place))
    return replace(r, estimate=estimate, objects=unsure, track_ns=k * STEP_NS)


def all_of(answers: Sequence[Reconstruction], window_s: float) -> list[Reconstruction]:
    smoother: Smoother[int] = Smoother(window_s)
    done = [d for k, r in enumerate(answers) for d in smoother.take(r, k, mesh_of)] + list(
        smoother.rest(mesh_of)
    )
    assert [k for _, k in done] == list(range(len(answers))), "each answer leaves once, in its order"
    return [r for r, _ in done]


def turn_of(r: Reconstruction) -> Floats:
    assert r.object is not None and r.human is not None and r.estimate is not None
    R = r.object.T_cam_object[:3, :3]
    np.testing.assert_allclose(matrix_of_6d(r.estimate.object.R_o), R, atol=1e-12)
    for row in r.human.pose:
        np.testing.assert_allclose(matrix_of_vector(row), R, atol=1e-7)
    return vector_of_matrix(R)


def point_of(r: Reconstruction) -> Floats:
    assert r.object is not None and r.human is not None
    point = r.object.T_cam_object[:3, 3]
    for same in (r.human.root, r.human.joints[0], r.human.vertices[0]):
        np.testing.assert_allclose(same, point, atol=1e-5)
    return np.asarray(point)


@settings(max_examples=40)
@given(
    st.integers(1, 9),
    st.floats(0.06, 0.4),
    st.lists(st.floats(-1, 1), min_size=9, max_size=9),
)
def test_what_moves_evenly_stays_as_it_is(count: int, window_s: float, numbers: list[float]) -> None:
    spin, start, speed = np.reshape(numbers, (3, 3))
    answers = [answer(k, k * STEP_S * spin, start + k * STEP_S * speed) for k in range(count)]
    for r, known in zip(all_of(answers, window_s), answers, strict=True):
        np.testing.assert_allclose(turn_of(r), r.track_ns * 1e-9 * spin, atol=1e-6)
        np.testing.assert_allclose(point_of(r), start + r.track_ns * 1e-9 * speed, atol=1e-6)
        assert r.contacts == known.contacts
        assert r.quality == known.quality | {"smoothing_ms": 1e3 * window_s}


def test_noise_is_less() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 2, 3)) * 0.05
    done = all_of([answer(k, *noise[k]) for k in range(60)], 0.2)
    left = np.array([[turn_of(r), point_of(r)] for r in done])
    before, after = noise.std((0, 2)), left.std((0, 2))
    assert (after < 0.6 * before).all()
    steps = np.abs(np.diff(left, 2, axis=0)).mean((0, 2)) / np.abs(np.diff(noise, 2, axis=0)).mean((0, 2))
    assert (steps < 0.3).all()


def test_a_window_of_nothing_hands_answers_on() -> None:
    smoother: Smoother[None] = Smoother(0.0)
    r = answer(7, [0, 0, 0], [0, 0, 3])
    ((same, _),) = smoother.take(r, None, mesh_of)
    assert same is r
    assert list(smoother.rest(mesh_of)) == [] and smoother.known == ()


def test_an_answer_leaves_when_those_of_its_window_are_there() -> None:
    smoother: Smoother[int] = Smoother(0.1)
    left = [[k for _, k in smoother.take(answer(n, [0] * 3, [0] * 3), n, mesh_of)] for n in range(4)]
    assert left == [[], [], [0], [1]]
    # An image that could not be used keeps its place, and makes nobody wait.
    assert list(smoother.take(bad_input(), 4, mesh_of)) == []
    assert [k for _, k in smoother.take(answer(5, [0] * 3, [0] * 3), 5, mesh_of)] == [2, 3, 4]
    assert [k for _, k in smoother.rest(mesh_of)] == [5]


def test_when_a_bag_starts_again_nothing_waits_for_it_or_is_mixed() -> None:
    answers = [answer(k, [0] * 3, [0, 0, 3]) for k in (100, 101)] + [answer(0, [0] * 3, [0, 0, 5])]
    smoother: Smoother[int] = Smoother(0.1)
    left = [[k for _, k in smoother.take(r, k, mesh_of)] for k, r in enumerate(answers)]
    assert left == [[], [], [0, 1]]
    np.testing.assert_allclose([point_of(r)[2] for r, _ in smoother.rest(mesh_of)], [5])


def test_what_waits_after_a_new_start_has_not_left() -> None:
    smoother: Smoother[int] = Smoother(0.5)
    for k in (200, 204, 208, 20, 24):
        list(smoother.take(answer(k, [0, 0, 0], [0, 0, 3]), k, mesh_of))
    assert smoother.known == ()


def test_a_flip_is_no_mean_of_two_rotations() -> None:
    turns = [[0, 0, 0]] * 3 + [[0, 0, 1.5]] + [[0, 0, 0]] * 3
    done = all_of([answer(k, turn, [0, 0, 3]) for k, turn in enumerate(turns)], 0.15)
    np.testing.assert_allclose([turn_of(r) for r in done], turns, atol=1e-7)


def test_what_bounces_stays_where_it_was_seen() -> None:
    """Across the view the place is known to 1 cm, in depth to 30."""
    covariance = np.diag(np.square([0.01, 0.01, 0.3, 0.1, 0.1, 0.1]))
    points = [[0, abs(k - 3) * 0.2, 3 + 0.1 * (-1) ** k] for k in range(7)]
    answers = [answer(k, [0] * 3, point) for k, point in enumerate(points)]
    answers = [replace(r, objects=(replace(r.objects[0], covariance=covariance),)) for r in answers]
    done = np.array([r.objects[0].T_cam_object[:3, 3] for r in all_of(answers, 0.2)])
    assert np.abs(done[:, 1] - np.array(points)[:, 1]).max() <= 0.01 * MOST_SIGMAS + 1e-9
    assert done[3, 1] > 0.005, "moved as far as it may"
    assert np.abs(done[1:-1, 2] - 3).max() < 0.03


def test_another_person_or_object_is_not_mixed_in() -> None:
    answers = [answer(k, [0] * 3, [0, 0, 3 if k < 3 else 5]) for k in range(6)]
    for k in range(3, 6):
        r = answers[k]
        answers[k] = replace(
            r,
            humans=(replace(r.humans[0], id="human_9"),),
            objects=(replace(r.objects[0], id="object_9"),),
        )
    depths = [point_of(r)[2] for r in all_of(answers, 0.2)]
    np.testing.assert_allclose(depths, [3, 3, 3, 5, 5, 5])


def test_what_is_lost_stays_lost() -> None:
    answers = [answer(k, [0] * 3, [0, 0, 3]) for k in range(5)]
    gone = replace(lost(2, 2 * STEP_NS), track_ns=2 * STEP_NS, estimate=Estimate())
    answers[2] = gone
    done = all_of(answers, 0.2)
    assert (done[2].humans, done[2].objects) == (gone.humans, gone.objects)
    np.testing.assert_allclose([point_of(r)[2] for r in done[:2] + done[3:]], 3)


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_another_smoother_goes_on_where_one_was(tmp_path, stop: int) -> None:
    noise = np.random.default_rng(1).normal(size=(10, 2, 3)) * 0.1
    answers = [answer(k, *noise[k]) for k in range(10)]
    answers[3] = replace(bad_input(), name="bad")
    whole = all_of(answers, 0.12)
    first: Smoother[int] = Smoother(0.12)
    known = []
    for k, r in enumerate(answers):
        known += [(n, first.known) for _, n in first.take(r, k, mesh_of)]
    number, passed = known[stop]
    assert number == stop
    save_value(tmp_path / "known.npz", passed)
    second: Smoother[int] = Smoother(0.12, load_value(tmp_path / "known.npz"))
    rest = [d for k in range(stop + 1, 10) for d in second.take(answers[k], k, mesh_of)]
    rest += list(second.rest(mesh_of))
    assert [k for _, k in rest] == list(range(stop + 1, 10))
    for (r, _), expected in zip(rest, whole[stop + 1 :], strict=True):
        if expected.name != "bad":
            np.testing.assert_array_equal(point_of(r), point_of(expected))
            np.testing.assert_array_equal(turn_of(r), turn_of(expected))

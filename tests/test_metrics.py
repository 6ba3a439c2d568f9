import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.metrics import (
    ContactScore,
    acceleration_error_mm,
    align_jointly,
    chamfer_cm,
    contact_score,
    contact_vertices,
    floor_gap_mm,
    keypoint_px,
    mask_iou,
    mean_contact,
    mpjpe_mm,
    nearest_equivalent,
    pa_mpjpe_mm,
    penetration,
    rotation_error_deg,
    similarity_procrustes,
    translation_error_cm,
)
from scorehoi_ros.types import Floor

SEEDS = st.integers(0, 2**32 - 1)


def random_rotation(rng):
    return Rotation.random(random_state=int(rng.integers(2**31))).as_matrix()


@settings(max_examples=40)
@given(SEEDS)
def test_procrustes_recovers_a_similarity_and_beats_its_neighbours(seed):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(20, 3))
    R, s, t = random_rotation(rng), rng.uniform(0.2, 3), rng.normal(size=3)
    exact = similarity_procrustes(source, s * source @ R.T + t)
    np.testing.assert_allclose(exact.R, R, atol=1e-9)
    np.testing.assert_allclose([exact.scale, *exact.t], [s, *t], atol=1e-9)
    target = rng.normal(size=(20, 3))  # also with no exact answer, mirrored sets included
    best = similarity_procrustes(source, target)
    assert abs(np.linalg.det(best.R) - 1) < 1e-9
    cost = ((best.apply(source) - target) ** 2).sum()
    for _ in range(10):
        near = Rotation.from_rotvec(rng.normal(0, 0.05, 3)).as_matrix() @ best.R
        scale = best.scale * rng.uniform(0.97, 1.03)
        moved = scale * source @ near.T + best.t + rng.normal(0, 0.02, 3)
        assert ((moved - target) ** 2).sum() >= cost - 1e-9


def test_procrustes_never_mirrors_and_can_keep_the_scale():
    points = np.random.default_rng(0).normal(size=(30, 3))
    assert np.linalg.det(similarity_procrustes(points, points * [-1, 1, 1]).R) > 0
    assert similarity_procrustes(points, 2 * points, scaled=False).scale == 1.0
    np.testing.assert_allclose(similarity_procrustes(points, 2 * points).scale, 2)


def test_joint_alignment_uses_one_transform_for_both():
    rng = np.random.default_rng(1)
    human, thing = rng.normal(size=(50, 3)), rng.normal(size=(20, 3)) + 2
    R = random_rotation(rng)
    h, o = align_jointly(human, thing, 1.3 * human @ R.T + 1, 1.3 * thing @ R.T + 1)
    np.testing.assert_allclose(h, 1.3 * human @ R.T + 1, atol=1e-9)
    np.testing.assert_allclose(o, 1.3 * thing @ R.T + 1, atol=1e-9)
    # a wrong distance between the two cannot be aligned away
    h, o = align_jointly(human, thing + [1, 0, 0], human, thing)
    assert chamfer_cm(o, thing) > 5


@settings(max_examples=15)
@given(SEEDS)
def test_chamfer_and_contacts_equal_the_slow_versions(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(40, 3)) * 0.1, rng.normal(size=(25, 3)) * 0.1
    slow = (
        sum(min(math.dist(p, q) for q in b) for p in a) / 40
        + sum(min(math.dist(p, q) for q in a) for p in b) / 25
    )
    assert abs(chamfer_cm(a, b) - 100 * slow) < 1e-6
    touching = [min(math.dist(p, q) for q in b) < 0.05 for p in a]
    assert contact_vertices(a, b).tolist() == touching


def test_chamfer_of_two_shifted_points():
    assert chamfer_cm(np.zeros((1, 3)), np.array([[0.03, 0.04, 0]])) == pytest.approx(10.0)


def test_contact_score_by_hand():
    predicted = np.array([1, 1, 1, 0, 0, 0], bool)
    true = np.array([1, 1, 0, 1, 1, 0], bool)
    score = contact_score(predicted, true)
    assert score == ContactScore(2 / 3, 1 / 2)
    assert score.f == pytest.approx(4 / 7)
    nothing = np.zeros(6, bool)
    assert contact_score(nothing, true) == ContactScore(None, 0.0)
    assert contact_score(predicted, nothing) == ContactScore(0.0, None)
    assert contact_score(nothing, nothing).f is None
    assert ContactScore(0.0, 0.0).f == 0.0


def test_mean_contact_follows_the_published_tables():
    """CONTHO on BEHAVE: .628 and .496 give F .554; frames without a denominator are left out."""
    total = mean_contact([ContactScore(0.600, 0.490), ContactScore(0.656, None), ContactScore(None, 0.502)])
    assert (round(total.precision, 3), round(total.recall, 3), round(total.f, 3)) == (0.628, 0.496, 0.554)
    assert mean_contact([]) == ContactScore(None, None)


def test_joint_errors_by_hand():
    true = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    moved = true + [0.5, 0, 0]
    assert mpjpe_mm(moved, true, root=None) == pytest.approx(500)
    assert mpjpe_mm(moved, true) == pytest.approx(0)
    bent = true.copy()
    bent[1] += [0, 0, 0.04]
    assert mpjpe_mm(bent, true) == pytest.approx(10)
    R = Rotation.from_euler("xyz", [20, 40, 60], degrees=True).as_matrix()
    assert pa_mpjpe_mm(0.7 * true @ R.T + 3, true) == pytest.approx(0, abs=1e-9)
    assert 5 < pa_mpjpe_mm(bent, true) < 20


@settings(max_examples=40)
@given(SEEDS, st.floats(0.0, 179.9))
def test_rotation_error_without_symmetry(seed, degrees):
    rng = np.random.default_rng(seed)
    R, axis = random_rotation(rng), rng.normal(size=3)
    turned = R @ Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis)).as_matrix()
    assert rotation_error_deg(turned, R) == pytest.approx(degrees, abs=1e-6)


def test_rotation_error_with_symmetries():
    half_turns = Rotation.from_euler("z", [[0], [180]], degrees=True).as_matrix()
    box = SimpleNamespace(rotations=half_turns, axis=None, sphere=False)
    R = Rotation.from_euler("z", 170, degrees=True).as_matrix()
    assert rotation_error_deg(R, np.eye(3)) == pytest.approx(170)
    assert rotation_error_deg(R, np.eye(3), box) == pytest.approx(10)
    ball = SimpleNamespace(rotations=np.eye(3)[None], axis=None, sphere=True)
    assert rotation_error_deg(R, np.eye(3), ball) == 0


@settings(max_examples=15)
@given(SEEDS)
def test_rotation_error_about_an_axis_equals_a_search_over_turns(seed):
    rng = np.random.default_rng(seed)
    R, true, axis = random_rotation(rng), random_rotation(rng), rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    bottle = SimpleNamespace(rotations=np.eye(3)[None], axis=axis, sphere=False)

    def error(angle):
        return rotation_error_deg(R @ Rotation.from_rotvec(angle * axis).as_matrix(), true)

    coarse = min(np.linspace(-np.pi, np.pi, 73), key=error)
    fine = minimize_scalar(error, (coarse - 0.1, coarse + 0.1), tol=1e-12).fun
    assert rotation_error_deg(R, true, bottle) == pytest.approx(fine, abs=1e-4)


def test_nearest_equivalent_keeps_the_look():
    rng = np.random.default_rng(5)
    R, true = random_rotation(rng), random_rotation(rng)
    axis = np.array([0, 1.0, 0])
    half_turn = Rotation.from_euler("x", [[0], [180]], degrees=True).as_matrix()
    bottle = SimpleNamespace(rotations=half_turn, axis=axis, sphere=False)
    nearest = nearest_equivalent(R, true, bottle)
    assert abs(abs((nearest @ axis) @ (R @ axis)) - 1) < 1e-9  # the axis points the same way, or the other
    assert np.linalg.det(nearest) == pytest.approx(1)
    assert rotation_error_deg(nearest, true) == pytest.approx(rotation_error_deg(R, true, bottle), abs=1e-6)
    assert rotation_error_deg(R, true, bottle) <= rotation_error_deg(R, true) + 1e-9


def test_small_metrics_by_hand():
    assert translation_error_cm(np.array([0.03, 0.04, 1]), np.array([0, 0, 1.0])) == pytest.approx(5)
    deep = penetration(np.array([0.01, -0.002, -0.004, 0.5]))
    assert (deep.max_mm, deep.mean_mm, deep.inside) == pytest.approx((4, 3, 0.5))
    assert penetration(np.array([0.1])).max_mm == 0
    floor = Floor(np.array([0, -1.0, 0]), -1.5)
    assert floor_gap_mm(np.array([[0, 1.49, 3], [0, 0, 3.0]]), floor) == pytest.approx(10)
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert mask_iou(a, b) == 1
    a[:2], b[1:3] = True, True
    assert mask_iou(a, b) == pytest.approx(1 / 3)


def test_keypoints_are_weighted_and_scaled():
    true = np.zeros((4, 2))
    pixels = np.array([[3, 4], [6, 8], [100, 0], [np.nan, 0]])
    assert keypoint_px(pixels, true, np.array([1, 1, 0, 1]), 512) == pytest.approx(7.5 / 2)
    assert keypoint_px(pixels, true, np.zeros(4), 512) is None


@settings(max_examples=10)
@given(SEEDS)
def test_acceleration_equals_the_slow_version(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(6, 4, 3)), rng.normal(size=(6, 4, 3))
    errors = [
        np.linalg.norm((a[t - 1, j] - 2 * a[t, j] + a[t + 1, j]) - (b[t - 1, j] - 2 * b[t, j] + b[t + 1, j]))
        for t in range(1, 5)
        for j in range(4)
    ]
    assert acceleration_error_mm(a, b) == pytest.approx(1000 * np.mean(errors), abs=1e-6)
    assert acceleration_error_mm(a, a + np.arange(6)[:, None, None]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda: similarity_procrustes(np.zeros((3, 3)), np.zeros((3, 3))),
        lambda: similarity_procrustes(np.zeros((3, 3)), np.zeros((4, 3))),
        lambda: similarity_procrustes(np.full((3, 3), np.nan), np.zeros((3, 3))),
        lambda: chamfer_cm(np.zeros((0, 3)), np.zeros((4, 3))),
        lambda: contact_score(np.zeros(3, bool), np.zeros(4, bool)),
        lambda: mask_iou(np.zeros((3, 3), bool), np.zeros((4, 3), bool)),
        lambda: acceleration_error_mm(np.zeros((2, 4, 3)), np.zeros((2, 4, 3))),
    ],
)
def test_wrong_input_is_refused(call):
    with pytest.raises(InputError):
        call()

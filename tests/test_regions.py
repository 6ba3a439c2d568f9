"""Turned squares of an image, the networks' answers laid back from them, and Holistic's own answers."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehoi_ros.demo.own import own_samples
from scorehoi_ros.perception.human.body_net import KERNEL, refined, sigmoid
from scorehoi_ros.perception.human.body_search import anchors
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.human.native_log import quiet_native_log
from scorehoi_ros.perception.human.region import (
    body_region,
    cut_out,
    gap,
    hand_region,
    lay_back,
    lay_mask_back,
    turned,
    whole,
)
from scorehoi_ros.perception.human.small import look_at
from scorehoi_ros.types import Region
from tests.shared_data import SHARED, needs_shared

PIXELS = st.floats(-500.0, 500.0)
REGIONS = st.builds(Region, PIXELS, PIXELS, st.floats(10.0, 900.0), st.floats(-math.pi, math.pi))
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@pytest.fixture(scope="module")
def detector():
    with MediapipeHuman() as human:
        yield human


@given(REGIONS)
def test_the_circle_around_a_person_gives_its_square(region):
    """The middle of the upper side of the square without its room is the top of the circle."""
    centre, top = lay_back(np.array([[0.5, 0.5], [0.5, 0.5 - 0.5 / 1.25]]), region)
    assert gap(body_region(centre, top), region) < 1e-6


@given(REGIONS)
def test_depth_scales_and_world_points_turn_with_the_square(region):
    placed = lay_back(np.array([[0.5, 0.5, 0.0], [0.75, 0.5, 0.25]]), region)
    assert placed[1, 2] == pytest.approx(np.linalg.norm(placed[1, :2] - placed[0, :2]))
    world = turned(np.array([[1.0, 0.0, 5.0]]), region)[0]
    np.testing.assert_allclose(world[:2], (placed[1, :2] - placed[0, :2]) / (0.25 * region.side), atol=1e-6)
    assert world[2] == 5.0


def test_an_upright_square_cuts_out_the_image():
    rgb = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_allclose(cut_out(rgb, whole(64, 64), 64)[0] * 255, rgb, atol=1e-4)


def test_what_is_at_a_place_of_the_square_is_at_that_place_of_the_image():
    rgb = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(rgb, (180, 90), 6, (255, 255, 255), -1)
    region = Region(170.0, 100.0, 120.0, 0.7)
    crop = cut_out(rgb, region, 240)[0, :, :, 0]
    rows, columns = np.nonzero(crop > 0.5)
    middle = np.array([[columns.mean() + 0.5, rows.mean() + 0.5]]) / 240
    np.testing.assert_allclose(lay_back(middle, region)[0], (180.0, 90.0), atol=0.6)


@given(REGIONS)
def test_a_mask_is_laid_back_into_its_square_and_nowhere_else(region):
    mask = lay_mask_back(np.ones((64, 64), np.float32), region, 120, 160)
    room = 50  # around the image, so that its border is no border of the square
    inside = np.zeros((120 + 2 * room, 160 + 2 * room), np.uint8)
    cv2.fillConvexPoly(inside, np.round(lay_back(CORNERS, region) + room).astype(np.int32), (1,))
    margin = 4 + math.ceil(2 * region.side / 64)
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    near, deep = (change(inside, kernel)[room:-room, room:-room] for change in (cv2.dilate, cv2.erode))
    assert mask.shape == (120, 160) and mask.dtype == np.float32
    assert (mask[near == 0] == 0.0).all()
    np.testing.assert_allclose(mask[deep == 1], 1.0, atol=1e-5)


def test_a_square_outside_of_the_image_leaves_no_mask():
    assert not lay_mask_back(np.ones((8, 8), np.float32), Region(-300.0, 50.0, 100.0, 0.3), 120, 160).any()


def test_gap_is_of_place_size_or_direction():
    one = Region(100.0, 100.0, 200.0, math.pi - 0.01)
    assert gap(one, one) == 0.0
    assert gap(one, Region(120.0, 100.0, 200.0, one.turn)) == pytest.approx(0.1)
    assert gap(one, Region(100.0, 100.0, 100.0, one.turn)) == pytest.approx(math.log(2))
    assert gap(one, Region(100.0, 100.0, 200.0, 0.02 - math.pi)) == pytest.approx(0.03)


def test_a_hand_that_points_up_has_an_upright_square_above_the_wrist():
    region = hand_region(np.array([50.0, 100.0]), np.array([56.0, 80.0]), np.array([47.0, 80.0]))
    assert region.turn == pytest.approx(0.0) and region.side == pytest.approx(2.7 * 40.0)
    assert (region.x, region.y) == pytest.approx((50.0, 76.0))


def test_heat_moves_a_point_and_little_heat_does_not():
    heat = np.full((64, 64, 3), -20.0, np.float32)
    heat[30, 21, 0] = heat[31, 21, 0] = 9.0
    heat[30, 21, 1] = -1.0
    points = np.array([[20.5 / 64, 30.5 / 64], [20.5 / 64, 30.5 / 64], [1.5, -0.5]])
    moved = refined(points, heat)
    np.testing.assert_allclose(moved[0], (21 / 64, 30.5 / 64), atol=1e-5)
    np.testing.assert_array_equal(moved[1:], points[1:])


@given(st.floats(0.0, 0.999), st.floats(0.0, 0.999))
def test_refining_near_the_border_equals_the_plain_sum(x, y):
    heat = np.random.default_rng(0).normal(size=(16, 16, 1)).astype(np.float32)
    column, row, half = int(x * 16), int(y * 16), KERNEL // 2
    rows = np.arange(max(row - half, 0), min(row + half + 1, 16))
    columns = np.arange(max(column - half, 0), min(column + half + 1, 16))
    warmth = sigmoid(heat[np.ix_(rows, columns)][..., 0])
    expected = (
        (warmth * columns).sum() / warmth.sum() / 16,
        (warmth * rows[:, None]).sum() / warmth.sum() / 16,
    )
    np.testing.assert_allclose(refined(np.array([[x, y]]), heat)[0], expected, atol=1e-5)


def test_anchors_are_those_of_the_network():
    cells = anchors()
    assert cells.shape == (2254, 2)
    np.testing.assert_allclose(cells[2], (1.5 / 28, 0.5 / 28))
    np.testing.assert_allclose(cells[-1], (6.5 / 7, 6.5 / 7))


@pytest.fixture(scope="module")
def holistic():
    from mediapipe.python.solutions.holistic import Holistic

    with quiet_native_log():
        graph = Holistic(static_image_mode=True, smooth_landmarks=False, enable_segmentation=True)
    yield graph
    graph.close()


def assert_as_holistic(holistic, detector, rgb):
    with quiet_native_log():
        holistic.process(np.zeros((64, 64, 3), np.uint8))  # makes it forget the hands of the image before
        theirs = holistic.process(rgb)
    ours = detector.detect(rgb)
    height, width = rgb.shape[:2]
    for rows, points in (
        (slice(0, 33), theirs.pose_landmarks),
        (slice(33, 54), theirs.left_hand_landmarks),
        (slice(54, 75), theirs.right_hand_landmarks),
    ):
        if points is None:
            assert (ours.landmarks.confidence[rows] == 0.0).all()
            continue
        expected = np.array([(p.x, p.y) for p in points.landmark]) * (width, height) - 0.5
        np.testing.assert_allclose(ours.landmarks.pixels[rows], expected, atol=0.004 * max(height, width))
    world = np.array([(p.x, p.y, p.z) for p in theirs.pose_world_landmarks.landmark])
    np.testing.assert_allclose(ours.landmarks.world[:33], world, atol=0.01)
    one, other = ours.mask > 0.5, theirs.segmentation_mask > 0.5
    assert (one & other).sum() / (one | other).sum() > 0.99


def test_a_look_afresh_says_what_holistic_says(holistic, detector):
    assert_as_holistic(holistic, detector, own_samples(1)[0].frame.rgb)


@needs_shared
@pytest.mark.parametrize(
    "photo", ["wild_photos/images/017450.jpg", "behave_photos/images/051918.jpg", "behave_clip/images/04.png"]
)
def test_a_look_afresh_says_what_holistic_says_of_photos(holistic, detector, photo):
    rgb = np.ascontiguousarray(cv2.imread(str(SHARED / photo))[:, :, ::-1])
    assert_as_holistic(holistic, detector, rgb)


def test_what_is_seen_in_a_part_of_an_image_is_followed_in_all_of_it(detector):
    rgb = own_samples(1)[0].frame.rgb
    seen = look_at(rgb, (100, 0, 640, 480), detector.detect)
    after = detector.detect(rgb, seen)
    assert after.trail.hand_sought != (0, 0)
    assert np.median(np.linalg.norm((after.landmarks.pixels - seen.landmarks.pixels)[:33], axis=1)) < 5.0

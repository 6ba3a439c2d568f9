"""Human landmarks: hands made metric, statelessness, strange images, left and right."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehoi_ros.perception.human.hands import (
    KNUCKLE_DISTANCES_M,
    hand_confidence,
    hand_world,
    one_hand_twice,
    pixels_per_metre,
)
from scorehoi_ros.perception.human.native_log import NOISE
from scorehoi_ros.perception.human.small import square_around, tiles
from tests.shared_data import SHARED, needs_shared

PHOTO = SHARED / "wild_photos/images/017450.jpg"
FRONTAL_VIDEO = SHARED / "video/juggle_football.mp4"
NOBODY = np.zeros((120, 160, 3), np.uint8)
HAND = np.zeros((21, 3))
"""A flat open hand in metres, fingers up."""
for _finger, (_x, _length) in enumerate(
    zip((-0.05, -0.03, 0.0, 0.02, 0.04), (0.05, *KNUCKLE_DISTANCES_M), strict=True)
):
    for _joint in range(4):
        HAND[1 + 4 * _finger + _joint] = (_x, -np.sqrt(_length**2 - _x**2 + 1e-9) - 0.02 * _joint, 0.0)


@pytest.fixture(scope="module")
def detector():
    from scorehoi_ros.perception.human.detector import MediapipeHuman

    with MediapipeHuman() as human:
        yield human


def read(path):
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])


def first_frame(path):
    ok, frame = cv2.VideoCapture(str(path)).read()
    assert ok
    return np.ascontiguousarray(frame[:, :, ::-1])


@given(st.floats(50.0, 5000.0), st.floats(-3000.0, 3000.0), st.floats(-3000.0, 3000.0))
def test_hand_world_undoes_scale_and_place(scale, x, y):
    np.testing.assert_allclose(hand_world(HAND * scale + (x, y, 0.0)), HAND, atol=1e-9)


def test_hand_confidence_falls_with_distance_and_wrong_size():
    pixels = HAND * 400.0 + (300.0, 200.0, 0.0)
    at_wrist = hand_confidence(pixels, pixels[0, :2], 400.0)
    assert at_wrist == pytest.approx(1.0)
    assert hand_confidence(pixels, pixels[0, :2] + (0.06 * 400.0, 0.0), 400.0) == pytest.approx(0.5)
    assert hand_confidence(pixels, pixels[0, :2], 200.0) == pytest.approx(0.5)
    assert hand_confidence(pixels, pixels[0, :2], 0.0) == 0.0
    assert hand_confidence(pixels * np.nan, pixels[0, :2], 400.0) == 0.0


def test_a_collapsed_hand_stays_finite_and_is_not_believed():
    assert np.isfinite(hand_world(np.ones((21, 3)))).all()
    assert hand_confidence(np.ones((21, 3)), np.ones(2), 400.0) < 1e-6


@given(st.floats(1.0, 3000.0), st.floats(-500.0, 500.0))
def test_pixels_per_metre(scale, offset):
    world = np.random.default_rng(0).normal(size=(33, 2))
    assert pixels_per_metre(world * scale + offset, world, np.ones(33)) == pytest.approx(scale, rel=1e-6)


def test_pixels_per_metre_without_any_visible_point_is_zero():
    assert pixels_per_metre(np.ones((33, 2)), np.ones((33, 2)), np.zeros(33)) == 0.0


def test_twin_hands_are_told_from_two_hands():
    left = HAND[:, :2] * 400.0
    assert one_hand_twice(left, left + 5.0)
    assert not one_hand_twice(left, left + 60.0)


def test_noise_filter_keeps_errors():
    assert NOISE.match(b"W0000 00:00:1795254431.688693    7218 some_calculator.cc:114] harmless")
    assert NOISE.match(b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.")
    assert not NOISE.match(b"E0000 00:00:1795254431.688693    7218 some_calculator.cc:114] broken")
    assert not NOISE.match(b"Traceback (most recent call last):")


def test_the_terminal_stays_clean():
    code = (
        "import numpy as np\n"
        "from scorehoi_ros.perception.human.detector import MediapipeHuman\n"
        "with MediapipeHuman() as human:\n"
        "    assert human.detect(np.zeros((64, 64, 3), np.uint8)) is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "" and done.stderr == ""


def test_other_output_on_the_descriptor_gets_through():
    code = (
        "import os\n"
        "from scorehoi_ros.perception.human.native_log import quiet_native_log\n"
        "with quiet_native_log():\n"
        "    os.write(2, b'INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\nkept\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "kept\n"


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 50), (50, 1), (3, 999), (7, 9)])
def test_tiny_images_do_not_crash(detector, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = detector.detect(image)
    assert found is None or np.isfinite(found.landmarks.pixels).all()


def test_nobody_in_view(detector):
    assert detector.detect(NOBODY) is None


@needs_shared
def test_a_result_does_not_depend_on_earlier_images(detector):
    photo = read(PHOTO)
    first = detector.detect(photo)
    detector.detect(first_frame(FRONTAL_VIDEO))
    detector.detect(NOBODY)
    again = detector.detect(photo)
    for name in ("pixels", "world", "confidence"):
        np.testing.assert_array_equal(getattr(first.landmarks, name), getattr(again.landmarks, name))
    np.testing.assert_array_equal(first.mask, again.mask)


@needs_shared
def test_left_is_the_persons_left_and_axes_are_the_cameras(detector):
    """The man in the video's first frame faces the camera, the ball in his right hand."""
    seen = detector.detect(first_frame(FRONTAL_VIDEO)).landmarks
    nose, left_shoulder, right_shoulder, left_hip = 0, 11, 12, 23
    assert seen.pixels[left_shoulder, 0] > seen.pixels[right_shoulder, 0] + 30
    assert seen.world[left_shoulder, 0] > seen.world[right_shoulder, 0] + 0.1
    assert seen.world[nose, 1] < seen.world[left_hip, 1] - 0.4
    assert seen.world[nose, 2] < seen.world[left_shoulder, 2]
    assert seen.confidence[33] > 0.5
    np.testing.assert_allclose(seen.pixels[33], seen.pixels[15], atol=15)
    np.testing.assert_array_equal(seen.world[33], 0.0)


def in_a_corner(image, times):
    """The image, `times` smaller, at the bottom right of a grey picture; and its offset and scale."""
    height, width = (round(side * 1280 / image.shape[1] / times) for side in image.shape[:2])
    picture = np.full((times * height, times * width, 3), 90, np.uint8)
    picture[-height:, -width:] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return picture, np.array([width, height]) * (times - 1), width / image.shape[1]


@needs_shared
def test_a_person_small_in_the_image_is_found_at_the_right_place(detector):
    frame = first_frame(FRONTAL_VIDEO)
    picture, offset, scale = in_a_corner(frame, 3)
    near, far = detector.detect(frame), detector.detect(picture)
    assert far is not None and far.mask.shape == picture.shape[:2]
    expected = near.landmarks.pixels[:33] * scale + offset
    assert np.median(np.linalg.norm(far.landmarks.pixels[:33] - expected, axis=1)) < 6
    true_mask = in_a_corner(np.repeat(near.mask[..., None] * 255, 3, axis=2).astype(np.uint8), 3)[0][..., 0]
    true_mask, found = true_mask > 127, far.mask > 0.5
    assert (found & true_mask).sum() / (found | true_mask).sum() > 0.8


@needs_shared
@pytest.mark.parametrize("columns", [slice(0, 850), slice(1450, 2048)])
def test_a_room_without_people_is_empty(detector, columns):
    assert detector.detect(read(SHARED / "behave_photos/images/050507.jpg")[:, columns]) is None


@given(st.integers(1, 900), st.integers(1, 900))
def test_tiles_cover_the_image(height, width):
    covered = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in tiles(height, width):
        assert 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
        covered[y0:y1, x0:x1] = True
    assert covered.all()


@given(st.lists(st.tuples(st.floats(-300, 900), st.floats(-300, 900)), min_size=1, max_size=5))
def test_square_around_is_a_part_of_the_image(points):
    x0, y0, x1, y1 = square_around(np.array(points), 400, 500)
    assert 0 <= x0 < x1 <= 500 and 0 <= y0 < y1 <= 400


@needs_shared
def test_values_are_in_range(detector):
    photo = read(PHOTO)
    seen = detector.detect(photo)
    assert seen.mask.shape == photo.shape[:2] and seen.mask.dtype == np.float32
    assert seen.mask.min() >= 0.0 and seen.mask.max() <= 1.0
    assert seen.landmarks.confidence.min() >= 0.0 and seen.landmarks.confidence.max() <= 1.0
    assert seen.landmarks.pixels.shape == (75, 2) and seen.landmarks.world.shape == (75, 3)
    hand = seen.landmarks.world[33:54]
    assert 0.12 < np.linalg.norm(hand - hand[0], axis=1).max() < 0.26


@needs_shared
def test_points_outside_the_image_are_not_trusted(detector):
    photo = read(PHOTO)[:330]
    seen = detector.detect(photo).landmarks
    outside = (seen.pixels[:33, 1] >= 329.5) | (seen.pixels[:33, 0] < -0.5)
    assert outside.any()
    assert (seen.confidence[:33][outside] == 0.0).all()


@needs_shared
@pytest.mark.parametrize("stem", ["050507", "051918", "053026"])
def test_human_mask_overlaps_the_truth(detector, stem):
    photo = read(SHARED / f"behave_photos/images/{stem}.jpg")
    truth = cv2.imread(str(SHARED / f"behave_photos/masks/{stem}_human.jpg"), cv2.IMREAD_GRAYSCALE) > 127
    mask = detector.detect(photo).mask > 0.5
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85

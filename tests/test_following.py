"""The person followed from frame to frame: same conventions as a look afresh, no memory but the argument."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from scorehoi_ros.demo.own import own_samples
from scorehoi_ros.perception.human.body_net import Body
from scorehoi_ros.perception.human.detector import BODY, SEARCH_EVERY, MediapipeHuman
from scorehoi_ros.perception.human.hand_turns import (
    EVERY,
    FADE,
    HAND_ROWS,
    MOST_CARRIED,
    NOT_SEEN,
    RETRY,
    WRISTS,
    carried_hand,
    frames_since,
    hand_due,
)
from scorehoi_ros.types import HumanObservation, Landmarks, Region, Trail
from tests.shared_data import SHARED, needs_shared

SIDE = 256.0
SOMEWHERE = Region(320.0, 240.0, 400.0, 0.0)
IN_VIEW = np.ones(33)


@pytest.fixture(scope="module")
def detector():
    with MediapipeHuman() as human:
        yield human


@cache
def all_frames():
    return [sample.frame.rgb for sample in own_samples(12)]


def clip(count):
    return all_frames()[:count]


def video(name, count):
    capture = cv2.VideoCapture(str(SHARED / "video" / name))
    return [np.ascontiguousarray(capture.read()[1][:, :, ::-1]) for _ in range(count)]


def follow(detector, frames, before=None):
    seen = []
    for rgb in frames:
        before = detector.detect(rgb, before)
        seen.append(before)
    return seen


def followed(seen):
    """Whether an observation came from following: a look afresh seeks both hands."""
    return seen.trail.hand_sought != (0, 0)


def off(one, other):
    """Median distance of the body's points in pixels of a person of 256."""
    points, others = one.landmarks.pixels[BODY], other.landmarks.pixels[BODY]
    return float(np.median(np.linalg.norm(points - others, axis=1)) * SIDE / np.ptp(others, axis=0).max())


def overlap(one, other):
    one, other = one.mask > 0.5, other.mask > 0.5
    return (one & other).sum() / (one | other).sum()


def assert_same(one, other):
    for name in ("pixels", "world", "confidence"):
        np.testing.assert_array_equal(getattr(one.landmarks, name), getattr(other.landmarks, name))
    np.testing.assert_array_equal(one.mask, other.mask)
    assert one.trail == other.trail


def assert_agrees(detector, frames):
    for number, (rgb, seen) in enumerate(zip(frames, follow(detector, frames), strict=True)):
        afresh = detector.detect(rgb)
        assert followed(seen) or number == 0
        assert off(seen, afresh) < 4.0 and overlap(seen, afresh) > 0.75
        assert seen.mask.shape == rgb.shape[:2] and seen.mask.dtype == np.float32
        assert seen.mask.min() >= 0.0 and seen.mask.max() <= 1.0
        for rows in (BODY, *HAND_ROWS):
            assert (seen.landmarks.confidence[rows] <= 1.0).all()


def test_following_agrees_with_looking_afresh(detector):
    assert_agrees(detector, clip(12))


@needs_shared
@pytest.mark.parametrize("name", ["juggle_football.mp4", pytest.param("bottle.webm", marks=pytest.mark.slow)])
def test_following_agrees_on_real_clips(detector, name):
    frames = video(name, 80)[50:]
    assert_agrees(detector, frames)


def test_the_result_depends_on_image_and_observation_alone(detector):
    first, second, third = clip(3)
    before = detector.detect(first)
    once = detector.detect(second, before)
    detector.detect(third, once)
    detector.detect(np.zeros_like(first))
    assert_same(once, detector.detect(second, before))
    with MediapipeHuman() as another:
        assert_same(once, another.detect(second, before))


def test_an_observation_without_trail_is_no_help_and_no_harm(detector):
    rgb = clip(1)[0]
    afresh = detector.detect(rgb)
    assert_same(afresh, detector.detect(rgb, replace(afresh, trail=None)))


def test_somebody_who_was_hidden_is_found_again(detector):
    frames = clip(4)
    black = np.zeros_like(frames[0])
    seen = follow(detector, [*frames[:2], black, black, *frames[2:]])
    assert [one is not None for one in seen] == [True, True, False, False, True, True]
    assert not followed(seen[4]) and followed(seen[5])
    assert_same(seen[4], detector.detect(frames[2]))


def test_after_a_cut_the_person_is_found_at_another_place(detector):
    rgb = clip(1)[0]
    small = cv2.resize(rgb, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    elsewhere = np.full_like(rgb, 90)
    elsewhere[-len(small) :, -small.shape[1] :] = small
    seen = detector.detect(elsewhere, detector.detect(rgb))
    afresh = detector.detect(elsewhere)
    assert not followed(seen) or off(seen, afresh) < 8.0


def test_a_body_locked_upside_down_is_put_right_by_the_next_search(detector):
    rgb = clip(1)[0]
    right = detector.detect(rgb)
    wrong = replace(right.trail, region=replace(right.trail.region, turn=np.pi))
    seen = follow(detector, [rgb] * (SEARCH_EVERY + 1), replace(right, trail=wrong))
    assert off(seen[SEARCH_EVERY - 2], right) > 40.0
    assert off(seen[-1], right) < 4.0
    assert abs(seen[-1].trail.region.turn) < 0.5


def test_one_hand_at_most_is_looked_for_and_none_in_the_frame_of_a_search(detector):
    seen = follow(detector, [clip(1)[0]] * (SEARCH_EVERY + 2))
    for one in seen[1:]:
        assert one.trail.hand_sought.count(0) <= (1 if one.trail.searched else 0)
    assert 0 in {one.trail.hand_sought[0] for one in seen[1:]}
    assert [one.trail.searched for one in seen] == [*range(SEARCH_EVERY), 0, 1]


def trail(seen, sought):
    return Trail(SOMEWHERE, seen, sought, 1)


def test_the_hand_that_waited_longest_is_due():
    last = EVERY - 1
    assert hand_due(trail((0, 0), (last, last - 1)), IN_VIEW) == 0
    assert hand_due(trail((0, 0), (last, last + 1)), IN_VIEW) == 1
    assert hand_due(trail((0, 0), (last - 1, last - 1)), IN_VIEW) is None


def test_a_lost_hand_is_looked_for_less_often_and_never_behind_the_back():
    lost = NOT_SEEN
    assert hand_due(trail(lost, (EVERY, EVERY)), IN_VIEW) is None
    assert hand_due(trail(lost, (RETRY - 1, 0)), IN_VIEW) == 0
    hidden = IN_VIEW.copy()
    hidden[WRISTS[0]] = 0.05
    assert hand_due(trail(lost, (RETRY, 0)), hidden) is None


def body(moved):
    pixels = np.full((33, 2), 100.0) + moved
    return Body(pixels, np.zeros((33, 3)), IN_VIEW, np.zeros((4, 4), np.float32), SOMEWHERE, SOMEWHERE)


def test_a_carried_hand_goes_with_its_wrist_fades_and_is_lost_in_the_end():
    pixels, confidence = np.full((75, 2), 100.0), np.ones(75)
    landmarks = Landmarks(pixels, np.ones((75, 3)), confidence)
    for side in (0, 1):
        counts, before = (0, 0), HumanObservation(landmarks, None)
        for age in range(MOST_CARRIED):
            hand = carried_hand(before, trail(counts, counts), side, body((3.0, -2.0)))
            np.testing.assert_array_equal(hand.pixels, np.full((21, 2), 100.0) + (3.0, -2.0))
            assert hand.confidence == pytest.approx(FADE), age
            counts = frames_since(counts, (False, False))
        assert carried_hand(before, trail(counts, counts), side, body((0.0, 0.0))) is None


def test_a_carried_hand_is_still_the_hand_in_a_clip(detector):
    """In frames in which a hand was not looked for it lies where a look afresh sees it."""
    distances = []
    frames = clip(12)
    for rgb, seen in zip(frames, follow(detector, frames), strict=True):
        afresh = detector.detect(rgb).landmarks
        for side, rows in enumerate(HAND_ROWS):
            both = seen.landmarks.confidence[rows][0] > 0 and afresh.confidence[rows][0] > 0.3
            if both and seen.trail.hand_seen[side] > 0:
                offset = np.linalg.norm(seen.landmarks.pixels[rows] - afresh.pixels[rows], axis=1)
                distances.append(np.median(offset) * SIDE / np.ptp(afresh.pixels[BODY], axis=0).max())
    assert len(distances) >= 4 and np.median(distances) < 5.0

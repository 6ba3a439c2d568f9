"""Several people in view: who is meant, that it is told, and that it stays; nobody in view, cheaply."""

import logging
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from scorehoi_ros.frame.glimpse import glimpse
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.human.people import Choice, choose, find_people
from scorehoi_ros.perception.human.region import gap
from scorehoi_ros.perception.human.small import EMPTY_FRAMES, find_small, tiles
from scorehoi_ros.types import Box, Frame, Hint, HumanObservation, Landmarks, Masks, Prompt, Region, Trail
from tests.shared_data import SHARED, needs_shared

SIDE = 300.0
GREY = np.full((480, 640, 3), 90, np.uint8)
RED, BLUE = np.array([1.0, 0.0]), np.array([0.0, 1.0])
"""Colours of clothes."""
PARTS = (("050507", 450), ("053026", 350))
"""Photos, and the columns in them from which on somebody stands in 1000 pixels."""


def standing(x: float, visible: float = 1.0):
    """Points (33, 2) of somebody 300 px high, arms hanging, and their visibility."""
    points = np.stack([np.full(33, x), np.linspace(100.0, 400.0, 33)], axis=1)
    points[15:23] = [(x + 30.0 * (-1) ** k, 260.0) for k in range(8)]
    return points, np.full(33, visible)


def around(x: float, y: float = 260.0, half: float = 20.0) -> Box:
    return Box(x - half, y - half, x + half, y + half)


def column(x0: int, x1: int):
    mask = np.zeros((480, 640), bool)
    mask[:, x0:x1] = True
    return mask


def trail(x: float, colours=None) -> Trail:
    return Trail(Region(x, 250.0, SIDE, 0.0), (0, 0), (0, 0), 0, 2, "object", colours)


NO_MASKS = Masks()
PLACES = (standing(150.0), standing(450.0))


@pytest.mark.parametrize(
    ("hint", "chosen"),
    [
        (Hint(), Choice(0, "prominence")),
        (Hint(thing=around(500.0)), Choice(1, "object")),
        (Hint(thing=around(190.0)), Choice(0, "object")),
        # A seat under one of them, far below the hands of both.
        (Hint(thing=around(450.0, 420.0, 60.0)), Choice(1, "object")),
        # A table before both of them, nearer to one.
        (Hint(thing=Box(100.0, 250.0, 600.0, 420.0)), Choice(1, "object")),
        (Hint(thing=around(100.0), person=column(400, 500)), Choice(1, "mask")),
        # An empty mask, and one of neither, say nothing of the person.
        (Hint(person=column(0, 0)), Choice(0, "prominence")),
        (Hint(person=column(280, 300), thing=around(500.0)), Choice(1, "object")),
        (Hint(lost=trail(430.0), old_thing=around(100.0)), Choice(1, "trail")),
        (Hint(lost=trail(160.0, BLUE), old_thing=around(100.0)), Choice(1, "trail")),
        (Hint(lost=trail(2000.0), old_thing=around(500.0)), Choice(1, "object")),
    ],
)
def test_who_of_two_people_is_meant(hint, chosen):
    assert choose(PLACES, hint, lambda k: (RED, BLUE)[k]) == chosen


def test_one_person_alone_is_meant_whatever_is_said():
    assert choose(PLACES[:1], Hint(thing=around(600.0)), lambda k: RED) == Choice(0, "prominence")


class Remembers:
    """A detector that sees nobody, or what it was given, and keeps the hints."""

    def __init__(self, *seen):
        self.hints, self.seen = [], list(seen)

    def detect(self, rgb, before=None, hint=None):
        self.hints.append(hint)
        return self.seen.pop(0) if self.seen else None

    def close(self):
        pass


def observed(x: float) -> HumanObservation:
    none = np.zeros((75, 3))
    return HumanObservation(Landmarks(none[:, :2], none, none[:, 0]), None, trail(x))


def frame(k: int, masks: Masks = NO_MASKS) -> Frame:
    return Frame(GREY, guess_camera(640, 480), stamp_ns=1 + k * 100_000_000, masks=masks)


def test_glimpses_count_empty_frames_and_remember_who_was_lost_and_where_the_object_was():
    detector, last = Remembers(observed(200.0)), None
    for k in range(3):
        last = glimpse(frame(k), last, detector, Prompt(box=around(300.0)) if k == 0 else None).last
    first, second, third = detector.hints
    assert (first.thing, first.choose, first.lost, first.empty) == (around(300.0), True, None, 0)
    assert (second.thing, second.choose, second.old_thing) == (None, False, around(300.0))
    assert (third.lost, third.empty, third.old_thing) == (trail(200.0), 1, around(300.0))
    assert last is not None and last.empty == 2


def test_masks_of_the_frame_say_who_is_meant_and_a_gap_forgets_it():
    detector = Remembers(observed(200.0))
    last = glimpse(frame(0, Masks(column(0, 9), column(30, 50))), None, detector).last
    glimpse(frame(90), last, detector)
    assert detector.hints[0].person is not None and detector.hints[0].thing == Box(30.0, 0.0, 50.0, 480.0)
    assert detector.hints[1] == Hint()


def test_a_choice_is_told_once(caplog):
    detector, last = Remembers(*[observed(200.0)] * 3), None
    with caplog.at_level(logging.INFO):
        for k in range(3):
            last = glimpse(frame(k), last, detector).last
    told = [r.message for r in caplog.records if "in view" in r.message]
    assert told == ["2 people in view: the one nearest to the object is reconstructed"]


def test_an_empty_room_is_looked_at_part_by_part_and_every_part_in_turn():
    sizes = []

    def look(part):
        sizes.append(part.shape)
        return None

    all_parts = len(tiles(480, 640))
    assert find_small(GREY, look, Hint(empty=EMPTY_FRAMES - 1)) is None and len(sizes) == all_parts
    marked = GREY.copy()
    marked[:] = np.arange(480)[:, None, None] % 200 + np.arange(640)[None, :, None] % 50
    corners = []
    for k in range(all_parts):
        find_small(marked, lambda part: corners.append(part[0, 0].tolist()), Hint(empty=EMPTY_FRAMES + k))
    assert len(corners) == all_parts == len({tuple(c) for c in corners})


def test_an_empty_room_ends_the_search_of_people():
    assert find_people(GREY, lambda rgb: None) == []


# -- real people


@pytest.fixture(scope="module")
def detector():
    with MediapipeHuman() as human:
        yield human


@cache
def cut(kind: str, stem: str, x0: int):
    """A person with an object, 500 x 668 pixels."""
    name = {"image": f"images/{stem}.jpg"}.get(kind, f"masks/{stem}_{kind}.jpg")
    part = cv2.imread(str(SHARED / "behave_photos" / name))[200:1536, x0 : x0 + 1000, ::-1]
    small = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return small if kind == "image" else small[:, :, 0] > 127


def side_by_side(kind: str, parts=PARTS, of: int | None = None):
    """Photos beside each other, or masks of number `of` alone."""
    return np.ascontiguousarray(
        np.hstack(
            [
                cut(kind, *part) if of in (None, k) else np.zeros_like(cut(kind, *part))
                for k, part in enumerate(parts)
            ]
        )
    )


def who(seen, width, count=2) -> int:
    return int(seen.landmarks.pixels[23:25, 0].mean() / width * count)


@needs_shared
@pytest.mark.parametrize("parts", [PARTS, PARTS[::-1]])
@pytest.mark.parametrize("of", [0, 1])
@pytest.mark.parametrize("by", ["object", "mask"])
def test_of_two_real_people_the_one_who_is_meant_is_seen(detector, parts, of, by):
    rgb = side_by_side("image", parts)
    if by == "mask":
        hint = Hint(person=side_by_side("human", parts, of))
    else:
        rows, columns = np.nonzero(side_by_side("object", parts, of))
        hint = Hint(thing=Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    seen = detector.detect(rgb, None, hint)
    assert who(seen, rgb.shape[1]) == of
    assert (seen.trail.people, seen.trail.chosen_by) == (2, by)


@needs_shared
def test_who_was_chosen_is_followed_though_the_other_is_seen_better(detector):
    rgb = side_by_side("image")
    first = detector.detect(rgb)
    less = 1 - who(first, rgb.shape[1])
    seen = detector.detect(rgb, None, Hint(person=side_by_side("human", of=less)))
    for searched in (0, 13, 14):
        seen = replace(seen, trail=replace(seen.trail, searched=searched))
        seen = detector.detect(rgb, seen)
        assert who(seen, rgb.shape[1]) == less and seen.trail.people == 2
    assert seen.trail.searched == 0


@needs_shared
def test_clothes_bring_the_trail_back_from_somebody_else(detector):
    rgb = side_by_side("image")
    right = detector.detect(rgb, None, Hint(person=side_by_side("human", of=0)))
    other = detector.detect(rgb, None, Hint(person=side_by_side("human", of=1)))
    astray = replace(other, trail=replace(other.trail, colours=right.trail.colours, searched=14))
    seen = detector.detect(rgb, astray)
    assert who(seen, rgb.shape[1]) == 0 and gap(seen.trail.region, right.trail.region) < 0.2


@needs_shared
def test_a_new_prompt_and_a_mask_change_who_is_followed(detector):
    rgb = side_by_side("image")
    seen = detector.detect(rgb, None, Hint(person=side_by_side("human", of=0)))
    box = Box(600.0, 0.0, 900.0, 600.0)
    assert who(detector.detect(rgb, seen, Hint(thing=box)), rgb.shape[1]) == 0
    assert who(detector.detect(rgb, seen, Hint(thing=box, choose=True)), rgb.shape[1]) == 1
    assert who(detector.detect(rgb, seen, Hint(person=side_by_side("human", of=1))), rgb.shape[1]) == 1

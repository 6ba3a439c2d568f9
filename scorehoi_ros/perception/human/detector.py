"""Human landmarks and mask from an image with MediaPipe's networks, which come inside its wheel."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.body_net import Body, BodyNetwork
from scorehoi_ros.perception.human.body_search import BodySearch
from scorehoi_ros.perception.human.hand_net import HandNetwork
from scorehoi_ros.perception.human.hand_turns import (
    BOTH,
    HAND_ROWS,
    NOT_SEEN,
    WRISTS,
    Hand,
    carried_hand,
    found_hand,
    frames_since,
    hand_due,
    without_twin,
    wrist_visible,
)
from scorehoi_ros.perception.human.hands import pixels_per_metre
from scorehoi_ros.perception.human.people import (
    ALIKE,
    IN_MASK,
    choose,
    clearly_more_alike,
    clothes,
    find_people,
    share_inside,
)
from scorehoi_ros.perception.human.region import gap, lay_mask_back
from scorehoi_ros.perception.human.small import find_missed, find_small
from scorehoi_ros.perception.object.colours import affinity
from scorehoi_ros.perception.protocols import NO_HINT
from scorehoi_ros.types import NUM_LANDMARKS, Bools, Floats, Hint, HumanObservation, Landmarks, Trail

BODY = slice(0, 33)


SEARCH_EVERY = 15
"""Frames after which the whole image is searched for the person who is followed, in the place of a hand: the
body network may lock onto a person in a square that is upside down, and be sure that somebody is there."""
APART = 0.4
"""Gap between where a person is followed and where one was found from which both are looked at: it was 0.3 at
most for people followed well, and 0.5 at least for those who were upside down or lay on their side."""
SAME_PLACE = 0.3
"""Distance in sides within which both are one person, and the more visible of the two bodies is right."""
CLEARLY_MORE = 0.1
"""By how much somebody at another place must be more visible to be followed instead of what is no person."""
SUSPECT_EVERY = 3
"""The same as SEARCH_EVERY where several people are about and clothes are not those of who is followed."""


@dataclass(frozen=True)
class Crowd:
    """What a search said about people beside the one who is followed."""

    better: Body | None = None
    """Who is to be followed instead."""
    people: int = 1


class MediapipeHuman:
    """The networks of MediaPipe Holistic without its graph, which remembers hands from image to image.

    The result depends on the arguments alone.  Left and right are the person's.  Body world coordinates are
    MediaPipe's own (metres, origin mid-hip, x right, y down, z away from the camera, as in the camera's
    optical frame, for a camera that looks straight at the person); hand world coordinates are built here, see
    `hands.hand_world`.

    Raises MissingExtraError when mediapipe or ai-edge-litert is not installed.
    """

    def __init__(self) -> None:
        self._search, self._body, self._hand = BodySearch(), BodyNetwork(), HandNetwork()

    def detect(
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None, hint: Hint = NO_HINT
    ) -> HumanObservation | None:
        """Landmarks and soft mask of one person in `rgb` (H, W, 3) uint8; None for nobody.

        Of several people the one whom `hint` means, see `people.choose`; else the most prominent one.  With
        the observation of the frame before, that person is followed: looked for where it was, one hand at a
        time, see `hand_turns`.  Somebody who is not there any more, and nobody before, are looked for in the
        whole image; a person small in it in parts of it, see `small`.
        """
        if before is not None and before.trail is not None and not hint.choose:
            followed = self._follow(rgb, before, before.trail)
            if followed is not None and _is_meant(followed, hint):
                return followed
            hint = replace(hint, lost=before.trail)
        people = find_people(rgb, self._first)
        if not people:
            return find_small(rgb, self._look, hint)
        chosen = self._chosen(rgb, people, hint)
        return find_missed(rgb, self._look, chosen, hint) or chosen

    def close(self) -> None:
        """Free the networks."""
        del self._search, self._body, self._hand

    def __enter__(self) -> "MediapipeHuman":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _first(self, rgb: NDArray[np.uint8]) -> Body | None:
        """The most prominent body."""
        region = self._search(rgb)
        return self._body(rgb, region) if region is not None else None

    def _look(self, rgb: NDArray[np.uint8]) -> HumanObservation | None:
        body = self._first(rgb)
        return self._newcomer(rgb, body) if body is not None else None

    def _newcomer(self, rgb: NDArray[np.uint8], body: Body) -> HumanObservation:
        """A body of whose hands nothing is known."""
        visible = [wrist_visible(body.visibility, side) for side in BOTH]
        found = [self._hand_of(rgb, body, side) if visible[side] else None for side in BOTH]
        left, right = without_twin(*found)
        seen = frames_since(NOT_SEEN, (left is not None, right is not None))
        return _observation(body, (left, right), Trail(body.next_region, seen, (0, 0), 0), *rgb.shape[:2])

    def _chosen(self, rgb: NDArray[np.uint8], people: Sequence[Body], hint: Hint) -> HumanObservation:
        """Who of the people is meant; with their clothes, if they may be mistaken for others."""
        choice = choose(
            [(p.pixels, p.visibility) for p in people], hint, lambda k: clothes(rgb, people[k].pixels)
        )
        body = people[choice.index]
        seen = self._newcomer(rgb, body)
        assert seen.trail is not None
        colours = clothes(rgb, body.pixels) if len(people) > 1 else None
        if choice.by == "trail" and hint.lost is not None and hint.lost.colours is not None:
            colours = hint.lost.colours
        trail = replace(seen.trail, people=len(people), chosen_by=choice.by, colours=colours)
        return replace(seen, trail=trail)

    def _follow(
        self, rgb: NDArray[np.uint8], before: HumanObservation, trail: Trail
    ) -> HumanObservation | None:
        """The person of the frame before; None when nobody is where it was."""
        body = self._body(rgb, trail.region)
        if body is None:
            return None
        search = trail.searched + 1 >= SEARCH_EVERY or _suspect(rgb, body, trail)
        crowd = self._crowd(rgb, body, trail) if search else Crowd(people=trail.people)
        if crowd.better is not None:
            return _handed_on(self._newcomer(rgb, crowd.better), trail, crowd.people)
        due = None if search else hand_due(trail, body.visibility)
        found = self._hand_of(rgb, body, due) if due is not None else None
        hands = [
            found if side == due and found is not None else carried_hand(before, trail, side, body)
            for side in BOTH
        ]
        left, right = without_twin(*hands)
        seen = frames_since(trail.hand_seen, (left is found is not None, right is found is not None))
        sought = frames_since(trail.hand_sought, (due == 0, due == 1))
        colours = trail.colours
        if colours is None and crowd.people > 1:
            colours = clothes(rgb, body.pixels)
        after = Trail(
            body.next_region,
            seen,
            sought,
            0 if search else trail.searched + 1,
            crowd.people,
            trail.chosen_by,
            colours,
        )
        return _observation(body, (left, right), after, *rgb.shape[:2])

    def _crowd(self, rgb: NDArray[np.uint8], body: Body, trail: Trail) -> Crowd:
        """What a search of the whole image finds beside the body that is followed."""
        region = self._search(rgb)
        if region is None or (gap(body.region, region) < APART and trail.colours is None):
            return Crowd()
        people = find_people(rgb, self._first)
        others = [other for other in people if gap(body.region, other.region) >= APART]
        missed = len(others) == len(people)
        better = next((o for o in others if _is_better(rgb, o, body, trail, missed)), None)
        return Crowd(better, len(people) + (missed and better is None))

    def _hand_of(self, rgb: NDArray[np.uint8], body: Body, side: int) -> Hand | None:
        points = self._hand(rgb, body.pixels, side)
        if points is None:
            return None
        scale = pixels_per_metre(body.pixels, body.world[:, :2], body.visibility)
        return found_hand(points, body.pixels[WRISTS[side]], scale)


def _is_better(rgb: NDArray[np.uint8], other: Body, body: Body, trail: Trail, missed: bool) -> bool:
    """Whether another body is to be followed; `missed` = the search does not find the one that is.

    At the same place the more visible one is right.  Elsewhere is somebody else, unless the clothes say that
    the wrong one is followed, or what is followed may be no person at all.
    """
    more = float(other.visibility.mean() - body.visibility.mean())
    here = body.region
    if math.dist((other.region.x, other.region.y), (here.x, here.y)) < SAME_PLACE * here.side:
        return missed and more > 0.0
    if trail.colours is not None:
        return clearly_more_alike(clothes(rgb, other.pixels), clothes(rgb, body.pixels), trail.colours)
    return missed and more > CLEARLY_MORE


def _suspect(rgb: NDArray[np.uint8], body: Body, trail: Trail) -> bool:
    """Whether the body may be somebody else than who was chosen among several."""
    if trail.colours is None or trail.searched + 1 < SUSPECT_EVERY:
        return False
    return affinity(clothes(rgb, body.pixels), trail.colours) < ALIKE


def _handed_on(seen: HumanObservation, before: Trail, people: int) -> HumanObservation:
    """Somebody found again, with what the trail says of who was chosen."""
    assert seen.trail is not None
    trail = replace(seen.trail, people=people, chosen_by=before.chosen_by, colours=before.colours)
    return replace(seen, trail=trail)


def _is_meant(seen: HumanObservation, hint: Hint) -> bool:
    """Whether a mask that came with the frame is of this person; True without one."""
    if hint.person is None or not hint.person.any():
        return True
    return share_inside(*_points(seen), hint.person) >= IN_MASK


def _points(seen: HumanObservation) -> tuple[Floats, Floats]:
    return seen.landmarks.pixels[BODY], seen.landmarks.confidence[BODY]


def _observation(
    body: Body, hands: tuple[Hand | None, Hand | None], trail: Trail, height: int, width: int
) -> HumanObservation:
    """Body and hands in the conventions of the project, for an image of a height and width."""
    pixels, world = np.zeros((NUM_LANDMARKS, 2)), np.zeros((NUM_LANDMARKS, 3))
    confidence = np.zeros(NUM_LANDMARKS)
    pixels[BODY], world[BODY], confidence[BODY] = body.pixels, body.world, body.visibility
    for rows, hand in zip(HAND_ROWS, hands, strict=True):
        if hand is not None:
            pixels[rows], world[rows], confidence[rows] = hand.pixels, hand.world, hand.confidence
    confidence[_outside(pixels, height, width)] = 0.0
    return HumanObservation(
        Landmarks(pixels, world, confidence), lay_mask_back(body.mask, body.region, height, width), trail
    )


def _outside(pixels: Floats, height: int, width: int) -> Bools:
    """Points beyond the image border are MediaPipe's guesses: nobody saw them."""
    return ((pixels < -0.5) | (pixels >= np.array([width, height]) - 0.5)).any(axis=1)

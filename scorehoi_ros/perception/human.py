"""Human landmarks and mask from an image with MediaPipe's networks, which come inside its wheel."""

import math
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.body_net import Body, BodyNetwork
from scorehoi_ros.perception.body_search import BodySearch
from scorehoi_ros.perception.hand_net import HandNetwork
from scorehoi_ros.perception.hand_turns import (
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
from scorehoi_ros.perception.hands import pixels_per_metre
from scorehoi_ros.perception.human_search import find_small
from scorehoi_ros.perception.region import gap, lay_mask_back
from scorehoi_ros.types import NUM_LANDMARKS, Bools, Floats, HumanObservation, Landmarks, Trail

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
"""By how much somebody at another place must be more visible to be followed instead."""


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
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None
    ) -> HumanObservation | None:
        """Landmarks and soft mask of the most prominent person in `rgb` (H, W, 3) uint8; None for nobody.

        With the observation of the frame before, that person is followed: looked for where it was, one hand
        at a time, see `hand_turns`.  Somebody who is not there any more, and nobody before, are looked for in
        the whole image; a person small in it in parts of it, see `human_search`: an image without anybody
        takes longest.
        """
        if before is not None and before.trail is not None:
            followed = self._follow(rgb, before, before.trail)
            if followed is not None:
                return followed
        found = self._look(rgb)
        return find_small(rgb, self._look) if found is None else found

    def close(self) -> None:
        """Free the networks."""
        del self._search, self._body, self._hand

    def __enter__(self) -> "MediapipeHuman":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _look(self, rgb: NDArray[np.uint8]) -> HumanObservation | None:
        region = self._search(rgb)
        body = self._body(rgb, region) if region is not None else None
        return self._newcomer(rgb, body) if body is not None else None

    def _newcomer(self, rgb: NDArray[np.uint8], body: Body) -> HumanObservation:
        """A body of whose hands nothing is known."""
        visible = [wrist_visible(body.visibility, side) for side in BOTH]
        found = [self._hand_of(rgb, body, side) if visible[side] else None for side in BOTH]
        left, right = without_twin(*found)
        seen = frames_since(NOT_SEEN, (left is not None, right is not None))
        return _observation(body, (left, right), Trail(body.next_region, seen, (0, 0), 0), *rgb.shape[:2])

    def _follow(
        self, rgb: NDArray[np.uint8], before: HumanObservation, trail: Trail
    ) -> HumanObservation | None:
        """The person of the frame before; None when nobody is where it was."""
        body = self._body(rgb, trail.region)
        if body is None:
            return None
        search = trail.searched + 1 >= SEARCH_EVERY
        better = self._better(rgb, body) if search else None
        if better is not None:
            return self._newcomer(rgb, better)
        due = None if search else hand_due(trail, body.visibility)
        found = self._hand_of(rgb, body, due) if due is not None else None
        hands = [
            found if side == due and found is not None else carried_hand(before, trail, side, body)
            for side in BOTH
        ]
        left, right = without_twin(*hands)
        seen = frames_since(trail.hand_seen, (left is found is not None, right is found is not None))
        sought = frames_since(trail.hand_sought, (due == 0, due == 1))
        after = Trail(body.next_region, seen, sought, 0 if search else trail.searched + 1)
        return _observation(body, (left, right), after, *rgb.shape[:2])

    def _better(self, rgb: NDArray[np.uint8], body: Body) -> Body | None:
        """What a search of the whole image finds, if that is another body and a more visible one."""
        region, here = self._search(rgb), body.region
        if region is None or gap(here, region) < APART:
            return None
        near = math.dist((region.x, region.y), (here.x, here.y)) < SAME_PLACE * here.side
        needed = float(body.visibility.mean()) + (0.0 if near else CLEARLY_MORE)
        other = self._body(rgb, region)
        return other if other is not None and other.visibility.mean() > needed else None

    def _hand_of(self, rgb: NDArray[np.uint8], body: Body, side: int) -> Hand | None:
        points = self._hand(rgb, body.pixels, side)
        if points is None:
            return None
        scale = pixels_per_metre(body.pixels, body.world[:, :2], body.visibility)
        return found_hand(points, body.pixels[WRISTS[side]], scale)


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

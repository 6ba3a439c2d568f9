"""Human landmarks and mask from an image with MediaPipe's networks, which come inside its wheel."""

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
    kept,
    without_twin,
    wrist_visible,
)
from scorehoi_ros.perception.hands import pixels_per_metre
from scorehoi_ros.perception.human_search import find_small
from scorehoi_ros.perception.region import lay_mask_back
from scorehoi_ros.types import NUM_LANDMARKS, Bools, Floats, HumanObservation, Landmarks, Trail

BODY = slice(0, 33)


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
        followed = self._follow(rgb, before) if before is not None else None
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
        """As if nothing was known."""
        region = self._search(rgb)
        body = self._body(rgb, region) if region is not None else None
        if body is None:
            return None
        sought = [wrist_visible(body.visibility, side) for side in BOTH]
        found = [self._hand_of(rgb, body, side) if sought[side] else None for side in BOTH]
        left, right = without_twin(*found)
        trail = Trail(body.next_region, frames_since(NOT_SEEN, (left is not None, right is not None)), (0, 0))
        return _observation(body, (left, right), trail, *rgb.shape[:2])

    def _follow(self, rgb: NDArray[np.uint8], before: HumanObservation) -> HumanObservation | None:
        """The person of the frame before; None when nobody is where it was."""
        trail = before.trail
        body = self._body(rgb, trail.region) if trail is not None else None
        if trail is None or body is None:
            return None
        due = hand_due(trail, body.visibility)
        hands = [
            carried_hand(before, side, body.pixels)
            if kept(trail, side) and wrist_visible(body.visibility, side)
            else None
            for side in BOTH
        ]
        found = self._hand_of(rgb, body, due) if due is not None else None
        if due is not None and found is not None:
            hands[due] = found
        left, right = without_twin(*hands)
        seen = frames_since(trail.hand_seen, (left is found is not None, right is found is not None))
        sought = frames_since(trail.hand_sought, (due == 0, due == 1))
        return _observation(body, (left, right), Trail(body.next_region, seen, sought), *rgb.shape[:2])

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

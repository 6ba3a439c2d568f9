"""Hands of a person who is followed: at most one is looked for in a frame; it costs half as much as a body.

The other is carried along with its wrist and believed a little less from frame to frame.
"""

from dataclasses import dataclass

from scorehoi_ros.perception.human.body_net import Body
from scorehoi_ros.perception.human.hand_net import LEAST_VISIBLE, WRISTS
from scorehoi_ros.perception.human.hands import hand_confidence, hand_world, one_hand_twice
from scorehoi_ros.types import Floats, HumanObservation, Trail

HAND_ROWS = (slice(33, 54), slice(54, 75))
"""Rows of `Landmarks`, left and right."""
EVERY = 4
"""Frames after which a hand is looked for again: with two hands every other frame has one to look for."""
RETRY = 8
"""The same for a hand that is not in view."""
MOST_CARRIED = 2 * EVERY - 1
"""Frames for which a hand is carried: it is lost when it was missed twice."""
FADE = 0.9
"""What is left of a carried hand's confidence after each frame."""
NOT_SEEN = (MOST_CARRIED, MOST_CARRIED)
"""Counters of hands that there is nothing of to carry."""
BOTH = (0, 1)


@dataclass(frozen=True)
class Hand:
    """A hand in the image."""

    pixels: Floats
    """(21, 2)."""
    world: Floats
    """(21, 3) metres relative to the wrist."""
    confidence: float


def found_hand(points: Floats, wrist: Floats, scale: float) -> Hand:
    """A hand from its points (21, 3), the body's wrist (2,), all in pixels, and pixels per metre."""
    return Hand(points[:, :2], hand_world(points), hand_confidence(points, wrist, scale))


def carried_hand(before: HumanObservation, trail: Trail, side: int, body: Body) -> Hand | None:
    """The hand of the frame before, moved as the body's wrist moved; None when it is lost.

    It is when it was last found too long ago, or when its wrist is not in view.
    """
    if not (kept(trail, side) and wrist_visible(body.visibility, side)):
        return None
    seen, wrist, rows = before.landmarks, WRISTS[side], HAND_ROWS[side]
    return Hand(
        seen.pixels[rows] + (body.pixels[wrist] - seen.pixels[wrist]),
        seen.world[rows],
        FADE * float(seen.confidence[rows].max()),
    )


def hand_due(trail: Trail, visibility: Floats) -> int | None:
    """The hand to look for, 0 left, 1 right: of those due the one not looked for the longest; None = neither.

    `visibility` (33,) of the body's points in this frame, `trail` of the frame before.
    """
    waited = {side: trail.hand_sought[side] + 1 for side in BOTH if wrist_visible(visibility, side)}
    due = [side for side, frames in waited.items() if frames >= (EVERY if kept(trail, side) else RETRY)]
    return max(due, key=lambda side: trail.hand_sought[side], default=None)


def kept(trail: Trail, side: int) -> bool:
    """Whether the hand may be carried into the next frame."""
    return trail.hand_seen[side] < MOST_CARRIED


def wrist_visible(visibility: Floats, side: int) -> bool:
    """Whether the body's wrist is seen well enough to look for the hand."""
    return bool(visibility[WRISTS[side]] >= LEAST_VISIBLE)


def frames_since(before: tuple[int, int], now: tuple[bool, bool]) -> tuple[int, int]:
    """Counters of both hands one frame later; 0 where it happened `now`."""
    left, right = (0 if happened else count + 1 for count, happened in zip(before, now, strict=True))
    return left, right


def without_twin(left: Hand | None, right: Hand | None) -> tuple[Hand | None, Hand | None]:
    """When both hands were laid on the same hand in the image, only the more plausible one stays."""
    if left is None or right is None or not one_hand_twice(left.pixels, right.pixels):
        return left, right
    return (None, right) if left.confidence < right.confidence else (left, None)

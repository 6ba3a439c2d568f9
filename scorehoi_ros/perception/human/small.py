"""Finds a person who is too small in the image for MediaPipe, whose first network sees all of it at 224 px.

A person of a third of the image's height is missed every other time, one of a quarter nearly always.  So an
image without anybody is looked at again in overlapping square tiles; the best find must be confirmed by a
second look at a square around it, which refused every false find on pictures of rooms without people.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.people import IN_MASK, choose, clothes, distance_to, share_inside
from scorehoi_ros.types import Floats, Hint, HumanObservation

TILE = 0.75
"""Side of a tile in shorter sides of the image."""
SMALLEST_IMAGE = 160
"""Shorter side in pixels below which a part of an image shows no usable person."""
MARGIN = 0.3
"""Room around the person in the second look, in their longer side."""
LEAST_CONFIDENCE = 0.5
"""Mean visibility of the body that both looks must reach; true finds had at least 0.57."""

EMPTY_FRAMES = 5
"""Frames of nobody after which the parts are looked at in turn, one in a frame: a person who walks in is seen
later by the number of parts, and an empty room costs two looks a frame."""
SAME_PERSON = 0.3
"""Distance between the hips, in longer sides of the body, up to which two finds are one person."""
WITHIN_REACH = 0.6
"""Distance of a person from the object (`people.distance_to`) from which on somebody else is looked for."""
AROUND_THING = 0.6
"""Side of the part of the image in which that is done, in its shorter sides."""

Look = Callable[[NDArray[np.uint8]], HumanObservation | None]


def find_small(rgb: NDArray[np.uint8], look: Look, hint: Hint) -> HumanObservation | None:
    """A person in `rgb` (H, W, 3) that `look` finds in parts of it, in full-image pixels.

    Of several the one whom `hint` means, else the most visible one.  After `EMPTY_FRAMES` frames of nobody
    one part of the image is looked at in each frame, in turn.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < SMALLEST_IMAGE:
        return None
    parts = tiles(height, width)
    if hint.empty >= EMPTY_FRAMES:
        parts = [parts[hint.empty % len(parts)]]
    found = [one for one in (look_at(rgb, part, look) for part in parts) if one is not None]
    people = apart([one for one in found if visibility(one) >= LEAST_CONFIDENCE])
    if not people:
        return None
    places = [body_points(one) for one in people]
    choice = choose(places, hint, lambda k: clothes(rgb, places[k][0]))
    best = people[choice.index]
    confirmed = look_at(rgb, square_around(best.landmarks.pixels[:33], height, width), look)
    if confirmed is None or confirmed.trail is None or visibility(confirmed) < LEAST_CONFIDENCE:
        return None
    trail = replace(confirmed.trail, people=len(people), chosen_by=choice.by)
    if len(people) > 1:
        trail = replace(trail, colours=clothes(rgb, confirmed.landmarks.pixels))
    return replace(confirmed, trail=trail)


def find_missed(
    rgb: NDArray[np.uint8], look: Look, chosen: HumanObservation, hint: Hint
) -> HumanObservation | None:
    """Who is meant by `hint`, where the whole image does not show it: somebody small beside somebody large.

    None when `chosen` fits, or when nobody is found who fits better.
    """
    part = meant_part(rgb, chosen, hint)
    other = None if part is None else look_at(rgb, part, look)
    if other is None or other.trail is None or visibility(other) < LEAST_CONFIDENCE:
        return None
    people = apart([chosen, other])
    if len(people) < 2:
        return None
    places = [body_points(one) for one in people]
    choice = choose(places, replace(hint, lost=None), lambda k: clothes(rgb, places[k][0]))
    if people[choice.index] is not other:
        return None
    count = 1 + (chosen.trail.people if chosen.trail is not None else 1)
    colours = clothes(rgb, other.landmarks.pixels)
    return replace(other, trail=replace(other.trail, people=count, chosen_by=choice.by, colours=colours))


def meant_part(
    rgb: NDArray[np.uint8], chosen: HumanObservation, hint: Hint
) -> tuple[int, int, int, int] | None:
    """The part x0, y0, x1, y1 of the image to look at for who is meant; None when `chosen` fits."""
    height, width = rgb.shape[:2]
    if hint.person is not None and hint.person.any():
        if share_inside(*body_points(chosen), hint.person) >= IN_MASK:
            return None
        rows, columns = np.nonzero(hint.person)
        return square_around(np.stack((columns, rows), axis=1).astype(float), height, width)
    box = hint.thing
    if box is None or distance_to(*body_points(chosen), box) < WITHIN_REACH:
        return None
    reach = max(0.5 * AROUND_THING * min(height, width), 1.5 * max(box.x1 - box.x0, box.y1 - box.y0))
    middle = np.array([(box.x0 + box.x1) / 2.0, (box.y0 + box.y1) / 2.0])
    return square_around(np.stack((middle - reach, middle + reach)), height, width, margin=0.0)


def apart(found: list[HumanObservation]) -> list[HumanObservation]:
    """The observations of different people, the most visible one of each; the most visible person first."""
    people: list[HumanObservation] = []
    for one in sorted(found, key=visibility, reverse=True):
        hips, size = _place(one)
        if all(np.linalg.norm(hips - _place(other)[0]) > SAME_PERSON * size for other in people):
            people.append(one)
    return people


def body_points(observation: HumanObservation) -> tuple[Floats, Floats]:
    """Points (33, 2) of the body in pixels, and their confidence (33,)."""
    return observation.landmarks.pixels[:33], observation.landmarks.confidence[:33]


def _place(observation: HumanObservation) -> tuple[Floats, float]:
    """Middle of the hips (2,) and longer side of the body, pixels."""
    points = observation.landmarks.pixels[:33]
    return points[23:25].mean(axis=0), float(np.ptp(points, axis=0).max())


def visibility(observation: HumanObservation) -> float:
    """Mean confidence of the body's points."""
    return float(observation.landmarks.confidence[:33].mean())


def tiles(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Squares x0, y0, x1, y1 that cover the image and overlap by half or more."""
    side = max(1, round(TILE * min(height, width)))
    return [(x, y, x + side, y + side) for y in _starts(height, side) for x in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    count = int(np.ceil((length - side) / (0.5 * side))) + 1
    return [round(start) for start in np.linspace(0, length - side, count)]


def square_around(
    points: Floats, height: int, width: int, margin: float = MARGIN
) -> tuple[int, int, int, int]:
    """Square x0, y0, x1, y1 around points (n, 2) with a margin on each side, cut at the image."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, reach = (low + high) / 2.0, (0.5 + margin) * float((high - low).max())
    x0, y0 = np.clip(np.floor(centre - reach), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(centre + reach), (x0 + 1, y0 + 1), (width, height)).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def look_at(rgb: NDArray[np.uint8], part: tuple[int, int, int, int], look: Look) -> HumanObservation | None:
    """What `look` finds in a part x0, y0, x1, y1 of the image, in full-image pixels."""
    x0, y0, x1, y1 = part
    seen = look(rgb[y0:y1, x0:x1])
    if seen is None:
        return None
    mask = None
    if seen.mask is not None:
        mask = np.zeros(rgb.shape[:2], np.float32)
        mask[y0:y1, x0:x1] = seen.mask
    landmarks, trail = replace(seen.landmarks, pixels=seen.landmarks.pixels + (x0, y0)), seen.trail
    if trail is not None:
        region = replace(trail.region, x=trail.region.x + x0, y=trail.region.y + y0)
        trail = replace(trail, region=region)
    return HumanObservation(landmarks, mask, trail)

"""Turned squares of an image: where MediaPipe's networks look, cut out, and what they say laid back.

The squares are those of MediaPipe's graphs (pose_landmarks_to_roi, hand_landmarks_from_pose_to_recrop_roi,
hand_recrop_by_roi), and so is the sampling: the corner of a square falls on the centre of its first pixel.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Floats, Ints, Region

BODY_ROOM = 1.25
"""Side of the body's square in diameters of the circle around the person."""
HAND_ROOM = 2.7
"""Side of the first square around a hand, in twice the distance from wrist to middle knuckle."""
HAND_SHIFT = -0.1
"""How far a hand's square lies towards the fingertips, in its side before the room is added."""
UP, DOWN = 0.5 * math.pi, -0.5 * math.pi
HALF_PIXEL = 0.5
STILL = 0.02
"""Gap below which a square stays where it is, for what is seen in it depends on it: a person who stands still
jitters by 1.2 px per frame squared instead of 2.1 (of 256).  Squares that lag behind more than this, smoothed
ones above all, fall behind a person who straightens up until the network stands upside down in them."""


def body_region(centre: Floats, rim: Floats) -> Region:
    """The square of a person from MediaPipe's two auxiliary points: mid-hip and top of the circle around it.

    Both (2,) pixels.
    """
    return _square(centre, rim, UP, BODY_ROOM, 0.0)


def hand_region(wrist: Floats, pinky: Floats, index: Floats) -> Region:
    """The first square around a hand, from the body's points (2,) pixels: wrist and two knuckles."""
    middle = (2.0 * index + pinky) / 3.0
    direction = _turn(wrist, middle, UP)
    return _placed(middle, 2.0 * math.dist(middle, wrist), direction, HAND_ROOM, HAND_SHIFT)


def hand_region_again(centre: Floats, rim: Floats) -> Region:
    """The better square of a hand, from the two points (2,) pixels that `hand_recrop` finds in the first.

    They are the middle of the hand and the end of its circle towards the fingers.
    """
    return _square(centre, rim, DOWN, 1.0, HAND_SHIFT)


def gap(one: Region, other: Region) -> float:
    """How far apart two squares are: of distance in sides, logarithm of sizes, radians the largest."""
    distance = math.dist((one.x, one.y), (other.x, other.y)) / one.side
    turn = math.remainder(other.turn - one.turn, 2.0 * math.pi)
    return max(distance, abs(math.log(other.side / one.side)), abs(turn))


def whole(height: int, width: int) -> Region:
    """The square around an image."""
    return Region(0.5 * width - HALF_PIXEL, 0.5 * height - HALF_PIXEL, float(max(height, width)), 0.0)


def cut_out(
    rgb: NDArray[np.uint8], region: Region, size: int, border: int = cv2.BORDER_REPLICATE
) -> NDArray[np.float32]:
    """(1, size, size, 3) float32 in 0..1: the square upright, OpenCV's `border` outside of the image."""
    crop = cv2.warpAffine(
        rgb,
        _to_image(region, size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    return np.multiply(crop, np.float32(1.0 / 255.0), dtype=np.float32)[None]


def lay_back(points: Floats, region: Region) -> Floats:
    """Points (n, 2 or 3) of the square, 0..1, as pixels of the image; a depth z gets the scale of x."""
    cos, sin = math.cos(region.turn), math.sin(region.turn)
    placed = np.array(points, float)
    placed[:, :2] = (placed[:, :2] - 0.5) @ np.array([[cos, sin], [-sin, cos]])
    placed *= region.side
    placed[:, :2] += (region.x, region.y)
    return placed


def turned(points: Floats, region: Region) -> Floats:
    """Points (n, 3) in metres in the axes of the square, in those of the image."""
    cos, sin = math.cos(region.turn), math.sin(region.turn)
    return np.concatenate([points[:, :2] @ np.array([[cos, sin], [-sin, cos]]), points[:, 2:]], axis=1)


def lay_mask_back(mask: NDArray[np.float32], region: Region, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) float32: a mask (n, n) of the square in the image, 0 outside of it."""
    reach = 0.5 * region.side * (abs(math.cos(region.turn)) + abs(math.sin(region.turn)))
    # Only the part of the image around the square is worth the work.
    low = np.clip(np.floor([region.x - reach, region.y - reach]), 0, (width, height)).astype(int)
    high = np.clip(np.ceil([region.x + reach, region.y + reach]) + 1, low, (width, height)).astype(int)
    laid = np.zeros((height, width), np.float32)
    if (high > low).all():
        _turn_back(mask, region, low, laid[low[1] : high[1], low[0] : high[0]])
    return laid


def _turn_back(mask: NDArray[np.float32], region: Region, corner: Ints, laid: NDArray[np.float32]) -> None:
    """Write a square's mask into a part of the image that begins at `corner`; turned while small: cheap."""
    size = np.array(laid.shape[::-1])
    small = np.maximum(np.ceil(size * min(len(mask) / region.side, 1.0)), 1.0)
    to_small = _to_image(region, len(mask))
    to_small[:, 2] += HALF_PIXEL - corner
    to_small /= (size / small)[:, None]
    to_small[:, 2] -= HALF_PIXEL
    upright = cv2.warpAffine(mask, to_small, small.astype(int).tolist())
    # Into its place: another array of this size costs more than all the rest, for its fresh pages of memory.
    cv2.resize(upright, size.tolist(), dst=laid, interpolation=cv2.INTER_LINEAR)


def _to_image(region: Region, size: int) -> Floats:
    """(2, 3) matrix from pixels of a square of `size` pixels to those of the image."""
    scale = region.side / size
    cos, sin = scale * math.cos(region.turn), scale * math.sin(region.turn)
    half, x, y = 0.5 * size, region.x + HALF_PIXEL, region.y + HALF_PIXEL
    return np.array([[cos, -sin, x - half * (cos - sin)], [sin, cos, y - half * (sin + cos)]])


def _square(centre: Floats, rim: Floats, upright: float, room: float, shift: float) -> Region:
    return _placed(centre, 2.0 * math.dist(centre, rim), _turn(centre, rim, upright), room, shift)


def _turn(start: Floats, end: Floats, upright: float) -> float:
    return upright - math.atan2(start[1] - end[1], end[0] - start[0])


def _placed(centre: Floats, side: float, turn: float, room: float, shift: float) -> Region:
    x = float(centre[0]) - math.sin(turn) * shift * side
    y = float(centre[1]) + math.cos(turn) * shift * side
    return Region(x, y, room * side, math.remainder(turn, 2.0 * math.pi))

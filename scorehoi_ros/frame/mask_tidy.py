"""What does not belong to a given mask: crumbs, and slivers along the other one's edge.

All of it works on square crops of `SIDE` pixels around person and object, and in their pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Bools

Bytes = NDArray[np.uint8]
SIDE = 256
_SMALL, _TINY = 0.04, 0.002
"""Shares of the largest piece below which one is a crumb: where it touches nothing, and anywhere."""
_BESIDE_PX = 3
"""A piece within this of the other one's mask touches it: a foot beyond a box, a leg of a chair."""
_RIM = 2
"""What is around a crumb goes with it: the image is finer than its crop."""
_SLIVER_PX = 5
"""Strips at least this wide are parts of people and things: arms, legs, handles."""
_ALONG_PX = 4
"""A sliver is within this of the other one's edge and of what is neither of the two."""
_LEAST_LENGTH_PX = 24
"""Shorter ones do no harm, and may be a handle that leaves a hand."""
_LEAST_CORE_PX = 36
"""Pixels that have to remain without what is thin: the mask of a stick is left alone."""


def unwanted(mask: Bools, other: Bools | None) -> Bools | None:
    """(S, S) pixels around crumbs and in slivers of a mask (S, S); None = none.

    `other` (S, S) is the mask of the other one, if there is one.  0.2 ms.
    """
    sliver = None if other is None else _sliver(mask, other)
    if other is None or sliver is None:
        return _crumbs(mask, other)
    sliver |= _leftovers(mask & ~sliver, other)
    crumbs = _crumbs(mask & ~sliver, other)
    return sliver if crumbs is None else crumbs | sliver


def _crumbs(mask: Bools, other: Bools | None) -> Bools | None:
    """Small pieces by themselves."""
    pieces = _pieces(_bytes(mask))
    if len(pieces) < 2:
        return None
    drawn = [_drawn(piece) for piece in pieces]
    area = np.array([np.count_nonzero(d & mask) for d in drawn])
    near = None if other is None else _dilated(other, _BESIDE_PX)
    lost = [
        d
        for d, share in zip(drawn, area / area.max(), strict=True)
        if share < _TINY or (share < _SMALL and (near is None or not (near & d).any()))
    ]
    if not lost:
        return None
    crumbs = np.logical_or.reduce(lost)
    return _dilated(crumbs, _RIM) & (crumbs | ~mask)


def _sliver(mask: Bools, other: Bools) -> Bools | None:
    """Long thin strips with the other one on one side of them and neither of the two on the other."""
    core = cv2.morphologyEx(_bytes(mask), cv2.MORPH_OPEN, _square(_SLIVER_PX // 2))
    if cv2.countNonZero(core) < _LEAST_CORE_PX:
        return None
    neither = _dilated(~(mask | other), _ALONG_PX)
    edge = _dilated(other, _ALONG_PX) & _dilated(~other, _ALONG_PX)
    strips = mask & (core == 0) & edge & neither
    long = [p for p in _pieces(_bytes(strips)) if _length(p) >= _LEAST_LENGTH_PX]
    return np.logical_or.reduce([_drawn(p) & strips for p in long]) if long else None


def _leftovers(rest: Bools, other: Bools) -> Bools:
    """Pieces of what a sliver leaves of a mask that are all the other one's, where some piece is not.

    A sliver along both sides of a hand or a foot fills it, and is not thin there.
    """
    drawn = [_drawn(piece) & rest for piece in _pieces(_bytes(rest))]
    beyond = ~_dilated(other, _RIM)
    lost = [d for d in drawn if not (d & beyond).any()]
    return np.logical_or.reduce(lost) if 0 < len(lost) < len(drawn) else np.zeros_like(rest)


def _pieces(mask: Bytes) -> list[NDArray[np.int32]]:
    """Outer borders of what hangs together."""
    borders = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    return [np.asarray(border, np.int32) for border in borders]


def _length(border: NDArray[np.int32]) -> float:
    """Pixels, of the diagonal of its box."""
    _, _, width, height = cv2.boundingRect(border)
    return float(np.hypot(width, height))


def _drawn(border: NDArray[np.int32]) -> Bools:
    """(S, S) with what is inside the border, and the border."""
    plane = np.zeros((SIDE, SIDE), np.uint8)
    cv2.drawContours(plane, [border], -1, (1.0,), cv2.FILLED)
    return plane.view(bool)


def _dilated(mask: Bools, by: int) -> Bools:
    return cv2.dilate(_bytes(mask), _square(by)).view(bool)


def _square(by: int) -> Bytes:
    return np.ones((2 * by + 1, 2 * by + 1), np.uint8)


def _bytes(mask: Bools) -> Bytes:
    return np.ascontiguousarray(mask).view(np.uint8)

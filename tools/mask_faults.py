"""Given masks as people bring them: of whole outlines, overlapping, with slivers and crumbs, out of place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from scorehoi_ros.types import Bools, Masks

_CRUMBS = 6


@dataclass(frozen=True)
class Shown:
    """One view with the masks that a good segmenter gives, and the whole outlines (H, W) behind them."""

    human: Bools
    object: Bools
    human_whole: Bools
    object_whole: Bools
    unit: float
    """Pixels of the image that are one pixel of a crop of 256."""


Fault = Callable[[Shown, np.random.Generator], Masks]


def _plain(s: Shown, rng: np.random.Generator) -> Masks:
    return Masks(s.human, s.object)


def _amodal(human: bool, thing: bool) -> Fault:
    """What goes on behind the other one is part of a mask, too."""

    def fault(s: Shown, rng: np.random.Generator) -> Masks:
        return Masks(
            s.human | (s.human_whole & s.object) if human else s.human,
            s.object | (s.object_whole & s.human) if thing else s.object,
        )

    return fault


def _human_takes(share: float) -> Fault:
    """The person's mask has what is near the person of the object in it: this share of its pixels."""

    def fault(s: Shown, rng: np.random.Generator) -> Masks:
        away = cv2.distanceTransform((~s.human).astype(np.uint8), cv2.DIST_L2, 5)
        inside = away[s.object]
        if not inside.size:
            return Masks(s.human, s.object)
        return Masks(s.human | (s.object & (away <= np.quantile(inside, share))), s.object)

    return fault


def _object_takes(s: Shown, rng: np.random.Generator) -> Masks:
    """The object's mask has what is near of the person in it."""
    return Masks(s.human, s.object | (_grown(s.object, 12 * s.unit) & s.human))


def _sliver(human: bool) -> Fault:
    """A strip of 3 pixels along half of the other one's edge, inside it."""

    def fault(s: Shown, rng: np.random.Generator) -> Masks:
        other, mine = (s.object, s.human) if human else (s.human, s.object)
        strip = _grown(~other, 3 * s.unit) & other
        angle = rng.uniform(0, 2 * np.pi)
        rows, columns = np.nonzero(strip)
        if not len(rows):
            return Masks(s.human, s.object)
        reach = rows * np.sin(angle) + columns * np.cos(angle)
        keep = reach > np.median(reach)
        mine = mine.copy()
        mine[rows[keep], columns[keep]] = True
        return Masks(mine, s.object) if human else Masks(s.human, mine)

    return fault


def _crumbs(s: Shown, rng: np.random.Generator) -> Masks:
    """Detached crumbs of 2 to 5 pixels, of both masks, up to 40 pixels from them."""
    return Masks(_crumbled(s.human, s.unit, rng), _crumbled(s.object, s.unit, rng))


def _crumbled(mask: Bools, unit: float, rng: np.random.Generator) -> Bools:
    around = np.argwhere(_grown(mask, 40 * unit) & ~mask)
    drawn = mask.astype(np.uint8)
    for row, column in around[rng.integers(len(around), size=_CRUMBS)] if len(around) else ():
        side = max(int(rng.uniform(1.0, 2.5) * unit), 1)
        cv2.circle(drawn, (int(column), int(row)), side, (1.0,), -1)
    return drawn.astype(bool)


def _shifted(human: float, thing: float) -> Fault:
    """By these pixels, in any direction."""

    def fault(s: Shown, rng: np.random.Generator) -> Masks:
        angle = rng.uniform(0, 2 * np.pi)
        return Masks(moved(s.human, human * s.unit, angle), moved(s.object, thing * s.unit, angle))

    return fault


def moved(mask: Bools, length: float, angle: float) -> Bools:
    """A mask (H, W) by a number of pixels; nothing comes in from beyond the image."""
    by = np.array([[1, 0, length * np.cos(angle)], [0, 1, length * np.sin(angle)]])
    size = mask.shape[1], mask.shape[0]
    return cv2.warpAffine(mask.astype(np.uint8), by, size, flags=cv2.INTER_NEAREST).astype(bool)


def _resized(by: float) -> Fault:
    """Both grown (or, below 0, shrunk) by these pixels."""

    def fault(s: Shown, rng: np.random.Generator) -> Masks:
        if by > 0:
            return Masks(_grown(s.human, by * s.unit), _grown(s.object, by * s.unit))
        return Masks(~_grown(~s.human, -by * s.unit), ~_grown(~s.object, -by * s.unit))

    return fault


def _grown(mask: Bools, by: float) -> Bools:
    side = 2 * max(round(by), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(mask.astype(np.uint8), kernel).astype(bool)


FAULTS: Mapping[str, Fault] = {
    "clean": _plain,
    "object whole": _amodal(human=False, thing=True),
    "person whole": _amodal(human=True, thing=False),
    "both whole": _amodal(human=True, thing=True),
    "half of the object also person": _human_takes(0.55),
    "all of the object also person": _human_takes(1.0),
    "object takes of the person": _object_takes,
    "object with a sliver": _sliver(human=False),
    "person with a sliver": _sliver(human=True),
    "crumbs": _crumbs,
    "object 10 px off": _shifted(0, 10),
    "object 20 px off": _shifted(0, 20),
    "person 10 px off": _shifted(10, 0),
    "person 20 px off": _shifted(20, 0),
    "both 15 px off": _shifted(15, 15),
    "grown by 5 px": _resized(5),
    "shrunk by 5 px": _resized(-5),
}
"""Name -> fault; pixels are those of a crop of 256 around person and object."""

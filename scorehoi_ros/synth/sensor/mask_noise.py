"""Masks as a segmenter would give them, made from true ones: ragged, holed, bled, merged, cut or missing."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Bools, Masks

Float32 = NDArray[np.float32]
WORK = 128
"""Errors are smooth fields on a square of this side around the mask."""


@dataclass(frozen=True)
class Segmenter:
    """Rates of errors of one kind of segmenter; lengths are shares of the root of the mask's area."""

    ragged: float
    """Standard deviation of the displacement of the outline."""
    spread: float
    """Standard deviation of growing (+) or shrinking (-) all around."""
    hole: float
    """Chance of a hole."""
    bleed: float
    """Chance of flowing over into what is beside it."""
    merge: float
    """Chance that a part of the other actor, where they touch, is taken too."""
    cut: float
    """Chance that a part is lost."""
    missing: float
    """Chance that there is no mask."""
    area: float
    """Size of holes, bleeding and cuts."""
    moods: float
    """Deviation of the log of a factor on all sizes, drawn for each mask: easy pictures and hard ones."""


PERFECT = Segmenter(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
HUMAN = Segmenter(0.011, 0.005, 0.06, 0.10, 0.15, 0.12, 0.04, 0.25, 0.6)
"""Like the mask of the human detector."""
CAREFUL = Segmenter(0.013, 0.007, 0.05, 0.05, 0.08, 0.05, 0.01, 0.30, 0.3)
"""Like a trained promptable segmenter; assumed, none could be measured."""
COLOUR = Segmenter(0.032, 0.021, 0.30, 0.42, 0.20, 0.50, 0.03, 0.55, 0.7)
"""Like segmentation by colour from a box."""


def segmenter_masks(human: Bools, thing: Bools, rng: np.random.Generator) -> Masks:
    """Masks (H, W) of human and object with errors, and scores that partly tell of them.

    Some come from perfect segmentation, some from a careful one, some from colours alone.
    """
    kinds = ((PERFECT, PERFECT), (HUMAN, CAREFUL), (HUMAN, COLOUR))
    kind = kinds[int(rng.choice(3, p=[0.15, 0.45, 0.40]))]
    mistaken_human = disturb(human, thing, kind[0], rng)
    mistaken_thing = disturb(thing, human, kind[1], rng)
    both = mistaken_human & mistaken_thing
    mistaken_human &= ~both
    return Masks(
        human=mistaken_human if mistaken_human.any() else None,
        object=mistaken_thing if mistaken_thing.any() else None,
        human_score=told_score(human, mistaken_human, rng),
        object_score=told_score(thing, mistaken_thing, rng),
    )


def told_score(true: Bools, mistaken: Bools, rng: np.random.Generator) -> float:
    """What a segmenter says of its own mask, 0..1: the overlap with the truth, seen dimly."""
    union = int((true | mistaken).sum())
    if not mistaken.any():
        return 0.0
    overlap = int((true & mistaken).sum()) / max(union, 1)
    return float(np.clip(0.3 + 0.6 * overlap + rng.normal(0.0, 0.1), 0.05, 1.0))


def disturb(mask: Bools, other: Bools, errors: Segmenter, rng: np.random.Generator) -> Bools:
    """The mask (H, W) with errors; `other` is the mask of the other actor."""
    if not mask.any() or rng.random() < errors.missing:
        return np.zeros_like(mask)
    if errors == PERFECT:
        return mask.copy()
    mood = float(np.exp(errors.moods * rng.normal()))
    errors = replace(
        errors, ragged=errors.ragged * mood, spread=errors.spread * mood, area=errors.area * mood
    )
    height, width = mask.shape
    root = float(np.sqrt(mask.sum()))
    x0, y0, x1, y1 = _window(mask, 0.6 * root)
    part, beside = mask[y0:y1, x0:x1], other[y0:y1, x0:x1]
    scale = min(1.0, WORK / max(part.shape))
    size = (max(int(part.shape[1] * scale), 2), max(int(part.shape[0] * scale), 2))
    # signed distance in root areas, positive inside
    field = cv2.resize(_signed_distance(part), size, interpolation=cv2.INTER_AREA) / root
    near = cv2.resize(_signed_distance(beside), size, interpolation=cv2.INTER_AREA) / root
    field = _changed(field, near, errors, rng, root * scale)
    large = cv2.resize(field, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    result = np.zeros((height, width), bool)
    result[y0:y1, x0:x1] = large > 0
    return result


def _changed(
    field: Float32, near: Float32, errors: Segmenter, rng: np.random.Generator, root: float
) -> Float32:
    """The signed distance with every error that the dice bring."""
    shape = field.shape
    out = field + np.float32(errors.spread * rng.normal()) * np.ones_like(field)
    for size in (0.08, 0.25):
        out = out + np.float32(0.7 * errors.ragged) * _smooth(rng, shape, size * root)
    if rng.random() < errors.merge:
        # the other actor where it is close to the outline
        reach = np.float32(abs(rng.normal(0.0, 0.25)) * errors.area * 2)
        out = np.maximum(out, np.minimum(near, reach + field))
    if rng.random() < errors.bleed:
        blob = _blob(rng, field > -0.03, rng.uniform(0.1, 0.6) * errors.area, root)
        out = np.maximum(out, blob)
    if rng.random() < errors.hole:
        blob = _blob(rng, field > 0.08, rng.uniform(0.05, 0.3) * errors.area, root)
        out = np.minimum(out, -blob)
    if rng.random() < errors.cut:
        blob = _blob(rng, np.abs(field) < 0.06, rng.uniform(0.2, 1.0) * errors.area, root)
        out = np.minimum(out, -blob)
    return np.asarray(out, np.float32)


def _blob(rng: np.random.Generator, where: Bools, radius: float, root: float) -> Float32:
    """Signed distance in root areas of an uneven spot whose middle is one of the places `where`."""
    places = np.argwhere(where)
    if not len(places):
        return np.full(where.shape, -1.0, np.float32)
    y, x = places[rng.integers(len(places))]
    v, u = np.mgrid[: where.shape[0], : where.shape[1]].astype(np.float32)
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(0.5, 1.0)
    a = (u - x) * np.cos(angle) + (v - y) * np.sin(angle)
    b = (v - y) * np.cos(angle) - (u - x) * np.sin(angle)
    ragged = 0.3 * radius * _smooth(rng, where.shape, 0.15 * root)
    return np.asarray(radius - np.hypot(a, b / stretch) / root + ragged, np.float32)


def _smooth(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> Float32:
    """A smooth random field with deviation about 1 and features of `size` samples."""
    step = max(size, 1.5)
    coarse = rng.standard_normal((int(shape[0] / step) + 3, int(shape[1] / step) + 3), np.float32)
    return np.asarray(
        cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) * 1.3, np.float32
    )


def _signed_distance(mask: Bools) -> Float32:
    inside = mask.astype(np.uint8)
    if not inside.any():
        return np.full(mask.shape, -1e3, np.float32)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3) - away, np.float32)


def _window(mask: Bools, margin: float) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    m = int(margin) + 2
    return (
        max(int(columns[0]) - m, 0),
        max(int(rows[0]) - m, 0),
        min(int(columns[-1]) + m + 1, mask.shape[1]),
        min(int(rows[-1]) + m + 1, mask.shape[0]),
    )

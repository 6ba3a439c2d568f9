"""Which pixels of a picture are the mask: one rule for files and for messages.

People store masks as grey levels, ids, palette indices, colours, 16-bit values or the alpha of a cut-out:

1. Alpha, where some pixels are see-through and others are not: what is more than half opaque is inside.
2. A palette: every index but the background's, which is 0, or the only black one where 0 is not black.
3. Few values (ids, one colour, 0 and 100, 16-bit 0 and 1): every one that is not zero.
4. Two values with noise or soft edges between them (JPEG, resized masks): above half of the largest.
5. Anything else (a photo, ids beside 255, nothing outside) is refused, with the values that were found.

Ids that the user names come before all of this: those values are inside, and no others.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Bools

MAX_IDS = 32
"""More values than this are no ids."""
NEAR = 8
"""A value is near 0, or near the largest, when it is closer than a NEAR-th of the largest."""
MIN_LEVEL = 32
"""Values of a lossy picture mean something when the largest is at least this."""
SOFT_SHARE = 2.0
"""Soft edges may have this many pixels for each one that is surely inside, and one for each outside."""
STRAY_SHARE = 0.01
"""Pixels of another value are strays up to this share."""
LISTED = 8
"""Values that an error lists."""


@dataclass(frozen=True)
class Pixels:
    """A decoded picture that shall be a mask."""

    values: NDArray[Any]
    """(H, W) or (H, W, 3) bool, integers or floats; a palette's indices are (H, W) uint8."""
    alpha: NDArray[Any] | None = None
    """(H, W) uint8 or uint16, 0 = see-through."""
    palette: NDArray[np.uint8] | None = None
    """(n, 3) colours of the indices in `values`."""
    lossy: bool = False
    """From a JPEG, whose values are not exact."""


def mask_of(pixels: Pixels, ids: AbstractSet[int] = frozenset()) -> Bools:
    """(H, W) bool by the rule above; `ids`: the values that are inside, empty = by the rule.

    An empty mask (all zero, or none of the ids) is an answer.  Raises InputError, with the values that were
    found, where the rule has none.
    """
    inside = _with_ids(pixels, ids) if ids else _by_rule(pixels)
    if inside.all():
        raise InputError(
            f"every pixel of the mask is inside: found {_found(_grey(pixels.values))}. Expected 0 outside."
        )
    return inside


def _by_rule(pixels: Pixels) -> Bools:
    if pixels.alpha is not None and _is_cut_out(pixels.alpha):
        return _by_alpha(pixels, pixels.alpha)
    if pixels.palette is not None:
        return _by_index(pixels.values, pixels.palette)
    return _by_level(_grey(pixels.values), pixels.lossy)


def _with_ids(pixels: Pixels, ids: AbstractSet[int]) -> Bools:
    values = pixels.values
    if values.ndim == 3:
        if (values != values[:, :, :1]).any():
            raise InputError(
                f"a colour mask has no ids such as {min(ids)}. Give masks of one channel or with a palette, "
                "or leave the ids out."
            )
        values = values[:, :, 0]
    return np.asarray(np.isin(values, list(ids)))


def _grey(values: NDArray[Any]) -> NDArray[Any]:
    """(H, W): the largest channel, so that any colour but black counts; never below 0."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    if np.issubdtype(values.dtype, np.floating):
        values = _whole(values)
    grey = values.max(axis=2) if values.ndim == 3 else values
    return grey if grey.dtype.kind == "u" else np.maximum(grey, 0)


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Floats as integers: ids, or probabilities cut at one half."""
    if not np.isfinite(values).all():
        raise InputError("the mask has values that are not finite. Expected probabilities 0..1 or ids.")
    if (values == np.rint(values)).all() and np.abs(values).max() < 2**31:
        return values.astype(np.int32)
    if values.min() < 0 or values.max() > 1:
        span = f"{values.min():.4g} to {values.max():.4g}"
        raise InputError(f"the mask has values from {span}. Expected probabilities 0..1 or whole ids.")
    return (values > 0.5).astype(np.uint8)


def _is_cut_out(alpha: NDArray[Any]) -> bool:
    """Some pixels are nearly see-through, others are not."""
    return int(alpha.min()) * NEAR < int(alpha.max())


def _by_alpha(pixels: Pixels, alpha: NDArray[Any]) -> Bools:
    inside = np.asarray(alpha > alpha.max() // 2)
    levels, counts = _levels(_grey(pixels.values)[inside])
    if 1 < len(levels) <= MAX_IDS and levels[0] == 0 and counts[0] > STRAY_SHARE * counts.sum():
        raise InputError(
            "the alpha of the mask varies, and its opaque part is black and white by itself: either could be "
            "the mask. Save it without alpha, or as a cut-out."
        )
    return inside


def _by_index(values: NDArray[Any], palette: NDArray[np.uint8]) -> Bools:
    used = np.flatnonzero(np.bincount(values.ravel(), minlength=1))
    colours = np.zeros((max(len(palette), int(used[-1]) + 1), 3), np.uint8)
    colours[: len(palette)] = palette
    if len(used) > MAX_IDS:  # a soft grey picture that was saved with a palette
        return _by_level(_grey(colours[values]), lossy=False)
    black = [int(index) for index in used if not colours[index].any()]
    if not black or 0 in black:
        return np.asarray(values != 0)
    if len(black) > 1 or (0 in used and len(used) > 2):
        raise InputError(
            f"the background of the mask is not clear: its palette has indices {_listed(used)}, and black is "
            f"{_listed(black)}. Expected index 0 or the only black one as background."
        )
    return np.asarray(values != black[0])


def _by_level(grey: NDArray[Any], lossy: bool) -> Bools:
    levels, counts = _levels(grey)
    levels, counts = levels[levels > 0], counts[levels > 0]
    if len(levels) <= 1:
        return np.asarray(grey > 0)
    top = int(levels[-1])
    white = grey.dtype.kind == "u" and top >= 0.98 * np.iinfo(grey.dtype).max
    low, high = levels * NEAR < top, (top - levels) * NEAR < top
    many = lossy or len(levels) > MAX_IDS
    if many or (white and (~high).sum() > 2):  # fewer values beside white are ids
        between, outside = counts[~low & ~high].sum(), grey.size - counts[~low].sum()
        if top >= MIN_LEVEL and between <= min(SOFT_SHARE * counts[high].sum(), outside):
            return np.asarray(grey > top // 2)
        if many:
            raise InputError(
                f"the picture is not a mask: found {_found(grey)}. Expected two values (0 outside, 255 "
                "inside), or a lossless file (PNG) with few ids."
            )
    if white and counts[low].sum() > STRAY_SHARE * counts[high].sum():
        raise InputError(
            f"the mask is not clear: found {_found(grey)}. Small ids and white in one mask: say which values "
            "are inside with human_mask_ids and object_mask_ids, or write 0 outside and 255 inside."
        )
    return np.asarray(grey > (top // 2 if white and low.any() else 0))


def _levels(grey: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The values that occur, rising, and how often."""
    if grey.dtype in (np.uint8, np.uint16):  # sorting two million pixels takes ten times as long
        bins = int(np.iinfo(grey.dtype).max) + 1
        pixels = np.ascontiguousarray(grey.reshape(-1, 1), grey.dtype.newbyteorder("="))
        counts = cv2.calcHist([pixels], [0], None, [bins], [0, bins])[:, 0].astype(np.int64)
        levels = np.flatnonzero(counts)
        return levels, counts[levels]
    levels, counts = np.unique(grey, return_counts=True)
    return levels.astype(np.int64), counts.astype(np.int64)


def found_values(pixels: Pixels) -> str:
    """The commonest values of a picture in words."""
    return _found(_grey(pixels.values))


def _found(grey: NDArray[Any]) -> str:
    levels, counts = _levels(grey)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    shares = (f"{levels[i]} ({100.0 * counts[i] / grey.size:.3g} %)" for i in sorted(order))
    more = f" and {len(levels) - LISTED} more" if len(levels) > LISTED else ""
    return f"the values {', '.join(shares)}{more}"


def _listed(values: Any) -> str:
    more = ", ..." if len(values) > LISTED else ""
    return ", ".join(str(int(value)) for value in values[:LISTED]) + more

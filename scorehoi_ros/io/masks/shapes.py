"""Masks in JSON: run lengths and polygons as COCO writes them, and labelme's polygons.

Run lengths go down the columns, first outside, then inside, and so on.  COCO's compressed text writes each
number in groups of five bits, low ones first, one character (48 more than its value) a group: bit 5 says that
more follow, bit 4 of the last one that the number is negative; from the fourth on, a number is the difference
to the one two before (the format is described with the COCO API, cocodataset.org).

Polygons are flat lists x, y, x, y, ... in which (0, 0) is the corner of the image; several are joined.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Bools

MAX_BYTES = 256 * 2**20
MAX_SIDE = 32768
MAX_PIXELS = 2**27
FAR = 1e6
"""Corners of polygons lie nearer than this, in pixels."""
MAX_CORNERS = 100_000
MAX_POLYGONS = 1000
MAX_CROSSINGS = 2**24
"""Pixel rows times edges of one polygon: an outline that goes to and fro over the image is no mask."""
Size = tuple[int, int]
"""(height, width)"""


def read_json(path: Path) -> Any:
    """The value in a JSON file; raises InputError when it is missing, too large or not JSON."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path} has {size >> 20} MiB, more than {MAX_BYTES >> 20}. Split it up.")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not readable JSON: {error}.") from error


def segmentation_mask(value: Any, size: Size) -> Bools:
    """(h, w) bool of a COCO segmentation: run lengths, or polygons in an image of `size`.

    Raises InputError when it is neither, damaged, or of an impossible size.
    """
    if isinstance(value, dict) and "counts" in value:
        return run_length_mask(value)
    if isinstance(value, list) and value:
        polygons = [value] if not isinstance(value[0], list | tuple) else value
        if len(polygons) > MAX_POLYGONS:
            raise InputError(
                f"a mask of {len(polygons)} polygons is too much, at most {MAX_POLYGONS} are read."
            )
        return polygon_mask([_points(polygon) for polygon in polygons], size)
    raise InputError(f"expected run lengths (size and counts) or a list of polygons. Got {_short(value)}.")


def run_length_mask(value: dict[str, Any]) -> Bools:
    """(h, w) bool of {"size": [h, w], "counts": text or list of numbers}; raises InputError."""
    height, width = checked_size(value.get("size"))
    counts = value["counts"]
    runs = _unpacked(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and 0 <= run <= height * width for run in runs):
        raise InputError(f"the counts of run lengths must be whole numbers from 0. Got {_short(counts)}.")
    if sum(runs) != height * width:
        raise InputError(
            f"the run lengths add up to {sum(runs)} pixels, a mask of {width}x{height} has {height * width}."
        )
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape(width, height).T)


def _unpacked(text: str) -> list[int]:
    """The numbers in COCO's compressed text."""
    runs: list[int] = []
    number = bits = 0
    for character in text:
        group = ord(character) - 48
        if not 0 <= group < 64 or bits > 35:
            raise InputError(f"the compressed counts are damaged at {character!r} (run {len(runs)}).")
        number |= (group & 31) << bits
        bits += 5
        if group & 32:
            continue
        number -= (1 << bits) if group & 16 else 0
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = bits = 0
    if bits:
        raise InputError("the compressed counts end within a number: the text was cut off.")
    return runs


def polygon_mask(polygons: Sequence[NDArray[np.float64]], size: Size) -> Bools:
    """(h, w) bool: pixels whose centres are inside any of the polygons, each (n, 2) pixels.

    (0, 0) is the corner of the image.
    """
    inside = np.zeros(size, np.bool_)
    for points in polygons:
        rows, columns = _crossings(points, size)
        if len(rows):
            first, last = int(rows.min()), int(rows.max()) + 1
            borders = np.zeros((last - first, size[1] + 1), np.uint8)
            np.bitwise_xor.at(borders, (rows - first, columns), np.uint8(1))
            inside[first:last] |= np.bitwise_xor.accumulate(borders, axis=1)[:, :-1].astype(np.bool_)
    return inside


def _crossings(points: NDArray[np.float64], size: Size) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the edges cross the middle lines of pixel rows: row, and the first pixel right of the edge."""
    ends = np.roll(points, -1, axis=0)
    lower, upper = np.minimum(points[:, 1], ends[:, 1]), np.maximum(points[:, 1], ends[:, 1])
    first = np.clip(np.ceil(lower - 0.5), 0, size[0]).astype(np.int64)
    number = np.clip(np.ceil(upper - 0.5), 0, size[0]).astype(np.int64) - first
    if number.sum() > MAX_CROSSINGS:
        raise InputError(f"a polygon of {len(points)} corners crosses the image too often. Make it simpler.")
    edge = np.repeat(np.arange(len(points)), number)
    rows = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number) + first[edge]
    (x0, y0), (x1, y1) = points[edge].T, ends[edge].T
    x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    return rows, np.clip(np.ceil(x - 0.5), 0, size[1]).astype(np.int64)


def checked_size(value: Any) -> Size:
    """(height, width) from two whole numbers; raises InputError."""
    whole = isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int for side in value)
    if not whole or not all(0 < side <= MAX_SIDE for side in value) or value[0] * value[1] > MAX_PIXELS:
        raise InputError(f"the size must be [height, width] in pixels, 1 to {MAX_SIDE}. Got {_short(value)}.")
    return int(value[0]), int(value[1])


def _points(polygon: Any) -> NDArray[np.float64]:
    """(n, 2) corners of x, y, x, y, ... or of pairs."""
    try:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        points = np.zeros((0, 2))
    if not 3 <= len(points) <= MAX_CORNERS or not (np.abs(points) < FAR).all():
        raise InputError(
            f"a polygon must be x, y, x, y, ... in pixels, of 3 to {MAX_CORNERS} corners. "
            f"Got {_short(polygon)}."
        )
    return points


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."

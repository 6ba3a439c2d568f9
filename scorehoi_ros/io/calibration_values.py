"""Numbers out of calibration files, which write them in many ways."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.lens import plain
from scorehoi_ros.types import Floats

MOST = 64
"""More numbers than any value of a calibration has."""


def first(keys: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first name that is there, None when none is."""
    return next((keys[name] for name in names if name in keys), None)


def number(name: str, value: Any) -> float:
    """One number; raises CameraError with the name."""
    return float(numbers(name, value, 1)[0])


def numbers(name: str, value: Any, *sizes: int) -> Floats:
    """(n,) float64 of a list, rows of lists, a matrix with its data, or words; n is one of `sizes`, if given.

    Raises CameraError with the name when they are no numbers, of another count, or fewer than rows and cols.
    """
    data, wanted = value, sizes
    if isinstance(value, Mapping):
        parts = {plain(str(key)): part for key, part in value.items()}
        data = parts.get("data")
        if "rows" in parts and "cols" in parts:
            shape = [int(number(f"{side} of {name}", parts[side])) for side in ("rows", "cols")]
            wanted = (shape[0] * shape[1],)
    found = []
    for part in _leaves(data):
        try:
            found.append(float(part))
        except (TypeError, ValueError, OverflowError):
            raise CameraError(f"{name} must be numbers. Got {str(part)[:40]!r}.") from None
        if len(found) > MOST:
            break
    for counts in (wanted, sizes):
        if (counts and len(found) not in counts) or len(found) > MOST:
            text = " or ".join(map(str, counts))
            raise CameraError(f"{name} must be {text} numbers. Got {len(found)}; is the file cut short?")
    return np.array(found, np.float64)


def _leaves(value: Any, levels: int = 2) -> Iterator[Any]:
    """Single values of nested lists and of texts with several words; no value is None."""
    if isinstance(value, str) and len(words := value.replace(",", " ").split()) > 1:
        yield from words
    elif isinstance(value, list | tuple) and levels:
        for part in value:
            yield from _leaves(part, levels - 1)
    elif value is None or isinstance(value, bool | list | tuple | Mapping):
        yield "nothing" if value is None else value if isinstance(value, bool) else type(value).__name__
    else:
        yield value

"""Numbers out of calibration files, which write them in many ways."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.lens import plain
from scorehoi_ros.types import Floats

MOST = 64
"""More numbers than any value of a calibration has."""
LARGEST = 2**31
"""Beyond every count of pixels."""


def first(keys: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first name that is there, None when none is."""
    return next((keys[name] for name in names if name in keys), None)


def number(name: str, value: Any) -> float:
    """One number; raises CameraError with the name."""
    return float(numbers(name, value, 1)[0])


def whole(name: str, value: Any) -> int:
    """One whole number that is not negative; raises CameraError with the name."""
    found = number(name, value)
    if not (0 <= found < LARGEST and found.is_integer()):
        raise CameraError(f"{name} must be a whole number of pixels. Got {found}.")
    return int(found)


def numbers(name: str, value: Any, *sizes: int) -> Floats:
    """(n,) float64 of a list, rows of lists, a matrix with its data, or words; n is one of `sizes`, if given.

    Raises CameraError with the name when they are no numbers, of another count, or fewer than rows and cols.
    """
    data = value
    found = []
    if isinstance(value, Mapping):
        parts = {plain(str(key)): part for key, part in value.items()}
        data = parts.get("data")
    for part in _leaves(data):
        try:
            found.append(float(part))
        except (TypeError, ValueError, OverflowError):
            raise CameraError(f"{name} must be numbers. Got {str(part)[:40]!r}.") from None
        if len(found) > MOST:
            raise CameraError(f"{name} has more than {MOST} numbers. That is no calibration.")
    if isinstance(value, Mapping) and "rows" in parts and "cols" in parts:
        shape = [whole(f"{side} of {name}", parts[side]) for side in ("rows", "cols")]
        _check_count(name, len(found), (shape[0] * shape[1],))
    if sizes:
        _check_count(name, len(found), sizes)
    return np.array(found, np.float64)


def _check_count(name: str, count: int, sizes: tuple[int, ...]) -> None:
    if count in sizes:
        return
    wanted = "one number" if sizes == (1,) else f"{' or '.join(map(str, sizes))} numbers"
    cut = "; is the file cut short?" if count < min(sizes) else "."
    raise CameraError(f"{name} must be {wanted}. Got {count}{cut}")


def _leaves(value: Any, levels: int = 2) -> Iterator[Any]:
    """Single values of nested lists and of texts with several words; what is no number as a text."""
    if isinstance(value, str) and len(words := value.replace(",", " ").split()) > 1:
        yield from words
    elif isinstance(value, list | tuple) and levels:
        for part in value:
            yield from _leaves(part, levels - 1)
    elif value is None or isinstance(value, bool):
        yield "nothing" if value is None else str(value)
    elif isinstance(value, list | tuple | Mapping):
        yield type(value).__name__
    else:
        yield value

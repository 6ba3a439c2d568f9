"""Brightness of camera images: which of 16 bits carry it, and whether there is any."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_DEPTHS = (8, 10, 12, 14, 16)
"""Bits that sensors deliver."""
_DARK, _SHARE = 16, 99
"""An image is almost black when this many percent of its pixels are darker than this, of 255."""
_EVERY = 6
"""Pixels are looked at on a grid of this step."""


class BitRange:
    """How many of its 16 bits a camera uses: the most that any of its images so far has needed.

    Drivers put 10, 12 or 14 bits of a sensor into 16-bit images, mostly as they are, and no encoding says so.
    What fills all 16 bits, or was shifted to their upper end, needs all of them.
    """

    def __init__(self) -> None:
        self._bits = _DEPTHS[0]

    def to_eight(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """uint8 or uint16 values as uint8 of the same brightness."""
        if values.dtype == np.uint8:
            return values
        needed = int(values.max()).bit_length()
        self._bits = max(self._bits, next(bits for bits in _DEPTHS if bits >= needed))
        return (values >> (self._bits - 8)).astype(np.uint8)


def darkness(rgb: NDArray[np.uint8]) -> str:
    """In words that an (H, W, 3) RGB image is almost black; an empty text = it is not."""
    bright = (rgb[::_EVERY, ::_EVERY] >= _DARK).any(axis=2)
    if np.count_nonzero(bright) > (1 - _SHARE / 100) * bright.size:
        return ""
    return (
        f"the image is almost black: {_SHARE} % of its pixels are darker than {_DARK} of 255. Nobody may be "
        "found in it; look at the exposure and the lens"
    )

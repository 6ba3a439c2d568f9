"""A decoded video picture as players show it: square pixels, and the colours that its stream means."""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BT709, _BT601 = 1, 5
_LIMITED, _FULL = 1, 2
"""AVColorRange."""
_MATRICES = {1: _BT709, 4: 4, 5: _BT601, 6: _BT601, 7: 7, 9: 9, 10: 9}
"""AVColorSpace of a stream -> the coefficients of swscale (SWS_CS_*): BT.709, FCC, BT.601 (PAL, NTSC),
SMPTE 240M, BT.2020."""
_HD_WIDTH, _SD_HEIGHT = 1280, 576
"""Untagged pictures of this width, or higher than this, are BT.709; smaller ones BT.601 (the rule of mpv)."""
_SQUARE_WITHIN = 0.01
_WIDEST = 4
"""Sample aspect ratios beyond this, or its inverse, are damage; those so near to 1 are rounding."""


class ShownPicture:
    """Turns the pictures of one stream into RGB; keeps the converter, which is costly to set up."""

    def __init__(self, stream: Any) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._ratio = _sample_ratio(stream.sample_aspect_ratio)
        stored = stream.codec_context.width, stream.codec_context.height
        width, height = shown_size(*stored, self._ratio)
        self.note = ""
        """What a user should know of the shape of the pictures, or nothing."""
        if self._ratio != 1:
            self.note = (
                f"pixels are not square ({self._ratio.numerator}:{self._ratio.denominator}); pictures of "
                f"{stored[0]} x {stored[1]} are stretched to {width} x {height}, and masks and calibration "
                "are those of the stretched pictures"
            )

    def rgb(self, picture: Any) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 full-range RGB with square pixels of an `av.VideoFrame`, not yet rotated."""
        width, height = shown_size(picture.width, picture.height, self._ratio)
        matrix = colour_matrix(picture.colorspace, picture.width, picture.height)
        full = picture.color_range == _FULL or picture.format.name.startswith("yuvj")
        shown = self._reformatter.reformat(
            picture,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=matrix,
            # RGB has no matrix, but PyAV sets nothing at all where source and target say the same.
            dst_colorspace=_BT601 if matrix == _BT709 else _BT709,
            src_color_range=_FULL if full else _LIMITED,
            dst_color_range=_FULL,
            interpolation="BICUBIC",
        )
        return np.asarray(shown.to_ndarray(), np.uint8)


def colour_matrix(tagged: int, width: int, height: int) -> int:
    """The SWS_CS_* of a picture by its tag, an AVColorSpace; by its size where it has none."""
    by_size = _BT709 if width >= _HD_WIDTH or height > _SD_HEIGHT else _BT601
    return _MATRICES.get(tagged, by_size)


def shown_size(width: int, height: int, ratio: Fraction) -> tuple[int, int]:
    """(width, height) with square pixels; the side that is too short grows, so that nothing is lost."""
    return (round(width * ratio), height) if ratio >= 1 else (width, round(height / ratio))


def _sample_ratio(told: Fraction | None) -> Fraction:
    """Width of a stored pixel over its height; 1 where the stream says nothing, or nothing sensible."""
    if not told or not Fraction(1, _WIDEST) <= told <= _WIDEST or abs(told - 1) < _SQUARE_WITHIN:
        return Fraction(1)
    return Fraction(told)

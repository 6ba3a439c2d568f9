"""What the first bytes of an image file say, before anything is decoded."""

import io
import struct
import warnings
from typing import Any

from scorehoi_ros.errors import InputError

MAX_PIXELS = 2**27
"""Larger pictures are refused: a few bytes can claim a size that takes a decoder many seconds."""


def open_lazily(content: bytes) -> Any | None:
    """Pillow's image of which only the header is read; None for what pillow does not know.

    Raises InputError when it claims more than `MAX_PIXELS`.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes; they are refused here
        try:
            image = Image.open(io.BytesIO(content))
        except Image.DecompressionBombError as error:
            raise _too_large("more than that") from error
        except Exception:  # whatever pillow meets in untrusted bytes
            _check_png(content)
            return None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width}x{image.height}")
    return image


def _check_png(content: bytes) -> None:
    """Refuse a PNG by its size where pillow gives it up: OpenCV makes room for all pixels before it does."""
    if content.startswith(b"\x89PNG") and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        if width * height > MAX_PIXELS:
            raise _too_large(f"{width}x{height}")


def _too_large(size: str) -> InputError:
    return InputError(
        f"the picture cannot be read as an image: it may have {MAX_PIXELS >> 20} x 2^20 pixels, and claims "
        f"{size}. Export it again, smaller."
    )

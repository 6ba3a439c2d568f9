"""Image files as masks: their values as they are stored, without turning palettes into colours."""

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.pixels import Pixels, mask_of
from scorehoi_ros.io.pictures.codec import check_complete, opencv_picture
from scorehoi_ros.io.pictures.header import open_lazily
from scorehoi_ros.types import Bools

MASK_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp")
JPEG = b"\xff\xd8"


def read_mask_file(path: Path, ids: AbstractSet[int] = frozenset()) -> Bools:
    """(h, w) bool of an image file, without its orientation tag, by `masks.pixels.mask_of`.

    Raises InputError, which names the file, when it is unreadable or no mask.
    """
    try:
        return decode_mask_file(path.read_bytes(), ids)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def decode_mask_file(content: bytes, ids: AbstractSet[int] = frozenset()) -> Bools:
    """(h, w) bool from the bytes of an image file; raises InputError when they are unreadable or no mask."""
    return mask_of(decode_pixels(content), ids)


def decode_pixels(content: bytes) -> Pixels:
    """What the bytes of an image file hold, indices where it has a palette; raises InputError."""
    check_complete(content)
    return _paletted(content) or _unchanged(content)


def _unchanged(content: bytes) -> Pixels:
    values = opencv_picture(content, cv2.IMREAD_UNCHANGED)
    if values is None:
        raise _unreadable(content)
    if values.ndim == 3 and values.shape[2] == 4:
        return Pixels(values[:, :, :3], alpha=values[:, :, 3])
    return Pixels(values, lossy=content.startswith(JPEG))


def _paletted(content: bytes) -> Pixels | None:
    """A picture with a palette by its indices, or of a kind that OpenCV does not read; else None."""
    image = open_lazily(content)
    if image is None or (image.mode not in ("P", "PA") and image.format != "GIF"):
        return None
    try:
        return _indices(image)
    except InputError:
        raise
    except Exception:  # whatever pillow meets in untrusted bytes; OpenCV decides whether it is an image
        return None


def _indices(image: Any) -> Pixels:
    """Indices, palette and, where something is see-through, alpha of a pillow image."""
    several = getattr(image, "n_frames", 1)
    if several > 1:
        raise InputError(f"the file holds {several} pictures. Give one mask for each frame.")
    clear = "transparency" in image.info or image.mode == "PA"
    alpha = np.asarray(image.convert("RGBA"))[:, :, 3] if clear else None
    if image.mode not in ("P", "PA"):  # a grey GIF
        return Pixels(np.asarray(image.convert("L")), alpha)
    values: NDArray[Any] = np.asarray(image)
    palette = np.frombuffer(bytes(image.getpalette("RGB") or b""), np.uint8).reshape(-1, 3)
    return Pixels(values[:, :, 0] if values.ndim == 3 else values, alpha, palette)


def _unreadable(content: bytes) -> InputError:
    return InputError(
        f"it cannot be read as an image ({len(content)} bytes). "
        f"Expected a mask of type {', '.join(s[1:] for s in MASK_SUFFIXES)}."
    )

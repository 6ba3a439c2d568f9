"""Photos as files: which types are read, and upright pixels for all of them."""

from typing import Any

import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.pictures.bit_range import BitRange
from scorehoi_ros.io.pictures.codec import Rgb, decode_compressed
from scorehoi_ros.io.pictures.header import open_lazily

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".jp2",
)  # fmt: skip
REMEDIES = {
    (".heic", ".heif", ".hif"): "HEIC is not read; convert it to JPEG, e.g. heif-convert IN.heic OUT.jpg",
    (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"): "raw photos are not read; develop them",
}
"""Photos that people have and no installed library reads."""
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def decode_photo(content: bytes, bits: BitRange | None = None, fmt: str = "") -> Rgb:
    """(H, W, 3) uint8 RGB of an image file, turned upright by its EXIF orientation.

    GIF, AVIF, JPEG 2000 and WebP are read by pillow (OpenCV reads no GIF and AVIF, does not survive a damaged
    JPEG 2000, and leaves WebP unturned), the rest by `decode_compressed`, to which `fmt` goes; `bits` as
    there.  Alpha is dropped.  Raises InputError for what is no picture, is too large, or holds several.
    """
    brand = content[8:12] if content[4:8] == b"ftyp" else b""
    if brand in _HEIC:
        raise InputError(f"this is a HEIC image. {why_not('.heic')}.")
    image = open_lazily(content)
    if image is not None and image.format in ("GIF", "AVIF", "JPEG2000", "WEBP"):
        return _by_pillow(image, len(content), bits or BitRange())
    return decode_compressed(content, bits, fmt)


def why_not(suffix: str) -> str:
    """Why images of this suffix are left out."""
    for suffixes, remedy in REMEDIES.items():
        if suffix in suffixes:
            return remedy
    return "not an image type that is read"


def _by_pillow(image: Any, size: int, bits: BitRange) -> Rgb:
    from PIL import ImageOps

    try:
        count = getattr(image, "n_frames", 1)
        if count > 1:
            raise InputError(
                f"this is an animation of {count} pictures. Make a video of it: ffmpeg -i IN OUT.mp4."
            )
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):  # pillow cannot make colours of these
            return np.repeat(bits.to_eight(np.asarray(upright))[:, :, None], 3, axis=2)
        return np.asarray(upright.convert("RGB"))
    except InputError:
        raise
    except Exception as error:  # whatever pillow meets in untrusted bytes
        raise InputError(
            f"the {size} bytes cannot be decoded as an image ({error}). Export it again."
        ) from error

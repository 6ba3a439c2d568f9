"""Pixels of image messages; touches only their fields, so messages of rclpy and of rosbags both will do."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from scorehoi_ros.errors import InputError, shown
from scorehoi_ros.io.masks.image import decode_mask_file
from scorehoi_ros.io.pictures import codec
from scorehoi_ros.io.pictures.bit_range import BitRange
from scorehoi_ros.io.pictures.photos import decode_photo
from scorehoi_ros.types import Bools, Floats

_VIDEO = ("h264", "h265", "hevc", "h.264", "h.265", "av1", "vp8", "vp9", "mpeg4", "theora", "ffmpeg")
"""Formats of which one message alone is no picture."""

Pixels = TypeVar("Pixels")


def rgb_of(message: Any, bits: BitRange | None = None) -> codec.Rgb:
    """(H, W, 3) uint8 RGB of a sensor_msgs Image or CompressedImage; raises InputError.

    `bits`: what is known of the range of this camera's 16-bit values.
    """
    if _is_compressed(message):
        fmt = str(message.format)
        return _with_format(message, lambda data: decode_photo(bytes(data), bits, fmt))
    return codec.decode_image(*_fields(message), bits)


def depth_of(message: Any) -> Floats:
    """(H, W) float32 metres, 0 = unknown, of a sensor_msgs Image or CompressedImage; raises InputError."""
    if _is_compressed(message):
        fmt = str(message.format)
        return _with_format(message, lambda data: codec.decode_compressed_depth(fmt, data))
    return codec.decode_depth(*_fields(message))


def mask_of(message: Any, ids: AbstractSet[int] = frozenset()) -> Bools:
    """(H, W) bool of a sensor_msgs Image or CompressedImage; `ids`: see `masks.pixels`; raises InputError."""
    if _is_compressed(message):
        return _with_format(message, lambda data: decode_mask_file(bytes(data), ids))
    return codec.decode_mask(*_fields(message), ids)


def frame_of(message: Any) -> str:
    """Frame name of a message's header; "/cam", as TF 1 wrote it, and "cam" are one frame."""
    return str(message.header.frame_id).lstrip("/")


def _with_format(message: Any, decode: Callable[[Any], Pixels]) -> Pixels:
    """What `decode` gives; its error names the format of the message."""
    try:
        return decode(message.data)
    except InputError as error:
        fmt = str(message.format)
        video = any(word in fmt.lower() for word in _VIDEO)
        remedy = " That is a video stream: republish it as raw, JPEG or PNG images, and record these."
        told = f"The format of the message is {shown(fmt)}."
        raise InputError(f"{error} {told}{remedy if video else ''}") from error


def _is_compressed(message: Any) -> bool:
    return not hasattr(message, "encoding")


def _fields(m: Any) -> tuple[str, int, int, int, bool, Any]:
    return m.encoding, int(m.height), int(m.width), int(m.step), bool(m.is_bigendian), m.data

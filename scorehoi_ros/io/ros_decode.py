"""Pixels of image messages; touches only their fields, so messages of rclpy and of rosbags both will do."""

from collections.abc import Set as AbstractSet
from typing import Any

from scorehoi_ros.io import image_codec
from scorehoi_ros.io.mask_image import decode_mask_file
from scorehoi_ros.io.photos import decode_photo
from scorehoi_ros.types import Bools, Floats


def rgb_of(message: Any) -> image_codec.Rgb:
    """(H, W, 3) uint8 RGB of a sensor_msgs Image or CompressedImage; raises InputError."""
    if _is_compressed(message):
        return decode_photo(bytes(message.data))
    return image_codec.decode_image(*_fields(message))


def depth_of(message: Any) -> Floats:
    """(H, W) float32 metres, 0 = unknown, of a sensor_msgs Image or CompressedImage; raises InputError."""
    if _is_compressed(message):
        return image_codec.decode_compressed_depth(message.format, message.data)
    return image_codec.decode_depth(*_fields(message))


def mask_of(message: Any, ids: AbstractSet[int] = frozenset()) -> Bools:
    """(H, W) bool of a sensor_msgs Image or CompressedImage; `ids`: see `mask_pixels`; raises InputError."""
    if _is_compressed(message):
        return decode_mask_file(bytes(message.data), ids)
    return image_codec.decode_mask(*_fields(message), ids)


def frame_of(message: Any) -> str:
    """Frame name of a message's header; "/cam", as TF 1 wrote it, and "cam" are one frame."""
    return str(message.header.frame_id).lstrip("/")


def _is_compressed(message: Any) -> bool:
    return not hasattr(message, "encoding")


def _fields(m: Any) -> tuple[str, int, int, int, bool, Any]:
    return m.encoding, int(m.height), int(m.width), int(m.step), bool(m.is_bigendian), m.data

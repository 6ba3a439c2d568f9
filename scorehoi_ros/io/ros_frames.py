"""Image messages to `Frame`; touches only message fields, so any object with them will do."""

from collections.abc import Callable, Mapping
from typing import Any

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.io import image_codec
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.ros.cameras import Cameras
from scorehoi_ros.ros.matcher import Bundle
from scorehoi_ros.types import Frame, Masks

Report = Callable[[str, str], None]


def rgb_of(message: Any) -> Any:
    """(H, W, 3) uint8 of a sensor_msgs Image or CompressedImage; raises InputError."""
    if not hasattr(message, "encoding"):
        return image_codec.decode_compressed(message.data)
    return image_codec.decode_image(*_plane(message))


def depth_of(message: Any) -> Any:
    """(H, W) float32 metres, 0 = unknown; raises InputError."""
    if not hasattr(message, "encoding"):
        return image_codec.decode_compressed_depth(message.format, message.data)
    return image_codec.decode_depth(*_plane(message))


def mask_of(message: Any) -> Any:
    """(H, W) bool; raises InputError."""
    if not hasattr(message, "encoding"):
        return image_codec.decode_compressed_mask(message.data)
    return image_codec.decode_mask(*_plane(message))


def frame_of(bundle: Bundle, cameras: Cameras, frame_id: str, report: Report) -> Frame | None:
    """The frame of one image with its depth and masks; None = wait for a CameraInfo.

    `frame_id` replaces the image's unless empty.  A depth or mask that cannot be used is reported and left
    out; raises ScorehoiError when the image itself cannot be used.
    """
    header = bundle.image.header
    rgb = rgb_of(bundle.image)
    height, width = rgb.shape[:2]
    camera = cameras.choose(width, height, header.frame_id)
    report("camera_info", cameras.problem)
    if camera is None:
        return None
    extras = _companions(bundle.companions, (height, width), report)
    return Frame(
        rgb=rgb,
        camera=camera,
        stamp_ns=stamp_ns(header.stamp),
        frame_id=frame_id or header.frame_id,
        name=str(stamp_ns(header.stamp)),
        depth=extras.get("depth"),
        masks=Masks(
            human=extras.get("human"),
            object=extras.get("object"),
            human_score=float("human" in extras),
            object_score=float("object" in extras),
        ),
    )


def _companions(messages: Mapping[str, Any], size: tuple[int, int], report: Report) -> dict[str, Any]:
    decoders = {"depth": depth_of, "human": mask_of, "object": mask_of}
    result = {}
    for name, message in messages.items():
        try:
            values = decoders[name](message)
            _check_size(values, size)
        except ScorehoiError as error:
            report(f"{name}_input", f"{name} is left out: {error}")
        else:
            report(f"{name}_input", "")
            result[name] = values
    return result


def _check_size(values: Any, size: tuple[int, int]) -> None:
    if values.shape != size:
        raise InputError(
            f"it has {values.shape[1]} x {values.shape[0]} pixels, the image {size[1]} x {size[0]}. "
            "Publish it aligned with the image."
        )


def _plane(m: Any) -> tuple[str, int, int, int, bool, Any]:
    return m.encoding, int(m.height), int(m.width), int(m.step), bool(m.is_bigendian), m.data

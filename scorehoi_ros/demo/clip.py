"""Frames as a rosbag2 recording that a player can publish: images, calibration, masks, depth."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.frames import BadFrame, Source
from scorehoi_ros.io.pictures.codec import encode_jpeg
from scorehoi_ros.messages.camera_info import camera_info
from scorehoi_ros.messages.factory import RosbagsFactory, header
from scorehoi_ros.types import Frame

NAMESPACE = "/camera/color"
IMAGE_TOPIC = f"{NAMESPACE}/image_raw"
"""The images are on this topic + /compressed, as image_transport names them."""
INFO_TOPIC = f"{NAMESPACE}/camera_info"
HUMAN_MASK_TOPIC = f"{NAMESPACE}/human_mask"
OBJECT_MASK_TOPIC = f"{NAMESPACE}/object_mask"
DEPTH_TOPIC = f"{NAMESPACE}/depth"
FRAME_ID = "camera_color_optical_frame"
JPEG_QUALITY = 92
FIRST_STAMP_NS = 1_700_000_000_000_000_000
"""Of a clip whose source counts time from zero."""


@dataclass(frozen=True)
class Clip:
    """What a written bag holds."""

    path: Path
    images: int
    skipped: int
    """Frames of the source that could not be read."""
    topics: frozenset[str]
    width: int
    height: int
    duration_s: float


def write_clip(path: Path, frames: Iterable[Frame | BadFrame]) -> Clip:
    """Write frames into a new rosbag2 folder (MCAP); topics as in the constants above.

    A calibration that is only a guess is not written: whoever listens shall know that it is one.
    Raises InputError when no frame is usable, OutputError when the folder cannot be written.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.rosbag2.errors import WriterError

    writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
    topics: dict[str, Any] = {}
    images = skipped = 0
    stamps, size = [], (0, 0)
    try:
        with writer:
            for frame in frames:
                if isinstance(frame, BadFrame):
                    skipped += 1
                    continue
                for topic, message in camera_messages(frame):
                    _write(writer, topics, topic, message, frame.stamp_ns)
                images += 1
                stamps.append(frame.stamp_ns)
                size = (frame.rgb.shape[1], frame.rgb.shape[0])
    except (OSError, WriterError) as error:
        raise OutputError(f"cannot write the bag {path}: {error}. Choose another folder.") from error
    if not images:
        raise InputError("the input has no usable frame. Check it with `scorehoi label`.")
    return Clip(path, images, skipped, frozenset(topics), *size, (stamps[-1] - stamps[0]) * 1e-9)


def camera_messages(frame: Frame) -> Iterator[tuple[str, Any]]:
    """Topic and message of everything that a camera, and its segmenter, would publish of a frame."""
    factory = RosbagsFactory(typestore())
    head = header(frame.stamp_ns, frame.frame_id, factory)
    if frame.camera.source != "guess":
        yield INFO_TOPIC, camera_info(frame.camera, head, factory)
    if frame.masks.human is not None:
        yield HUMAN_MASK_TOPIC, _mono8(frame.masks.human, head, factory)
    if frame.masks.object is not None:
        yield OBJECT_MASK_TOPIC, _mono8(frame.masks.object, head, factory)
    if frame.depth is not None:
        yield DEPTH_TOPIC, _image(frame.depth.astype("<f4"), "32FC1", head, factory)
    data = np.frombuffer(encode_jpeg(frame.rgb, JPEG_QUALITY), np.uint8)
    yield (
        f"{IMAGE_TOPIC}/compressed",
        factory(
            "sensor_msgs/msg/CompressedImage", header=head, format="rgb8; jpeg compressed bgr8", data=data
        ),
    )


def fitted_frames(source: Source) -> Iterator[Frame | BadFrame]:
    """Frames of a source as a camera would give them: all of the first one's size, and dated.

    Sources that count time from zero are moved to FIRST_STAMP_NS: to ROS a stamp of zero means "none".
    """
    size: tuple[int, ...] = ()
    shift = 0
    for frame in source.frames():
        if isinstance(frame, BadFrame):
            yield frame
            continue
        if not size:
            size, shift = frame.rgb.shape, 0 if frame.stamp_ns else FIRST_STAMP_NS
        if frame.rgb.shape == size:
            yield replace(frame, stamp_ns=frame.stamp_ns + shift)
        else:
            reason = f"its size {frame.rgb.shape[:2]} differs from {size[:2]}"
            yield BadFrame(frame.name, frame.stamp_ns, reason)


def thumbnail(rgb: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The picture at another width."""
    height = max(round(rgb.shape[0] * width / rgb.shape[1]), 1)
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _write(writer: Any, topics: dict[str, Any], topic: str, message: Any, stamp_ns: int) -> None:
    store, kind = typestore(), message.__msgtype__
    if topic not in topics:
        topics[topic] = writer.add_connection(topic, kind, typestore=store)
    writer.write(topics[topic], stamp_ns, store.serialize_cdr(message, kind))


def _mono8(mask: NDArray[np.bool_], head: Any, factory: Any) -> Any:
    return _image(mask.astype(np.uint8) * 255, "mono8", head, factory)


def _image(values: NDArray[Any], encoding: str, head: Any, factory: Any) -> Any:
    return factory(
        "sensor_msgs/msg/Image",
        header=head,
        height=values.shape[0],
        width=values.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=values.shape[1] * values.itemsize,
        data=np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8),
    )

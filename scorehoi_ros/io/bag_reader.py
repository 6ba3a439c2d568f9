"""A rosbag2 recording as a source: images with their calibration, depth and masks."""

import logging
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.geometry.camera import camera_from_values, check_size
from scorehoi_ros.io import image_codec
from scorehoi_ros.io.bag_storage import BagDamageError, RawMessage, Storage, open_storage
from scorehoi_ros.io.bag_topics import BagTopics, find_topics
from scorehoi_ros.io.frames import BadFrame, CameraOf, Source, camera_for
from scorehoi_ros.io.images import check_indexed_masks, frame_masks
from scorehoi_ros.perception.precomputed import check_masks
from scorehoi_ros.types import Bools, Camera, Floats, Frame, Masks

MAX_PENDING = 16
"""Images that wait at most for their depth and masks, which are recorded a little later."""

_log = logging.getLogger(__name__)


def open_bag(
    path: Path, camera_of: CameraOf | None, topics: BagTopics | None = None, masks_dir: Path | None = None
) -> Source:
    """Images of a rosbag2 folder, .mcap or .db3 file; standard types need no embedded definitions.

    Stamps and frame_id come from the image headers (the log time where a header has no stamp); depth and
    masks are those of exactly the same stamp.  `camera_of` wins over CameraInfo; without both the camera is
    guessed.  A damaged bag gives its frames up to the damage, then a BadFrame.
    Raises InputError when the bag cannot be read or the image topic is not clear.
    """
    check_indexed_masks(masks_dir)
    storage = open_storage(path)
    found = find_topics(topics or BagTopics(), storage.types, storage.counts)
    _log.info("reading images from %s, camera from %s", found.image, found.camera_info or "a guess")
    rate = _rate(storage, found.image)
    reader = _Reader(storage, found, camera_of, masks_dir)
    return Source("bag", reader.frames, storage.counts.get(found.image), rate)


def _rate(storage: Storage, topic: str) -> float | None:
    times: list[int] = []
    try:
        for message in storage.read(frozenset({topic})):
            times.append(message.log_ns)
            if len(times) == 30:
                break
    except BagDamageError:
        pass
    gaps = np.diff(times)
    return float(1e9 / np.median(gaps)) if len(gaps) and np.median(gaps) > 0 else None


@lru_cache(maxsize=1)
def _typestore() -> Any:
    from rosbags.typesys import Stores, get_typestore

    return get_typestore(Stores.ROS2_JAZZY)


def deserialise(message: RawMessage) -> Any:
    """A standard ROS 2 message as a dataclass; raises InputError when its bytes are damaged."""
    try:
        return _typestore().deserialize_cdr(message.data, message.type_name)
    except Exception as error:  # the deserialiser meets untrusted bytes
        raise InputError(
            f"a message on {message.topic} is damaged ({len(message.data)} bytes): {error}."
        ) from error


def stamp_ns(message: Any) -> int:
    """Header stamp in nanoseconds."""
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def decode_message(message: Any) -> Any:
    """(H, W, 3) uint8 RGB of a sensor_msgs Image or CompressedImage."""
    if hasattr(message, "format"):
        return image_codec.decode_compressed(message.data)
    return image_codec.decode_image(*_fields(message))


def decode_depth_message(message: Any) -> Floats:
    """(H, W) float32 metres of a sensor_msgs Image or CompressedImage."""
    if hasattr(message, "format"):
        return image_codec.decode_compressed_depth(message.format, message.data)
    return image_codec.decode_depth(*_fields(message))


def decode_mask_message(message: Any) -> Bools:
    """(H, W) bool of a sensor_msgs Image or CompressedImage."""
    if hasattr(message, "format"):
        return image_codec.decode_compressed_mask(message.data)
    return image_codec.decode_mask(*_fields(message))


def _fields(message: Any) -> tuple[Any, ...]:
    m = message
    return m.encoding, m.height, m.width, m.step, bool(m.is_bigendian), m.data


@dataclass(frozen=True)
class _Image:
    """One message of the image topic; `message` is None when its bytes are damaged."""

    raw: RawMessage
    message: Any
    stamp_ns: int
    reason: str = ""


@dataclass
class _Pairing:
    """Images waiting for the depth and masks of their stamp, and the newest CameraInfo."""

    topics: BagTopics
    info: Any
    images: deque[_Image] = field(default_factory=deque)
    waiting: dict[tuple[str, int], Any] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)

    def take(self, raw: RawMessage) -> None:
        """Sort one message in."""
        try:
            message = deserialise(raw)
        except InputError as error:
            if raw.topic == self.topics.image:
                self.images.append(_Image(raw, None, raw.log_ns, str(error)))
            else:
                _log.warning("%s", error)
            return
        stamp = stamp_ns(message)
        if raw.topic == self.topics.image:
            self.images.append(_Image(raw, message, stamp or raw.log_ns))
        elif raw.topic == self.topics.camera_info:
            self.info = message
        else:
            self.waiting[raw.topic, stamp] = message
            self.newest[raw.topic] = stamp

    def pop(self, everything: bool) -> Iterator[_Image]:
        """Images that need not wait any longer, oldest first; what belongs to earlier ones is forgotten."""
        companions = {self.topics.depth, self.topics.human_mask, self.topics.object_mask} - {""}
        while self.images:
            first = self.images[0]
            complete = all(self.newest.get(topic, -1) >= first.stamp_ns for topic in companions)
            if not (everything or complete or len(self.images) > MAX_PENDING):
                return
            yield self.images.popleft()
            self.waiting = {key: value for key, value in self.waiting.items() if key[1] > first.stamp_ns}

    def companion(self, topic: str, stamp: int) -> Any:
        """The message of exactly this stamp on a depth or mask topic, or None."""
        return self.waiting.get((topic, stamp)) if topic else None


@dataclass(frozen=True)
class _Reader:
    storage: Storage
    topics: BagTopics
    camera_of: CameraOf | None
    masks_dir: Path | None

    def frames(self) -> Iterator[Frame | BadFrame]:
        """All frames of the bag in recorded order; damage ends them with a BadFrame."""
        pairing = _Pairing(self.topics, self._first_info())
        index, last, damage = 0, None, ""
        for image in self._images(pairing):
            if isinstance(image, str):
                damage = image
                continue
            yield self._frame(image, pairing, f"{index:06d}")
            index, last = index + 1, image
        if damage:
            stamp, log = (last.stamp_ns + 1, last.raw.log_ns + 1) if last else (0, 0)
            yield BadFrame(f"{index:06d}", stamp, damage, log_ns=log)

    def _images(self, pairing: _Pairing) -> Iterator[_Image | str]:
        try:
            for raw in self.storage.read(self.topics.used):
                pairing.take(raw)
                yield from pairing.pop(everything=False)
        except BagDamageError as error:
            yield str(error)
        yield from pairing.pop(everything=True)

    def _first_info(self) -> Any:
        """An image may be recorded just before the first CameraInfo of a camera that never changes."""
        if self.topics.camera_info:
            try:
                return next(
                    (deserialise(raw) for raw in self.storage.read(frozenset({self.topics.camera_info}))),
                    None,
                )
            except InputError:
                return None
        return None

    def _frame(self, image: _Image, pairing: _Pairing, name: str) -> Frame | BadFrame:
        frame_id = image.message.header.frame_id if image.message is not None else ""
        common: dict[str, Any] = {"frame_id": frame_id or "camera_optical_frame", "log_ns": image.raw.log_ns}
        if image.message is None:
            return BadFrame(name, image.stamp_ns, image.reason, **common)
        try:
            rgb = decode_message(image.message)
            camera = self._camera(pairing.info, rgb.shape[1], rgb.shape[0])
            depth = self._depth(pairing, image.stamp_ns, rgb.shape[:2])
            masks = self._masks(pairing, image.stamp_ns, name, rgb.shape[:2])
        except ScorehoiError as error:
            return BadFrame(name, image.stamp_ns, str(error), **common)
        return Frame(rgb, camera, image.stamp_ns, name=name, depth=depth, masks=masks, **common)

    def _camera(self, info: Any, width: int, height: int) -> Camera:
        # REP 104: K[0] = 0 says that the camera is not calibrated.
        calibrated = info is not None and info.k[0] != 0
        if self.camera_of is not None or not calibrated:
            return (self.camera_of or camera_for(None))(width, height)
        camera = camera_from_values(info.k, info.width, info.height, info.d, info.distortion_model)
        check_size(camera, width, height)
        return camera

    def _depth(self, pairing: _Pairing, stamp: int, shape: tuple[int, ...]) -> Floats | None:
        message = pairing.companion(self.topics.depth, stamp)
        if message is None:
            return None
        depth = decode_depth_message(message)
        if depth.shape != shape:
            raise InputError(
                f"the depth on {self.topics.depth} is {depth.shape[1]}x{depth.shape[0]}, the image "
                f"{shape[1]}x{shape[0]}. Record depth that is aligned with the colour image."
            )
        return depth

    def _masks(self, pairing: _Pairing, stamp: int, name: str, shape: tuple[int, ...]) -> Masks:
        masks = frame_masks(self.masks_dir, name, shape[0], shape[1])
        human = self._mask(self.topics.human_mask, pairing, stamp, shape)
        thing = self._mask(self.topics.object_mask, pairing, stamp, shape)
        if human is not None:
            masks = replace(masks, human=human, human_score=1.0)
        if thing is not None:
            masks = replace(masks, object=thing, object_score=1.0)
        return check_masks(masks, shape[0], shape[1])

    def _mask(self, topic: str, pairing: _Pairing, stamp: int, shape: tuple[int, ...]) -> Bools | None:
        message = pairing.companion(topic, stamp)
        if message is None:
            return None
        mask = decode_mask_message(message)
        if mask.shape != shape:
            raise InputError(
                f"the mask on {topic} is {mask.shape[1]}x{mask.shape[0]}, the image {shape[1]}x{shape[0]}."
            )
        return mask

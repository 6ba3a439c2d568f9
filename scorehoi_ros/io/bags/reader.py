"""A rosbag2 recording as a source: its messages go through the hall in recorded order."""

import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.config.inputs import NONE, InputConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.io.bags.salvage import BagDamageError, RawMessage
from scorehoi_ros.io.bags.storage import Storage, open_storage
from scorehoi_ros.io.bags.topics import STATIC, TRANSFORMS, find_topics
from scorehoi_ros.io.frames import Source
from scorehoi_ros.io.images import frame_masks, indexed_masks
from scorehoi_ros.io.masks.folder import MaskFolder
from scorehoi_ros.io.topics.frames import Hall, WarnOnce
from scorehoi_ros.io.topics.pairing import Bundle
from scorehoi_ros.types import Frame

_log = logging.getLogger(__name__)


def open_bag(path: Path, image_topic: str, inputs: InputConfig, masks_dir: Path | None = None) -> Source:
    """Images of a rosbag2 folder, .mcap or .db3 file; standard types need no embedded definitions.

    Empty topic names are found (`bags.topics.find_topics`).  Stamps and frame_id are those of the image
    headers.  Mask files win where the bag has no mask.  A damaged bag gives the frames that are whole, then a
    BadFrame for the rest.  Raises InputError when the bag cannot be read or the image topic is not clear,
    CameraError when `inputs.camera` is no camera.
    """
    masks = indexed_masks(masks_dir, inputs.mask_ids)
    storage = open_storage(path)
    image, found = find_topics(image_topic, inputs, storage.types, storage.counts)
    info = "a guess" if found.camera_info_topic == NONE else found.camera_info_topic
    _log.info("reading images from %s, camera from %s", image, found.camera or info)
    Hall(found, WarnOnce(), image)  # wrong settings are told before the first frame
    reader = _Reader(storage, image, found, masks)
    return Source("bag", reader.frames, storage.counts.get(image), _rate(storage, image))


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


def deserialise(message: RawMessage) -> Any:
    """A standard ROS 2 message as a dataclass; raises InputError when its bytes are damaged."""
    store = typestore()
    try:
        return store.deserialize_cdr(message.data, message.type_name)
    except Exception as error:  # the deserialiser meets untrusted bytes
        raise InputError(
            f"a message on {message.topic} is damaged ({len(message.data)} bytes): {error}."
        ) from error


@dataclass(frozen=True)
class _Reader:
    storage: Storage
    image_topic: str
    settings: InputConfig
    mask_files: MaskFolder | None

    def frames(self) -> Iterator[Frame | BadFrame]:
        """All whole frames of the bag in recorded order; a BadFrame at the end tells of damage."""
        hall = Hall(self.settings, WarnOnce(), self.image_topic)
        ahead = _Ahead(self.storage, self.settings.camera_info_topic)
        index, last, damage = 0, None, ""
        for found in self._bundles(hall):
            if isinstance(found, str):
                damage = found
                continue
            last, now_ns = found
            yield self._frame(hall, last, ahead, now_ns, f"{index:06d}")
            index += 1
        if damage:
            stamp, log = (last.stamp_ns + 1, last.arrived_ns + 1) if last else (0, 0)
            yield BadFrame(f"{index:06d}", stamp, damage, log_ns=log, is_loss=True)

    def _bundles(self, hall: Hall) -> Iterator[tuple[Bundle, int] | str]:
        """Images in order, each with the log time at which its wait is over; or what is damaged."""
        now_ns = 0
        try:
            for raw in self.storage.read(frozenset(self._roles) | self._transform_topics):
                now_ns = raw.log_ns
                self._take(hall, raw)
                yield from ((bundle, now_ns) for bundle in hall.ready(now_ns))
        except BagDamageError as error:
            yield str(error)
        yield from ((bundle, now_ns) for bundle in hall.ready(None))

    @property
    def _roles(self) -> dict[str, tuple[str, ...]]:
        """What each topic is for; one with ids may be the mask of both, person and object."""
        companions = self.settings.companion_topics
        roles = {t: tuple(n for n in companions if companions[n] == t) for t in companions.values()}
        return {self.settings.camera_info_topic: ("camera_info",)} | roles | {self.image_topic: ("image",)}

    @property
    def _transform_topics(self) -> frozenset[str]:
        wanted = bool(self.settings.gravity_frame)
        return frozenset(t for t, kind in self.storage.types.items() if kind == TRANSFORMS and wanted)

    def _take(self, hall: Hall, raw: RawMessage) -> None:
        """Sort one message in."""
        roles = self._roles.get(raw.topic, ("transforms",))
        role = roles[0]
        try:
            message = deserialise(raw)
        except InputError as error:
            if role == "image":
                hall.take_unreadable(str(error), raw.log_ns)
            else:
                hall.take_damaged(raw.topic, str(error))
            return
        if role == "image":
            hall.take_image(message, raw.log_ns)
        elif role == "camera_info":
            hall.take_camera_info(message, raw.log_ns)
        elif role == "transforms":
            hall.take_transforms(message, static=raw.topic == STATIC)
        else:
            for name in roles:
                hall.take_companion(name, message, raw.log_ns)

    def _frame(self, hall: Hall, bundle: Bundle, ahead: "_Ahead", now_ns: int, name: str) -> Frame | BadFrame:
        frame = hall.frame(bundle, now_ns, name)
        deadline_ns = hall.deadline_ns(bundle)
        while frame is None:
            info = ahead.next_info(now_ns, deadline_ns)
            if info is not None:
                hall.foresee_camera_info(info)
            frame = hall.frame(bundle, now_ns if info is not None else deadline_ns, name)
        frame = dataclasses.replace(frame, log_ns=bundle.arrived_ns)
        return frame if isinstance(frame, BadFrame) else self._with_mask_files(frame)

    def _with_mask_files(self, frame: Frame) -> Frame | BadFrame:
        height, width = frame.rgb.shape[:2]
        try:
            files = frame_masks(self.mask_files, frame.name, height, width)
        except InputError as error:
            return BadFrame(frame.name, frame.stamp_ns, str(error), frame.frame_id, frame.log_ns)
        masks = frame.masks
        if masks.human is None:
            masks = dataclasses.replace(masks, human=files.human, human_score=files.human_score)
        if masks.object is None:
            masks = dataclasses.replace(masks, object=files.object, object_score=files.object_score)
        return dataclasses.replace(frame, masks=masks)


class _Ahead:
    """CameraInfos of the time to come: live an image waits for them, here they are looked up."""

    def __init__(self, storage: Storage, topic: str) -> None:
        self._messages = self._read(storage, topic)
        self._next: RawMessage | None = None

    def next_info(self, after_ns: int, until_ns: int) -> Any | None:
        """The next one that was not recorded before one time nor after the other; None = no more."""
        while (raw := self._next or next(self._messages, None)) is not None:
            self._next = raw if raw.log_ns > until_ns else None
            if self._next is not None:
                return None
            if raw.log_ns >= after_ns and (info := _readable(raw)) is not None:
                return info
        return None

    @staticmethod
    def _read(storage: Storage, topic: str) -> Iterator[RawMessage]:
        try:
            yield from storage.read(frozenset({topic}))
        except BagDamageError:
            return


def _readable(raw: RawMessage) -> Any | None:
    try:
        return deserialise(raw)
    except InputError:  # it is told about when its turn comes
        return None

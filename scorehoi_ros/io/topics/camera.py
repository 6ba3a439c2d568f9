"""Which camera model belongs to an image: one rule for bags and for live topics."""

import logging
import threading
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scorehoi_ros.config.inputs import NONE
from scorehoi_ros.errors import CameraError, shown
from scorehoi_ros.geometry.calibration import Calibration, cameras_of
from scorehoi_ros.geometry.camera import check_size, guess_camera
from scorehoi_ros.io.calibration.file import camera_numbers
from scorehoi_ros.io.frames import camera_for
from scorehoi_ros.io.topics.decode import frame_of
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.types import Camera

_log = logging.getLogger(__name__)

HISTORY = 128
"""CameraInfos kept of each camera and size: two seconds at 60 Hz."""


@dataclass(frozen=True)
class Choice:
    """What `Cameras.choose` decided."""

    camera: Camera | None
    """None = wait, a CameraInfo may still come."""
    problem: str = ""
    """Why no CameraInfo is used, empty when one is, or the user's camera."""


class Cameras:
    """The user's camera if given, else the fitting CameraInfo, else (after a while) a stated guess.

    A CameraInfo fits an image of its frame_id (the same without a leading "/"; an empty one fits all) and of
    its size, with or without its binning and region of interest.  One that is no camera (K zero or not
    finite, ...) never fits, and takes no other's place.  Of several that of the image's stamp is used, or the
    newest before it, or the first after it.  `topic` is where CameraInfos come from, for the words;
    `rectified` = the images are, so that P holds for them and no distortion.  May be used from two threads.
    Raises CameraError when `user` is no camera.
    """

    def __init__(self, user: str, timeout_ns: int, topic: str = "", rectified: bool = False) -> None:
        self._user, self._timeout_ns, self._topic = user, timeout_ns, topic
        self._rectified = rectified
        self._of_user = camera_for(user)
        self._lock = threading.Lock()
        self._infos: dict[tuple[str, int, int], deque[tuple[int, Camera]]] = {}
        self._newest: tuple[str, tuple[Camera, ...] | CameraError] | None = None
        self._without_since_ns: int | None = None
        if user:
            camera_numbers(user)

    def update(self, info: Any) -> None:
        """Take a sensor_msgs/CameraInfo."""
        frame, cameras = frame_of(info), _cameras_or_error(info, self._rectified)
        with self._lock:
            self._newest = frame, cameras
            for camera in cameras if isinstance(cameras, tuple) else ():
                key = (frame, camera.width, camera.height)
                known = self._infos.setdefault(key, deque(maxlen=HISTORY))
                known.append((stamp_ns(info.header.stamp), camera))

    def choose(
        self, size: tuple[int, int], frame_id: str, stamp_ns: int, times_ns: tuple[int, int]
    ) -> Choice:
        """The camera for an image of `size` (width, height).

        `times_ns`: when the image arrived, and now, both of the clock of arrival.  Raises CameraError when
        the user's own camera does not fit the image.
        """
        if self._user:
            return Choice(self._of_user(*size))
        with self._lock:
            try:
                camera = self._from_info(size, frame_id, stamp_ns)
            except CameraError as error:
                return self._without(size, times_ns, str(error))
            self._without_since_ns = None
            return Choice(camera)

    def deadline_ns(self, arrived_ns: int) -> int:
        """When an image that arrived then is given a guess, if no CameraInfo comes."""
        since = self._without_since_ns
        return (arrived_ns if since is None else since) + self._timeout_ns

    def _without(self, size: tuple[int, int], times_ns: tuple[int, int], problem: str) -> Choice:
        arrived_ns, now_ns = times_ns
        # The first image without a camera is waited for; those after it have waited with it.
        if self._without_since_ns is None:
            self._without_since_ns = arrived_ns
        over = now_ns - self._without_since_ns >= self._timeout_ns
        return Choice(guess_camera(*size) if over else None, problem)

    def _from_info(self, size: tuple[int, int], frame_id: str, stamp: int) -> Camera:
        found = self._fitting(size, frame_id, stamp)
        if found is not None:
            return found
        if self._newest is None:
            if self._topic == NONE:
                raise CameraError("no CameraInfo is used. Set camera to fx,fy,cx,cy or a calibration file.")
            where = f" on {self._topic}" if self._topic else ""
            raise CameraError(
                f"no CameraInfo has come{where}. Publish one there, set camera_info_topic, or set camera to "
                "fx,fy,cx,cy."
            )
        frame, cameras = self._newest
        if not _same_frame(frame, frame_id):
            raise CameraError(
                f"CameraInfo is of frame {shown(frame)}, the image of {shown(frame_id)}. "
                "Set camera_info_topic to the info of this camera."
            )
        if isinstance(cameras, CameraError):
            raise CameraError(f"the CameraInfo cannot be used: {cameras}")
        check_size(cameras[0], *size)
        return cameras[0]

    def _fitting(self, size: tuple[int, int], frame_id: str, stamp: int) -> Camera | None:
        known = [
            (s, camera)
            for (frame, *info_size), infos in self._infos.items()
            if tuple(info_size) == size and _same_frame(frame, frame_id)
            for s, camera in infos
        ]
        if not known:
            return None
        before = [entry for entry in known if entry[0] <= stamp]
        if before:
            return max(enumerate(before), key=lambda e: (e[1][0], e[0]))[1][1]
        return min(known, key=lambda entry: entry[0])[1]


def shows_rectified(image_topic: str) -> bool:
    """Whether images are rectified by the name of their topic: image_rect, image_rect_color (image_proc)."""
    return any(part.startswith("image_rect") for part in image_topic.split("/"))


def _cameras_or_error(info: Any, rectified: bool) -> tuple[Camera, ...] | CameraError:
    try:
        return _cameras_of(_numbers_of(info), rectified)
    except CameraError as error:
        return error
    except Exception as error:  # a fault of ours, met by untrusted numbers: it must not end a run
        _log.exception("a CameraInfo cannot be read")
        return CameraError(f"internal error: {error!r}")


class _Numbers(NamedTuple):
    """A CameraInfo without its header."""

    K: tuple[float, ...]
    size: tuple[int, int]
    distortion: tuple[float, ...]
    model: str
    P: tuple[float, ...]
    binning: tuple[int, int]
    roi: tuple[int, int, int, int]


def _numbers_of(info: Any) -> _Numbers:
    roi = info.roi
    return _Numbers(
        K=tuple(map(float, info.k)),
        size=(int(info.width), int(info.height)),
        distortion=tuple(map(float, info.d)),
        model=info.distortion_model,
        P=tuple(map(float, info.p)),
        binning=(int(info.binning_x), int(info.binning_y)),
        roi=(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
    )


# Cameras say the same with each of their images, and to check it takes much longer than to read it.
@lru_cache(maxsize=64)
def _cameras_of(numbers: _Numbers, rectified: bool) -> tuple[Camera, ...]:
    width, height = numbers.size
    found = Calibration(
        K=np.reshape(np.asarray(numbers.K, np.float64), (3, 3)),
        width=width,
        height=height,
        distortion=np.asarray(numbers.distortion, np.float64),
        model=numbers.model,
        P=np.reshape(np.asarray(numbers.P, np.float64), (3, 4)),
        binning=numbers.binning,
        roi=numbers.roi,
    )
    return tuple(cameras_of(found.of_rectified() if rectified else found, "camera_info"))


def _same_frame(a: str, b: str) -> bool:
    return not a or not b or a == b

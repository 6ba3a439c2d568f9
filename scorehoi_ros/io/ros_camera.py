"""Which camera model belongs to an image: one rule for bags and for live topics."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.camera import (
    camera_from_values,
    camera_numbers,
    check_size,
    guess_camera,
    parse_camera,
)
from scorehoi_ros.io.ros_decode import frame_of
from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.types import Camera

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

    A CameraInfo fits an image of its frame_id (the same without a leading "/"; an empty one fits all) and
    size.  One that is no camera (K zero or not finite, ...) never fits, and takes no other's place.  Of
    several that of the image's stamp is used, or the newest before it, or the first after it.  May be used
    from two threads.  Raises CameraError when `user` is no camera.
    """

    def __init__(self, user: str, timeout_ns: int) -> None:
        self._user, self._timeout_ns = user, timeout_ns
        self._lock = threading.Lock()
        self._infos: dict[tuple[str, int, int], deque[tuple[int, Camera]]] = {}
        self._newest: tuple[str, Camera | CameraError] | None = None
        self._without_since_ns: int | None = None
        if user:
            camera_numbers(user)

    def update(self, info: Any) -> None:
        """Take a sensor_msgs/CameraInfo."""
        frame, camera = frame_of(info), _camera_or_error(info)
        with self._lock:
            self._newest = frame, camera
            if isinstance(camera, Camera):
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
            return Choice(parse_camera(self._user, *size))
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
            raise CameraError("no CameraInfo has come. Publish one, or set camera to fx,fy,cx,cy.")
        frame, camera = self._newest
        if not _same_frame(frame, frame_id):
            raise CameraError(
                f'CameraInfo is of frame "{frame}", the image of "{frame_id}". '
                "Set camera_info_topic to the info of this camera."
            )
        if isinstance(camera, CameraError):
            raise CameraError(str(camera))
        check_size(camera, *size)
        return camera

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


def _camera_or_error(info: Any) -> Camera | CameraError:
    try:
        return camera_from_values(info.k, int(info.width), int(info.height), info.d, info.distortion_model)
    except CameraError as error:
        return error


def _same_frame(a: str, b: str) -> bool:
    return not a or not b or a == b

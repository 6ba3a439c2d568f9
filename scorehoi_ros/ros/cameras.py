"""Which camera model belongs to an image; plain Python."""

import time
from typing import Any

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.camera import camera_from_values, check_size, guess_camera, parse_camera
from scorehoi_ros.types import Camera


class Cameras:
    """The user's camera if given, else the newest fitting CameraInfo, else (after a while) a stated guess."""

    def __init__(self, user: str, timeout_s: float) -> None:
        self._user, self._timeout_s = user, timeout_s
        self._info: Any = None
        self._first_image_s: float | None = None
        self.problem = ""
        """Why the CameraInfo is not used; empty when all is well."""

    def update(self, info: Any) -> None:
        """Take the newest sensor_msgs/CameraInfo."""
        self._info = info

    def choose(self, width: int, height: int, frame_id: str, now_s: float | None = None) -> Camera | None:
        """The camera for an image of this size and frame; None = wait, a CameraInfo may still come.

        Raises CameraError when the user's own camera does not fit the image.
        """
        now_s = time.monotonic() if now_s is None else now_s
        if self._user:
            return parse_camera(self._user, width, height)
        try:
            camera = self._from_info(width, height, frame_id)
        except CameraError as error:
            self.problem = str(error)
        else:
            self.problem = ""
            return camera
        if self._first_image_s is None:
            self._first_image_s = now_s
        return guess_camera(width, height) if now_s - self._first_image_s >= self._timeout_s else None

    def _from_info(self, width: int, height: int, frame_id: str) -> Camera:
        info = self._info
        if info is None:
            raise CameraError(
                "no CameraInfo has arrived. Publish one, or set the parameter camera to fx,fy,cx,cy."
            )
        info_frame = info.header.frame_id
        if info_frame and frame_id and info_frame != frame_id:
            raise CameraError(
                f'CameraInfo is of frame "{info_frame}", the image of "{frame_id}". '
                "Set camera_info_topic to the info of this camera."
            )
        camera = camera_from_values(
            info.k, int(info.width), int(info.height), info.d, info.distortion_model, "camera_info"
        )
        check_size(camera, width, height)
        return camera

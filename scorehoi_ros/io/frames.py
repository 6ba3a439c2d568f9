"""What every source of frames gives, and how frames without a CameraInfo get their camera."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.geometry.camera import guess_camera
from scorehoi_ros.io.calibration.file import parse_camera
from scorehoi_ros.types import Camera, Frame

CameraOf = Callable[[int, int], Camera]
"""Camera for images of (width, height); raises CameraError."""


@dataclass(frozen=True)
class Source:
    """A readable sequence of frames; `frames()` starts from the first one each time."""

    kind: Literal["video", "images", "bag"]
    frames: Callable[[], Iterator[Frame | BadFrame]]
    """Damage never raises: the frames before it come, then a BadFrame with the reason.  Only a camera that
    fits no frame at all raises (CameraError)."""
    count: int | None
    """Number of frames as far as the container knows it."""
    rate_hz: float | None


def camera_for(camera: str) -> CameraOf:
    """How frames get their camera: parsed from "fx,fy,cx,cy" or a file, or guessed (empty)."""

    @lru_cache(maxsize=16)
    def choose(width: int, height: int) -> Camera:
        return parse_camera(camera, width, height) if camera else guess_camera(width, height)

    return choose

"""What every source of frames gives, and how it gets its camera."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scorehoi_ros.geometry.camera import check_size, guess_camera, parse_camera, validate_camera
from scorehoi_ros.types import Camera, Frame

CameraOf = Callable[[int, int], Camera]
"""Camera for images of (width, height); raises CameraError."""


@dataclass(frozen=True)
class BadFrame:
    """A frame that the source holds but that cannot be used."""

    name: str
    stamp_ns: int
    reason: str
    """In words for the user."""
    frame_id: str = "camera_optical_frame"
    log_ns: int | None = None


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


def camera_for(camera: Camera | str | None) -> CameraOf:
    """How frames get their camera: as given, parsed from "fx,fy,cx,cy" or a file, or guessed (None)."""

    @lru_cache(maxsize=16)
    def choose(width: int, height: int) -> Camera:
        if camera is None:
            return guess_camera(width, height)
        if isinstance(camera, str):
            return parse_camera(camera, width, height)
        validate_camera(camera)
        check_size(camera, width, height)
        return camera

    return choose

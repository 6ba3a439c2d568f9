"""From what a CameraInfo or a calibration file says (REP 104) to the cameras of its images."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.camera import validate_camera
from scorehoi_ros.geometry.lens import lens
from scorehoi_ros.types import Camera, Floats

WHOLE = (0, 0, 0, 0)
"""Region of interest of a camera that sends all of its image."""


@dataclass(frozen=True)
class Calibration:
    """The fields of sensor_msgs/CameraInfo that say how a camera sees; unchecked."""

    K: Floats
    """(3, 3) pixels of the whole image without binning; zeros = not known."""
    width: int
    height: int
    distortion: Floats = field(default_factory=lambda: np.zeros(0))
    """(n,) coefficients."""
    model: str = ""
    P: Floats | None = None
    """(3, 4) projection of the rectified image; stands in for a K of zeros."""
    binning: tuple[int, int] = (1, 1)
    """Pixels of the sensor along x and y that became one; 0 is as 1."""
    roi: tuple[int, int, int, int] = WHOLE
    """x, y, width, height of the part that is sent, in pixels without binning."""

    def of_rectified(self) -> "Calibration":
        """Of the rectified image: P, if it is known, and no distortion."""
        known = self.P is not None and np.any(self.P)
        return replace(self, K=np.zeros((3, 3)) if known else self.K, distortion=np.zeros(0))


def cameras_of(c: Calibration, source: Literal["camera_info", "user"]) -> tuple[Camera, ...]:
    """The camera of the image as binning and region say, and that of the whole image if it is another one.

    A driver may name binning it does not do, so an image of the whole size is one of the whole sensor.
    Raises CameraError when one of them is no camera.
    """
    model, distortion = lens(c.model, c.distortion)
    K = np.asarray(c.K, np.float64)
    if c.P is not None and not np.any(K):
        K = np.asarray(c.P, np.float64)[:, :3]
    whole = Camera(K, c.width, c.height, distortion, model, source)
    validate_camera(whole)
    sent = _sent(whole, c)
    if (sent.width, sent.height) == (whole.width, whole.height):
        return (whole,)
    validate_camera(sent)
    return sent, whole


def _sent(whole: Camera, c: Calibration) -> Camera:
    """The camera of a binned and cropped image.

    A binned pixel covers several, and pixel 0 is the centre of the first one, so the centre moves by half a
    pixel before and after; what the lens does to rays stays as it is.
    """
    x, y, width, height = c.roi
    width, height = width or whole.width - x, height or whole.height - y
    if x < 0 or y < 0 or width <= 0 or height <= 0 or x + width > whole.width or y + height > whole.height:
        raise CameraError(
            f"the region of interest {c.roi} (x, y, width, height) does not lie within the calibrated "
            f"{whole.width} x {whole.height} pixels. Width and height of a CameraInfo are those of the whole "
            "image, without binning (REP 104)."
        )
    across, down = (max(factor, 1) for factor in c.binning)
    T = np.array(
        [
            [1 / across, 0.0, (0.5 - x) / across - 0.5],
            [0.0, 1 / down, (0.5 - y) / down - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    return replace(whole, K=T @ whole.K, width=width // across, height=height // down)

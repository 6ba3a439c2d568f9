"""Where people and objects are in the image: boxes of their projected points."""

import numpy as np

from scorehoi_ros.geometry.camera import project
from scorehoi_ros.types import Box, Camera, Floats


def image_box(points: Floats, camera: Camera) -> Box | None:
    """The part of the image that points (n, 3), in the camera's frame, cover; None when that is none.

    Points behind the camera do not count.
    """
    pixels = project(np.asarray(points, np.float64), camera.K) + 0.5  # a pixel is half a pixel wide each way
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(pixels):
        return None
    size = np.array([camera.width, camera.height])
    x0, y0 = np.clip(pixels.min(axis=0), 0, size)
    x1, y1 = np.clip(pixels.max(axis=0), 0, size)
    return Box(float(x0), float(y0), float(x1), float(y1)) if x1 > x0 and y1 > y0 else None

"""Pictures as messages."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from scorehoi_ros.ros.factory import to_array


def narrowed(picture: NDArray[np.uint8], max_width: int) -> NDArray[np.uint8]:
    """The picture (h, w, 3), made smaller when it is wider than `max_width`."""
    height, width = picture.shape[:2]
    if width <= max_width:
        return picture
    size = (max_width, max(round(height * max_width / width), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def image_message(rgb: NDArray[np.uint8], header: Any) -> Image:
    """sensor_msgs/Image, rgb8, of (H, W, 3) uint8."""
    height, width = rgb.shape[:2]
    data = to_array(np.ascontiguousarray(rgb).reshape(-1))
    return Image(
        header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=data
    )

"""sensor_msgs/CameraInfo of a camera."""

from typing import Any

import numpy as np

from scorehoi_ros.messages.factory import Factory, flat
from scorehoi_ros.types import Camera

COEFFICIENTS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
"""Numbers in `d` that the message's definition asks for, by distortion model."""


def camera_info(camera: Camera, head: Any, factory: Factory) -> Any:
    """sensor_msgs/CameraInfo (REP 104); `d` is filled up with zeros, P is K with no baseline."""
    K = np.asarray(camera.K, np.float64)
    missing = max(COEFFICIENTS[camera.model] - len(camera.distortion), 0)
    no_roi = factory(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return factory(
        "sensor_msgs/msg/CameraInfo",
        header=head,
        height=camera.height,
        width=camera.width,
        distortion_model=camera.model,
        d=flat(np.append(camera.distortion, np.zeros(missing)), np.float64),
        k=flat(K, np.float64),
        r=flat(np.eye(3), np.float64),
        p=flat(np.c_[K, np.zeros(3)], np.float64),
        binning_x=0,
        binning_y=0,
        roi=no_roi,
    )

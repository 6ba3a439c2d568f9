"""Direction of gravity in the camera frame from TF, where tf2_ros is installed."""

import importlib
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.time import Time
from scipy.spatial.transform import Rotation

from scorehoi_ros.errors import MissingExtraError


class GravityFromTf:
    """Listens to TF; raises MissingExtraError when tf2_ros is not there."""

    def __init__(self, node: Node, up_frame: str) -> None:
        try:
            tf2: Any = importlib.import_module("tf2_ros")
        except ImportError:
            raise MissingExtraError(
                f"gravity_frame={up_frame} needs tf2_ros, which only a full ROS installation has. "
                "Set the parameter gravity (direction in the camera frame) instead."
            ) from None
        self._error = tf2.TransformException
        self._up_frame = up_frame
        self._buffer = tf2.Buffer()
        self._listener = tf2.TransformListener(self._buffer, node)

    def direction(self, camera_frame: str) -> list[float] | None:
        """Unit vector (3,) in the camera frame, None as long as TF does not know it."""
        try:
            found = self._buffer.lookup_transform(camera_frame, self._up_frame, Time())
        except self._error:
            return None
        q = found.transform.rotation
        down = Rotation.from_quat([q.x, q.y, q.z, q.w]).apply(np.array([0.0, 0.0, -1.0]))
        return [float(v) for v in down]

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()

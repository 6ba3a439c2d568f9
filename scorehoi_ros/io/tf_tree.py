"""The newest rotation between frames from tf2_msgs/TFMessage, and gravity from it; needs no tf2."""

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.types import Floats

_DOWN = np.array([0.0, 0.0, -1.0])


class TfTree:
    """Keeps the newest transform of each child frame, static or not; stamps are not looked at."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, Rotation]] = {}

    def update(self, message: Any) -> None:
        """Take a tf2_msgs/TFMessage; a quaternion of length 0 is left out."""
        for t in message.transforms:
            q = t.transform.rotation
            numbers = np.array([q.x, q.y, q.z, q.w])
            if np.isfinite(numbers).all() and np.linalg.norm(numbers) > 1e-6:
                child, parent = _name(t.child_frame_id), _name(t.header.frame_id)
                self._parents[child] = (parent, Rotation.from_quat(numbers))

    def gravity(self, camera_frame: str, up_frame: str) -> Floats | None:
        """(3,) unit, gravity in the camera frame, where z of `up_frame` points up; None = not known."""
        camera, up = self._to_root(_name(camera_frame)), self._to_root(_name(up_frame))
        shared = next((frame for frame in camera if frame in up), None)
        if shared is None:
            return None
        direction: Floats = (camera[shared].inv() * up[shared]).apply(_DOWN)
        return direction

    def _to_root(self, frame: str) -> dict[str, Rotation]:
        """R_ancestor_frame for the frame itself and each ancestor, nearest first; ends at a loop."""
        result = {frame: Rotation.identity()}
        while frame in self._parents:
            parent, R_parent_child = self._parents[frame]
            if parent in result:
                break
            result[parent] = R_parent_child * result[frame]
            frame = parent
        return result


def _name(frame: str) -> str:
    return frame.lstrip("/")

"""How messages are made, whichever library makes them, and the small parts that all of them share."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.types import Floats

NANOSECONDS = 1_000_000_000


class Factory(Protocol):
    """Makes the messages of one library (rclpy, rosbags).

    Builders give it ALL fields of a message: arrays as flat, C-contiguous numpy arrays of the field's exact
    dtype (see `flat`), sequences of strings or messages as lists.
    """

    def __call__(self, type_name: str, /, **fields: Any) -> Any:
        """One message of a type like "scorehoi_ros/msg/HumanState".

        Unknown or missing fields are a programming error and raise TypeError.
        """

    def points(self, values: Floats) -> list[Any]:
        """One geometry_msgs/Point for each row of (n, 3); on its own, because a mesh has thousands."""


class RosbagsFactory:
    """Factory for a `rosbags` typestore in which our message types are registered."""

    def __init__(self, typestore: Any) -> None:
        self._types: Mapping[str, Any] = typestore.types
        self._point = self._types["geometry_msgs/msg/Point"]

    def __call__(self, type_name: str, /, **fields: Any) -> Any:
        """One message, as `Factory` says."""
        return self._types[type_name](**fields)

    def points(self, values: Floats) -> list[Any]:
        """Points of (n, 3), as `Factory` says."""
        return [self._point(x, y, z) for x, y, z in np.asarray(values, np.float64).tolist()]


def flat(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    """Flat contiguous copy-if-needed of `values` in `dtype`: the one form in which arrays enter a message."""
    return np.ascontiguousarray(values, dtype=dtype).reshape(-1)


def stamp(stamp_ns: int, factory: Factory) -> Any:
    """builtin_interfaces/Time of integer nanoseconds."""
    sec, nanosec = divmod(int(stamp_ns), NANOSECONDS)
    return factory("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)


def stamp_ns(time: Any) -> int:
    """Integer nanoseconds of a builtin_interfaces/Time."""
    return int(time.sec) * NANOSECONDS + int(time.nanosec)


def header(time_ns: int, frame_id: str, factory: Factory) -> Any:
    """std_msgs/Header."""
    return factory("std_msgs/msg/Header", stamp=stamp(time_ns, factory), frame_id=frame_id)


def pose(position: ArrayLike, rotation: Rotation, factory: Factory) -> Any:
    """geometry_msgs/Pose of a position (3,) in metres and one rotation."""
    x, y, z = np.asarray(position, np.float64).tolist()
    qx, qy, qz, qw = rotation.as_quat().tolist()
    return factory(
        "geometry_msgs/msg/Pose",
        position=factory("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=factory("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )


def transform_pose(transform: ArrayLike, factory: Factory) -> Any:
    """geometry_msgs/Pose of a (4, 4) rigid transform in metres."""
    T = np.asarray(transform, np.float64)
    # Unchecked: the check takes 0.1 ms, a third of what a whole Interaction takes.
    return pose(T[:3, 3], Rotation.from_matrix(T[:3, :3], assume_valid=True), factory)

"""The two libraries that make messages, each with a way there and back."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.messages.factory import Factory, RosbagsFactory


class Rosbags:
    """Makes messages, writes them as CDR and reads them back."""

    def __init__(self) -> None:
        self.make: Factory = RosbagsFactory(typestore())

    def write(self, message: Any, kind: str) -> bytes:
        return bytes(typestore().serialize_cdr(message, kind))

    def read(self, data: bytes, kind: str) -> Any:
        return typestore().deserialize_cdr(data, kind)


class Rclpy:
    """The same by rclpy, with the messages that were built; skips the test where they are missing."""

    def __init__(self) -> None:
        pytest.importorskip("rclpy")
        pytest.importorskip("scorehoi_ros.msg")
        from scorehoi_ros.ros import factory

        self._factory = factory
        self.make: Factory = factory.ros_message

    def write(self, message: Any, kind: str) -> bytes:
        assert isinstance(message, self._factory.message_class(kind))
        return self._factory.serialise(message)

    def read(self, data: bytes, kind: str) -> Any:
        from rclpy.serialization import deserialize_message

        return deserialize_message(data, self._factory.message_class(kind))


LIBRARIES = (Rosbags, Rclpy)


def sent(library: Any, message: Any, kind: str) -> Any:
    return library.read(library.write(message, kind), kind)


def assert_pose(message: Any, position: Any, rotation: Rotation) -> None:
    p, q = message.position, message.orientation
    np.testing.assert_array_equal([p.x, p.y, p.z], position)
    assert (Rotation.from_quat([q.x, q.y, q.z, q.w]) * rotation.inv()).magnitude() < 1e-7

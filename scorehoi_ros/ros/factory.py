"""rclpy messages for the builders of `scorehoi_ros.messages`."""

import array
import functools
import importlib
from typing import Any

import numpy as np
from geometry_msgs.msg import Point
from rclpy.serialization import serialize_message

from scorehoi_ros.types import Floats

_TYPECODES = {"f": "f", "d": "d", "uint8": "B", "int32": "i", "uint32": "I"}


class RosFactory:
    """`messages.factory.Factory` for rclpy."""

    def __call__(self, type_name: str, /, **fields: Any) -> Any:
        """One message; raises TypeError when a field is unknown or missing.

        An unbounded numeric field must be set from an `array.array`: from a numpy array rclpy converts
        element by element (11 ms for a mesh instead of 0.08 ms).  Fields of fixed length stay numpy arrays.
        """
        names, sequences = _fields(type_name)
        if names != fields.keys():
            raise TypeError(f"{type_name} has the fields {sorted(names)}. Got {sorted(fields)}.")
        message = message_class(type_name)()
        for name, value in fields.items():
            convert = name in sequences and isinstance(value, np.ndarray)
            setattr(message, name, to_array(value) if convert else value)
        return message

    def points(self, values: Floats) -> list[Any]:
        """geometry_msgs/Point of each row of (n, 3)."""
        return [Point(x=x, y=y, z=z) for x, y, z in np.asarray(values, np.float64).tolist()]


ros_message = RosFactory()


def to_array(values: "np.ndarray[Any, Any]") -> "array.array[Any]":
    """array.array with the same numbers; the bytes are copied once."""
    code = _TYPECODES.get(values.dtype.char) or _TYPECODES[values.dtype.name]
    result: array.array[Any] = array.array(code)
    result.frombytes(values.tobytes())
    return result


def serialise(message: Any) -> bytes:
    """CDR bytes of an rclpy message."""
    return bytes(serialize_message(message))


@functools.cache
def message_class(type_name: str) -> Any:
    """The class of "package/msg/Name"."""
    package, kind, name = type_name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), name)


@functools.cache
def _fields(type_name: str) -> tuple[frozenset[str], frozenset[str]]:
    """All field names, and those of unbounded sequences."""
    types = message_class(type_name).get_fields_and_field_types()
    return frozenset(types), frozenset(name for name, kind in types.items() if kind.startswith("sequence<"))

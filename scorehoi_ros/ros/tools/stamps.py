"""Header stamps in serialised messages: read, written, and moved to another clock; plain Python."""

import struct
from collections import deque

from scorehoi_ros.errors import InputError
from scorehoi_ros.messages.factory import NANOSECONDS

SAME_MOMENT_NS = 7_000_000
"""Stamps this close belong to one capture: an image and its depth; less than half a period at 60 Hz."""
MOMENTS = 256


def header_stamp(data: bytes) -> int:
    """Nanoseconds of the std_msgs/Header that a serialised (CDR) message starts with."""
    sec, nanosec = struct.unpack_from(_stamp_format(data), data, 4)
    return int(sec) * NANOSECONDS + int(nanosec)


def with_stamp(data: bytes, stamp_ns: int) -> bytes:
    """The serialised message with another header stamp."""
    result = bytearray(data)
    struct.pack_into(_stamp_format(data), result, 4, *divmod(stamp_ns, NANOSECONDS))
    return bytes(result)


class Clock:
    """Gives recorded stamps the time at which they are published.

    Stamps of one capture keep their distances: messages of one stamp get one new stamp, and depth that is a
    few milliseconds off stays so.  Zero, no stamp, stays zero.  `rate`: how many times as fast as it was
    recorded the bag is played.
    """

    def __init__(self, rate: float = 1.0) -> None:
        self._rate = rate
        self._moments: deque[tuple[int, int]] = deque(maxlen=MOMENTS)

    def moved(self, old_ns: int, now_ns: int) -> int:
        """The new stamp for an old one that is published now."""
        if old_ns == 0:
            return 0
        near = min(self._moments, key=lambda moment: abs(moment[0] - old_ns), default=None)
        if near is None or abs(near[0] - old_ns) > SAME_MOMENT_NS:
            near = (old_ns, now_ns)
            self._moments.append(near)
        return near[1] + old_ns - near[0]

    def beside(self, old_ns: int, now_ns: int) -> int:
        """The new stamp of what is not of a capture, such as a transform, from the last capture's."""
        if old_ns == 0 or not self._moments:
            return old_ns and now_ns
        there_ns, here_ns = self._moments[-1]
        return here_ns + round((old_ns - there_ns) / self._rate)


def _stamp_format(data: bytes) -> str:
    if len(data) < 12:
        raise InputError(f"a message of {len(data)} bytes has no header.")
    return "<iI" if data[1] & 1 else ">iI"

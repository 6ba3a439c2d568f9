"""A recording that may wait for an answer: which messages go before an image that has to."""

from collections import deque
from collections.abc import Iterator

from scorehoi_ros.io.bags.salvage import RawMessage
from scorehoi_ros.io.bags.topics import TRANSFORMS


class Line:
    """Messages in recorded order, some of which may go before an image that has to wait."""

    def __init__(self, source: Iterator[RawMessage], image_topic: str) -> None:
        self._source, self._image_topic = source, image_topic
        self._read: deque[RawMessage] = deque()
        self._exhausted = False

    def take(self) -> RawMessage | None:
        """The next message; None at the end."""
        return self._read.popleft() if self._read or self._read_one() else None

    def follow(self, until_ns: int) -> list[RawMessage]:
        """What was recorded up to a time, without images; transforms only up to the next image.

        Depth, masks and CameraInfo are told apart by their stamps, a transform counts from its arrival on.
        """
        while (not self._read or self._read[-1].log_ns <= until_ns) and self._read_one():
            pass
        found: list[RawMessage] = []
        kept: deque[RawMessage] = deque()
        image_kept = False
        for message in self._read:
            is_image = message.topic == self._image_topic
            early = is_image or (image_kept and message.type_name == TRANSFORMS)
            (kept if early or message.log_ns > until_ns else found).append(message)
            image_kept = image_kept or is_image
        self._read = kept
        return found

    def _read_one(self) -> bool:
        message = None if self._exhausted else next(self._source, None)
        self._exhausted = message is None
        if message is not None:
            self._read.append(message)
        return message is not None

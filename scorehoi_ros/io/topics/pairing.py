"""Images joined with the messages of other topics by stamp: one rule for bags and for live topics.

Time is an input: the clock of arrival when live, the log time in a bag.  An image waits for each topic
until nothing nearer can come: a message with exactly its stamp is there, or one with a later stamp, or the
topic's stamps have gone back (bag loop), or the wait is over.  Then the nearest within the tolerance is
taken.  So the answer depends on the order of messages within a topic, and not on how topics interleave, as
long as companions come within the wait.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BUFFER = 128
"""Messages kept for each topic: two seconds at 60 Hz."""
LAST_STAMP_NS = 2**31 * 1_000_000_000 - 1
"""The last time that a header can tell; a bag's log may claim a later one."""


@dataclass(frozen=True)
class Bundle:
    """One image message with the companions that came for it."""

    image: Any
    stamp_ns: int
    arrived_ns: int
    """Time of arrival (live: monotonic clock; bag: log time)."""
    companions: Mapping[str, Any] = field(default_factory=dict)
    """Message by name; names for which nothing came in time are missing."""
    missing: tuple[str, ...] = ()
    note: Any = None
    """What the caller wanted to keep with the image."""


@dataclass
class _Topic:
    """What one companion topic has delivered."""

    steady: bool | None = None
    """For a topic that is waited for only while it keeps up: whether the newest image got its own message;
    None = always waited for."""
    buffer: deque[tuple[int, Any]] = field(default_factory=lambda: deque(maxlen=BUFFER))
    """(stamp, message) since its stamps last jumped back."""
    newest: int | None = None
    looped: bool = False
    """Its stamps have jumped back, those of the images not yet."""
    disorder_ns: int = 0
    """Stamps that go back by at most this much are out of order, and no jump."""

    def jumps_back(self, stamp_ns: int) -> bool:
        return self.newest is not None and stamp_ns < self.newest - self.disorder_ns

    def add(self, stamp_ns: int, message: Any) -> None:
        if self.jumps_back(stamp_ns):
            self.buffer.clear()
            self.looped, self.newest = True, None
        self.newest = stamp_ns if self.newest is None else max(self.newest, stamp_ns)
        self.buffer.append((stamp_ns, message))

    def image_went_back(self) -> None:
        """What came before the images' jump belongs to the time before it."""
        if not self.looped:
            self.buffer.clear()
            self.newest = None

    def settled(self, stamp_ns: int, late: bool) -> bool:
        """Whether nothing nearer to this stamp can come; a late image's own message may be late too."""
        exact = any(s == stamp_ns for s, _ in self.buffer)
        return exact or (not late and self.newest is not None and self.newest > stamp_ns)

    def take(self, stamp_ns: int, tolerance_ns: int) -> Any | None:
        """The nearest message within the tolerance; one of exactly this stamp serves one image only."""
        distances = [abs(stamp - stamp_ns) for stamp, _ in self.buffer]
        best = min(range(len(distances)), key=distances.__getitem__, default=None)
        if best is None or distances[best] > tolerance_ns:
            return None
        message = self.buffer[best][1]
        if distances[best] == 0:
            del self.buffer[best]
        return message

    def forget(self, before_ns: int) -> None:
        """Let go of what is too old for the images to come; a full buffer of depth is much memory."""
        while self.buffer and self.buffer[0][0] < before_ns:
            self.buffer.popleft()


@dataclass
class _Waiting:
    """An image whose companions are not all decided."""

    image: Any
    stamp_ns: int
    arrived_ns: int
    note: Any
    late: bool = False
    """Out of order: its stamp is before that of another image that came first."""
    found: dict[str, Any] = field(default_factory=dict)
    """Message, or None, by name of each topic that is decided."""


class Pairing:
    """Holds images until their companions are decided; not thread-safe.

    `wanted`: names of topics that are always waited for.  `followed`: names of topics that are waited for
    only as long as each image gets a message of its own stamp (CameraInfo, which may also come once for all).
    `disorder_ns`: stamps that go back by at most this much are messages out of order, and no jump.
    """

    def __init__(
        self,
        wanted: tuple[str, ...],
        followed: tuple[str, ...],
        tolerance_ns: int,
        wait_ns: int,
        disorder_ns: int = 0,
    ) -> None:
        self._topics = {name: _Topic(disorder_ns=disorder_ns) for name in wanted}
        self._topics |= {name: _Topic(steady=False, disorder_ns=disorder_ns) for name in followed}
        self._tolerance_ns, self._wait_ns, self._disorder_ns = tolerance_ns, wait_ns, disorder_ns
        self._waiting: deque[_Waiting] = deque()
        self._last_image_ns: int | None = None

    def add_image(self, image: Any, stamp_ns: int, now_ns: int, note: Any = None) -> None:
        """Take an image in."""
        self._give_up(now_ns)
        newest = self._last_image_ns
        if newest is not None and stamp_ns < newest - self._disorder_ns:
            self._decide_all()
            for topic in self._topics.values():
                topic.image_went_back()
            newest = None
        for topic in self._topics.values():
            topic.looped = False
        late = newest is not None and stamp_ns < newest
        self._last_image_ns = newest if late else stamp_ns
        self._waiting.append(_Waiting(image, stamp_ns, now_ns, note, late))
        self._decide()

    def add_companion(self, name: str, message: Any, stamp_ns: int, now_ns: int) -> None:
        """Take a message of another topic in."""
        self._give_up(now_ns)
        topic = self._topics[name]
        if topic.jumps_back(stamp_ns):
            self._decide_topic(name, [w for w in self._waiting if name not in w.found])
        topic.add(stamp_ns, message)
        if topic.steady is not None and stamp_ns == self._last_image_ns:
            topic.steady = True
        self._decide()

    def add_unreadable(self, image: Any, now_ns: int, note: Any = None) -> None:
        """Take in an image without a stamp that keeps its place in the order and waits for nothing."""
        self._give_up(now_ns)
        stamp_ns = min(now_ns, LAST_STAMP_NS)
        self._waiting.append(_Waiting(image, stamp_ns, now_ns, note, found=dict.fromkeys(self._topics)))

    def ready(self, now_ns: int | None = None) -> list[Bundle]:
        """Images that need not wait any longer, in order of arrival; all of them without a time (the end)."""
        if now_ns is None:
            self._decide_all()
        else:
            self._give_up(now_ns)
        bundles = []
        while self._waiting and len(self._waiting[0].found) == len(self._topics):
            bundles.append(self._bundle(self._waiting.popleft()))
        return bundles

    def _bundle(self, w: _Waiting) -> Bundle:
        found = {name: message for name, message in w.found.items() if message is not None}
        missing = tuple(
            name for name, topic in self._topics.items() if name not in found and topic.steady is None
        )
        return Bundle(w.image, w.stamp_ns, w.arrived_ns, found, missing, w.note)

    def _decide(self) -> None:
        """Settle what is certain by now, in order of the images."""
        for name, topic in self._topics.items():
            for waiting in self._waiting:
                if name in waiting.found:
                    continue
                if not (topic.settled(waiting.stamp_ns, waiting.late) or topic.steady is False):
                    break
                self._decide_topic(name, [waiting])

    def _give_up(self, now_ns: int) -> None:
        """Settle everything for images that have waited long enough."""
        for waiting in self._waiting:
            if now_ns - waiting.arrived_ns < self._wait_ns:
                break
            for name in self._topics:
                if name not in waiting.found:
                    self._decide_topic(name, [waiting])

    def _decide_all(self) -> None:
        for name in self._topics:
            self._decide_topic(name, [w for w in self._waiting if name not in w.found])

    def _decide_topic(self, name: str, images: list[_Waiting]) -> None:
        topic = self._topics[name]
        tolerance_ns = self._tolerance_ns if topic.steady is None else 0
        for waiting in images:
            message = topic.take(waiting.stamp_ns, tolerance_ns)
            # Images are decided in order, and one that jumps back in time finds the buffer emptied anyway.
            topic.forget(waiting.stamp_ns - tolerance_ns - self._disorder_ns)
            waiting.found[name] = message
            if topic.steady is not None:
                topic.steady = message is not None

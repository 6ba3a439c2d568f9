"""Images joined with their depth and masks by stamp; plain Python."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BUFFER = 8
"""Messages kept for each companion topic: a quarter of a second at 30 Hz."""


@dataclass(frozen=True)
class Bundle:
    """One image message with the companions that came for it."""

    image: Any
    stamp_ns: int
    received_ns: int
    companions: Mapping[str, Any] = field(default_factory=dict)
    """Message by name ("depth", "human", "object"); names that did not come in time are missing."""
    missing: tuple[str, ...] = ()


class StampMatcher:
    """Holds images until their companions are there, or `wait_ns` has passed; not thread-safe."""

    def __init__(self, names: tuple[str, ...], tolerance_ns: int = 0, wait_ns: int = 200_000_000) -> None:
        self._tolerance_ns, self._wait_ns = tolerance_ns, wait_ns
        self._buffers: dict[str, deque[tuple[int, Any]]] = {name: deque(maxlen=BUFFER) for name in names}
        self._waiting: deque[tuple[int, int, Any]] = deque(maxlen=BUFFER)

    def add_image(self, image: Any, stamp_ns: int, received_ns: int) -> list[Bundle]:
        """Bundles that are ready now, oldest first."""
        self._waiting.append((stamp_ns, received_ns, image))
        return self.ready(received_ns)

    def add_companion(self, name: str, message: Any, stamp_ns: int, now_ns: int) -> list[Bundle]:
        """Bundles that are ready now, oldest first."""
        self._buffers[name].append((stamp_ns, message))
        return self.ready(now_ns)

    def ready(self, now_ns: int) -> list[Bundle]:
        """Complete images, and incomplete ones that waited long enough; order of arrival is kept."""
        bundles: list[Bundle] = []
        while self._waiting:
            stamp_ns, received_ns, image = self._waiting[0]
            found = {name: m for name in self._buffers if (m := self._find(name, stamp_ns)) is not None}
            missing = tuple(name for name in self._buffers if name not in found)
            if missing and now_ns - received_ns < self._wait_ns:
                break
            self._waiting.popleft()
            bundles.append(Bundle(image, stamp_ns, received_ns, found, missing))
        return bundles

    def _find(self, name: str, stamp_ns: int) -> Any | None:
        near = [
            (abs(s - stamp_ns), m) for s, m in self._buffers[name] if abs(s - stamp_ns) <= self._tolerance_ns
        ]
        return min(near, key=lambda pair: pair[0])[1] if near else None

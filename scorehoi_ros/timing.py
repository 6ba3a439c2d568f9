"""Wall time of named stages."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class StageTimer:
    """Collects milliseconds by stage name, on top of those of earlier stages; the same name adds up."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        self.ms: dict[str, float] = dict(before or {})

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of the block to `stage`, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[stage] = self.ms.get(stage, 0.0) + (time.perf_counter() - start) * 1e3

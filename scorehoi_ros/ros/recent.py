"""How the node has been doing of late: percentiles, shares and rates of the last frames; plain Python."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.types import Reconstruction, Status

FRAMES = 100
"""Percentiles and shares are of this many frames."""
WINDOW_S = 10.0
"""Rates are means over this long."""


@dataclass(frozen=True)
class Sample:
    """What is kept of a published frame."""

    age_ms: float
    stage_ms: Mapping[str, float]
    status: Status
    warm: float | None = None
    """1 = started from the frame before, 0 = afresh; None = the method does not say."""
    people: float = 1.0
    """In view; one of them is reconstructed."""


def sample_of(result: Reconstruction, age_ms: float) -> Sample:
    """The sample of a result."""
    return Sample(
        age_ms,
        dict(result.stage_ms),
        result.status,
        result.quality.get("warm"),
        result.quality.get("people", 1.0),
    )


def summary(samples: Sequence[Sample]) -> dict[str, str]:
    """Percentiles (`.p50`, `.p95`) of age and stages in ms, and shares 0..1 of frames; empty without any."""
    if not samples:
        return {}
    result = _percentiles("age_ms", [s.age_ms for s in samples])
    for stage in dict.fromkeys(name for s in samples for name in s.stage_ms):
        result |= _percentiles(
            f"stage_ms.{stage}", [s.stage_ms[stage] for s in samples if stage in s.stage_ms]
        )
    result["share_lost"] = _mean(s.status == Status.LOST for s in samples)
    if warm := [s.warm for s in samples if s.warm is not None]:
        result["share_warm"] = _mean(warm)
    if samples[-1].people > 1:
        result["people_in_view"] = f"{samples[-1].people:.0f}"
    return result


class Rates:
    """Per second over the last `WINDOW_S`, from counters that only grow; one that shrinks starts afresh."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, dict[str, int]]] = deque()

    def add(self, now_s: float, counters: Mapping[str, int]) -> dict[str, str]:
        """Take the counters at a time; the rates by the same names, "0.0" until there are two readings."""
        readings, now = self._readings, dict(counters)
        if readings and any(now[name] < before for name, before in readings[-1][1].items()):
            readings.clear()
        readings.append((now_s, now))
        while len(readings) > 2 and now_s - readings[1][0] >= WINDOW_S:
            readings.popleft()
        since_s, before = readings[0]
        passed_s = max(now_s - since_s, 1e-3)
        return {name: f"{(count - before[name]) / passed_s:.1f}" for name, count in now.items()}


def _percentiles(name: str, values: Sequence[float]) -> dict[str, str]:
    p50, p95 = np.percentile(values, [50, 95])
    return {f"{name}.p50": f"{p50:.1f}", f"{name}.p95": f"{p95:.1f}"}


def _mean(values: Iterable[float]) -> str:
    return f"{np.mean(list(values)):.2f}"

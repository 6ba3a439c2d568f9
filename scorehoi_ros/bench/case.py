"""What a case of the bench is, and how one is timed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Values = dict[str, Any]
"""What a case measured, by name: numbers, None where there is nothing to measure."""


@dataclass(frozen=True)
class Setting:
    """What all cases of a run share."""

    device: str = "cpu"
    """torch device of the methods."""
    repeat: int = 20
    """Repetitions that are timed; a case that is slow takes fewer."""
    threads: int = 1
    """Of the method on the CPU."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    about: str
    run: Callable[[Setting], Values]
    ros: bool = False
    """Whether it needs ROS 2."""


def timed(runs: Iterator[float], repeat: int, warm_up: int = 2) -> Values:
    """Percentiles of `repeat` of `runs`, which say their milliseconds, after some that do not count."""
    ms = [next(runs) for _ in range(warm_up + repeat)][warm_up:]
    return spread_of(ms)


def spread_of(ms: list[float]) -> Values:
    """`ms_p50`, `ms_p95`, frames per second at the median, and how many were timed."""
    p50, p95 = (float(np.percentile(ms, p)) for p in (50, 95))
    return {"ms_p50": p50, "ms_p95": p95, "fps": 1e3 / p50 if p50 > 0 else None, "repeat": len(ms)}


def repeated(run: Callable[[], object]) -> Iterator[float]:
    """Milliseconds of one call after the other."""
    while True:
        start = time.perf_counter()
        run()
        yield 1e3 * (time.perf_counter() - start)

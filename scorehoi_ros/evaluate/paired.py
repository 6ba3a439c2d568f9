"""How much one method differs from another on the same frames, with intervals from a paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.evaluate.run import Tally
from scorehoi_ros.evaluate.scores import Scores
from scorehoi_ros.types import Floats

MEANS = (
    "cd_human_cm", "cd_object_cm", "contact_p", "contact_r",
    "penetration_mm", "floor_gap_mm", "mpjpe_mm", "object_rot_deg",
)  # fmt: skip
"""Metrics whose means are compared; `contact_f`, from the means of precision and recall, comes besides."""
RESAMPLES = 2000
FEW = 20
"""Units below which a percentile interval is plainly too narrow: it never leaves the range of the data."""
INTERVAL = (2.5, 97.5)
"""Percentiles of the resamples."""


@dataclass(frozen=True)
class Difference:
    """One method minus another, in the unit of the metric, with its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None
    """None where there are fewer than two units to draw from."""

    @property
    def clear(self) -> bool:
        """The interval excludes zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """One method compared with the full one."""

    method: str
    pairs: int
    """Frames that both answered: the differences are of these."""
    units: int
    """Single frames and sequences that the pairs are of."""
    failures: int
    """Frames that one of the two, or both, failed at."""
    differences: dict[str, Difference | None]
    """None where one of the two cannot be measured."""


def compare(method: str, mine: Tally, full: Tally) -> Comparison:
    """A method beside the full one; both tallies hold the same frames in the same order."""
    both = [a and b for a, b in zip(mine.answered, full.answered, strict=True)]
    kept = [i for i, answered in enumerate(both) if answered]
    units = [full.units[i] for i in kept]
    differences = paired_differences([mine.frames[i] for i in kept], [full.frames[i] for i in kept], units)
    return Comparison(method, len(kept), len(set(units)), len(both) - len(kept), differences)


def paired_differences(
    mine: Sequence[Scores], other: Sequence[Scores], units: Sequence[int], seed: int = 0
) -> dict[str, Difference | None]:
    """`mine` minus `other`, frame by frame the same, in every compared metric.

    What is drawn again (with replacement, as often as there are) is a unit with all its frames: frames of one
    sequence resemble each other and count as one draw.  Both methods get the same draws.
    """
    names, place = np.unique(np.asarray(units, np.int64), return_inverse=True)
    if not len(names):
        return dict.fromkeys((*MEANS, "contact_f"))
    draws = _draws(len(names), seed)
    a, b = (_statistics(frames, place, draws) for frames in (mine, other))
    return {name: _difference(a[name] - b[name], len(names)) for name in a}


def _draws(units: int, seed: int) -> Floats:
    """(1 + RESAMPLES, units) how often each unit is drawn; the first row takes each once: the data itself."""
    rng = np.random.default_rng(seed)
    again = rng.multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    return np.concatenate([np.ones((1, units)), again])


def _statistics(frames: Sequence[Scores], place: NDArray[np.intp], draws: Floats) -> dict[str, Floats]:
    """(1 + RESAMPLES,) of each metric; NaN where no drawn frame has it."""
    result = {name: _means(frames, name, place, draws) for name in MEANS}
    p, r = result["contact_p"], result["contact_r"]
    # Who predicts no contact where there is some has no precision, and F 0: as in `run.averages`.
    total = np.where(np.isnan(p), 0.0, p) + r
    product = np.where(np.isnan(p), 0.0, p) * r
    return result | {"contact_f": np.divide(2 * product, total, out=0 * total, where=total > 0)}


def _means(frames: Sequence[Scores], name: str, place: NDArray[np.intp], draws: Floats) -> Floats:
    values = np.array([np.nan if (v := scores.get(name)) is None else v for scores in frames], np.float64)
    known = np.isfinite(values)
    sums = draws @ np.bincount(place, np.where(known, values, 0.0))
    counts = draws @ np.bincount(place, known)
    return np.divide(sums, counts, out=np.full(len(draws), np.nan), where=counts > 0)


def _difference(values: Floats, units: int) -> Difference | None:
    """From (1 + RESAMPLES,) values, of which the first is that of the data."""
    if np.isnan(values[0]):
        return None
    if units < 2:
        return Difference(float(values[0]))
    low, high = np.nanpercentile(values[1:], INTERVAL)
    return Difference(float(values[0]), float(low), float(high))

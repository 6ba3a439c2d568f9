"""Where the floor is: across gravity where that is known, else across what the scene says is up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.types import Floats, Floor

GRAVITY_SIGMA_RAD = 0.03
"""Of a direction from TF or from the user: mounts and calibrations are not better; the contact predictor was
trained with floors that are off by as much."""
OFFSET_SIGMA_M = {"gravity": 0.08, "estimated": 0.1}
"""Standard deviation of the floor's height under the person: mostly how far away the person is (validation
scenes, tools/measure_floor.py)."""
_LOWEST_SHARE = 0.005
"""The floor goes through this quantile of the heights, so that a single vertex does not set it."""
_ROUNDS = 4
_TAIL = 2.0
"""Squares, in standard deviations, at which a doubtful hint has lost half of its weight."""


@dataclass(frozen=True)
class Hint:
    """One opinion about which way is up, in the camera frame."""

    up: Floats
    """(3,) unit."""
    precision: Floats
    """(3, 3) 1/rad^2: a true up of u speaks against it by (u - up)^T precision (u - up)."""
    doubtful: bool = True
    """It may be wrong altogether (a foot in the air, a trunk bent over), and then counts less the more it
    disagrees with the others."""


def even_hint(up: Floats, sigma_rad: float) -> Hint:
    """A doubtful hint (3,) of any length, off by `sigma_rad` about each axis across it."""
    return Hint(up / np.linalg.norm(up), np.eye(3) / sigma_rad**2)


def combined(hints: Sequence[Hint]) -> tuple[Floats, float]:
    """Up (3,) unit, and the standard deviation in radians of its tilt about each axis across it.

    The precision-weighted mean of the hints, at least one, on the sphere.  Doubtful ones are weighted anew by
    how well they agree with the mean (Student's t), so that one that is wrong altogether hardly pulls.
    """
    weights = np.ones(len(hints))
    ups = np.stack([hint.up for hint in hints])
    precisions = np.stack([hint.precision for hint in hints])
    doubtful = np.array([hint.doubtful for hint in hints])
    for _ in range(_ROUNDS):
        scaled = weights[:, None, None] * precisions
        total = scaled.sum(0)
        up = np.linalg.solve(total, np.einsum("nij,nj->i", scaled, ups))
        up = up / np.linalg.norm(up)
        off = ups - up
        squares = np.einsum("ni,nij,nj->n", off, precisions, off)
        weights = np.where(doubtful, _TAIL / (_TAIL + squares), 1.0)
    across = np.eye(3) - np.outer(up, up)
    variance = float(np.trace(across @ np.linalg.inv(total) @ across)) / 2
    return up, float(np.sqrt(variance))


def floor_under(points: Floats, gravity: Sequence[float] | Floats, hints: Sequence[Hint]) -> Floor:
    """The plane under the lowest of the points (V, 3) of what stands on it, metres, camera frame.

    Across `gravity` (3,), any length, or where that is empty across what the hints, at least one, say.
    """
    if len(gravity):
        up = -np.asarray(gravity, np.float64)
        floor = Floor(up / np.linalg.norm(up), 0.0, "gravity", GRAVITY_SIGMA_RAD, OFFSET_SIGMA_M["gravity"])
    else:
        up, sigma = combined(hints)
        floor = Floor(up, 0.0, "estimated", sigma, OFFSET_SIGMA_M["estimated"])
    return replace(floor, offset=low_quantile(points.astype(np.float64) @ floor.normal, _LOWEST_SHARE))


def low_quantile(values: Floats, share: float) -> float:
    """The quantile of values (n,), between its neighbours; as `np.quantile`, in less time."""
    place = share * (len(values) - 1)
    below = int(place)
    ranks = [below, min(below + 1, len(values) - 1)]
    low, high = np.partition(values, ranks)[ranks]
    return float(low + (high - low) * (place - below))

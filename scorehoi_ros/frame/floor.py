"""Where the floor is: under the person, across gravity."""

from collections.abc import Sequence

import numpy as np

from scorehoi_ros.types import Floats, Floor

_LEVEL_UP = np.array([0.0, -1.0, 0.0])
_LOWEST_PERCENT = 0.5
"""The floor goes through this percentile of the heights, so that a single vertex does not set it."""


def floor_under(vertices: Floats, gravity: Sequence[float] | Floats) -> Floor:
    """The plane across `gravity` (3,) (camera frame, any length) under the body's vertices (V, 3).

    An empty `gravity` = the camera is taken to be level.
    """
    up = -np.asarray(gravity, dtype=np.float64) if len(gravity) else _LEVEL_UP
    up = up / np.linalg.norm(up)
    heights = vertices.astype(np.float64) @ up
    offset = float(np.percentile(heights, _LOWEST_PERCENT))
    return Floor(up, offset, "gravity" if len(gravity) else "guess")

"""MediaPipe's body network on a region of an image: points, world points, visibility, mask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.region import STILL, body_region, cut_out, gap, lay_back, turned
from scorehoi_ros.perception.human.tflite import Network
from scorehoi_ros.types import Floats, Region

NUM_POINTS = 33
CENTRE, RIM = 33, 34
"""Rows of the auxiliary points that say where to look next."""
NUM_ROWS = 39
PRESENCE = 0.5
"""What the network must be sure of that somebody is in the region: MediaPipe's threshold."""
KERNEL = 9
"""Side of the part of the heat map around a point that refines it."""
LEAST_HEAT = 0.5
"""A heat map refines a point only where it is this sure: MediaPipe's threshold."""


@dataclass(frozen=True)
class Body:
    """A body in a region of an image."""

    pixels: Floats
    """(33, 2) in the image."""
    world: Floats
    """(33, 3) metres, camera-aligned axes, origin mid-hip."""
    visibility: Floats
    """(33,) 0..1."""
    mask: NDArray[np.float32]
    """(256, 256) 0..1, of the region."""
    region: Region
    """Where it was looked for."""
    next_region: Region
    """Where it will be."""


class BodyNetwork:
    """The network `pose_landmark_full`."""

    def __init__(self) -> None:
        self._network = Network("pose_landmark/pose_landmark_full")

    def __call__(self, rgb: NDArray[np.uint8], region: Region) -> Body | None:
        """The body in a region of `rgb` (H, W, 3); None when nobody is there."""
        rows, presence, mask, heat, world = self._network(cut_out(rgb, region, self._network.size))
        if not presence.item() >= PRESENCE:
            return None
        rows = rows.reshape(NUM_ROWS, -1)
        placed = lay_back(refined(rows[:, :2] / self._network.size, heat[0]), region)
        if not np.isfinite(placed).all() or np.allclose(placed[CENTRE], placed[RIM]):
            return None
        next_region = body_region(placed[CENTRE], placed[RIM])
        return Body(
            pixels=placed[:NUM_POINTS],
            world=turned(world.reshape(NUM_ROWS, 3)[:NUM_POINTS].astype(float), region),
            visibility=sigmoid(rows[:NUM_POINTS, 3]).astype(float),
            mask=sigmoid(mask[0, :, :, 0]),
            region=region,
            next_region=next_region if gap(region, next_region) >= STILL else region,
        )


def refined(points: Floats, heat: NDArray[np.float32]) -> Floats:
    """Points (n, 2), 0..1, moved to the centre of the heat near them, where there is enough of it.

    `heat` (h, w, n) logits, one map for each point; as MediaPipe's RefineLandmarksFromHeatmapCalculator.
    """
    height, width, count = heat.shape
    # A fraction is cut towards zero, so that a point just outside counts as inside.
    centre = np.trunc(points * (width, height)).astype(int)
    inside = ((centre >= 0) & (centre < (width, height))).all(axis=1)
    offsets = np.arange(KERNEL) - KERNEL // 2
    columns, rows = (centre[:, axis, None] + offsets for axis in (0, 1))
    near = heat[
        np.clip(rows, 0, height - 1)[:, :, None],
        np.clip(columns, 0, width - 1)[:, None, :],
        np.arange(count)[:, None, None],
    ]
    within = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    warmth = np.where(within, sigmoid(near), 0.0)
    total = np.maximum(warmth.sum(axis=(1, 2)), 1e-9)
    found = np.stack(
        [
            (warmth.sum(axis=1) * columns).sum(axis=1) / total / width,
            (warmth.sum(axis=2) * rows).sum(axis=1) / total / height,
        ],
        axis=1,
    )
    sure = inside & (warmth.max(axis=(1, 2)) >= LEAST_HEAT)
    return np.where(sure[:, None], found, points)


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), without overflow."""
    return 1.0 / (1.0 + np.exp(np.minimum(-values, np.float32(80.0))))

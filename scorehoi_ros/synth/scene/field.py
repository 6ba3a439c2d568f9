"""Signed distances of many points to many objects at once, differentiable in the points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.jit import kernel
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class FieldBatch:
    """Signed distance grids of different sizes, one for each scene of a batch, in one buffer."""

    values: NDArray[np.float32]
    """All nodes of all different grids, one after the other."""
    starts: NDArray[np.int64]
    """(B,) first node of each scene's grid."""
    shapes: NDArray[np.int64]
    """(B, 3)"""
    origins: NDArray[np.float32]
    """(B, 3) metres."""
    spacings: NDArray[np.float32]
    """(B,) metres."""

    def distances(self, points: Tensor) -> Tensor:
        """Signed distances (B, n) metres of points (B, n, 3) float32, each in its object's frame."""
        result: Tensor = _Distance.apply(points, self)
        return result


def stack_fields(grids: Sequence[SignedDistanceGrid]) -> FieldBatch:
    """One grid for each scene; a grid that is used twice is stored once."""
    place: dict[int, int] = {}
    parts, size = [], 0
    for grid in grids:
        if id(grid) not in place:
            place[id(grid)] = size
            parts.append(grid.values.reshape(-1))
            size += grid.values.size
    return FieldBatch(
        np.concatenate(parts) if len(parts) > 1 else parts[0],
        np.array([place[id(grid)] for grid in grids], np.int64),
        np.array([grid.values.shape for grid in grids], np.int64),
        np.array([grid.origin for grid in grids], np.float32),
        np.array([grid.spacing for grid in grids], np.float32),
    )


def distance_and_slope(grid: SignedDistanceGrid, points: Floats) -> tuple[Floats, Floats]:
    """Signed distances (n,) and gradients (n, 3) at a few points (n, 3) of the object's frame."""
    fields = stack_fields([grid])
    flat = np.ascontiguousarray(points[None], np.float32)
    value, slope = np.empty(flat.shape[:2], np.float32), np.empty(flat.shape, np.float32)
    _sample(flat, fields.values, fields.starts, fields.shapes, fields.origins, fields.spacings, value, slope)
    return value[0].astype(np.float64), slope[0].astype(np.float64)


class _Distance(torch.autograd.Function):
    """Trilinear sampling with the gradient of the interpolation; outside the grid its distance is added."""

    @staticmethod
    def forward(ctx, points, fields):  # type: ignore[no-untyped-def]  # noqa: D102
        flat = points.detach().contiguous().numpy()
        value = np.empty(flat.shape[:2], np.float32)
        slope = np.empty(flat.shape, np.float32)
        _sample(
            flat, fields.values, fields.starts, fields.shapes, fields.origins, fields.spacings, value, slope
        )
        ctx.slope = slope
        return torch.from_numpy(value)

    @staticmethod
    def backward(ctx, upstream):  # type: ignore[no-untyped-def]  # noqa: D102
        return upstream.unsqueeze(-1) * torch.from_numpy(ctx.slope), None


@kernel
def _sample(points, values, starts, shapes, origins, spacings, value, slope):  # type: ignore[no-untyped-def]
    place = np.empty(3)
    base = np.empty(3, np.int64)
    beyond = np.empty(3)
    for b in range(points.shape[0]):
        ny, nz = shapes[b, 1], shapes[b, 2]
        for n in range(points.shape[1]):
            outside = 0.0
            for k in range(3):
                u = (points[b, n, k] - origins[b, k]) / spacings[b]
                c = min(max(u, 0.0), shapes[b, k] - 1.0)
                base[k] = min(int(c), shapes[b, k] - 2)
                place[k] = c - base[k]
                beyond[k] = (u - c) * spacings[b]
                outside += beyond[k] * beyond[k]
            at = starts[b] + (base[0] * ny + base[1]) * nz + base[2]
            x, y, z = place[0], place[1], place[2]
            a = values[at] * (1 - z) + values[at + 1] * z
            c00 = values[at + 1] - values[at]
            at2 = at + nz
            d = values[at2] * (1 - z) + values[at2 + 1] * z
            c01 = values[at2 + 1] - values[at2]
            at3 = at + ny * nz
            e = values[at3] * (1 - z) + values[at3 + 1] * z
            c10 = values[at3 + 1] - values[at3]
            at4 = at3 + nz
            f = values[at4] * (1 - z) + values[at4 + 1] * z
            c11 = values[at4 + 1] - values[at4]
            outside = np.sqrt(outside)
            value[b, n] = (a * (1 - y) + d * y) * (1 - x) + (e * (1 - y) + f * y) * x + outside
            slope[b, n, 0] = ((e * (1 - y) + f * y) - (a * (1 - y) + d * y)) / spacings[b]
            slope[b, n, 1] = ((d - a) * (1 - x) + (f - e) * x) / spacings[b]
            slope[b, n, 2] = ((c00 * (1 - y) + c01 * y) * (1 - x) + (c10 * (1 - y) + c11 * y) * x) / spacings[
                b
            ]
            if outside > 0.0:
                for k in range(3):
                    if beyond[k] != 0.0:
                        slope[b, n, k] = 0.0
                    slope[b, n, k] += beyond[k] / outside

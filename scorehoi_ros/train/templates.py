"""The templates of a data set as tensors, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats

GRID = 40
"""Cells along each side of the resampled signed distance grids."""


@dataclass(frozen=True)
class TemplateTable:
    """m templates; the grids are resampled to the same number of cells, so that they stack."""

    points: Tensor
    """(m, 64, 3) metres."""
    rotations: Tensor
    """(m, g, 3, 3) finite symmetries, filled up with the identity."""
    axis: Tensor
    """(m, 3) axis of revolution, zero where there is none."""
    sphere: Tensor
    """(m,) bool."""
    grid: Tensor
    """(m, GRID, GRID, GRID) float16 metres, negative inside."""
    low: Tensor
    """(m, 3) metres, first corner of the grid."""
    extent: Tensor
    """(m, 3) metres, from the first to the last corner."""

    def to(self, device: torch.device | str) -> "TemplateTable":
        """The same on a device."""
        return TemplateTable(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def make_table(templates: Sequence[ObjectTemplate]) -> TemplateTable:
    """The rows in the order of the templates."""
    most = max(len(t.symmetry.rotations) for t in templates)

    def tensor(rows: list[Floats]) -> Tensor:
        return torch.as_tensor(np.stack(rows), dtype=torch.float32)

    boxes = [_box(t.sdf) for t in templates]
    return TemplateTable(
        points=tensor([t.points for t in templates]),
        rotations=tensor([_filled(t.symmetry, most) for t in templates]),
        axis=tensor([np.zeros(3) if t.symmetry.axis is None else t.symmetry.axis for t in templates]),
        sphere=torch.tensor([t.symmetry.sphere for t in templates]),
        grid=torch.stack([_resampled(t.sdf) for t in templates]),
        low=tensor([low for low, _ in boxes]),
        extent=tensor([extent for _, extent in boxes]),
    )


def squared_distance(R: Tensor, true: Tensor, table: TemplateTable, which: Tensor) -> Tensor:
    """(B, k) squared Frobenius distance of rotations R (B, k, 3, 3) to true ones (B, 3, 3), up to symmetry.

    It is 4 (1 - cos angle) for one rotation; about an axis of revolution the turn does not count, and of a
    sphere nothing does.  `which` (B,) are rows of the table.
    """
    same = true[:, None] @ table.rotations[which]
    finite = (R[:, :, None] - same[:, None]).square().sum((-1, -2))
    axis = table.axis[which]
    here, there = (torch.einsum("bkij,bj->bki", M, axis) for M in (R, same))
    turned = 2 * (here[:, :, None] - there[:, None]).square().sum(-1)
    distance = torch.where((axis.norm(dim=-1) > 0.5)[:, None, None], turned, finite).amin(-1)
    return distance.masked_fill(table.sphere[which][:, None], 0.0)


def degrees(squared: Tensor) -> Tensor:
    """The angle of a distance of `squared_distance`."""
    return torch.rad2deg(torch.arccos((1 - squared / 4).clamp(-1, 1)))


def _filled(symmetry: Symmetry, count: int) -> Floats:
    rest = np.tile(np.eye(3), (count - len(symmetry.rotations), 1, 1))
    return np.concatenate((symmetry.rotations, rest))


def _box(grid: SignedDistanceGrid) -> tuple[Floats, Floats]:
    return np.asarray(grid.origin), (np.array(grid.values.shape) - 1) * grid.spacing


def _resampled(grid: SignedDistanceGrid) -> Tensor:
    values = torch.as_tensor(np.asarray(grid.values, np.float32))[None, None]
    size = (GRID, GRID, GRID)
    return torch.nn.functional.interpolate(values, size, mode="trilinear", align_corners=True)[0, 0].half()

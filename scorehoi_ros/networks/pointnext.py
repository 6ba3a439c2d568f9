"""Geometry encoder: what a template is and where on it each of its 64 points lies.

A small PointNeXt (Qian et al., PointNeXt: Revisiting PointNet++ with Improved Training and Scaling
Strategies, NeurIPS 2022) that is trained on shape classes and then frozen, as in the paper.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

POINT_FEATURES = 64
"""Width of the feature of each point."""
DESCRIPTOR = 128
"""Width of the descriptor of the whole shape."""
_INPUT_SCALE = 3.0
"""Templates measure 0.05 to 1.5 m: this brings them near unit size, and keeps them apart by size."""
_STEM, _MIDDLE, _DEEP = 32, 64, 128


class PointNeXt(nn.Module):
    """Features of the points of a template and a descriptor of its shape.

    Two set abstractions (64 -> 32 -> 16 points) with inverted residual blocks, and feature propagation back
    to all points.  Plain tensor operations only, so that it can be exported; run once for each template.
    """

    def __init__(self, features: int = POINT_FEATURES, descriptor: int = DESCRIPTOR) -> None:
        super().__init__()
        self.stem = nn.Sequential(Pointwise(3, _STEM), Pointwise(_STEM, _STEM))
        self.down1 = SetAbstraction(_STEM, _MIDDLE, points=32, neighbours=16)
        self.mix1 = InvertedResidual(_MIDDLE, neighbours=12)
        self.down2 = SetAbstraction(_MIDDLE, _DEEP, points=16, neighbours=12)
        self.mix2 = InvertedResidual(_DEEP, neighbours=8)
        self.whole = Pointwise(3 + _DEEP, descriptor)
        self.join = nn.Linear(2 * descriptor, descriptor)
        self.up2 = Pointwise(_DEEP + _MIDDLE, _MIDDLE)
        self.up1 = Pointwise(_MIDDLE + _STEM, _MIDDLE)
        self.out = nn.Linear(_MIDDLE + descriptor, features)

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 64, features) and descriptor (B, descriptor) of points (B, 64, 3).

        Points are metres in the template's own frame, whose origin is their mean.
        """
        p0 = _INPUT_SCALE * points
        f0 = self.stem(p0)
        p1, f1 = self.down1(p0, f0)
        f1 = self.mix1(p1, f1)
        p2, f2 = self.down2(p1, f1)
        f2 = self.mix2(p2, f2)
        deep = self.whole(torch.cat((p2, f2), dim=-1))
        shape = self.join(torch.cat((deep.amax(1), deep.mean(1)), dim=-1))
        f1 = self.up2(torch.cat((interpolated(p1, p2, f2), f1), dim=-1))
        f0 = self.up1(torch.cat((interpolated(p0, p1, f1), f0), dim=-1))
        everywhere = shape[:, None].expand(-1, points.shape[1], -1)
        return self.out(torch.cat((f0, everywhere), dim=-1)), shape


class Pointwise(nn.Module):
    """Linear layer, batch normalisation and ReLU over the last dimension."""

    def __init__(self, inputs: int, outputs: int, active: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        x = self.linear(x)
        x = self.norm(x.flatten(0, -2)).view_as(x)
        return relu(x) if self.active else x


class Look(nn.Module):
    """What a neighbourhood holds: one layer of positions and features, and the largest answer.

    The linear layer is applied to the features before they are grouped, which is the same and cheaper.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.place = nn.Linear(3, outputs, bias=False)
        self.feature = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, centres: Tensor, points: Tensor, features: Tensor) -> Tensor:
        """(B, m, outputs) about centres (B, m, 3) from points (B, n, 3) with features (B, n, inputs)."""
        around, index = neighbourhood(centres, points, self.neighbours)
        grouped = self.place(around) + gathered(self.feature(features), index)
        return relu(self.norm(grouped.flatten(0, -2)).view_as(grouped)).amax(2)


class SetAbstraction(nn.Module):
    """Fewer points, each with what its neighbourhood holds (Qi et al., PointNet++, 2017)."""

    def __init__(self, inputs: int, outputs: int, points: int, neighbours: int) -> None:
        super().__init__()
        self.points = points
        self.look = Look(inputs, outputs, neighbours)

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Of points (B, n, 3) with features (B, n, inputs): (B, m, 3) and (B, m, outputs)."""
        centres = gathered(points, farthest(points, self.points)[..., None])[:, :, 0]
        return centres, self.look(centres, points, features)


class InvertedResidual(nn.Module):
    """InvResMLP of PointNeXt: one look at the neighbours, then a wide pointwise MLP, with a shortcut."""

    def __init__(self, width: int, neighbours: int) -> None:
        super().__init__()
        self.look = Look(width, width, neighbours)
        self.widen = Pointwise(width, 4 * width)
        self.narrow = Pointwise(4 * width, width, active=False)

    def forward(self, points: Tensor, features: Tensor) -> Tensor:
        """New features of the shape of `features` (B, n, width) at points (B, n, 3)."""
        seen = self.look(points, points, features)
        return relu(features + self.narrow(self.widen(seen)))


def farthest(points: Tensor, count: int) -> Tensor:
    """(B, count) indices of points (B, n, 3), each the farthest from those before it.

    The first is the one farthest from the mean, so the choice does not depend on the order of the points.
    """
    last = (points - points.mean(1, keepdim=True)).square().sum(-1).argmax(-1, keepdim=True)
    chosen, nearest = [last], torch.full(points.shape[:2], torch.inf, device=points.device)
    for _ in range(count - 1):
        here = gathered(points, last[..., None])[:, :, 0]
        nearest = torch.minimum(nearest, (points - here).square().sum(-1))
        last = nearest.argmax(-1, keepdim=True)
        chosen.append(last)
    return torch.cat(chosen, dim=-1)


def neighbourhood(centres: Tensor, points: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The nearest `count` of points (B, n, 3) about centres (B, m, 3), in place of a ball of fixed radius.

    Positions relative to the centre (B, m, count, 3), in units of the mean radius of the neighbourhoods of a
    cloud (templates differ twentyfold in size), and indices (B, m, count).
    """
    distance, index = torch.cdist(centres, points).topk(count, dim=-1, largest=False)
    radius = distance.amax(-1).mean(-1).clamp_min(1e-6)
    return (gathered(points, index) - centres[:, :, None]) / radius[:, None, None, None], index


def gathered(values: Tensor, index: Tensor) -> Tensor:
    """Rows of values (B, n, c) at index (B, m, k): (B, m, k, c)."""
    rows = index.flatten(1)[..., None].expand(-1, -1, values.shape[-1])
    return values.gather(1, rows).unflatten(1, index.shape[1:])


def interpolated(points: Tensor, known: Tensor, features: Tensor) -> Tensor:
    """Features (B, n, c) at points (B, n, 3) from the three nearest known points (B, m, 3) (PointNet++)."""
    distance, index = torch.cdist(points, known).topk(3, dim=-1, largest=False)
    weight = 1 / (distance + 1e-4)
    weight = weight / weight.sum(-1, keepdim=True)
    return (gathered(features, index) * weight[..., None]).sum(2)

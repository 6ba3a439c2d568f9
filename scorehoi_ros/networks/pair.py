"""A person and an object as tokens: 431 of the body and 64 of the template, for contacts and meshes.

Each token knows what the image shows where it projects, where it is, how near the other side is and which
part of the body or of the template it is.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scorehoi_ros.geometry.view import crop_units
from scorehoi_ros.networks.blocks import mlp
from scorehoi_ros.types import CONTACT_DISTANCE_M, NUM_HUMAN_TOKENS

_REACH_M = 0.3
"""Distances beyond this are all far."""
_FREQUENCIES = (4.0, 12.0)
"""Of the waves over positions, radians per metre: features by which attention finds neighbours."""
_PLACE = 3 * (1 + 2 * len(_FREQUENCIES))
_DISTANCE = 3
_TO_OTHER = 3 + _DISTANCE
_HUMAN = _PLACE + _TO_OTHER + _DISTANCE + 1
_OBJECT = _PLACE + _TO_OTHER + 3 + _DISTANCE + 1 + 2
_SURE = 6.0
"""Logits beyond this say no more."""


class Pair(NamedTuple):
    """A state (true, estimated or half refined) with what the image says; B samples.

    Metres; the view frame (axis through the centre of the crop) with the pelvis as origin.
    """

    human: Tensor
    """(B, 431, 3) body tokens."""
    thing: Tensor
    """(B, 64, 3) points of the object."""
    template: Tensor
    """(B, 64, 3) the same points in the template's frame."""
    human_xy: Tensor
    """(B, 431, 2) where the tokens project, -1..1 between the edges of the crop."""
    thing_xy: Tensor
    """(B, 64, 2)"""
    distance: Tensor
    """(B, 431) signed distance of the tokens to the object's surface: 64 points are too sparse to tell."""
    height: Tensor
    """(B, 64) of the object's points over the floor; 0 without one."""
    floor: Tensor
    """(B,) 1 where the floor is known, else 0."""
    geometry: Tensor
    """(B, 64, g) features of the template's points (`pointnext`)."""
    image: Tensor
    """(B, c, 8, 8) feature map F of the crop."""
    landmarks: Tensor
    """(B, 75, c) tokens of the landmarks."""
    said_human: Tensor
    """(B, 431) logits of M_h as the regressor's own head says them from the image; 0 = no opinion."""
    said_thing: Tensor
    """(B, 64) of M_o."""
    said_floor: Tensor
    """(B, 64) of M_f."""


def centred(human: Tensor, thing: Tensor, pelvis: Tensor, K_view: Tensor, side: int, **rest: Tensor) -> Pair:
    """A pair from points in the view frame: tokens (B, 431, 3), object points (B, 64, 3), pelvis (B, 3).

    `K_view` (B, 3, 3) takes them to pixels of the crop of `side` pixels; `rest` are the other fields.
    """
    middle = pelvis[:, None]
    human_xy, thing_xy = (_in_crop(points, K_view, side) for points in (human, thing))
    return Pair(human=human - middle, thing=thing - middle, human_xy=human_xy, thing_xy=thing_xy, **rest)


def _in_crop(points: Tensor, K_view: Tensor, side: int) -> Tensor:
    """Points (B, n, 3) of the view frame in the crop, -1..1."""
    seen = points @ K_view.mT
    return crop_units(seen[..., :2] / seen[..., 2:].clamp_min(0.1), side)


class Contacts(NamedTuple):
    """M_h, M_o and M_f, as logits or as probabilities."""

    human: Tensor
    """(B, 431) that a body token is within 5 cm of the object."""
    thing: Tensor
    """(B, 64) that a template point is within 5 cm of the body."""
    floor: Tensor
    """(B, 64) that a template point is within 5 cm of the floor."""


class PairTokens(nn.Module):
    """The tokens of both sides, and those of the landmarks as further keys."""

    def __init__(self, features: int, geometry: int, width: int) -> None:
        super().__init__()
        self.image = nn.Conv2d(features, width, 1)
        self.landmark = nn.Linear(features, width)
        self.identity = nn.Parameter(0.02 * torch.randn(NUM_HUMAN_TOKENS, width))
        self.human = mlp(_HUMAN, width, width)
        self.thing = mlp(_OBJECT + geometry, width, width)

    def forward(self, pair: Pair) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 431, width) of the human, (B, 64, width) of the object, (B, 75, width) of the landmarks."""
        spread = _squares(pair.human, pair.thing)
        to_thing = _nearest(pair.human, pair.thing, spread)
        to_human = _nearest(pair.thing, pair.human, spread.transpose(1, 2))
        said = [
            x.clamp(-_SURE, _SURE)[..., None] / 3 for x in (pair.said_human, pair.said_thing, pair.said_floor)
        ]
        human = torch.cat((_place(pair.human), to_thing, nearness(pair.distance), said[0]), dim=-1)
        known = pair.floor[:, None, None].expand(-1, pair.thing.shape[1], 1)
        height = nearness(pair.height) * known
        rest = (3 * pair.template, height, known, pair.geometry, *said[1:])
        thing = torch.cat((_place(pair.thing), to_human, *rest), dim=-1)
        seen_human, seen_thing = self._seen(pair)
        human = self.human(human) + seen_human + self.identity
        return human, self.thing(thing) + seen_thing, self.landmark(pair.landmarks)

    def _seen(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """What the map shows where the points project: F_h and F_o of the paper.

        The map is made narrow before it is sampled, which is the same and cheaper.
        """
        narrow = self.image(pair.image)
        xy = torch.cat((pair.human_xy, pair.thing_xy), dim=1)
        sampled = _shares(xy, narrow.shape[-1]) @ narrow.flatten(2).transpose(1, 2)
        human, thing = sampled.split((pair.human.shape[1], pair.thing.shape[1]), dim=1)
        return human, thing


def _shares(xy: Tensor, side: int) -> Tensor:
    """(B, n, side^2) shares of a map's cells, row after row, in its values at places (B, n, 2), -1..1.

    Bilinear, and beyond the middles of the outer cells as they are: `grid_sample` with its border, but one
    product for all channels of a small map.
    """
    cells = torch.arange(side, dtype=xy.dtype, device=xy.device)
    at = (((xy + 1) * side - 1) / 2).clamp(0, side - 1)
    x, y = (1 - (at[..., None] - cells).abs()).clamp_min(0).unbind(-2)
    return (y[..., :, None] * x[..., None, :]).flatten(-2)


def _squares(points: Tensor, others: Tensor) -> Tensor:
    """(B, n, m) squared distances; axis by axis, for rows of three are slow."""
    axes = zip(points.unbind(-1), others.unbind(-1), strict=True)
    x, y, z = ((p[:, :, None] - o[:, None]).square() for p, o in axes)
    return x + y + z


def nearness(distance: Tensor) -> Tensor:
    """(..., 3) of signed distances (...) in metres: coarse, fine, and beyond the contact threshold or not."""
    coarse = distance.clamp(-_REACH_M, _REACH_M) / _REACH_M
    fine = (distance / CONTACT_DISTANCE_M).tanh()
    side = ((distance - CONTACT_DISTANCE_M) / (0.4 * CONTACT_DISTANCE_M)).tanh()
    return torch.stack((coarse, fine, side), dim=-1)


def _place(points: Tensor) -> Tensor:
    """(B, n, 15) positions (B, n, 3) with waves of them."""
    waves = [wave for f in _FREQUENCIES for wave in ((f * points).sin(), (f * points).cos())]
    return torch.cat((points, *waves), dim=-1)


def _nearest(points: Tensor, others: Tensor, squares: Tensor) -> Tensor:
    """(B, n, 6) vector to the nearest of the others (B, m, 3) and its length; squared distances (B, n, m)."""
    square, index = squares.min(-1)
    to = others.gather(1, index[..., None].expand(-1, -1, 3)) - points
    return torch.cat((to.clamp(-_REACH_M, _REACH_M) / _REACH_M, nearness((square + 1e-8).sqrt())), dim=-1)

"""Mesh regressor: the last correction of body tokens and object points, given what touches.

After the contact-based refinement transformer (CRFormer) of CONTHO (Nam et al., CVPR 2024), as ScoreHOI uses
it: two branches of four layers, which look at their own side and then at the other.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scorehoi_ros.geometry.procrustes import fit_rigid
from scorehoi_ros.networks.blocks import CrossBlock, SelfBlock
from scorehoi_ros.networks.pair import Contacts, Pair, PairTokens

WIDTH, HEADS, LAYERS = 64, 2, 4
_STEP_M = 0.1
"""Offsets come in this unit."""


class Offsets(NamedTuple):
    """Where the points of a pair should go, metres, view frame; the pelvis stays the origin."""

    human: Tensor
    """(B, 431, 3)"""
    thing: Tensor
    """(B, 64, 3); not rigid, see `moved_object`."""


class MeshRegressor(nn.Module):
    """Offsets of a pair; zero before any training.

    `features` is the width of F and of the landmark tokens, `geometry` that of the template's features.
    """

    def __init__(self, features: int, geometry: int, width: int = WIDTH, layers: int = LAYERS) -> None:
        super().__init__()
        self.tokens = PairTokens(features, geometry, width)
        self.human_contact = nn.Linear(1, width, bias=False)
        self.thing_contact = nn.Linear(2, width, bias=False)
        self.human = nn.ModuleList(Branch(width) for _ in range(layers))
        self.thing = nn.ModuleList(Branch(width) for _ in range(layers))
        self.human_head, self.thing_head = _head(width), _head(width)

    def forward(self, pair: Pair, contacts: Contacts) -> Offsets:
        """Offsets of both sides, given the probabilities of contact."""
        human, thing, landmarks = self.tokens(pair)
        human = human + self.human_contact(contacts.human[..., None])
        thing = thing + self.thing_contact(torch.stack((contacts.thing, contacts.floor), dim=-1))
        for of_human, of_thing in zip(self.human, self.thing, strict=True):
            human, thing = (
                of_human(human, torch.cat((thing, landmarks), dim=1)),
                of_thing(thing, torch.cat((human, landmarks), dim=1)),
            )
        return Offsets(_STEP_M * self.human_head(human), _STEP_M * self.thing_head(thing))


class Branch(nn.Module):
    """One layer of one side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = SelfBlock(width, HEADS)
        self.other = CrossBlock(width, HEADS)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """Tokens of the shape of `x` (B, n, width), after a look at `other` (B, m, width)."""
        y: Tensor = self.other(self.own(x), other)
        return y


def moved_object(
    thing: Tensor, offsets: Tensor, R: Tensor, t: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The pose R (B, 3, 3), t (B, 3) that was given, moved by the rigid part of the offsets of its points.

    `thing` and `offsets` (B, 64, 3) in the frame of the pose, `weights` (B, 64), None = all alike.
    """
    weights = torch.ones_like(thing[..., 0]) if weights is None else weights
    turn, shift = fit_rigid(thing, thing + offsets, weights)
    return turn @ R, (turn @ t[..., None])[..., 0] + shift


def _head(width: int) -> nn.Sequential:
    linear = nn.Linear(width, 3)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.LayerNorm(width), linear)

"""The last correction: from a refined answer, and what it was refined from, to where the truth is likelier.

It stands where ScoreHOI has its mesh regressor, but moves the unknowns instead of points: whatever it says is
a body and a rigid object.  It sees what no term of the energy says: how the network errs, how an alignment
errs after it, and that errors of limbs, shape and distance go together.  Untrained it changes nothing.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scorehoi_ros.networks.blocks import CrossBlock, SelfBlock, table, zero_linear
from scorehoi_ros.networks.regressor import NUM_BODY, NUM_QUERIES
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, NUM_LANDMARKS

WIDTH, HEADS, LAYERS = 96, 4, 3
UNKNOWNS = (6 * NUM_JOINTS, NUM_BETAS, 3, 3, 3)
"""How many numbers theta, betas, camera, place and turn have: the unknowns of an alignment, in its order."""
NUM_TERMS = 12
"""Of the energy of an alignment."""
_HANDS = (NUM_JOINTS - NUM_BODY) // 2
_METRES, _FAR = 3.0, 4.0
"""Factor that brings metres of a body or an object near one; projections are cut at so many half crops."""
_HIPS = slice(23, 25)


class Refined(NamedTuple):
    """B refined answers, and what is known of their frames; view frame."""

    values: Tensor
    """(B, 328) theta, betas, camera, place of the answer, see `alignment.state`."""
    R_o: Tensor
    """(B, 6) object -> view."""
    steps: Tensor
    """(B, 331) from what the regressor said to the answer, standard deviations."""
    log_sigma: Tensor
    """(B, 331) logarithms of these."""
    focal: Tensor
    """(B,) sides of the crop."""
    joints: Tensor
    """(B, 52, 3) metres from the pelvis."""
    points: Tensor
    """(B, 75, 3) metres, the landmarks of the answer's body."""
    seen: Tensor
    """(B, 75, 2) detected landmarks, -1..1 in the crop; this and the next two as in `regressor.Seen`."""
    world: Tensor
    """(B, 75, 3)"""
    confidence: Tensor
    """(B, 75)"""
    terms: Tensor
    """(B, 12) what the answer costs, see `alignment.weights.TERMS`."""
    overlap: Tensor
    """(B,) of the object's outline with its mask, 0..1."""
    template: Tensor
    """(B, 64, 3) metres, object frame."""
    shapes: Tensor
    """(B, 64, g) what the geometry encoder says of these points."""
    queries: Tensor
    """(B, 28, c) of the regressor; the next two too."""
    landmark_tokens: Tensor
    """(B, 75, c)"""
    features: Tensor
    """(B, c, s, s)"""


class Corrector(nn.Module):
    """Steps from refined answers towards the truth.

    `features` is the width of the regressor's tokens, `cells` how many its feature map has, `geometry` the
    number of shape features.
    """

    def __init__(
        self, features: int, cells: int, geometry: int, width: int = WIDTH, layers: int = LAYERS
    ) -> None:
        super().__init__()
        self.into = nn.ModuleDict(
            {
                "joint": nn.Linear(3 * 6 + 3, width),
                "hand": nn.Linear(3 * 6 * _HANDS, width),
                "shape": nn.Linear(3 * NUM_BETAS, width),
                "camera": nn.Linear(3 * 3 + 1, width),
                "place": nn.Linear(3 * 3, width),
                "turn": nn.Linear(6 + 2 * 3, width),
                "cost": nn.Linear(NUM_TERMS + 1, width),
            }
        )
        self.names = table(NUM_BODY + 7, width)
        self.query, self.query_names = nn.Linear(features, width), table(NUM_QUERIES, width)
        self.cell, self.cell_names = nn.Linear(features, width), table(cells, width)
        self.landmark, self.landmark_names = nn.Linear(features, width), table(NUM_LANDMARKS, width)
        self.fit = nn.Linear(3 * 3 + 3 * 2 + 1, width)
        self.point, self.kind = nn.Linear(2 * 3, width), nn.Linear(geometry, width)
        self.look = nn.ModuleList(CrossBlock(width, HEADS) for _ in range(layers))
        self.think = nn.ModuleList(SelfBlock(width, HEADS) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        sizes = {"joint": 6, "hand": 6 * _HANDS, "shape": NUM_BETAS, "camera": 3, "place": 3, "turn": 3}
        self.out = nn.ModuleDict({name: zero_linear(width, count) for name, count in sizes.items()})

    def forward(self, refined: Refined) -> Tensor:
        """(B, 331) steps from the answers, in the standard deviations of what the regressor said."""
        x, memory = self._latent(refined) + self.names, self._memory(refined)
        for look, think in zip(self.look, self.think, strict=True):
            x = think(look(x, memory))
        x, hands = self.norm(x), NUM_BODY + 2
        out = self.out
        one = [out[name](x[:, hands + row]) for row, name in enumerate(("shape", "camera", "place", "turn"))]
        body, fingers = out["joint"](x[:, :NUM_BODY]), out["hand"](x[:, NUM_BODY:hands])
        return torch.cat((body.flatten(1), fingers.flatten(1), *one), 1)

    def _latent(self, r: Refined) -> Tensor:
        """(B, 29, width): joints, hands, shape, camera, place, turn, and what the answer costs."""
        into = self.into
        value = r.values.split(UNKNOWNS[:-1], 1)
        step, sigma = r.steps.split(UNKNOWNS, 1), r.log_sigma.split(UNKNOWNS, 1)
        parts = [torch.stack(three, -1) for three in zip(value, step, sigma, strict=False)]
        theta, (betas, camera, place) = (
            parts[0].unflatten(1, (NUM_JOINTS, -1)),
            (p.flatten(1) for p in parts[1:]),
        )
        body = torch.cat((theta[:, :NUM_BODY].flatten(2), _METRES * r.joints[:, :NUM_BODY]), 2)
        hands = theta[:, NUM_BODY:].unflatten(1, (2, _HANDS)).flatten(2)
        one = [
            into["shape"](betas),
            into["camera"](torch.cat((camera, r.focal[:, None]), 1)),
            into["place"](place),
            into["turn"](torch.cat((r.R_o, step[4], sigma[4]), 1)),
            into["cost"](torch.cat((r.terms.clamp_min(0).log1p(), r.overlap[:, None]), 1)),
        ]
        return torch.cat((into["joint"](body), into["hand"](hands), torch.stack(one, 1)), 1)

    def _memory(self, r: Refined) -> Tensor:
        """(B, m, width): what the regressor saw, how the answer fits the landmarks, and the object."""
        body = r.points - r.points[:, _HIPS].mean(1, keepdim=True)
        z = r.points[..., 2:].clamp_min(0.1)
        there = (2 * r.focal[:, None, None] * r.points[..., :2] / z).clamp(-_FAR, _FAR)
        told = (body, r.world, body - r.world, there, r.seen, there - r.seen, r.confidence[..., None])
        parts = (
            self.query(r.queries) + self.query_names,
            self.cell(r.features.flatten(2).transpose(1, 2)) + self.cell_names,
            self.landmark(r.landmark_tokens) + self.landmark_names + self.fit(torch.cat(told, 2)),
            self.point(_METRES * torch.cat((r.template, _posed(r.template, r.R_o)), 2)) + self.kind(r.shapes),
        )
        return torch.cat(parts, 1)


def _posed(points: Tensor, six: Tensor) -> Tensor:
    """Points (B, 64, 3) turned by orthonormal 6D rotations (B, 6)."""
    a, b = six.split(3, 1)
    return points @ torch.stack((a, b, torch.linalg.cross(a, b)), 1)

"""The affordance-aware regressor: one frame to a human, an object, and how sure that is (ScoreHOI, 3.2).

Everything is said in the view frame: the camera turned so that its z axis goes through the middle of the
crop.  What is seen of one person looks the same wherever it stands in the image.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from scorehoi_ros.geometry.rotation import orthonormal_6d
from scorehoi_ros.networks.blocks import SelfBlock, mlp
from scorehoi_ros.networks.image import IMAGE_NETS
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.sizes import RegressorSize
from scorehoi_ros.types import NUM_BETAS, NUM_HUMAN_TOKENS, NUM_JOINTS, NUM_LANDMARKS, NUM_OBJECT_POINTS

HEADS = 8
NUM_BODY = 22
"""Joints that have a query of their own; the 30 of the hands share two."""
SHAPE, CAMERA, ROTATION, PLACE = 24, 25, 26, 27
"""Rows of the other queries; 22 and 23 are the hands."""
NUM_QUERIES = 28
_METRES, _EXTENT, _LANDMARK = 3.0, 5.0, 2.0
"""Factors that bring template points, template sizes and world landmarks near one."""


class Seen(NamedTuple):
    """One frame as the network is given it; B frames."""

    masks: Tensor
    """(B, 2, S, S) human and object, 0..1; zero where there is none."""
    landmarks: Tensor
    """(B, 75, 2) in the crop, -1..1."""
    world: Tensor
    """(B, 75, 3) metres, view axes, about the hips."""
    confidence: Tensor
    """(B, 75); 0 = not seen."""
    focal: Tensor
    """(B,) focal length in sides of the crop."""
    scores: Tensor
    """(B, 2) trust in the masks, 0..1."""
    points: Tensor
    """(B, 64, 3) metres, the template."""
    shapes: Tensor
    """(B, 64, POINT_FEATURES) what the geometry encoder says of the template points."""


class Guess(NamedTuple):
    """What the network says; view frame; B frames."""

    theta: Tensor
    """(B, 52, 6) orthonormal; row 0 = global_orient, body -> view."""
    betas: Tensor
    """(B, 10)"""
    camera: Tensor
    """(B, 3) pelvis: x, y in the crop, and log(depth / focal)."""
    rotations: Tensor
    """(B, k, 6) object -> view, k hypotheses."""
    logits: Tensor
    """(B, k) of the hypotheses."""
    place: Tensor
    """(B, 3) object origin: x, y in the crop, and depth behind the pelvis in metres."""
    human_contact: Tensor
    """(B, 431) logits of M_h."""
    object_contact: Tensor
    """(B, 64) logits of M_o."""
    floor_contact: Tensor
    """(B, 64) logits of M_f."""
    log_theta: Tensor
    """(B, 52, 6) log standard deviation of `theta`; the next ones in the same way."""
    log_betas: Tensor
    """(B, 10)"""
    log_camera: Tensor
    """(B, 3)"""
    log_place: Tensor
    """(B, 3)"""
    log_turn: Tensor
    """(B, k) radians about each axis."""
    queries: Tensor
    """(B, 28, width) what the answers were read from."""
    features: Tensor
    """(B, width, s, s) F, for whoever samples it."""
    landmark_tokens: Tensor
    """(B, 75, width)"""


class Regressor(nn.Module):
    """Image, landmark and template tokens with 28 queries through one transformer; a head for each query."""

    usual: Tensor
    """(52, 6) log of the errors of theta over all frames; the heads say by how much a frame differs."""
    mean_theta: Tensor
    mean_rotations: Tensor

    def __init__(self, size: RegressorSize) -> None:
        super().__init__()
        self.size = size
        width = size.width
        net, cell = IMAGE_NETS[size.image]
        self.image = net(width)
        self.image_place = _table((size.pixels // cell) ** 2, width)
        self.landmark = mlp(7, width, width)
        self.landmark_name = _table(NUM_LANDMARKS, width)
        self.template = TemplateTokens(width)
        self.crop = nn.Linear(6, width)
        self.queries = _table(NUM_QUERIES, width)
        self.layers = nn.ModuleList(SelfBlock(width, HEADS) for _ in range(size.layers))
        self.norm = nn.LayerNorm(width)
        self.heads = AnswerHeads(width, size.hypotheses)
        self.certainty = CertaintyHeads(width, size.hypotheses)
        self.register_buffer("mean_theta", torch.zeros(NUM_JOINTS, 6))
        self.register_buffer("mean_rotations", torch.zeros(size.hypotheses, 6))
        self.register_buffer("usual", torch.full((NUM_JOINTS, 6), -1.2))

    def forward(self, seen: Seen, picture: Tensor | None = None) -> Guess:
        """Everything; `picture` (B, 3, S, S) 0..1 is for image nets that look at it."""
        return self.answer(seen, self.template(seen.points, seen.shapes), picture)

    def answer(self, seen: Seen, template: Tensor, picture: Tensor | None = None) -> Guess:
        """The same with the tokens of the template (B, 64, width), which stay from frame to frame."""
        features = self.image(seen.masks, picture)
        image = features.flatten(2).transpose(1, 2) + self.image_place
        landmarks = self._landmark_tokens(seen)
        numbers = (seen.focal.log()[:, None], seen.scores, seen.points.std(1) * _EXTENT)
        crop = self.crop(torch.cat(numbers, 1))[:, None]
        queries = self.queries.expand(len(image), -1, -1)
        x = torch.cat((queries, crop, template, landmarks, image), 1)
        *layers, last = cast(list[SelfBlock], list(self.layers))
        for layer in layers:
            x = layer(x)
        # The rest of the tokens is only looked at.
        x = self.norm(last.first(x, NUM_QUERIES + 1 + NUM_OBJECT_POINTS))
        asked, touched = x[:, :NUM_QUERIES], x[:, NUM_QUERIES + 1 :]
        fields = self.heads(asked, touched) | self.certainty(asked)
        fields["theta"] = orthonormal_6d(fields["theta"] + self.mean_theta)
        fields["rotations"] = orthonormal_6d(fields["rotations"] + self.mean_rotations)
        fields["log_theta"] = fields["log_theta"][..., None] + self.usual
        return Guess(**fields, queries=asked, features=features, landmark_tokens=landmarks)

    def _landmark_tokens(self, seen: Seen) -> Tensor:
        there = (seen.confidence > 0).to(seen.landmarks.dtype)[..., None]
        parts = (seen.landmarks * there, seen.world * _LANDMARK, seen.confidence[..., None], there)
        tokens: Tensor = self.landmark(torch.cat(parts, -1)) + self.landmark_name
        return tokens


class TemplateTokens(nn.Module):
    """Template points (B, 64, 3) with their shape features to tokens (B, 64, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.point = mlp(3 + POINT_FEATURES, width, width)
        self.layers = nn.ModuleList(SelfBlock(width, HEADS) for _ in range(2))
        self.kind = _table(1, width)

    def forward(self, points: Tensor, shapes: Tensor) -> Tensor:
        """The tokens."""
        x = self.point(torch.cat((points * _METRES, shapes), -1))
        for layer in self.layers:
            x = layer(x)
        tokens: Tensor = x + self.kind
        return tokens


class AnswerHeads(nn.Module):
    """From the queries to pose, shape, places, rotations and contacts."""

    def __init__(self, width: int, hypotheses: int) -> None:
        super().__init__()
        self.body = nn.Linear(width, 6)
        self.hand = nn.Linear(width, (NUM_JOINTS - NUM_BODY) // 2 * 6)
        self.betas = nn.Linear(width, NUM_BETAS)
        self.camera = nn.Linear(width, 3)
        self.rotation = nn.Linear(width, hypotheses * 7)
        self.place = nn.Linear(width, 3)
        self.point_contact = nn.Linear(width, 2)
        self.human_contact = mlp(2 * width, width, NUM_HUMAN_TOKENS)

    def forward(self, asked: Tensor, touched: Tensor) -> dict[str, Tensor]:
        """Queries (B, 28, width), template tokens (B, 64, width) -> fields of `Guess`."""
        body, hands = asked[:, :NUM_BODY], asked[:, NUM_BODY:SHAPE]
        rotation = self.rotation(asked[:, ROTATION]).unflatten(-1, (-1, 7))
        both = torch.cat((asked[:, :SHAPE].mean(1), touched.mean(1)), -1)
        touch = self.point_contact(touched)
        return {
            "theta": torch.cat((self.body(body), self.hand(hands).reshape(len(asked), -1, 6)), 1),
            "betas": self.betas(asked[:, SHAPE]),
            "camera": self.camera(asked[:, CAMERA]),
            "rotations": rotation[..., :6],
            "logits": rotation[..., 6],
            "place": self.place(asked[:, PLACE]),
            "human_contact": self.human_contact(both),
            "object_contact": touch[..., 0],
            "floor_contact": touch[..., 1],
        }


class CertaintyHeads(nn.Module):
    """From the queries to the logs of standard deviations; they start at what is usual."""

    START = {"betas": -0.1, "camera": -2.7, "place": -2.5, "turn": -1.0}

    def __init__(self, width: int, hypotheses: int) -> None:
        super().__init__()
        self.body = _constant(width, 1, 0.0)
        self.hand = _constant(width, (NUM_JOINTS - NUM_BODY) // 2, 0.0)
        self.betas = _constant(width, NUM_BETAS, self.START["betas"])
        self.camera = _constant(width, 3, self.START["camera"])
        self.place = _constant(width, 3, self.START["place"])
        self.turn = _constant(width, hypotheses, self.START["turn"])

    def forward(self, asked: Tensor) -> dict[str, Tensor]:
        """Queries (B, 28, width) -> fields of `Guess`, but of theta a log factor for each joint (B, 52)."""
        body, hands = asked[:, :NUM_BODY], asked[:, NUM_BODY:SHAPE]
        return {
            "log_theta": torch.cat((self.body(body)[..., 0], self.hand(hands).flatten(1)), 1),
            "log_betas": self.betas(asked[:, SHAPE]),
            "log_camera": self.camera(asked[:, CAMERA]),
            "log_place": self.place(asked[:, PLACE]),
            "log_turn": self.turn(asked[:, ROTATION]),
        }


def _table(rows: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(1, rows, width) * 0.02)


def _constant(inputs: int, outputs: int, value: float) -> nn.Linear:
    """A linear layer that says `value` until it is trained."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, value)
    return layer

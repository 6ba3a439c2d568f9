"""World points whose errors are like those of a real detector: bones turn, but keep their lengths.

The generator errs on each point by itself (`synth/sensor/landmark_noise`).  The real detector draws a body of
one piece: left and right are equal, the trunk is stiff, and what is wrong in the image is wrong in the world
too.  `tools/compare_landmarks.py` shows both; the constants here were set so that its figures agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.synth.sensor.landmark_noise import load_noise

SHARED = 0.8
"""Share of the error in the image that the world points have too."""
OFF_M = (0.012, 0.012, 0.05)
"""Deviation of the end of a bone from its start: across, down, along the view."""
HIDDEN_FACTOR = 2.0
"""On these, where the confidence is 0."""
TURN_SEEN = 0.4
"""Share of a wrong turn that shows across and down: what is seen there holds it."""
LOG_LENGTH = 0.05
"""Deviation of the log of a bone's length."""
CHAIN = (
    *((f"{side}_shoulder", f"{side}_hip") for side in ("left", "right")),
    *((f"{side}_knee", f"{side}_hip") for side in ("left", "right")),
    *((f"{side}_elbow", f"{side}_shoulder") for side in ("left", "right")),
    *((f"{side}_ankle", f"{side}_knee") for side in ("left", "right")),
    *((f"{side}_wrist", f"{side}_elbow") for side in ("left", "right")),
    *((f"{side}_{end}", f"{side}_ankle") for side in ("left", "right") for end in ("heel", "foot_index")),
    *(
        (f"{side}_{end}", f"{side}_wrist")
        for side in ("left", "right")
        for end in ("pinky", "index", "thumb")
    ),
)
"""End and start of the bones, in an order in which starts come first; hips are the root."""
ENDS = [LANDMARK_NAMES.index(end) for end, _ in CHAIN]
STARTS = [LANDMARK_NAMES.index(start) for _, start in CHAIN]
SHOULDERS, FACE = slice(11, 13), slice(0, 11)


@dataclass(frozen=True)
class TruePoints:
    """Where the landmarks of B people really are."""

    landmarks: Tensor
    """(B, 75, 2) crop units."""
    world: Tensor
    """(B, 75, 3) metres from the middle of the hips, axes of the view."""


def steady_world(
    true: TruePoints, landmarks: Tensor, confidence: Tensor, generator: torch.Generator
) -> Tensor:
    """(B, 33, 3) metres from the middle of the hips, as a detector might say that saw `landmarks` (B, 75, 2).

    Random numbers come from `generator`, on the device of the tensors.
    """
    world = true.world[:, :33]
    normal = partial(torch.randn, generator=generator, device=world.device, dtype=world.dtype)
    share = SHARED * metres_per_unit(true.landmarks, true.world)
    wrong = (landmarks - true.landmarks)[:, :33] * share[:, None, None]
    bone = world[:, ENDS] - world[:, STARTS]
    unsure = 1 + (HIDDEN_FACTOR - 1) * (1 - confidence[:, ENDS, None])
    off = normal(*bone.shape) * world.new_tensor(OFF_M) * unsure
    off[..., :2] += wrong[:, ENDS] - wrong[:, STARTS]
    length = bone.norm(dim=-1, keepdim=True) * torch.exp(LOG_LENGTH * normal(len(bone), len(CHAIN), 1))
    return _viewed(_joined(world, torch.nn.functional.normalize(bone + off, dim=-1) * length), normal)


def _joined(world: Tensor, bones: Tensor) -> Tensor:
    """Points (B, 33, 3) with other bones (B, 20, 3) from the hips on; the head goes with the shoulders."""
    told = list(world.unbind(1))
    for number, (end, start) in enumerate(zip(ENDS, STARTS, strict=True)):
        told[end] = told[start] + bones[:, number]
    points = torch.stack(told, 1)
    moved = (points - world)[:, SHOULDERS].mean(1, keepdim=True)
    return torch.cat([world[:, FACE] + moved, points[:, FACE.stop :]], 1)


def _viewed(points: Tensor, normal: Callable[..., Tensor]) -> Tensor:
    """Points turned and sized as a whole, as in the generator: some people are seen the wrong way round."""
    noise, batch = load_noise(), len(points)
    spread = points.new_tensor(noise.turn_deg).deg2rad() * 0.88
    # Student's t with three degrees of freedom
    tail = normal(batch, 3, 3).square().mean(-1).clamp_min(1e-3).rsqrt()
    turned = points @ axis_angle_to_matrix(spread * normal(batch, 3) * tail).mT
    across = torch.lerp(points[..., :2], turned[..., :2], TURN_SEEN)
    scale = torch.exp(noise.log_scale[0] + noise.log_scale[1] * normal(batch, 1, 1))
    return scale * torch.cat([across, turned[..., 2:]], -1)


def metres_per_unit(landmarks: Tensor, world: Tensor) -> Tensor:
    """(B,) metres for a crop unit at the person's depth, from the spread of the body's points.

    `landmarks` (B, 75, 2) crop units, `world` (B, 75, 3) metres.
    """
    wide = world[:, :33, :2].var(1).sum(-1)
    return (wide / landmarks[:, :33].var(1).sum(-1).clamp_min(1e-4)).sqrt()

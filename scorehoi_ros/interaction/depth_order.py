"""Which of human and object is in front, read from the masks: where one is seen, the other is behind.

The ordinal depth idea of Jiang et al. (CVPR 2020) and PHOSA (ECCV 2020), on points instead of rendered depth.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from scorehoi_ros.energy.image import project
from scorehoi_ros.frame.evidence import Silhouette

_NEIGHBOURS = 6
_INSIDE_PX = 2.0
_CLIP_M = 0.3


@dataclass(frozen=True)
class Behind:
    """Points of one kind that the image shows behind the other kind."""

    hidden: Tensor
    """(..., n) bool, the points over pixels that show the other kind."""
    front: Tensor
    """(..., n, k) indices of the nearest points of the other kind in the image."""


@dataclass(frozen=True)
class DepthOrder:
    """What stands behind what, fixed for one round of refinement; leading dimensions are samples."""

    tokens: Behind
    """Human tokens seen through the object's visible pixels, with the object's surface over them."""
    surface: Behind
    """Object surface points seen through the human's visible pixels, with the human tokens over them."""


def find_order(tokens: Tensor, surface: Tensor, target: Silhouette, spacing: float) -> DepthOrder:
    """The order of tokens (..., 431, 3) and surface points (..., n, 3) in the camera frame.

    `target` is the object's silhouette: its mask shows the object, but where it is shared with the human, and
    its free pixels are taken to show the human (those outside the image are free too, and nobody knows what
    they would show).  `spacing` (metres)
    bounds how far a neighbour may be in the image.
    """
    token_px, surface_px = project(tokens, target.K), project(surface, target.K)
    reach = 1.5 * spacing * target.K[0, 0] / surface[..., 2].mean(-1).clamp_min(0.3)
    seen = (target.mask & ~target.shared, target.free)
    object_seen, human_seen = (torch.as_tensor(m, device=tokens.device) for m in seen)
    return DepthOrder(
        _behind(token_px, surface_px, object_seen, reach), _behind(surface_px, token_px, human_seen, reach)
    )


def order_loss(tokens: Tensor, surface: Tensor, order: DepthOrder) -> Tensor:
    """Mean squared depth (...) in m^2 by which hidden points stand in front of what hides them."""
    wrong = [
        _too_near(tokens[..., 2], surface[..., 2], order.tokens),
        _too_near(surface[..., 2], tokens[..., 2], order.surface),
    ]
    count = order.tokens.hidden.sum(-1) + order.surface.hidden.sum(-1)
    return torch.cat(wrong, -1).square().sum(-1) / count.clamp_min(1)


def _too_near(depth: Tensor, other: Tensor, behind: Behind) -> Tensor:
    """(..., n) metres by which each hidden point stands in front of the nearest of its neighbours."""
    front = other.gather(-1, behind.front.flatten(-2)).view(behind.front.shape).amin(-1)
    return torch.where(behind.hidden, (front - depth).clamp(0, _CLIP_M), 0.0)


def _behind(hidden_px: Tensor, front_px: Tensor, seen: Tensor, reach: Tensor) -> Behind:
    """Points over `seen` pixels that have at least k neighbours of the other kind within `reach` pixels."""
    index = hidden_px.round().long().clamp(0, seen.shape[0] - 1)
    inside = seen[index[..., 1], index[..., 0]] & ((hidden_px - index).abs().amax(-1) < _INSIDE_PX)
    distance, neighbours = torch.cdist(hidden_px, front_px).topk(_NEIGHBOURS, largest=False)
    return Behind(inside & (distance[..., -1] < reach[..., None]), neighbours)

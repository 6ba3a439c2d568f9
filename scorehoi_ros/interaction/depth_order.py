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
class DepthOrder:
    """Pairs (hidden point, points of the visible thing in front of it), fixed for one round of descent."""

    hidden_tokens: Tensor
    """(a,) human tokens seen through the object's visible pixels."""
    front_surface: Tensor
    """(a, k) object surface points over them."""
    hidden_surface: Tensor
    """(b,) object surface points seen through the human's visible pixels."""
    front_tokens: Tensor
    """(b, k) human tokens over them."""


def find_order(tokens: Tensor, surface: Tensor, target: Silhouette, spacing: float) -> DepthOrder:
    """Pairs for tokens (431, 3) and surface points (n, 3) in the camera frame.

    `target` is the object's silhouette: its mask shows the object, its free pixels (apart from those outside
    the image) the human.  `spacing` (metres) bounds how far a neighbour may be in the image.
    """
    token_px, surface_px = project(tokens, target.K), project(surface, target.K)
    reach = 1.5 * spacing * float(target.K[0, 0]) / float(surface[:, 2].mean().clamp_min(0.3))
    object_seen, human_seen = torch.as_tensor(target.mask), torch.as_tensor(target.free)
    hidden_tokens, front_surface = _pairs(token_px, surface_px, object_seen, reach)
    hidden_surface, front_tokens = _pairs(surface_px, token_px, human_seen, reach)
    return DepthOrder(hidden_tokens, front_surface, hidden_surface, front_tokens)


def order_loss(tokens: Tensor, surface: Tensor, order: DepthOrder) -> Tensor:
    """Mean squared depth (m^2) by which hidden points stand in front of what hides them."""
    front = surface[:, 2][order.front_surface].amin(-1) - tokens[:, 2][order.hidden_tokens]
    back = tokens[:, 2][order.front_tokens].amin(-1) - surface[:, 2][order.hidden_surface]
    wrong = torch.cat((front, back)).clamp(0, _CLIP_M)
    return wrong.square().sum() / max(len(wrong), 1)


def _pairs(hidden_px: Tensor, front_px: Tensor, seen: Tensor, reach: float) -> tuple[Tensor, Tensor]:
    """Points over `seen` pixels that have at least k neighbours of the other kind within `reach` pixels."""
    size = seen.shape[0]
    index = hidden_px.round().long().clamp(0, size - 1)
    inside = seen[index[:, 1], index[:, 0]] & ((hidden_px - index).abs().amax(-1) < _INSIDE_PX)
    candidates = torch.nonzero(inside).squeeze(-1)
    distance, neighbours = torch.cdist(hidden_px[candidates], front_px).topk(_NEIGHBOURS, largest=False)
    close = distance[:, -1] < reach
    return candidates[close], neighbours[close]

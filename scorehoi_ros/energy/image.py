"""Image terms: landmarks and silhouettes, in pixels of a crop of known size, batched torch.

A silhouette is compared through points: projected surface points must stay where the object may be
(`outside_loss`, a distance field), and every mask pixel must have a projected point near it
(`uncovered_loss`); `outline_loss` adds the exact extent.  All have a gradient, unlike a rendered overlap.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


@dataclass(frozen=True)
class Outline:
    """Extent of a mask in d directions, pixels."""

    directions: Tensor
    """(d, 2) unit vectors."""
    extent: Tensor
    """(d,) largest projection of the mask on each direction."""
    hidden: Tensor
    """(d,) bool, the mask may go on behind an occluder or outside the image."""


def project(points: Tensor, K: Tensor) -> Tensor:
    """Camera-frame points (..., n, 3) metres to pixels (..., n, 2); depth is kept at 0.1 m or more."""
    z = points[..., 2:3].clamp_min(0.1)
    return points[..., :2] / z * torch.stack((K[0, 0], K[1, 1])) + K[:2, 2]


def robust(square: Tensor, scale: float) -> Tensor:
    """Geman-McClure: quadratic below `scale`, saturating at `scale`^2, so that outliers stop pulling."""
    return square / (1 + square / scale**2)


def reprojection_loss(pixels: Tensor, target: Tensor, confidence: Tensor, scale: float = 20.0) -> Tensor:
    """Confidence-weighted robust squared distance (px^2) of landmarks (..., n, 2); ScoreHMR's L_kp.

    `target` (..., n, 2), `confidence` (..., n).
    """
    square = (pixels - target).square().sum(-1)
    return (confidence * robust(square, scale)).sum(-1) / confidence.sum(-1).clamp_min(1e-6)


def direction_loss(points: Tensor, target: Tensor, edges: Tensor, confidence: Tensor) -> Tensor:
    """1 - cosine between bone directions of two point sets (..., n, 3), edges (e, 2), confidence (..., e).

    Directions and not positions, because the detector's body has its own size.
    """
    bones, wanted = (p[..., edges[:, 1], :] - p[..., edges[:, 0], :] for p in (points, target))
    cosine = torch.nn.functional.cosine_similarity(bones, wanted.expand_as(bones), dim=-1)
    return (confidence * (1 - cosine)).sum(-1) / confidence.sum(-1).clamp_min(1e-6)


def outside_loss(pixels: Tensor, distance_field: Tensor) -> Tensor:
    """Mean squared distance (px^2) of projected points (..., n, 2) to the allowed region.

    `distance_field` (S, S) holds the distance to the region in pixels, 0 inside.
    """
    size = distance_field.shape[-1]
    flat = pixels.reshape(1, -1, 1, 2)
    grid = (flat + 0.5) * (2 / size) - 1
    values = grid_sample(distance_field[None, None], grid, padding_mode="border", align_corners=False)
    beyond = (pixels - pixels.clamp(0, size - 1)).square().sum(-1)
    return (values.reshape(pixels.shape[:-1]).square() + beyond).clamp_max(32.0**2).mean(-1)


def uncovered_loss(pixels: Tensor, mask_points: Tensor, tolerance: Tensor) -> Tensor:
    """Mean squared distance (px^2) beyond `tolerance` from mask pixels (m, 2) to the nearest projected point.

    The tolerance (...) is the spacing of the projected points (..., n, 2) in pixels: a denser demand could
    not be met.
    """
    nearest = torch.cdist(mask_points.expand(*pixels.shape[:-2], -1, -1), pixels).amin(-1)
    return (nearest - tolerance[..., None]).clamp_min(0).square().clamp_max(32.0**2).mean(-1)


def outline_loss(pixels: Tensor, outline: Outline) -> Tensor:
    """Mean squared error (px^2) of the extent of projected points (..., n, 2) in every direction.

    The extent in a direction is the support function of the convex hull: it fixes place and size to a
    fraction of a pixel, which the spacing of surface points cannot.  Where the mask's border meets pixels
    that may hide more of the object, only too small an extent counts.
    """
    extent = (pixels @ outline.directions.T).amax(-2)
    difference = outline.extent - extent
    difference = torch.where(outline.hidden, difference.clamp_min(0), difference)
    return difference.square().clamp_max(32.0**2).mean(-1)

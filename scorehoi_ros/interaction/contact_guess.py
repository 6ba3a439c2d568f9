"""Which parts touch, guessed from the picture and the current geometry (no learned predictor)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.energy.image import project
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.types import CONTACT_DISTANCE_M

# How readily a body part is taken to touch an object that its outline meets in the image.
_HAND, _SEAT, _FOOT, _OTHER = 1.0, 0.4, 0.25, 0.1
_NEAR_IMAGE_M = 0.04
_SOFT_M = 0.03
_MIN_FACING = -0.2


@dataclass(frozen=True)
class ContactMasks:
    """M_h, M_o, M_f of the paper as probabilities."""

    human: Tensor
    """(431,)"""
    object: Tensor
    """(64,)"""
    floor: Tensor
    """(64,)"""


def region_affinity(body: BodyModel) -> Tensor:
    """(431,) how readily each token touches things, by body part."""
    table = np.array([_affinity(name) for name in body.region_names])
    return torch.as_tensor(table[body.regions[body.token_ids]], dtype=torch.float32)


def _affinity(region: str) -> float:
    if "hand" in region:
        return _HAND
    if any(part in region for part in ("buttock", "thigh", "back")):
        return _SEAT
    return _FOOT if "foot" in region else _OTHER


def image_contacts(tokens: Tensor, affinity: Tensor, evidence: Evidence) -> Tensor:
    """(431,) probability that a token touches the object, by its distance to the object's mask."""
    if evidence.object is None or evidence.touching is None:
        return torch.zeros_like(affinity)
    pixels = project(tokens, evidence.object.K)
    size = evidence.object.size
    index = pixels.round().long().clamp(0, size - 1)
    beyond = (pixels - pixels.clamp(0, size - 1)).norm(dim=-1)
    distance_px = evidence.touching[index[:, 1], index[:, 0]] + beyond
    distance_m = distance_px * tokens[:, 2].clamp_min(0.1) / evidence.object.K[0, 0]
    return affinity * torch.exp(-((distance_m / _NEAR_IMAGE_M) ** 2))


def gate(weights: Tensor, signed_distance: Tensor, gradient: Tensor, normals: Tensor, reach: float) -> Tensor:
    """Keep the guessed contacts (431,) within `reach` metres in space whose skin faces the object.

    `gradient` (431, 3) of the signed distance points away from the object, so its opposite and the skin's
    `normals` (431, 3) agree where the two can touch; the far side of a thigh in front of a ball cannot.
    """
    facing = -(normals * gradient).sum(-1) > _MIN_FACING
    return weights * facing * torch.sigmoid((reach - signed_distance.abs()) / _SOFT_M)


def object_contacts(object_points: Tensor, human_points: Tensor) -> Tensor:
    """(64,) contact probability of object points (64, 3) by distance to human points; both camera frame."""
    distance = torch.cdist(object_points, human_points).amin(-1)
    return torch.sigmoid((CONTACT_DISTANCE_M - distance) / (0.3 * _SOFT_M))


def floor_contacts(object_points: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """(64,) contact probability of object points (64, 3) with the floor, by height."""
    height = object_points @ normal - offset
    return torch.sigmoid((CONTACT_DISTANCE_M - height.abs()) / (0.3 * _SOFT_M))

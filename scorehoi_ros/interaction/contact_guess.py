"""Which parts touch, guessed from the picture and the current geometry (no learned predictor).

Leading dimensions of the tensors are samples.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.energy.image import project
from scorehoi_ros.energy.physical import heights
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.interaction.object_tensors import ObjectTensors, place, pose_tensors
from scorehoi_ros.types import CONTACT_DISTANCE_M, Estimate, Floor

# How readily a body part is taken to touch an object that its outline meets in the image.
_HAND, _SEAT, _FOOT, _OTHER = 1.0, 0.4, 0.25, 0.1
_NEAR_IMAGE_M = 0.04
_SOFT_M = 0.03
_MIN_FACING = -0.2


class ContactGuess:
    """The `ContactPredictor` of methods that have learned none: what meets in the image, and what is near."""

    def __init__(self, posed: PosedBody, tensors: ObjectTensors) -> None:
        self._posed, self._tensors = posed, tensors
        self._affinity = region_affinity(posed.body).to(posed.device)

    def __call__(
        self, estimate: Estimate, evidence: Evidence, floor: Floor, features: Any = None
    ) -> ContactMasks:
        """M_h from the image alone (see `gate`), M_o and M_f from the geometry of the estimate."""
        assert estimate.human is not None and estimate.object is not None
        with torch.no_grad():
            tokens = self._posed(*self._posed.tensors(estimate.human)).tokens
            points = place(self._tensors.points, *pose_tensors(estimate.object, tokens.device))
            normal, offset = floor_tensors(floor, tokens.device)
            return ContactMasks(
                self.in_image(tokens, evidence),
                object_contacts(points, tokens),
                floor_contacts(points, normal, offset),
            )

    def in_image(self, tokens: Tensor, evidence: Evidence) -> Tensor:
        """(..., 431) probability that a token (..., 431, 3) touches the object whose mask the image shows."""
        return image_contacts(tokens, self._affinity, evidence)


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


def floor_tensors(floor: Floor, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Normal (3,) and offset () of the floor."""
    normal = torch.as_tensor(floor.normal, dtype=torch.float32, device=device)
    return normal, torch.tensor(floor.offset, dtype=torch.float32, device=device)


def image_contacts(tokens: Tensor, affinity: Tensor, evidence: Evidence) -> Tensor:
    """(..., 431) probability that a token touches the object, by its distance to the object's mask."""
    if evidence.object is None:
        return torch.zeros(tokens.shape[:-1], device=tokens.device)
    pixels = project(tokens, evidence.object.K)
    size = evidence.object.size
    index = pixels.round().long().clamp(0, size - 1)
    beyond = (pixels - pixels.clamp(0, size - 1)).norm(dim=-1)
    distance_px = evidence.object.from_mask[index[..., 1], index[..., 0]] + beyond
    distance_m = distance_px * tokens[..., 2].clamp_min(0.1) / evidence.object.K[0, 0]
    return affinity * torch.exp(-((distance_m / _NEAR_IMAGE_M) ** 2))


def gate(weights: Tensor, signed_distance: Tensor, gradient: Tensor, normals: Tensor, reach: float) -> Tensor:
    """Keep the contacts (..., 431) within `reach` metres in space whose skin faces the object.

    `gradient` (..., 431, 3) of the signed distance points away from the object, so its opposite and the
    skin's `normals` (..., 431, 3) agree where the two can touch; the far side of a thigh in front of a ball
    cannot.
    """
    facing = -(normals * gradient).sum(-1) > _MIN_FACING
    return weights * facing * torch.sigmoid((reach - signed_distance.abs()) / _SOFT_M)


def object_contacts(object_points: Tensor, human_points: Tensor) -> Tensor:
    """(..., 64) contact probability of object points (..., 64, 3) by distance to human points (..., n, 3)."""
    distance = torch.cdist(object_points, human_points).amin(-1)
    return torch.sigmoid((CONTACT_DISTANCE_M - distance) / (0.3 * _SOFT_M))


def floor_contacts(object_points: Tensor, normal: Tensor, offset: Tensor) -> Tensor:
    """(..., 64) contact probability of object points (..., 64, 3) with the floor, by height."""
    height = heights(object_points, normal, offset)
    return torch.sigmoid((CONTACT_DISTANCE_M - height.abs()) / (0.3 * _SOFT_M))

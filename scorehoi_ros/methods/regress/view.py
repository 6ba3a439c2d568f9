"""From the evidence of a frame to what the network is given, and from its answer back to the camera."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.turns import matrix_of_6d, six_of_matrix
from scorehoi_ros.geometry.view import crop_units, focal_of, origin_of, pelvis_of, view_axes
from scorehoi_ros.networks.regressor import Guess, Seen
from scorehoi_ros.types import NUM_LANDMARKS, Estimate, Floats, HumanPose, ObjectPose

TRAINED_PIXELS = 128
"""Side of the crops of the training data: masks are made binary at this size."""
FAR = 3.0
"""Landmarks farther out than this, in half crops, are moved in to it."""


@dataclass(frozen=True)
class View:
    """The view frame of one crop, see `geometry.view`."""

    R_cam_view: Floats
    """(3, 3)"""
    P: Floats
    """(3, 3) K_crop R_cam_view: view frame -> pixels of the crop."""
    focal: float
    """In sides of the crop."""
    size: int
    """Pixels a side."""


def view_of(evidence: Evidence) -> View:
    """The view frame of the evidence's crop."""
    K = torch.as_tensor(evidence.crop.K_crop, dtype=torch.float64)
    R = view_axes(K, evidence.crop.size)
    return View(R.numpy(), (K @ R).numpy(), float(focal_of(K, evidence.crop.size)), evidence.crop.size)


def seen_of(evidence: Evidence, view: View, points: Tensor, shapes: Tensor, pixels: int) -> Seen:
    """What the network is given: points (1, 64, 3), shapes (1, 64, c), `pixels` a side that it looks at."""
    landmarks = torch.zeros(1, NUM_LANDMARKS, 2)
    world, confidence = torch.zeros(1, NUM_LANDMARKS, 3), torch.zeros(1, NUM_LANDMARKS)
    if (seen := evidence.landmarks) is not None:
        R = torch.as_tensor(view.R_cam_view, dtype=torch.float32, device=seen.world.device)
        landmarks = crop_units(seen.pixels, view.size).clamp(-FAR, FAR)[None]
        world, confidence = (seen.world @ R)[None], seen.confidence[None]
    scores = [0.0 if part is None else part.score for part in (evidence.human, evidence.object)]
    device = evidence.masks.device
    return Seen(
        masks=mask_planes(evidence.masks[:2], pixels),
        landmarks=landmarks.to(device),
        world=world.to(device),
        confidence=confidence.to(device),
        focal=torch.tensor([view.focal], device=device),
        scores=torch.tensor([scores], device=device),
        points=points,
        shapes=shapes,
    )


def picture_of(evidence: Evidence, pixels: int) -> Tensor:
    """The crop's picture (1, 3, pixels, pixels), 0..1 RGB."""
    planes = evidence.image.permute(2, 0, 1).float()[None] / 255
    return torch.nn.functional.interpolate(planes, size=(pixels, pixels), mode="area")


def mask_planes(masks: Tensor, pixels: int) -> Tensor:
    """Planes (2, S, S) bool as (1, 2, pixels, pixels), 0..1, made like those of the training data."""
    planes, area = masks.float()[None], torch.nn.functional.interpolate
    if pixels <= TRAINED_PIXELS:
        planes = (area(planes, size=(TRAINED_PIXELS, TRAINED_PIXELS), mode="area") >= 0.5).float()
    return area(planes, size=(pixels, pixels), mode="area")


def estimates_of(
    guess: Guess, view: View, order: list[int], betas: Floats | None, thing: bool
) -> list[Estimate]:
    """The guess in the camera's frame, one estimate for each hypothesis in `order`.

    `betas` (10,) replaces the shape; `thing` False leaves the object out.
    """
    focal = torch.tensor([view.focal], dtype=torch.float64)
    pelvis = pelvis_of(guess.camera.double().cpu(), focal)
    origin = view.R_cam_view @ origin_of(guess.place.double().cpu(), pelvis, focal)[0].numpy()
    rotations = matrix_of_6d(guess.theta[0].cpu().numpy())
    rotations[0] = view.R_cam_view @ rotations[0]
    # Orthonormal, as everybody expects of 6D rotations that are stored.
    theta = six_of_matrix(rotations)
    shape = guess.betas[0].double().cpu().numpy() if betas is None else np.asarray(betas, np.float64)
    human = HumanPose(theta=theta, betas=shape, t_cam=view.R_cam_view @ pelvis[0].numpy())
    if not thing:
        return [Estimate(human)]
    R_o = six_of_matrix(view.R_cam_view @ matrix_of_6d(guess.rotations[0].cpu().numpy()))
    return [Estimate(human, ObjectPose(R_o=R_o[k], origin=origin)) for k in order]

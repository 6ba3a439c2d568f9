"""Landmarks and mask to SMPL-H: Adam on the image and the priors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.points import HumanPoints, PosedBody
from scorehoi_ros.body.skeleton import HAND_JOINT_0
from scorehoi_ros.energy import image
from scorehoi_ros.frame.evidence import Evidence, SeenLandmarks, Silhouette
from scorehoi_ros.interaction.pose_prior import PosePrior
from scorehoi_ros.methods.fit.descent import Terms, Values, descend
from scorehoi_ros.perception.human.placing import BODY_ROWS
from scorehoi_ros.types import HumanPose

RATES = {"body": 0.02, "hands": 0.02, "t_cam": 0.01, "betas": 0.05}
_CLOTHES_M = 0.02
"""Mask pixels this far from the nearest of the 431 tokens count as covered: clothes and token spacing."""
# Bones between landmarks whose directions in space the detector knows well.
_EDGES = np.array(
    [(11, 12), (23, 24), (11, 23), (12, 24), (11, 13), (13, 15), (12, 14), (14, 16)]
    + [(23, 25), (25, 27), (24, 26), (26, 28), (27, 31), (28, 32), (27, 29), (28, 30), (7, 8), (7, 0), (8, 0)]
    + [(15, 19), (15, 17), (16, 20), (16, 18)]
    + [
        (b + k - 1 if k > f else b, b + k)
        for b in (33, 54)
        for f in (1, 5, 9, 13, 17)
        for k in range(f, f + 4)
    ]
)


@dataclass(frozen=True)
class HumanWeights:
    """Weights of the human terms; image terms are in px^2 of a 256-pixel crop."""

    landmarks: float = 1.0
    directions: float = 150.0
    outside: float = 10.0
    uncovered: float = 10.0
    pose: float = 4.0
    hands: float = 8.0
    betas: float = 2.0
    depth: float = 4000.0
    smooth: float = 300.0
    height: float = 4000.0


WEIGHTS = HumanWeights()


@dataclass(frozen=True)
class HumanPriors:
    """What is believed about the person before looking at this frame."""

    pose: PosePrior
    hand_mean: Tensor
    """(30, 6) relaxed fingers."""
    height_m: float = 0.0
    """0 = unknown."""
    previous: HumanPose | None = None
    """The pose that temporal smoothness pulls to."""


@dataclass(frozen=True)
class HumanProblem:
    """What the human terms look at."""

    posed: PosedBody
    evidence: Evidence
    landmarks: SeenLandmarks
    priors: HumanPriors


def values_of(posed: PosedBody, human: HumanPose) -> Values:
    """Optimisation variables of a pose."""
    theta, betas, t_cam = posed.tensors(human)
    return {"body": theta[:HAND_JOINT_0], "hands": theta[HAND_JOINT_0:], "betas": betas, "t_cam": t_cam}


def theta_of(values: Values) -> Tensor:
    """Theta (52, 6) of the optimisation variables."""
    return torch.cat((values["body"], values["hands"]))


def pose_of(values: Values) -> HumanPose:
    """The pose of the optimisation variables."""
    theta, betas, t_cam = (
        x.double().cpu().numpy() for x in (theta_of(values), values["betas"], values["t_cam"])
    )
    return HumanPose(theta, betas, t_cam)


def points_of(posed: PosedBody, values: Values) -> HumanPoints:
    """Points of the optimisation variables."""
    return posed(theta_of(values), values["betas"], values["t_cam"])


def fit_human(problem: HumanProblem, start: HumanPose, steps: int, free_betas: bool) -> HumanPose:
    """Adam on the human terms from `start`."""
    rates = {
        name: rate
        for name, rate in RATES.items()
        if (name != "betas" or free_betas) and (name != "hands" or sees_hands(problem.landmarks))
    }

    def energy(values: Values) -> Terms:
        return human_terms(points_of(problem.posed, values), values, problem)

    return pose_of(descend(values_of(problem.posed, start), rates, energy, steps).values)


def sees_hands(landmarks: SeenLandmarks) -> bool:
    """Whether any hand was detected, so that fingers have evidence."""
    return bool((landmarks.confidence[BODY_ROWS:] > 0).any())


def human_terms(points: HumanPoints, values: Values, problem: HumanProblem) -> Terms:
    """All terms that concern the human alone."""
    w, evidence, seen, priors = WEIGHTS, problem.evidence, problem.landmarks, problem.priors
    pixels = image.project(points.landmarks, evidence.K_crop)
    edges = torch.as_tensor(_EDGES, device=pixels.device)
    edge_confidence = torch.minimum(seen.confidence[edges[:, 0]], seen.confidence[edges[:, 1]])
    terms = {
        "landmarks": w.landmarks * image.reprojection_loss(pixels, seen.pixels, seen.confidence),
        "directions": w.directions
        * image.direction_loss(points.landmarks, seen.world, edges, edge_confidence),
        "pose": w.pose * priors.pose.loss(theta_of(values)),
        "hands": w.hands * (values["hands"] - priors.hand_mean).square().sum(-1).mean(),
        "betas": w.betas * values["betas"].square().mean(),
    }
    if evidence.human is not None:
        terms |= silhouette_terms(points.tokens, evidence.human, "human", w.outside, w.uncovered, _CLOTHES_M)
    if evidence.human_depth is not None:
        # Measured depth is that of the visible surface, about a hand's breadth in front of the pelvis.
        terms["depth"] = w.depth * (values["t_cam"][2] - 0.1 - evidence.human_depth).square()
    if priors.height_m:
        terms["height"] = w.height * (problem.posed.stature(values["betas"]) - priors.height_m).square()
    if priors.previous is not None:
        terms["smooth"] = w.smooth * smoothness(values, values_of(problem.posed, priors.previous))
    return terms


def silhouette_terms(
    points: Tensor, silhouette: Silhouette, name: str, outside: float, uncovered: float, tolerance_m: float
) -> Terms:
    """Both silhouette terms, scaled to a 256-pixel crop and weighted by the trust in the mask."""
    pixels = image.project(points, silhouette.K)
    scale = silhouette.score * (256 / silhouette.size) ** 2
    tolerance = silhouette.K[0, 0] / points[..., 2].detach().mean(-1).clamp_min(0.3) * tolerance_m
    return {
        f"{name}_outside": outside * scale * image.outside_loss(pixels, silhouette.distance),
        f"{name}_uncovered": uncovered * scale * image.uncovered_loss(pixels, silhouette.points, tolerance),
    }


def outline_term(points: Tensor, silhouette: Silhouette) -> Tensor:
    """Outline error of points (..., h, 3) in px^2 of a 256-pixel crop, weighted by the trust in the mask."""
    scale = silhouette.score * (256 / silhouette.size) ** 2
    return scale * image.outline_loss(image.project(points, silhouette.K), silhouette.outline)


def smoothness(values: Values, before: Values) -> Tensor:
    """Mean squared change of the pose and translation against the predicted one."""
    return sum_of_means(values, before, ("body", "t_cam"))


def sum_of_means(values: Values, before: Values, names: tuple[str, ...]) -> Tensor:
    """Sum over the named variables of their mean squared difference."""
    return torch.stack([(values[n] - before[n]).square().mean() for n in names]).sum()

"""Landmarks and mask to SMPL-H: analytic start, then Adam on the image and the priors."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.energy import image
from scorehoi_ros.frame.evidence import Evidence, Silhouette
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.interaction.pose_prior import PosePrior
from scorehoi_ros.interaction.tensors import HAND_JOINT_0, HumanPoints, PosedBody
from scorehoi_ros.methods.fit.descent import Descent, Terms, Values, descend
from scorehoi_ros.methods.fit.human_start import analytic_pose
from scorehoi_ros.types import NUM_BETAS, Estimate, Floats

RATES = {"body": 0.02, "hands": 0.02, "t_cam": 0.01, "betas": 0.05}
_BODY_ROWS = 33
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
    previous: Estimate | None = None
    """The estimate that temporal smoothness pulls to."""


def values_of(estimate: Estimate) -> Values:
    """Optimisation variables of an estimate."""
    theta = _tensor(estimate.theta)
    return {
        "body": theta[:HAND_JOINT_0],
        "hands": theta[HAND_JOINT_0:],
        "betas": _tensor(estimate.betas),
        "t_cam": _tensor(estimate.t_cam),
    }


def theta_of(values: Values) -> Tensor:
    """Theta (52, 6) of the optimisation variables."""
    return torch.cat((values["body"], values["hands"]))


def start_human(body: BodyModel, evidence: Evidence, betas: Floats | None) -> Estimate:
    """First guess from the landmarks alone: bone directions, then the translation by linear least squares."""
    pose = analytic_pose(body, evidence.world.double().numpy())
    theta = matrix_to_rotation_6d(torch.as_tensor(pose)).numpy()
    betas = np.zeros(NUM_BETAS) if betas is None else betas
    t_cam = solve_translation(PosedBody(body), evidence, theta, betas)
    return Estimate(theta, betas, None, None, t_cam)


def solve_translation(posed: PosedBody, evidence: Evidence, theta: Floats, betas: Floats) -> Floats:
    """t_cam (3,) that best projects the body landmarks of a fixed pose, linear in the translation.

    u = (fx (X + tx) + cx (Z + tz)) / (Z + tz)  =>  fx tx + (cx - u) tz = (u - cx) Z - fx X, likewise for v.
    """
    with torch.no_grad():
        points = posed(_tensor(theta), _tensor(betas), torch.zeros(3)).landmarks[:_BODY_ROWS].double().numpy()
    K, pixels = evidence.K_crop.double().numpy(), evidence.pixels[:_BODY_ROWS].double().numpy()
    weight = np.sqrt(evidence.confidence[:_BODY_ROWS].double().numpy())
    rows, right = [], []
    for axis in range(2):
        offset = pixels[:, axis] - K[axis, 2]
        row = np.zeros((_BODY_ROWS, 3))
        row[:, axis], row[:, 2] = K[axis, axis], -offset
        rows.append(row * weight[:, None])
        right.append((offset * points[:, 2] - K[axis, axis] * points[:, axis]) * weight)
    t = np.linalg.lstsq(np.concatenate(rows), np.concatenate(right), rcond=None)[0]
    return t if t[2] > 0.3 else np.array([0.0, 0.0, 2.5])


def fit_human(
    posed: PosedBody, start: Estimate, evidence: Evidence, priors: HumanPriors, steps: int, free_betas: bool
) -> Descent:
    """Adam on the human terms from `start`."""
    rates = {
        k: r
        for k, r in RATES.items()
        if (k != "betas" or free_betas) and (k != "hands" or sees_hands(evidence))
    }

    def energy(values: Values) -> Terms:
        points = posed(theta_of(values), values["betas"], values["t_cam"])
        return human_terms(points, values, evidence, priors, posed)

    return descend(values_of(start), rates, energy, steps)


def sees_hands(evidence: Evidence) -> bool:
    """Whether any hand was detected, so that fingers have evidence."""
    return bool((evidence.confidence[_BODY_ROWS:] > 0).any())


def human_terms(
    points: HumanPoints, values: Values, evidence: Evidence, priors: HumanPriors, posed: PosedBody
) -> Terms:
    """All terms that concern the human alone."""
    w = WEIGHTS
    pixels = image.project(points.landmarks, evidence.K_crop)
    edges = torch.as_tensor(_EDGES)
    edge_confidence = torch.minimum(evidence.confidence[edges[:, 0]], evidence.confidence[edges[:, 1]])
    terms = {
        "landmarks": w.landmarks * image.reprojection_loss(pixels, evidence.pixels, evidence.confidence),
        "directions": w.directions
        * image.direction_loss(points.landmarks, evidence.world, edges, edge_confidence),
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
        terms["height"] = w.height * (stature(posed.body, values["betas"]) - priors.height_m).square()
    if priors.previous is not None:
        terms["smooth"] = w.smooth * smoothness(values, priors.previous)
    return terms


def silhouette_terms(
    points: Tensor, silhouette: Silhouette, name: str, outside: float, uncovered: float, tolerance_m: float
) -> Terms:
    """Both silhouette terms, scaled to a 256-pixel crop and weighted by the trust in the mask."""
    pixels = image.project(points, silhouette.K)
    scale = silhouette.score * (256 / silhouette.size) ** 2
    tolerance = float(silhouette.K[0, 0] / points[:, 2].detach().mean().clamp_min(0.3)) * tolerance_m
    return {
        f"{name}_outside": outside * scale * image.outside_loss(pixels, silhouette.distance),
        f"{name}_uncovered": uncovered * scale * image.uncovered_loss(pixels, silhouette.points, tolerance),
    }


def outline_term(points: Tensor, silhouette: Silhouette) -> Tensor:
    """Outline error of points (..., h, 3) in px^2 of a 256-pixel crop, weighted by the trust in the mask."""
    scale = silhouette.score * (256 / silhouette.size) ** 2
    return scale * image.outline_loss(image.project(points, silhouette.K), silhouette.outline)


def smoothness(values: Values, previous: Estimate) -> Tensor:
    """Mean squared change of the pose and translation against the predicted one."""
    before = values_of(previous)
    return (values["body"] - before["body"]).square().mean() + (
        values["t_cam"] - before["t_cam"]
    ).square().mean()


def stature(body: BodyModel, betas: Tensor) -> Tensor:
    """Height in metres of the standing body, between the highest and lowest vertex of the mean shape."""
    top, bottom = body.v_template[:, 1].argmax(), body.v_template[:, 1].argmin()
    mean = float(body.v_template[top, 1] - body.v_template[bottom, 1])
    return mean + betas @ _tensor(body.shapedirs[top, 1] - body.shapedirs[bottom, 1])


def _tensor(values: Floats) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)

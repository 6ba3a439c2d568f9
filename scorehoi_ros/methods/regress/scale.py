"""A belief that knows the metric scale: from the person's height, or from measured depth.

One camera cannot see scale: size and distance grow together and the picture stays the same.  So what is known
of one of them moves both, and what the network knows least, the depth, becomes sure.
"""

from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.target import Shape
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import stature_of
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.types import Bools, Floats

PELVIS_BEHIND_SKIN_M = 0.1
"""Measured depth is that of the visible surface, about a hand's breadth in front of the pelvis."""
_SURE_LOG_DEPTH = 0.015
_SURE_DEPTH_M = 0.05
_MOST_BETA = 3.0
"""No shape coefficient is moved beyond this many units to reach a height."""


@dataclass(frozen=True)
class Measured:
    """What is known besides the picture; None = not."""

    height_m: float | None = None
    """Of the standing person."""
    human_depth: float | None = None
    """Metres along the axis of the view frame, of the person's visible surface."""
    object_depth: float | None = None
    """The same of the object."""


def measured_of(evidence: Evidence, view: View, height_m: float | None) -> Measured:
    """What is known of a frame, whose depth image tells depth along the camera's axis, not the view's."""
    human, thing = evidence.masks[:2].cpu().numpy()
    return Measured(
        height_m,
        _along_view(evidence.human_depth, human, evidence, view),
        _along_view(evidence.object_depth, thing, evidence, view),
    )


def _along_view(depth: float | None, mask: Bools, evidence: Evidence, view: View) -> float | None:
    """Depth along the camera's axis, of the middle of a mask (S, S), as depth along that of the view."""
    if depth is None or not mask.any():
        return None
    row, column = np.argwhere(mask).mean(0)
    ray = np.linalg.solve(evidence.crop.K_crop, [column, row, 1.0])
    return float(depth * (view.R_cam_view[:, 2] @ ray))


def depths_of(measured: Measured, shape: Shape | None) -> tuple[float | None, float | None]:
    """Depth of the pelvis and of the object's origin, behind the surfaces that were measured."""
    human, thing = measured.human_depth, measured.object_depth
    radius = None if shape is None else float(np.linalg.norm(shape.surface, axis=1).mean())
    return (
        None if human is None else human + PELVIS_BEHIND_SKIN_M,
        # What is seen of a solid lies about half its radius in front of its middle.
        None if thing is None or radius is None else thing + radius / 2,
    )


def scaled(belief: Belief, measured: Measured, body: BodyModel, focal: float, shape: Shape | None) -> Belief:
    """The belief with what was measured; `focal` in sides of the crop, `shape` of the object."""
    pelvis_depth, object_depth = depths_of(measured, shape)
    if pelvis_depth is not None:
        belief = _grown(belief, pelvis_depth / (float(np.exp(belief.camera[2])) * focal), body)
    elif measured.height_m is not None:
        mean, slope = stature_of(body)
        belief = _grown(belief, measured.height_m / (mean + float(belief.betas @ slope)), body)
    if object_depth is not None:
        pelvis = float(np.exp(belief.camera[2])) * focal
        place = np.array([*belief.place[:2], object_depth - pelvis])
        sigma = np.array([*belief.sigma.place[:2], _SURE_DEPTH_M])
        belief = replace(belief, place=place, sigma=replace(belief.sigma, place=sigma))
    return belief


def _grown(belief: Belief, ratio: float, body: BodyModel) -> Belief:
    """Person, distance and the object's distance from the person, all `ratio` times as large."""
    mean, slope = stature_of(body)
    wished = ratio * (mean + float(belief.betas @ slope))
    betas = _of_height(belief.betas, belief.sigma.betas, wished - mean, slope)
    camera = np.array([*belief.camera[:2], belief.camera[2] + np.log(ratio)])
    place = np.array([*belief.place[:2], belief.place[2] * ratio])
    sure = np.array([*belief.sigma.camera[:2], _SURE_LOG_DEPTH])
    return replace(belief, betas=betas, camera=camera, place=place, sigma=replace(belief.sigma, camera=sure))


def _of_height(betas: Floats, sigma: Floats, wished: float, slope: Floats) -> Floats:
    """The likeliest shape (10,) with `betas @ slope` = wished, as near as the coefficients may go."""
    gain = np.square(sigma) * slope
    moved = betas + gain * (wished - betas @ slope) / (gain @ slope)
    return np.asarray(np.clip(moved, -_MOST_BETA, _MOST_BETA), np.float64)

"""How far an estimate explains the image."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.frame.evidence import Evidence, Silhouette
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.zbuffer import silhouette as render_silhouette
from scorehoi_ros.types import Bools, Floats, Ints

_SEEN = 0.5
_HIPS = [23, 24]
_ENDS = {
    "arm": ("elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("knee", "ankle", "heel", "foot_index"),
}


def _rows(side: str, ends: tuple[str, ...]) -> list[int]:
    names = enumerate(LANDMARK_NAMES[:33])
    return [row for row, name in names if name.startswith(side) and name.endswith(ends)]


_LIMBS = [
    list(range(11)),
    _rows("", ("shoulder", "hip")),
    *(_rows(side, ends) for ends in _ENDS.values() for side in ("left", "right")),
]
"""Rows of the head, of the trunk, of arms and legs."""
_OF_LIMB = np.array([[row in rows for row in range(len(LANDMARK_NAMES))] for rows in _LIMBS], np.float64)
"""(6, 75) 1 where a landmark belongs to a limb."""


@dataclass(frozen=True)
class LandmarkAgreement:
    """How posed landmarks fit those detected; pixels at 256-pixel crop scale, NaN = none seen."""

    median_px: float
    """Of the visible landmarks."""
    worst_px: float
    """Mean of the visible landmarks of the limb that fits worst."""
    unseen: float
    """Share of limbs, head and trunk among them, that the detector does not see, 0..1."""
    depth_m: float
    """Mean distance along the view between the detector's 3D landmarks, grown to the body's size, and the
    body's; both from the middle of the hips."""


def landmark_agreement(landmarks: Floats, evidence: Evidence) -> LandmarkAgreement | None:
    """Of posed landmarks (75, 3) in the camera frame; None when nobody was detected."""
    if evidence.landmarks is None:
        return None
    confidence = evidence.landmarks.confidence.cpu().numpy()
    pixels = project(landmarks, evidence.crop.K_crop)
    errors = np.linalg.norm(pixels - evidence.landmarks.pixels.cpu().numpy(), axis=1)
    seen = (confidence > _SEEN) & ~np.isnan(errors)
    if not seen.any():
        return LandmarkAgreement(np.nan, np.nan, 1.0, np.nan)
    counts = _OF_LIMB @ seen
    means = (_OF_LIMB @ np.where(seen, errors, 0.0))[counts > 0] / counts[counts > 0]
    told, mine = (x[:33] - x[_HIPS].mean(0) for x in (evidence.landmarks.world.cpu().numpy(), landmarks))
    scale = np.linalg.norm(mine) / max(float(np.linalg.norm(told)), 1e-6)
    return LandmarkAgreement(
        median_px=float(np.median(errors[seen])),
        worst_px=float(means.max(initial=0.0)),
        unseen=1 - float((_OF_LIMB @ confidence / _OF_LIMB.sum(1)).mean()),
        depth_m=float(np.abs(scale * told[:, 2] - mine[:, 2]).mean()),
    )


def human_overlap(vertices: Floats, body: BodyModel, evidence: Evidence) -> float | None:
    """Overlap (IoU) of a mesh (V, 3) in the camera frame with the human mask; None without a mask.

    Pixels that the object may hide do not count.
    """
    if evidence.human is None:
        return None
    return iou(_render(vertices, body.faces, evidence.human), evidence.human.mask, evidence.human.free)


def object_overlap(T_cam_object: Floats, template: ObjectTemplate, target: Silhouette) -> tuple[float, float]:
    """Overlap (IoU) of the template at a pose with the object mask, and the hidden share of the template.

    Pixels that may hide it do not count for the overlap; the share is that of its pixels among them.
    """
    moved = transform_points(T_cam_object, template.mesh.vertices)
    rendered = _render(moved, template.mesh.faces, target)
    hidden = np.count_nonzero(rendered & target.free) / max(np.count_nonzero(rendered), 1)
    return iou(rendered, target.mask, target.free), hidden


def iou(a: Bools, b: Bools, free: Bools) -> float:
    """Intersection over union outside the free pixels; 0 when both are empty."""
    known = ~free
    union = np.count_nonzero((a | b) & known)
    return np.count_nonzero(a & b & known) / union if union else 0.0


def _render(vertices: Floats, faces: Ints, target: Silhouette) -> Bools:
    return render_silhouette(vertices, faces, target.K.double().cpu().numpy(), target.size, target.size)

"""How far an estimate explains the image, and what may be said of it."""

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence, Silhouette
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.zbuffer import silhouette as render_silhouette
from scorehoi_ros.types import Bools, Floats, Ints, Status

_SEEN = 0.5
_GOOD_KEYPOINT_PX = 10.0
_MIN_OBJECT_CONFIDENCE = 0.3


def human_agreement(
    vertices: Floats, landmarks: Floats, body: BodyModel, evidence: Evidence
) -> tuple[float | None, float | None]:
    """How a mesh (V, 3) with `landmarks` (75, 3), both in the camera frame, fits the image.

    Overlap (IoU) with the human mask, without the pixels that the object may hide, and median distance of
    visible landmarks in pixels at 256-pixel crop scale; None where the image does not say.
    """
    overlap = keypoint = None
    if evidence.human is not None:
        rendered = _render(vertices, body.faces, evidence.human)
        overlap = iou(rendered, evidence.human.mask, evidence.human.free)
    if evidence.landmarks is not None:
        seen = evidence.landmarks.confidence.cpu().numpy() > _SEEN
        if seen.any():
            pixels = project(landmarks, evidence.crop.K_crop)
            errors = np.linalg.norm(pixels - evidence.landmarks.pixels.cpu().numpy(), axis=1)
            keypoint = float(np.nanmedian(errors[seen]))
    return overlap, keypoint


def object_agreement(T_cam_object: Floats, template: ObjectTemplate, target: Silhouette) -> float:
    """Overlap (IoU) of the template at a pose with the object mask, without the pixels that may hide it."""
    moved = transform_points(T_cam_object, template.mesh.vertices)
    return iou(_render(moved, template.mesh.faces, target), target.mask, target.free)


def iou(a: Bools, b: Bools, free: Bools) -> float:
    """Intersection over union outside the free pixels; 0 when both are empty."""
    union = ((a | b) & ~free).sum()
    return float((a & b & ~free).sum() / union) if union else 0.0


def human_status(
    overlap: float | None, keypoint_px: float | None, config: PipelineConfig
) -> tuple[Status, str]:
    """OK or UNTRUSTED with the reason, from what `human_agreement` measured."""
    if overlap is not None and overlap < config.min_human_iou:
        return Status.UNTRUSTED, f"the human mesh overlaps its mask by {overlap:.2f} < {config.min_human_iou}"
    if keypoint_px is None or not keypoint_px <= _GOOD_KEYPOINT_PX:  # NaN is not good
        shown = (
            "no landmark is visible" if keypoint_px is None else f"landmarks are off by {keypoint_px:.1f} px"
        )
        return Status.UNTRUSTED, f"{shown} (at 256-pixel crop scale)"
    return Status.OK, ""


def object_status(
    overlap: float, mask_score: float, tracked: bool, config: PipelineConfig
) -> tuple[Status, str]:
    """OK, UNTRUSTED, or LOST when a tracked object no longer agrees with the image."""
    if overlap < 0.5 * config.min_object_iou and tracked:
        return Status.LOST, f"the object was tracked, but overlaps its mask by only {overlap:.2f}"
    if overlap < config.min_object_iou:
        return Status.UNTRUSTED, f"the object overlaps its mask by {overlap:.2f} < {config.min_object_iou}"
    if overlap * mask_score < _MIN_OBJECT_CONFIDENCE:
        return Status.UNTRUSTED, (
            f"the object is uncertain: overlap {overlap:.2f} with a mask of score {mask_score:.2f} "
            f"(product below {_MIN_OBJECT_CONFIDENCE})"
        )
    return Status.OK, ""


def _render(vertices: Floats, faces: Ints, target: Silhouette) -> Bools:
    return render_silhouette(vertices, faces, target.K.double().cpu().numpy(), target.size, target.size)

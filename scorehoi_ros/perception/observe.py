"""Which masks to use for a frame: given ones first, then the user's prompt, then the tracked template."""

from dataclasses import replace

import numpy as np
import torch

from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.propose import propose
from scorehoi_ros.perception.protocols import Segmenter
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.stages import Prediction
from scorehoi_ros.types import Bools, Estimate, Frame, HumanObservation, Masks, Prompt

_SOFT_MASK_LEVEL = 0.5
_DETECTOR_MASK_SCORE = 0.9
"""Mean overlap of the detector's human mask with true masks (measured 0.907 on six photos)."""


def human_mask(frame: Frame, seen: HumanObservation) -> Masks:
    """The frame's own human mask, else the detector's."""
    if frame.masks.human is not None:
        return frame.masks
    if seen.mask is None:
        return replace(frame.masks, human=None, human_score=0.0)
    return replace(frame.masks, human=seen.mask > _SOFT_MASK_LEVEL, human_score=_DETECTOR_MASK_SCORE)


def object_masks(
    frame: Frame,
    masks: Masks,
    segmenter: Segmenter | None,
    prompt: Prompt | None,
    template: ObjectTemplate,
    estimate: Estimate,
    prediction: Prediction | None,
) -> Masks:
    """`masks` with an object mask added where one can be had; the object stays None otherwise."""
    if masks.object is not None or segmenter is None:
        return masks
    if prompt is None and prediction is not None and prediction.estimate.R_o is not None:
        prompt = Prompt(mask=project_template(template, prediction.estimate, frame))
    if prompt is None or (prompt.mask is not None and not prompt.mask.any()):
        prompt = propose(frame, masks.human, template, estimate)
    if prompt is None:
        return masks
    found = segmenter.segment(frame.rgb, prompt, masks.human)
    if not found.mask.any():
        return masks
    return replace(masks, object=found.mask, object_score=found.score)


def project_template(template: ObjectTemplate, estimate: Estimate, frame: Frame) -> Bools:
    """(H, W) silhouette of the template at the pose of an estimate."""
    assert estimate.R_o is not None and estimate.t_o is not None
    R = rotation_6d_to_matrix(torch.as_tensor(estimate.R_o, dtype=torch.float64)).numpy()
    vertices = template.mesh.vertices @ R.T + estimate.t_cam + estimate.t_o
    camera = frame.camera
    return silhouette(vertices, template.mesh.faces, np.asarray(camera.K), camera.width, camera.height)

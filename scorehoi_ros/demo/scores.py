"""Errors of results: against ground truth where there is one, else against what a detector sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.results import Result
from scorehoi_ros.demo.truth import Truth
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.metrics import ContactScore
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.geometry.surface import even_points
from scorehoi_ros.messages.builders import is_present
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.protocols import HumanDetector
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Bools, Floats, Frame, Reconstruction

SURFACE_POINTS = 6000
CROP_MARGIN = 0.2
"""The person's crop is the longer side of the box around the landmarks plus this share."""


@dataclass(frozen=True)
class Scores:
    """Measures by name for one frame; a name is missing where it could not be measured."""

    values: dict[str, float]
    contact: ContactScore = ContactScore(None, None)


@dataclass(frozen=True)
class Judge:
    """What stays the same from frame to frame."""

    body: BodyModel
    template: ObjectTemplate | None

    def landmarks(self, vertices: Floats, joints: Floats) -> Floats:
        """(75, 3) landmarks of a posed body."""
        m = self.body.landmarks
        return np.asarray(m.joint_weights @ joints + m.vertex_weights @ vertices[m.vertex_ids])

    def human_mask(self, vertices: Floats, r: Reconstruction) -> Bools:
        """Silhouette of a body in the picture."""
        return silhouette(vertices, self.body.faces, r.camera.K, r.camera.width, r.camera.height)

    def object_mask(self, T_cam_object: Floats, r: Reconstruction) -> Bools:
        """Silhouette of the object in the picture."""
        assert self.template is not None
        mesh = self.template.mesh
        vertices = transform_points(T_cam_object, mesh.vertices)
        return silhouette(vertices, mesh.faces, r.camera.K, r.camera.width, r.camera.height)


def has_human(r: Reconstruction) -> bool:
    """Whether there is a mesh of this frame's person."""
    return r.human is not None and is_present(r.human.status) and len(r.human.vertices) > 0


def has_object(r: Reconstruction) -> bool:
    """Whether there is a pose of this frame's object."""
    return r.object is not None and is_present(r.object.status)


def score_against_truth(judge: Judge, result: Result, truth: Truth) -> Scores:
    """All measures of one frame whose stamp is in the truth."""
    r = result.reconstruction
    row = int(np.searchsorted(truth.stamps_ns, r.stamp_ns))
    assert truth.stamps_ns[row] == r.stamp_ns
    vertices, joints = truth.vertices[row].astype(np.float64), truth.joints[row].astype(np.float64)
    T = truth.T_cam_object[row]
    values = _penetration(judge, r)
    if has_human(r):
        values |= _human_scores(judge, r, vertices, joints)
    if has_object(r) and judge.template is not None:
        values |= _object_scores(judge, r, T)
    values |= _chamfer(judge, r, vertices, T)
    return Scores(values, _contact(judge, result, vertices, T))


def score_against_image(judge: Judge, result: Result, frame: Frame, detector: HumanDetector) -> Scores:
    """What can be said without truth: overlap with masks, distance to detected landmarks, penetration."""
    r = result.reconstruction
    values = _penetration(judge, r)
    seen = detector.detect(frame.rgb) if has_human(r) else None
    if seen is not None and r.human is not None:
        vertices = r.human.vertices.astype(np.float64)
        mask = frame.masks.human
        if mask is None and seen.mask is not None:
            mask = seen.mask > 0.5
        if mask is not None:
            values["human_iou"] = metrics.mask_iou(judge.human_mask(vertices, r), mask)
        pixels = project(judge.landmarks(vertices, r.human.joints), r.camera.K)
        weights = seen.landmarks.confidence * (seen.landmarks.confidence > 0.5)
        _add(
            values,
            "keypoint_px",
            metrics.keypoint_px(pixels, seen.landmarks.pixels, weights, _crop_side(pixels)),
        )
    if has_object(r) and r.object is not None and frame.masks.object is not None and judge.template:
        shown = judge.object_mask(r.object.T_cam_object, r)
        values["object_iou"] = metrics.mask_iou(shown, frame.masks.object)
    return Scores(values)


def acceleration_error(results: Sequence[Result], truth: Truth) -> float | None:
    """Mean joint acceleration error over neighbouring frames of the clip; None without three in a row."""
    rows = {r.reconstruction.stamp_ns: r.reconstruction for r in results if has_human(r.reconstruction)}
    errors = []
    for k in range(1, len(truth.stamps_ns) - 1):
        three = [rows.get(int(s)) for s in truth.stamps_ns[k - 1 : k + 2]]
        if all(three):
            joints = np.stack([r.human.joints for r in three if r is not None and r.human is not None])
            errors.append(metrics.acceleration_error_mm(joints, truth.joints[k - 1 : k + 2]))
    return float(np.mean(errors)) if errors else None


def _human_scores(judge: Judge, r: Reconstruction, vertices: Floats, joints: Floats) -> dict[str, float]:
    assert r.human is not None
    mine = r.human.vertices.astype(np.float64)
    pixels = project(judge.landmarks(mine, r.human.joints), r.camera.K)
    true_pixels = project(judge.landmarks(vertices, joints), r.camera.K)
    values = {
        "human_iou": metrics.mask_iou(judge.human_mask(mine, r), judge.human_mask(vertices, r)),
        "mpjpe_mm": metrics.mpjpe_mm(r.human.joints[:22], joints[:22]),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(r.human.joints[:22], joints[:22]),
        "human_translation_cm": metrics.translation_error_cm(r.human.root, joints[0]),
    }
    error = metrics.keypoint_px(pixels, true_pixels, np.ones(len(pixels)), _crop_side(true_pixels))
    return _add(values, "keypoint_px", error)


def _object_scores(judge: Judge, r: Reconstruction, T: Floats) -> dict[str, float]:
    assert r.object is not None and judge.template is not None
    mine = r.object.T_cam_object
    return {
        "object_iou": metrics.mask_iou(judge.object_mask(mine, r), judge.object_mask(T, r)),
        "object_rotation_deg": metrics.rotation_error_deg(mine[:3, :3], T[:3, :3], judge.template.symmetry),
        "object_translation_cm": metrics.translation_error_cm(mine[:3, 3], T[:3, 3]),
    }


def _chamfer(judge: Judge, r: Reconstruction, vertices: Floats, T: Floats) -> dict[str, float]:
    """Chamfer distances after aligning human and object together; nothing when one of them is missing.

    The alignment pairs surface points, so a symmetric object is first turned to the look-alike nearest the
    truth.
    """
    if not (has_human(r) and has_object(r)) or judge.template is None:
        return {}
    assert r.human is not None and r.object is not None
    surface = even_points(judge.template.mesh, SURFACE_POINTS)
    mine = r.object.T_cam_object
    turned = metrics.nearest_equivalent(mine[:3, :3], T[:3, :3], judge.template.symmetry)
    thing, true_thing = surface @ turned.T + mine[:3, 3], transform_points(T, surface)
    human, thing = metrics.align_jointly(r.human.vertices.astype(np.float64), thing, vertices, true_thing)
    return {
        "cd_human_cm": metrics.chamfer_cm(human, vertices),
        "cd_object_cm": metrics.chamfer_cm(thing, true_thing),
    }


def _contact(judge: Judge, result: Result, vertices: Floats, T: Floats) -> ContactScore:
    """Published contact vertices against the 5 cm rule on the truth."""
    if judge.template is None:
        return ContactScore(None, None)
    true = sample(judge.template.sdf, transform_points(invert_transform(T), vertices))
    predicted = np.zeros(len(vertices), bool)
    predicted[result.touching] = True
    return metrics.contact_score(predicted, true < metrics.CONTACT_DISTANCE_M)


def _penetration(judge: Judge, r: Reconstruction) -> dict[str, float]:
    if not (has_human(r) and has_object(r)) or judge.template is None:
        return {}
    assert r.human is not None and r.object is not None
    local = transform_points(invert_transform(r.object.T_cam_object), r.human.vertices.astype(np.float64))
    return {"penetration_mm": metrics.penetration(sample(judge.template.sdf, local)).max_mm}


def _crop_side(pixels: Floats) -> float:
    return float(np.nanmax(np.ptp(pixels[np.isfinite(pixels).all(1)], axis=0))) * (1 + CROP_MARGIN)


def _add(values: dict[str, float], name: str, value: float | None) -> dict[str, float]:
    if value is not None:
        values[name] = value
    return values

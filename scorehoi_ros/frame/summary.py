"""From an estimate to what is published: meshes, contacts, agreement with the image, trust."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import pose_matrices
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence, Silhouette
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.geometry.rotation import matrix_to_axis_angle, rotation_6d_to_matrix
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.zbuffer import silhouette as render_silhouette
from scorehoi_ros.types import (
    CONTACT_DISTANCE_M,
    Bools,
    Contacts,
    Estimate,
    Floats,
    Floor,
    HumanState,
    Ints,
    Landmarks,
    ObjectState,
    Status,
)

_SOFTNESS_M = 0.015
"""Contact probability falls from 0.73 to 0.27 within this distance on both sides of the 5 cm rule."""
_SEEN = 0.5
_GOOD_KEYPOINT_PX = 10.0
_MIN_OBJECT_CONFIDENCE = 0.3
_PIXEL_SIGMA = 2.0


@dataclass(frozen=True)
class Agreement:
    """How well an estimate explains the image."""

    human_iou: float | None
    """Rendered human against the human mask, without the pixels that the object may hide."""
    object_iou: float | None
    """Rendered object against the object mask, without the pixels that the human may hide."""
    keypoint_px: float | None
    """Median distance of visible landmarks, pixels at 256-pixel crop scale."""


def object_transform(estimate: Estimate) -> Floats:
    """T_cam_object (4, 4) of an estimate with an object."""
    R = rotation_6d_to_matrix(torch.as_tensor(estimate.R_o, dtype=torch.float64)).numpy()
    return make_transform(R, estimate.object_origin)


def measure_agreement(
    vertices: Floats,
    landmarks: Floats,
    T_cam_object: Floats | None,
    body: BodyModel,
    template: ObjectTemplate | None,
    evidence: Evidence,
) -> Agreement:
    """Render and compare; `landmarks` (75, 3) of the estimate in the camera frame."""
    human_iou = object_iou = None
    if evidence.human is not None:
        rendered = _render(vertices, body.faces, evidence.human)
        human_iou = iou(rendered, evidence.human.mask, evidence.human.free)
    if evidence.object is not None and T_cam_object is not None and template is not None:
        moved = transform_points(T_cam_object, template.mesh.vertices)
        rendered = _render(moved, template.mesh.faces, evidence.object)
        object_iou = iou(rendered, evidence.object.mask, evidence.object.free)
    seen = evidence.confidence.numpy() > _SEEN
    keypoint = None
    if seen.any():
        pixels = project(landmarks, evidence.crop.K_crop)
        keypoint = float(np.nanmedian(np.linalg.norm(pixels - evidence.pixels.numpy(), axis=1)[seen]))
    return Agreement(human_iou, object_iou, keypoint)


def iou(a: Bools, b: Bools, free: Bools) -> float:
    """Intersection over union outside the free pixels; 0 when both are empty."""
    union = ((a | b) & ~free).sum()
    return float((a & b & ~free).sum() / union) if union else 0.0


def human_status(agreement: Agreement, config: PipelineConfig) -> tuple[Status, str]:
    """OK or UNTRUSTED with the reason."""
    overlap, distance = agreement.human_iou, agreement.keypoint_px
    if overlap is not None and overlap < config.min_human_iou:
        return Status.UNTRUSTED, f"the human mesh overlaps its mask by {overlap:.2f} < {config.min_human_iou}"
    if distance is None or distance > _GOOD_KEYPOINT_PX:
        shown = "no landmark is visible" if distance is None else f"landmarks are off by {distance:.1f} px"
        return Status.UNTRUSTED, f"{shown} (at 256-pixel crop scale)"
    return Status.OK, ""


def object_status(
    agreement: Agreement, mask_score: float, tracked: bool, config: PipelineConfig
) -> tuple[Status, str]:
    """OK, UNTRUSTED, or LOST when a tracked object no longer agrees with the image."""
    overlap = agreement.object_iou or 0.0
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


def human_state(
    estimate: Estimate,
    mesh: tuple[Floats, Floats],
    status: Status,
    agreement: Agreement,
    landmarks: Landmarks,
) -> HumanState:
    """The published human; confidence = mask overlap times mean visibility of the body landmarks."""
    pose = matrix_to_axis_angle(torch.as_tensor(pose_matrices(estimate))).numpy()
    visibility = float(np.mean(landmarks.confidence[11:33]))
    overlap = agreement.human_iou if agreement.human_iou is not None else 0.5
    return HumanState(
        status,
        overlap * visibility,
        estimate.betas,
        pose,
        estimate.t_cam,
        mesh[1],
        mesh[0].astype(np.float32),
    )


def lost_human() -> HumanState:
    """A person who was tracked and is not found."""
    none = np.zeros((0, 3))
    return HumanState(Status.LOST, 0.0, np.zeros(0), none, np.zeros(3), none, none.astype(np.float32))


def missing_object(template: ObjectTemplate, status: Status) -> ObjectState:
    """An object without a pose in this frame (ABSENT or LOST)."""
    return ObjectState(status, 0.0, template.label, template.template_id, np.eye(4), np.zeros((6, 6)))


def object_state(
    estimate: Estimate, template: ObjectTemplate, status: Status, agreement: Agreement, mask: Silhouette
) -> ObjectState:
    """The published object."""
    T = object_transform(estimate)
    overlap = agreement.object_iou or 0.0
    covariance = pose_covariance(T, template, overlap, mask)
    return ObjectState(status, overlap * mask.score, template.label, template.template_id, T, covariance)


def pose_covariance(
    T_cam_object: Floats, template: ObjectTemplate, overlap: float, mask: Silhouette
) -> Floats:
    """(6, 6) rough covariance, ROS order, from what a silhouette can tell; not calibrated.

    An outline known to `_PIXEL_SIGMA` pixels fixes the lateral position to z sigma / f and the depth to
    z sigma / size; both and the rotation widen as the overlap falls.  Free turns of a symmetric template
    get the variance of a uniform angle.
    """
    z = float(T_cam_object[2, 3])
    focal = float(mask.K[0, 0])
    size_px = max(float(np.sqrt(mask.mask.sum())), 1.0)
    widen = 1.0 / max(overlap, 0.1)
    lateral, along, turn = z * _PIXEL_SIGMA / focal * widen, z * _PIXEL_SIGMA / size_px * widen, 0.15 * widen
    ray = T_cam_object[:3, 3] / np.linalg.norm(T_cam_object[:3, 3])
    position = lateral**2 * np.eye(3) + (along**2 - lateral**2) * np.outer(ray, ray)
    rotation = turn**2 * np.eye(3)
    uniform = np.pi**2 / 3
    if template.symmetry.sphere:
        rotation = uniform * np.eye(3)
    elif template.symmetry.axis is not None:
        axis = T_cam_object[:3, :3] @ template.symmetry.axis
        rotation = rotation + (uniform - turn**2) * np.outer(axis, axis)
    covariance = np.zeros((6, 6))
    covariance[:3, :3], covariance[3:, 3:] = position, rotation
    return covariance


def find_contacts(
    vertices: Floats, T_cam_object: Floats, floor: Floor | None, body: BodyModel, template: ObjectTemplate
) -> tuple[Contacts, float]:
    """Contacts by the 5 cm rule, and the deepest penetration of a human vertex in metres."""
    in_object = transform_points(invert_transform(T_cam_object), vertices.astype(np.float64))
    distance = sample(template.sdf, in_object)
    touching = np.flatnonzero(distance < CONTACT_DISTANCE_M).astype(np.int32)
    point_distance = cKDTree(in_object).query(template.points)[0]
    near = point_distance < CONTACT_DISTANCE_M
    height = np.full(len(template.points), np.inf)
    if floor is not None:
        height = np.abs(transform_points(T_cam_object, template.points) @ floor.normal - floor.offset)
    grounded = height < CONTACT_DISTANCE_M
    contacts = Contacts(
        human_vertices=touching,
        human_probabilities=probability(np.maximum(distance[touching], 0)),
        body_parts=touched_parts(body, touching),
        object_points=template.points[near],
        object_probabilities=probability(point_distance[near]),
        floor_points=template.points[grounded],
        floor_probabilities=probability(height[grounded]),
    )
    return contacts, float(max(0.0, -distance.min()))


def probability(distance: Floats) -> Floats:
    """Contact probability of a distance in metres: 0.5 at the 5 cm rule."""
    return 1 / (1 + np.exp((distance - CONTACT_DISTANCE_M) / _SOFTNESS_M))


def touched_parts(body: BodyModel, vertices: Ints) -> tuple[str, ...]:
    """Region names with at least one contact vertex, most touched first."""
    counts = np.bincount(body.regions[vertices], minlength=len(body.region_names))
    order = np.argsort(-counts, kind="stable")
    return tuple(body.region_names[i] for i in order if counts[i] > 0)


def _render(vertices: Floats, faces: Ints, target: Silhouette) -> Bools:
    return render_silhouette(vertices, faces, target.K.double().numpy(), target.size, target.size)

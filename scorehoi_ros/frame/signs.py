"""What speaks for and against an estimate: measured on the image, on the pair, and told by the method."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.body.points import stature_of
from scorehoi_ros.body.posed import body_landmarks, human_mesh
from scorehoi_ros.frame.agreement import LandmarkAgreement, human_overlap, landmark_agreement, object_overlap
from scorehoi_ros.frame.contacts import Pair
from scorehoi_ros.frame.look import Look
from scorehoi_ros.frame.stages import Certainty, Refined
from scorehoi_ros.frame.subject import Subject
from scorehoi_ros.frame.upright import floor_of
from scorehoi_ros.geometry.rigid import object_transform, transform_points
from scorehoi_ros.types import CONTACT_DISTANCE_M, Floats, Floor, Masks

TIES = 3
"""Points of the object that must be touched for it to be tied to the person."""


@dataclass(frozen=True)
class HumanSigns:
    """Of a person; None = could not be measured."""

    landmarks: LandmarkAgreement | None
    overlap: float | None
    """IoU of the mesh with the human mask."""
    own_mask: bool
    """The mask is the product's own, or there is none."""
    stature_m: float
    """Of the fitted shape."""
    expected_m: float
    """The height that was told, else that of the mean body."""
    penetration_m: float
    """How deep the body is in the object."""
    certainty: Certainty


@dataclass(frozen=True)
class ObjectSigns:
    """Of an object."""

    overlap: float
    """IoU of the template with the object mask."""
    hidden: float
    """Share of its outline that the person, or the end of the image, may hide."""
    side_px: float
    """Root of the mask's area, pixels at 256-pixel crop scale."""
    own_mask: bool
    """The mask is the product's own."""
    mask_score: float
    """What the segmenter says of it, 0..1."""
    alone: bool
    """There is no person."""
    penetration_m: float
    """How deep the body is in it."""
    gap_m: float
    """How far it is from the person; 0 when it touches, or when there is no person."""
    tied: float | None
    """Probability that something of it is held or touched, 0..1; None = the method does not say."""
    under_floor_m: float
    """How far its lowest point is under the floor."""
    above_floor_m: float
    """How far its lowest point is above the floor; both 0 when there is no person to stand on it."""
    warm: bool
    """The method went on from the answer to the frame before: a wrong start may stay."""
    certainty: Certainty


@dataclass(frozen=True)
class Measured:
    """A refined estimate as surfaces, with its signs; None = it has no such part."""

    mesh: tuple[Floats, Floats] | None = None
    """Vertices (V, 3) and joints (52, 3) in the camera frame."""
    T_cam_object: Floats | None = None
    floor: Floor | None = None
    pair: Pair | None = None
    distance: Floats | None = None
    """(V,) signed, metres, of the human vertices to the object."""
    human: HumanSigns | None = None
    object: ObjectSigns | None = None


def measure(refined: Refined, seen: Look, given: Masks, subject: Subject) -> Measured:
    """Everything that is measured on a refined estimate; `given` are the masks that came with the frame."""
    estimate, evidence, template = refined.estimate, seen.evidence, subject.template
    if evidence is None:
        return Measured()
    mesh = floor = T = pair = distance = None
    if estimate.human is not None:
        mesh = human_mesh(subject.layer, estimate.human)
        floor = floor_of(estimate, mesh, template, refined.contacts, subject.gravity)
    if estimate.object is not None and template is not None and evidence.object is not None:
        T = object_transform(estimate.object)
    if mesh is not None and T is not None and template is not None:
        pair = Pair(mesh[0].astype(np.float32), T, floor, subject.body, template)
        distance = pair.distances()
    found = Measured(mesh, T, floor, pair, distance)
    return Measured(
        mesh, T, floor, pair, distance,
        human=_human_signs(found, refined, seen, given, subject),
        object=_object_signs(found, refined, seen, given, subject),
    )  # fmt: skip


def _human_signs(
    found: Measured, refined: Refined, seen: Look, given: Masks, subject: Subject
) -> HumanSigns | None:
    pose, evidence = refined.estimate.human, seen.evidence
    if pose is None or found.mesh is None or evidence is None:
        return None
    mean, slope = stature_of(subject.body)
    overlap = human_overlap(found.mesh[0], subject.body, evidence)
    return HumanSigns(
        landmarks=landmark_agreement(body_landmarks(subject.body, found.mesh), evidence),
        overlap=overlap,
        own_mask=given.human is None or overlap is None,
        stature_m=mean + float(pose.betas @ slope),
        expected_m=subject.config.height_m or mean,
        penetration_m=0.0 if found.distance is None else max(0.0, -float(found.distance.min())),
        certainty=refined.certainty or Certainty(),
    )


def _object_signs(
    found: Measured, refined: Refined, seen: Look, given: Masks, subject: Subject
) -> ObjectSigns | None:
    evidence, template, T = seen.evidence, subject.template, found.T_cam_object
    if T is None or evidence is None or evidence.object is None or template is None:
        return None
    overlap, hidden = object_overlap(T, template, evidence.object)
    nearest = 0.0 if found.distance is None else float(found.distance.min())
    height = 0.0
    if found.floor is not None:
        moved = transform_points(T, template.mesh.vertices)
        height = float((moved @ found.floor.normal).min()) - found.floor.offset
    return ObjectSigns(
        overlap=overlap,
        hidden=hidden,
        side_px=float(np.sqrt(float(evidence.masks[1].sum()))),
        own_mask=given.object is None,
        mask_score=evidence.object.score,
        alone=found.mesh is None,
        penetration_m=max(0.0, -nearest),
        gap_m=nearest if nearest > CONTACT_DISTANCE_M else 0.0,
        tied=None if refined.contacts is None else float(refined.contacts.object.topk(TIES)[0].mean()),
        under_floor_m=max(0.0, -height),
        above_floor_m=max(0.0, height),
        warm=bool(refined.warm),
        certainty=refined.certainty or Certainty(),
    )

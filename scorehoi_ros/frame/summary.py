"""From a refined estimate to what is published: states, contacts, status of the frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import body_landmarks, human_mesh, pose_matrices
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame import agreement, track
from scorehoi_ros.frame.contacts import Pair, measured_contacts, predicted_contacts
from scorehoi_ros.frame.covariance import pose_covariance
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.look import Look
from scorehoi_ros.frame.stages import ContactMasks, Refined
from scorehoi_ros.frame.upright import floor_of
from scorehoi_ros.geometry.rigid import object_transform
from scorehoi_ros.geometry.rotation import matrix_to_axis_angle
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import (
    Contacts,
    Estimate,
    Floats,
    Floor,
    Frame,
    HumanPose,
    HumanState,
    ObjectState,
    Reconstruction,
    Status,
)


@dataclass(frozen=True)
class Subject:
    """Whom and what the pipeline looks for."""

    config: PipelineConfig
    body: BodyModel
    layer: BodyLayer
    template: ObjectTemplate | None
    gravity: Sequence[float] | Floats
    """(3,) in the camera frame; empty = not known."""


@dataclass(frozen=True)
class _Part:
    """What is said about one human or one object."""

    status: Status | None
    """None = nothing is there and nothing was looked for."""
    why: str
    quality: dict[str, float]


def summarise(
    frame: Frame, seen: Look, refined: Refined, subject: Subject, state: track.TrackState
) -> Reconstruction:
    """Everything that is published of one frame; `state` = what is known from the frames before."""
    estimate, evidence = refined.estimate, seen.evidence
    human, human_part = _human(estimate.human, seen, subject, state)
    thing, object_part = _object(refined, evidence, subject, state)
    if human is None or not human.status.is_present:
        estimate = replace(estimate, human=None)
    if thing is None or not thing.status.is_present:
        estimate = replace(estimate, object=None)
    floor = None
    if human is not None and estimate.human is not None:
        mesh = human.vertices, human.joints
        floor = floor_of(estimate, mesh, subject.template, refined.contacts, subject.gravity)
    contacts, penetration = _contacts(human, thing, estimate, floor, refined.contacts, subject)
    status, message = _verdict(human_part, object_part)
    energy = {f"energy_{k}": v for k, v in (refined.energy or {}).items() if k in ("first", "last")}
    return Reconstruction(
        stamp_ns=frame.stamp_ns,
        frame_id=frame.frame_id,
        name=frame.name,
        camera=frame.camera,
        status=status,
        message=message,
        humans=(human,) if human is not None else (),
        objects=(thing,) if thing is not None else (),
        contacts=contacts,
        floor=floor,
        estimate=estimate,
        masks=seen.masks,
        landmarks=seen.landmarks,
        quality=human_part.quality | object_part.quality | energy | penetration,
        flat=frame.rgb,
    )


def _verdict(human: _Part, thing: _Part) -> tuple[Status, str]:
    """Status of the frame, the worst of its parts, and the reasons."""
    there = [part for part in (human, thing) if part.status is not None]
    if human.status is None and thing.status in (None, Status.ABSENT):
        return Status.ABSENT, "nobody is in view"
    return max(part.status for part in there if part.status is not None), "; ".join(
        part.why for part in there if part.why
    )


def _human(
    pose: HumanPose | None, seen: Look, subject: Subject, state: track.TrackState
) -> tuple[HumanState | None, _Part]:
    """The person's state: found, lost, or none."""
    if pose is None or seen.evidence is None or seen.landmarks is None:
        if state.human is None:
            return None, _Part(None, "", {})
        why = "the person was tracked and is not found"
        return lost_human(state.human.id), _Part(Status.LOST, why, {})
    mesh = human_mesh(subject.layer, pose)
    overlap, keypoint = agreement.human_agreement(
        mesh[0], body_landmarks(subject.body, mesh), subject.body, seen.evidence
    )
    status, why = agreement.human_status(overlap, keypoint, subject.config)
    visibility = float(np.mean(seen.landmarks.confidence[11:33]))
    found = HumanState(
        id=track.human_id(state),
        status=status,
        confidence=(0.5 if overlap is None else overlap) * visibility,
        betas=pose.betas,
        pose=matrix_to_axis_angle(torch.as_tensor(pose_matrices(pose))).numpy(),
        root=pose.t_cam,
        joints=mesh[1],
        vertices=mesh[0].astype(np.float32),
    )
    return found, _Part(status, why, _measured(human_iou=overlap, keypoint_px=keypoint))


def _object(
    refined: Refined, evidence: Evidence | None, subject: Subject, state: track.TrackState
) -> tuple[ObjectState | None, _Part]:
    """The object's state: found, lost, not yet seen, or none when no object is looked for."""
    pose, template, tracked = refined.estimate.object, subject.template, state.object is not None
    if template is None:
        return None, _Part(None, "", {})
    if pose is None or evidence is None or evidence.object is None:
        if tracked:
            status, why = Status.LOST, "the object was tracked and is not found"
        else:
            status = Status.ABSENT
            why = "the object is not found: give a prompt box, a mask, or show it closer"
        return missing_object(template, status, state), _Part(status, why, {})
    mask, T = evidence.object, object_transform(pose)
    overlap = agreement.object_agreement(T, template, mask)
    status, why = agreement.object_status(overlap, mask.score, tracked, subject.config)
    part = _Part(status, why, _measured(object_iou=overlap))
    if status > Status.UNTRUSTED:
        return missing_object(template, status, state), part
    covariance = refined.covariance
    if covariance is None:
        covariance = pose_covariance(T, template, overlap, mask)
    found = ObjectState(
        track.object_id(state),
        status,
        overlap * mask.score,
        template.label,
        template.template_id,
        T,
        covariance,
    )
    return found, part


def _contacts(
    human: HumanState | None,
    thing: ObjectState | None,
    estimate: Estimate,
    floor: Floor | None,
    predicted: ContactMasks | None,
    subject: Subject,
) -> tuple[tuple[Contacts, ...], dict[str, float]]:
    """Contacts of the pair and the deepest penetration; nothing unless both are there."""
    if human is None or thing is None or estimate.human is None or estimate.object is None:
        return (), {}
    assert subject.template is not None
    body, template = subject.body, subject.template
    pair = Pair(human.vertices, thing.T_cam_object, floor, body, template)
    distance = pair.distances()
    if predicted is not None:
        found = predicted_contacts(predicted, body, template)
    else:
        found = measured_contacts(pair, distance)
    depth = -distance.min()
    named = replace(found, human_id=human.id, object_id=thing.id)
    return (named,), {"penetration_mm": float(max(0.0, depth)) * 1e3}


def lost_human(name: str) -> HumanState:
    """A person who was tracked and is not found."""
    none = np.zeros((0, 3))
    return HumanState(name, Status.LOST, 0.0, np.zeros(0), none, np.zeros(3), none, none.astype(np.float32))


def missing_object(template: ObjectTemplate, status: Status, state: track.TrackState) -> ObjectState:
    """An object without a pose in this frame (ABSENT or LOST)."""
    name = state.object.id if state.object is not None else ""
    return ObjectState(name, status, 0.0, template.label, template.template_id, np.eye(4), np.zeros((6, 6)))


def _measured(**values: float | None) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}

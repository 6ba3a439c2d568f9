"""From a refined estimate to what is published: states, contacts, status of the frame."""

from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.body.posed import pose_matrices
from scorehoi_ros.frame import track, trust
from scorehoi_ros.frame.contacts import measured_contacts, predicted_contacts
from scorehoi_ros.frame.covariance import pose_covariance
from scorehoi_ros.frame.look import Look
from scorehoi_ros.frame.signs import Measured, measure
from scorehoi_ros.frame.stages import ContactMasks, Refined
from scorehoi_ros.frame.subject import Subject
from scorehoi_ros.geometry.turns import vector_of_matrix
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Contacts, Frame, HumanState, ObjectState, Reconstruction, Status

_LOST_IOU = 0.2
"""A tracked object that overlaps its mask by less is somewhere else."""


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
    found = measure(refined, seen, frame.masks, subject)
    human, human_part = _human(refined, found, subject, state)
    thing, object_part = _object(refined, seen, found, subject, state)
    estimate = refined.estimate
    if human is None or not human.status.is_present:
        estimate = replace(estimate, human=None)
    if thing is None or not thing.status.is_present:
        estimate = replace(estimate, object=None)
    contacts, penetration = _contacts(human, thing, found, refined.contacts, subject)
    status, message = _verdict(human_part, object_part)
    told = {"people": float(seen.people)} if seen.people > 1 else {}
    told |= {"sides_exchanged": 1.0} if seen.mended else {}
    warm = {} if refined.warm is None else {"warm": float(refined.warm)}
    off = {f"{name}_mask_off_px": px for name, px in seen.off_px.items()}
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
        floor=found.floor if estimate.human is not None else None,
        estimate=estimate,
        masks=seen.masks,
        landmarks=seen.landmarks,
        quality=human_part.quality | object_part.quality | energy | penetration | warm | told | off,
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
    refined: Refined, found: Measured, subject: Subject, state: track.TrackState
) -> tuple[HumanState | None, _Part]:
    """The person's state: found, lost, or none."""
    pose, signs = refined.estimate.human, found.human
    if pose is None or signs is None or found.mesh is None or signs.landmarks is None:
        if state.human is None:
            return None, _Part(None, "", {})
        why = "the person was tracked and is not found"
        return lost_human(state.human.id), _Part(Status.LOST, why, {})
    belief = trust.of_human(signs)
    status, why = belief.status(subject.config.min_probability)
    person = HumanState(
        id=track.human_id(state),
        status=status,
        confidence=belief.probability,
        betas=pose.betas,
        pose=vector_of_matrix(pose_matrices(pose)),
        root=pose.t_cam,
        joints=found.mesh[1],
        vertices=found.mesh[0].astype(np.float32),
    )
    measured = _measured(human_iou=signs.overlap, keypoint_px=signs.landmarks.median_px)
    return person, _Part(status, why, measured | belief.named())


def _object(
    refined: Refined,
    seen: Look,
    found: Measured,
    subject: Subject,
    state: track.TrackState,
) -> tuple[ObjectState | None, _Part]:
    """The object's state: found, lost, not yet seen, or none when no object is looked for."""
    template, signs, T = subject.template, found.object, found.T_cam_object
    if template is None:
        return None, _Part(None, "", {})
    if T is None or signs is None or seen.evidence is None or seen.evidence.object is None:
        return _not_found(template, state)
    if state.object is not None and signs.overlap < _LOST_IOU:
        why = f"the object was tracked, but overlaps its mask by only {signs.overlap:.2f}"
        part = _Part(Status.LOST, why, {"object_iou": signs.overlap})
        return missing_object(template, Status.LOST, state), part
    belief = trust.of_object(signs)
    status, why = belief.status(subject.config.min_probability)
    covariance = refined.covariance
    if covariance is None:
        covariance = pose_covariance(T, template, signs.overlap, seen.evidence.object)
    name = track.object_id(state)
    thing = ObjectState(name, status, belief.probability, template.label, template.template_id, T, covariance)
    return thing, _Part(status, why, {"object_iou": signs.overlap} | belief.named())


def _not_found(template: ObjectTemplate, state: track.TrackState) -> tuple[ObjectState, _Part]:
    """An object that is looked for and of which this frame shows nothing."""
    if state.object is not None:
        status, why = Status.LOST, "the object was tracked and is not found"
    else:
        status, why = Status.ABSENT, _where_to_look(template)
    return missing_object(template, status, state), _Part(status, why, {})


def _where_to_look(template: ObjectTemplate) -> str:
    """Why an object was not found, and what helps."""
    ball = template.symmetry.sphere
    why = "show it closer" if ball else "only balls are looked for without being told where"
    return (
        f"the object is not found ({why}): give a box around it (prompt_box, ~/set_object_prompt) or a mask"
    )


def _contacts(
    human: HumanState | None,
    thing: ObjectState | None,
    found: Measured,
    predicted: ContactMasks | None,
    subject: Subject,
) -> tuple[tuple[Contacts, ...], dict[str, float]]:
    """Contacts of the pair and the deepest penetration; nothing unless both are there."""
    if found.pair is None or found.distance is None or human is None or thing is None:
        return (), {}
    if not human.status.is_present or not thing.status.is_present:
        return (), {}
    if predicted is not None:
        touching = predicted_contacts(predicted, subject.body, found.pair.template)
    else:
        touching = measured_contacts(found.pair, found.distance)
    named = replace(touching, human_id=human.id, object_id=thing.id)
    return (named,), {"penetration_mm": float(max(0.0, -found.distance.min())) * 1e3}


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

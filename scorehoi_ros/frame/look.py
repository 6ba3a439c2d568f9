"""Everything that is looked up in an image before any fit: person, masks, evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.frame.evidence import Evidence, build_evidence
from scorehoi_ros.frame.mask_check import checked
from scorehoi_ros.frame.stages import Prediction, looks_closely
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.close_look import Aside, CloseLook
from scorehoi_ros.perception.human.placing import place_person
from scorehoi_ros.perception.observe import (
    ObjectMemory,
    ObjectSighting,
    head_of,
    human_mask,
    own_mask,
    see_object,
)
from scorehoi_ros.perception.protocols import HumanDetector, Segmenter
from scorehoi_ros.timing import StageTimer
from scorehoi_ros.types import Floats, Frame, HumanObservation, HumanPose, Landmarks, Masks, Prompt


@dataclass(frozen=True)
class Eyes:
    """What looks at the image."""

    detector: HumanDetector
    segmenter: Segmenter | None
    """None = objects are seen only where masks come with the frame."""
    posed: PosedBody


@dataclass(frozen=True)
class Known:
    """What is known before looking."""

    template: ObjectTemplate | None
    prediction: Prediction | None
    appearance: Floats | None
    """Of the tracked object."""
    prompt: Prompt | None
    aside: Aside | None = None
    """None = a slow segmenter is waited for."""


@dataclass(frozen=True)
class Look:
    """What was seen."""

    evidence: Evidence | None
    """None when neither a person nor an object is in view."""
    masks: Masks
    """Those in use: given ones, else found ones."""
    landmarks: Landmarks | None
    appearance: Floats | None
    """What the object looks like in this frame."""
    off_px: Mapping[str, float] = field(default_factory=dict)
    """human, object -> by how much a given mask lay off, see `mask_check.Checked`."""
    people: int = 0
    """How many people are in view, as far as was looked."""
    mended: bool = False
    """The evidence is no longer that of the landmarks: the method found left and right exchanged in them."""
    wanted: CloseLook | None = None
    """At the object, by a slow segmenter that was not waited for."""


def look(frame: Frame, seen: HumanObservation | None, eyes: Eyes, known: Known, timer: StageTimer) -> Look:
    """Place the person that was seen, find the object near it or where it was, and gather the evidence, once.

    The object's prompt needs only about where the person is and how it is turned, which the landmarks give;
    so no fit is waited for.
    """
    landmarks = seen.landmarks if seen is not None else None
    with timer("gather"):
        given = checked(frame, None if frame.masks.human is None else own_mask(seen))
    masks = human_mask(replace(frame, masks=given.masks), seen)
    betas = known.prediction.betas if known.prediction is not None else None
    person = None
    if landmarks is not None:
        with timer("place_human"):
            person = place_person(eyes.posed, landmarks, frame.camera.K, betas)
    sighting = ObjectSighting(masks)
    if known.template is not None:
        with timer("segment_object"):
            memory = _memory(known, person)
            head = head_of(landmarks)
            sighting = see_object(
                frame, masks, eyes.segmenter, known.prompt, known.template, person, memory, head
            )
    with timer("gather"):
        evidence = build_evidence(frame, sighting.masks, landmarks, person)
    people = 0 if seen is None else 1 if seen.trail is None else seen.trail.people
    return Look(
        evidence,
        sighting.masks,
        landmarks,
        sighting.appearance,
        given.off_px,
        people,
        wanted=sighting.wanted,
    )


def _memory(known: Known, person: HumanPose | None) -> ObjectMemory:
    prediction = known.prediction
    return ObjectMemory(
        prediction.object_hypotheses(person) if prediction is not None else (),
        known.appearance,
        looks_closely(prediction),
        # Where nothing is tracked nothing is held up, and a good start is worth the wait.
        waits=known.aside is None or prediction is None,
        answer=None if known.aside is None else known.aside.answer,
    )

"""Which masks to use for a frame: given ones first, then the user's prompt, then the tracked template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.geometry.rigid import object_transform, transform_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.close_look import Answer, CloseLook
from scorehoi_ros.perception.object.propose import confirmed, propose
from scorehoi_ros.perception.protocols import (
    GOOD_SCORE,
    CloseSegmenter,
    Segmentation,
    Segmenter,
    empty_segmentation,
)
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import (
    Bools,
    Floats,
    Frame,
    HumanObservation,
    HumanPose,
    Landmarks,
    Masks,
    ObjectPose,
    Prompt,
)

_SOFT_MASK_LEVEL = 0.5
_DETECTOR_MASK_SCORE = 0.9
"""Mean overlap of the detector's human mask with true masks (measured 0.907 on six photos)."""
LEAST_SCORE = 0.4
"""A tracked object of which nothing better is found is hidden or gone; by tools/measure_least_score.py."""
_FACE = slice(0, 11)
"""Landmarks of nose, eyes, ears and mouth."""
_ALIKE = 0.7
"""Overlap (IoU) from which on two places of the object are searched as one."""


def own_mask(seen: HumanObservation | None) -> Bools | None:
    """(H, W) the detector's mask of the person; None = it has none."""
    return None if seen is None or seen.mask is None else seen.mask > _SOFT_MASK_LEVEL


def head_of(landmarks: Landmarks | None) -> Floats | None:
    """(2,) pixels of the middle of the face; None without a person."""
    return None if landmarks is None else landmarks.pixels[_FACE].mean(axis=0)


def human_mask(frame: Frame, seen: HumanObservation | None) -> Masks:
    """The frame's masks with, where it has none of the human, that of the detector."""
    if frame.masks.human is not None:
        return frame.masks
    own = own_mask(seen)
    return frame.masks if own is None else replace(frame.masks, human=own, human_score=_DETECTOR_MASK_SCORE)


@dataclass(frozen=True)
class ObjectMemory:
    """What earlier frames say about where the object is and what it looks like."""

    hypotheses: Sequence[ObjectPose] = ()
    """Where it may be now; empty when it was never seen."""
    appearance: Floats | None = None
    """`Segmentation.appearance` of an earlier frame."""
    closely: bool = True
    """Whether a slow segmenter may look for it where the quick one is in doubt."""
    waits: bool = True
    """Whether such a look is waited for; False = it is wanted, and another frame hears of it."""
    answer: Answer | None = None
    """What such a look, wanted by an earlier frame, has found."""


@dataclass(frozen=True)
class ObjectSighting:
    """Masks of the frame with the object's appearance in it."""

    masks: Masks
    appearance: Floats | None = None
    wanted: CloseLook | None = None
    """A slow look, which was not waited for."""


def see_object(
    frame: Frame,
    masks: Masks,
    segmenter: Segmenter | None,
    prompt: Prompt | None,
    template: ObjectTemplate,
    person: HumanPose | None,
    memory: ObjectMemory,
    head: Floats | None = None,
) -> ObjectSighting:
    """`masks` with an object mask added where one can be had; the object stays None otherwise.

    `person` = about where the person is, if there is one: things near it may be proposed, but not its `head`,
    (2,) pixels of the middle of the face.

    Order of trust: a mask that came with the frame, the user's prompt, where a slow look has just found it,
    the tracked template, a proposal.
    What is found is taken out of a human mask that is the detector's.  Where the user said where to look, a
    doubtful mask is used, too; elsewhere it is not (`LEAST_SCORE`), and what is proposed must be round.
    """
    if masks.object is not None or segmenter is None:
        return ObjectSighting(masks)
    close = segmenter if isinstance(segmenter, CloseSegmenter) and not memory.waits else None
    best, asked = empty_segmentation(*frame.rgb.shape[:2]), None
    for candidate in _prompts(frame, prompt, template, person, memory, head):
        now = candidate if close is None else replace(candidate, closely=False)
        found = segmenter.segment(frame.rgb, now, masks.human)
        found = found if prompt is not None else confirmed(found, now)
        if asked is None or found.score > best.score:
            best, asked = found, candidate
        if best.score >= GOOD_SCORE:
            break
    wanted = None
    if close is not None and asked is not None and asked.closely and _doubted(asked, best):
        wanted = CloseLook(close, frame.rgb, asked, masks.human, frame.frame_id, told=prompt is not None)
    if not best.mask.any() or (prompt is None and best.score < LEAST_SCORE):
        return ObjectSighting(masks, wanted=wanted)
    # The detector's mask of a person covers what is held; the segmenter's shows what is visible, so in front.
    human = masks.human if frame.masks.human is not None or masks.human is None else masks.human & ~best.mask
    seen = Masks(human, best.mask, masks.human_score, best.score)
    return ObjectSighting(seen, best.appearance, wanted)


def _doubted(prompt: Prompt, found: Segmentation) -> bool:
    """Whether a slow look might find something else: always in a box, of which the shape is not known."""
    return prompt.mask is None or found.score < GOOD_SCORE


def _prompts(
    frame: Frame,
    prompt: Prompt | None,
    template: ObjectTemplate,
    person: HumanPose | None,
    memory: ObjectMemory,
    head: Floats | None,
) -> Iterator[Prompt]:
    if prompt is not None:
        yield replace(prompt, appearance=memory.appearance)
        return
    answer = memory.answer
    if answer is not None and answer.found.score >= LEAST_SCORE:
        yield Prompt(mask=answer.found.mask, appearance=answer.found.appearance, closely=memory.closely)
    tried: list[Bools] = []
    for hypothesis in memory.hypotheses:
        projected = project_template(template, hypothesis, frame)
        if projected.any() and not any(_alike(projected, other) for other in tried):
            tried.append(projected)
            yield Prompt(mask=projected, appearance=memory.appearance, closely=memory.closely)
    proposal = propose(frame, template, person, head) if person is not None else None
    if proposal is not None:
        yield replace(proposal, appearance=memory.appearance, closely=memory.closely)


def _alike(one: Bools, other: Bools) -> bool:
    return np.count_nonzero(one & other) > _ALIKE * np.count_nonzero(one | other)


def project_template(template: ObjectTemplate, pose: ObjectPose, frame: Frame) -> Bools:
    """(H, W) silhouette of the template at a pose."""
    vertices = transform_points(object_transform(pose), template.mesh.vertices)
    camera = frame.camera
    return silhouette(vertices, template.mesh.faces, np.asarray(camera.K), camera.width, camera.height)

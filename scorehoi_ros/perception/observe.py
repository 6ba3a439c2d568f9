"""Which masks to use for a frame: given ones first, then the user's prompt, then the tracked template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorehoi_ros.geometry.rigid import object_transform, transform_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.object.propose import propose
from scorehoi_ros.perception.protocols import GOOD_SCORE, Segmentation, Segmenter
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Bools, Floats, Frame, HumanObservation, HumanPose, Masks, ObjectPose, Prompt

_SOFT_MASK_LEVEL = 0.5
_DETECTOR_MASK_SCORE = 0.9
"""Mean overlap of the detector's human mask with true masks (measured 0.907 on six photos)."""
LEAST_SCORE = 0.4
"""A tracked object of which nothing better is found is hidden or gone; by tools/measure_least_score.py."""
_ALIKE = 0.7
"""Overlap (IoU) from which on two places of the object are searched as one."""


def own_mask(seen: HumanObservation | None) -> Bools | None:
    """(H, W) the detector's mask of the person; None = it has none."""
    return None if seen is None or seen.mask is None else seen.mask > _SOFT_MASK_LEVEL


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


@dataclass(frozen=True)
class ObjectSighting:
    """Masks of the frame with the object's appearance in it."""

    masks: Masks
    appearance: Floats | None = None


def see_object(
    frame: Frame,
    masks: Masks,
    segmenter: Segmenter | None,
    prompt: Prompt | None,
    template: ObjectTemplate,
    person: HumanPose | None,
    memory: ObjectMemory,
) -> ObjectSighting:
    """`masks` with an object mask added where one can be had; the object stays None otherwise.

    `person` = about where the person is, if there is one: things near it may be proposed.

    Order of trust: a mask that came with the frame, the user's prompt, the tracked template, a proposal.
    What is found is taken out of a human mask that is the detector's.  Where the user said where to look, a
    doubtful mask is used, too; elsewhere it is not (`LEAST_SCORE`).
    """
    if masks.object is not None or segmenter is None:
        return ObjectSighting(masks)
    best = Segmentation(np.zeros(frame.rgb.shape[:2], bool), np.zeros(frame.rgb.shape[:2], np.float32), 0.0)
    for candidate in _prompts(frame, prompt, template, person, memory):
        found = segmenter.segment(frame.rgb, replace(candidate, appearance=memory.appearance), masks.human)
        best = max(best, found, key=lambda s: s.score)
        if best.score >= GOOD_SCORE:
            break
    if not best.mask.any() or (prompt is None and best.score < LEAST_SCORE):
        return ObjectSighting(masks)
    # The detector's mask of a person covers what is held; the segmenter's shows what is visible, so in front.
    human = masks.human if frame.masks.human is not None or masks.human is None else masks.human & ~best.mask
    seen = Masks(human, best.mask, masks.human_score, best.score)
    return ObjectSighting(seen, best.appearance)


def _prompts(
    frame: Frame,
    prompt: Prompt | None,
    template: ObjectTemplate,
    person: HumanPose | None,
    memory: ObjectMemory,
) -> Iterator[Prompt]:
    if prompt is not None:
        yield prompt
        return
    tried: list[Bools] = []
    for hypothesis in memory.hypotheses:
        projected = project_template(template, hypothesis, frame)
        if projected.any() and not any(_alike(projected, other) for other in tried):
            tried.append(projected)
            yield Prompt(mask=projected, closely=memory.closely)
    proposal = propose(frame, template, person) if person is not None else None
    if proposal is not None:
        yield replace(proposal, closely=memory.closely)


def _alike(one: Bools, other: Bools) -> bool:
    return np.count_nonzero(one & other) > _ALIKE * np.count_nonzero(one | other)


def project_template(template: ObjectTemplate, pose: ObjectPose, frame: Frame) -> Bools:
    """(H, W) silhouette of the template at a pose."""
    vertices = transform_points(object_transform(pose), template.mesh.vertices)
    camera = frame.camera
    return silhouette(vertices, template.mesh.faces, np.asarray(camera.K), camera.width, camera.height)

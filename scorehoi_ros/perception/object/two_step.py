"""A slow, careful segmenter where the object has to be found, a quick one where it is only followed.

Finding asks both.  What the quick one finds by colours in a box is a mask prior for the careful one, which
then takes other parts of the box less often (`tools/measure_prompts.py`: docs/results.md).  The score is
made of how far the three answers agree, see `mask_score`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.object.colours import affinity, colour_bins, colour_density
from scorehoi_ros.perception.object.grabcut import FAR, same_size
from scorehoi_ros.perception.object.mask_score import doubts, predicted_overlap
from scorehoi_ros.perception.object.search import follow
from scorehoi_ros.perception.object.window import look, mask_box, window_around
from scorehoi_ros.perception.protocols import GOOD_SCORE, Segmentation, Segmenter
from scorehoi_ros.types import Bools, Prompt

_CONTEXT, _SIZE = 0.3, 144
"""The window in which colours are learned, as the colour segmenter looks at it."""


class TwoStepSegmenter:
    """Finds by `careful` and follows by `quick`, which knows the object by the colours of what was found.

    A mask prior, which is the tracked template, is for `quick`; only when that is doubtful `careful` looks
    where the colours are.  A prompt that is not `closely` is for `quick` alone.
    """

    def __init__(self, careful: Segmenter, quick: Segmenter) -> None:
        self._careful = careful
        self._quick = quick

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; the appearance is the object's colour density."""
        if prompt.closely and not _has_shape(prompt):
            return self.segment_closely(rgb, prompt, exclude)
        rough = self._quick.segment(rgb, prompt, exclude)
        if not prompt.closely or rough.score >= GOOD_SCORE:
            return rough
        return max(rough, self.segment_closely(rgb, prompt, exclude), key=lambda result: result.score)

    def segment_closely(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `CloseSegmenter.segment_closely`."""
        if _has_shape(prompt):
            return self._found_again(rgb, prompt, exclude)
        if prompt.box is None:
            return with_colours(rgb, self._careful.segment(rgb, prompt, exclude))
        return with_colours(rgb, self._found(rgb, prompt, exclude))

    def _found(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """What is in a box, in which `quick` finds something rough."""
        rough = self._quick.segment(rgb, prompt, exclude)
        alone = self._careful.segment(rgb, prompt, exclude)
        known = replace(prompt, mask=rough.mask)
        found = self._careful.segment(rgb, known, exclude) if rough.mask.any() else alone
        if not found.mask.any():
            return replace(found, score=0.0)
        against = doubts(rgb, found.mask, alone.mask, rough.mask)
        return replace(found, score=predicted_overlap(against))

    def _found_again(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """The tracked object, in the best place for its colours."""
        mask, appearance = prompt.mask, prompt.appearance
        assert mask is not None
        near = mask if appearance is None else follow(rgb, mask, appearance, FAR)
        found = self._careful.segment(rgb, replace(prompt, mask=near), exclude)
        # The shape that was followed stands for the colours' own answer.
        against = doubts(rgb, found.mask, found.mask, near)
        found = replace(found, score=predicted_overlap(against) if found.mask.any() else 0.0)
        return judged(with_colours(rgb, found), prompt)


def _has_shape(prompt: Prompt) -> bool:
    return prompt.mask is not None and bool(prompt.mask.any())


def with_colours(rgb: NDArray[np.uint8], found: Segmentation) -> Segmentation:
    """The same with the colour density of the mask as its appearance; unchanged when it is empty."""
    height, width = rgb.shape[:2]
    box = mask_box(found.mask, 0.0)
    if box is None:
        return found
    window = window_around(box, height, width, _CONTEXT, _SIZE)
    weights = np.asarray(look(found.probability, window), np.float64)
    return replace(found, appearance=colour_density(colour_bins(look(rgb, window)), weights))


def judged(found: Segmentation, prompt: Prompt) -> Segmentation:
    """Less score for what looks different from the tracked object, or has another size."""
    score = found.score
    if prompt.mask is not None:
        score *= same_size(found.mask, prompt.mask)
    if prompt.appearance is not None and found.appearance is not None:
        score *= affinity(found.appearance, prompt.appearance)
    return replace(found, score=score)

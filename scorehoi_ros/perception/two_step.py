"""A slow, careful segmenter where the object has to be found, a quick one where it is only followed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.colours import affinity, colour_bins, colour_density
from scorehoi_ros.perception.grabcut import FAR, same_size
from scorehoi_ros.perception.protocols import GOOD_SCORE, Segmentation, Segmenter
from scorehoi_ros.perception.search import follow
from scorehoi_ros.perception.window import look, mask_box, window_around
from scorehoi_ros.types import Bools, Prompt

_CONTEXT, _SIZE = 0.3, 144
"""The window in which colours are learned, as the colour segmenter looks at it."""


class TwoStepSegmenter:
    """Finds by `careful` and follows by `quick`, which knows the object by the colours of what was found.

    A box or clicks are for `careful`.  A mask prior, which is the tracked template, is for `quick`; only when
    that is doubtful `careful` looks where the colours are.  A prompt that is not `closely` is for `quick` alone.
    """

    def __init__(self, careful: Segmenter, quick: Segmenter) -> None:
        self._careful = careful
        self._quick = quick

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; the appearance is the object's colour density."""
        mask, appearance = prompt.mask, prompt.appearance
        if mask is None or not mask.any():
            if not prompt.closely:
                return self._quick.segment(rgb, prompt, exclude)
            return with_colours(rgb, self._careful.segment(rgb, prompt, exclude))
        followed = self._quick.segment(rgb, prompt, exclude)
        if followed.score >= GOOD_SCORE or not prompt.closely:
            return followed
        near = prompt if appearance is None else replace(prompt, mask=follow(rgb, mask, appearance, FAR))
        found = judged(with_colours(rgb, self._careful.segment(rgb, near, exclude)), prompt)
        return max(followed, found, key=lambda result: result.score)


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

"""The built-in object segmentation: colour models re-estimated from their own result, as in GrabCut.

GrabCut (Rother, Kolmogorov, Blake, 2004) alternates between colour models of object and background and a
segmentation under them.  This one differs in four ways, which together were measured to help (see
`tools/measure_segmenters.py`): smoothed colour histograms instead of Gaussian mixtures; an edge-aware
smoothing of the log-odds (Min et al., Fast Global Image Smoothing, 2014) instead of a graph cut, which gives
a probability and is quicker; a soft prior for the place, so that a human mask that covers the object by
mistake is overruled by colour instead of deciding; and several guesses of how the object lies in its box,
of which the most consistent result is taken.

Where shape and colours are known, as of a tracked object, less effort does: the shape is moved to where the
colours are, and refined in two rounds.  Only after a doubtful result it is looked for again, also farther
off.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.object.colours import COLOURS, affinity, colour_bins, colour_density, log_ratio
from scorehoi_ros.perception.object.place import place_priors
from scorehoi_ros.perception.object.search import follow
from scorehoi_ros.perception.object.smoothing import EdgeSmoother
from scorehoi_ros.perception.object.window import look, prompted_box, put_back, window_around
from scorehoi_ros.perception.protocols import GOOD_SCORE, Segmentation, empty_segmentation
from scorehoi_ros.types import Bools, Floats, Prompt


@dataclass(frozen=True)
class Effort:
    """How closely is looked."""

    size: int
    """Longer side in pixels of the window that is segmented."""
    context: float
    """How much background is looked at around the box, in its longer sides."""
    rounds: int
    """Of colour models and smoothing."""


PROMPTED = Effort(size=144, context=0.6, rounds=5)
"""Where a box or clicks are all that is known."""
TRACKED, SEARCHED = Effort(size=112, context=0.3, rounds=2), Effort(size=144, context=0.3, rounds=2)
"""Where shape and colours are known, and when the first of these gave a doubtful result."""
NEAR, FAR = 0.75, 1.5
"""How far an object of known shape and colours is followed, in its longer sides."""
SMOOTHNESS, EDGE_SIGMA = 30.0, 12.0
"""Weight of the smoothing and the grey-level difference at which it stops."""


@dataclass(frozen=True)
class _Result:
    mask: Bools
    probability: Floats
    score: float
    appearance: Floats


class GrabCutSegmenter:
    """Object segmentation from a box, clicks or a mask prior, without trained weights; deterministic.

    Its appearance is the object's colour density.
    """

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; raises InputError when a mask has another size than the image."""
        height, width = rgb.shape[:2]
        _check(prompt, exclude, height, width)
        mask, appearance = prompt.mask, prompt.appearance
        if mask is None or appearance is None or not mask.any():
            return segment_once(rgb, prompt, exclude, PROMPTED)
        near = replace(prompt, mask=follow(rgb, mask, appearance, NEAR))
        found = segment_once(rgb, near, exclude, TRACKED)
        if found.score >= GOOD_SCORE:
            return found
        far = replace(prompt, mask=follow(rgb, mask, appearance, FAR))
        tried = (segment_once(rgb, p, exclude, SEARCHED) for p in (prompt, far))
        return max(found, *tried, key=lambda result: result.score)


def segment_once(
    rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None, effort: Effort
) -> Segmentation:
    """The best segmentation over the guesses of where the object is, all near the prompt."""
    height, width = rgb.shape[:2]
    box = prompted_box(prompt, height, width)
    if box is None:
        return empty_segmentation(height, width)
    window = window_around(box, height, width, effort.context, effort.size)
    image = look(rgb, window)
    priors = place_priors(prompt, exclude, box, window)
    results = [segment_window(image, p, prompt.appearance, effort.rounds) for p in priors]
    best = max(results, key=lambda r: r.score)
    mask = put_back(best.mask, window, height, width) > 0.5
    if not mask.any():
        return empty_segmentation(height, width)
    probability = put_back(best.probability, window, height, width)
    score = best.score if prompt.mask is None else best.score * same_size(mask, prompt.mask)
    return Segmentation(mask, probability, score, best.appearance)


def same_size(mask: Bools, prior: Bools) -> float:
    """1 when the mask is as large as the prior, 0.7 when half or twice as large; 1 without a prior."""
    one, other = np.count_nonzero(mask), np.count_nonzero(prior)
    return 1.0 if other == 0 else float(np.sqrt(min(one, other) / max(one, other)))


def _check(prompt: Prompt, exclude: Bools | None, height: int, width: int) -> None:
    for name, mask in (("prior mask", prompt.mask), ("mask to exclude", exclude)):
        if mask is not None and mask.shape != (height, width):
            raise InputError(
                f"the {name} must have the size of the image, {width}x{height}. Got shape {mask.shape}."
            )
    if prompt.appearance is not None and prompt.appearance.shape != (COLOURS,):
        raise InputError(
            f"the appearance must be a colour density of {COLOURS} numbers from the same segmenter. "
            f"Got shape {prompt.appearance.shape}."
        )


def segment_window(rgb: NDArray[np.uint8], prior: Floats, appearance: Floats | None, rounds: int) -> _Result:
    """Segmentation of a window (h, w, 3) from one guess (h, w) of the place."""
    bins = colour_bins(rgb)
    probability = refine(rgb, bins, prior, appearance, rounds)
    mask = keep_prompted_parts(probability > 0.5, prior)
    probability = np.where(mask | (probability <= 0.5), probability, 0.0)
    ours, theirs = colour_density(bins, probability), colour_density(bins, 1.0 - probability)
    # The root brings the product, which ranks the guesses, to the scale of the overlap.
    score = min(1.0, 1.1 * float(np.sqrt(expected_iou(probability, mask) * (1.0 - affinity(ours, theirs)))))
    if appearance is not None:
        score *= affinity(ours, appearance)
    return _Result(mask, probability, score, ours)


def refine(
    rgb: NDArray[np.uint8],
    bins: NDArray[np.int64],
    prior: Floats,
    appearance: Floats | None,
    rounds: int,
) -> Floats:
    """Probability (h, w) of the object after some rounds of colour models; 0 where the prior is."""
    known = np.clip(prior, 1e-3, 1.0 - 1e-3)
    prior_odds = np.log(known / (1.0 - known))
    smoother = EdgeSmoother(rgb, SMOOTHNESS, EDGE_SIGMA)
    probability = prior
    for _ in range(rounds):
        ours, theirs = colour_density(bins, probability), colour_density(bins, 1.0 - probability)
        if appearance is not None:
            ours = 0.3 * ours + 0.7 * appearance
        odds = prior_odds + log_ratio(ours, theirs)[bins]
        probability = np.where(prior > 0.0, 1.0 / (1.0 + np.exp(-smoother(odds))), 0.0)
    return probability


def keep_prompted_parts(mask: Bools, prior: Floats) -> Bools:
    """Drop small connected parts: those with less than a tenth of the prior mass of the best one."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    mass = np.bincount(labels.ravel(), prior.ravel(), count)
    mass[0] = 0.0
    return np.asarray((mass > 0.1 * mass.max())[labels] & mask)


def expected_iou(probability: Floats, mask: Bools) -> float:
    """Overlap that the mask would have with a truth drawn from the probability (E[I] / E[U])."""
    return float(probability[mask].sum() / max(mask.sum() + probability[~mask].sum(), 1e-9))

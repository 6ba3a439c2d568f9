"""The built-in object segmentation: colour models re-estimated from their own result, as in GrabCut.

GrabCut (Rother, Kolmogorov, Blake, 2004) alternates between colour models of object and background and a
segmentation under them.  This one differs in four ways, which together were measured to help (see
`scripts/measure_segmenters.py`): smoothed colour histograms instead of Gaussian mixtures; an edge-aware
smoothing of the log-odds (Min et al., Fast Global Image Smoothing, 2014) instead of a graph cut, which gives
a probability and is quicker; a soft prior for the place, so that a human mask that covers the object by
mistake is overruled by colour instead of deciding; and several guesses of how the object lies in its box,
of which the most consistent result is taken.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.perception.window import (
    Window,
    look,
    pixel_centres,
    prompted_box,
    put_back,
    window_around,
)
from scorehoi_ros.types import Bools, Box, Floats, Prompt

BINS = 20
"""Histogram bins for each of L, a, b."""


@dataclass(frozen=True)
class Settings:
    """Numbers of the method; the defaults are the measured ones."""

    size: int = 144
    """Longer side in pixels of the window that is segmented."""
    context: float = 0.6
    """How much background is looked at around the box, in its longer sides."""
    rounds: int = 5
    excluded: float = 0.7
    """Factor on the probability of the object where the human mask lies."""
    smoothness: float = 30.0
    edge_sigma: float = 12.0
    """Weight of the smoothing and the grey-level difference at which it stops."""


@dataclass(frozen=True)
class Shape:
    """A first guess of how the object lies in its box, in box coordinates -1..1 (u right, v down)."""

    peak: float
    """Probability at its middle line or point."""
    along_u: float
    along_v: float
    """Probability is peak * exp(-q / 2), q = u^2 + v^2 for a blob and
    (along_u * u + along_v * v)^2 for a bar along a diagonal."""


BLOBS = (Shape(0.75, 0.0, 0.0), Shape(0.5, 0.0, 0.0))
BARS = (Shape(0.8, 2.0, -2.0), Shape(0.8, 2.0, 2.0))
"""A long thing in a box lies along a side, which then is short, or along a diagonal."""


class GrabCutSegmenter:
    """Object segmentation from a box, clicks or a mask prior, without trained weights; deterministic."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; raises InputError when a mask has another size than the image."""
        height, width = rgb.shape[:2]
        for name, mask in (("prior mask", prompt.mask), ("mask to exclude", exclude)):
            if mask is not None and mask.shape != (height, width):
                raise InputError(
                    f"the {name} must have the size of the image, {width}x{height}. Got shape {mask.shape}."
                )
        box = prompted_box(prompt, height, width)
        if box is None:
            return empty_segmentation(height, width)
        window = window_around(box, height, width, self._settings.context, self._settings.size)
        image = look(rgb, window)
        priors = place_priors(prompt, exclude, box, window, self._settings)
        best = max((segment_window(image, prior, self._settings) for prior in priors), key=lambda r: r.score)
        mask = put_back(best.mask, window, height, width) > 0.5
        probability = put_back(best.probability, window, height, width)
        return Segmentation(mask, probability, best.score if mask.any() else 0.0)


def place_priors(
    prompt: Prompt, exclude: Bools | None, box: Box, window: Window, settings: Settings
) -> list[Floats]:
    """Guesses (h, w) of the object's probability from the prompt alone: 0 outside the box, never 0 inside.

    A mask prior is one guess; a box alone gives one for each shape that things have in boxes.
    """
    x, y = pixel_centres(window)
    u = (2.0 * x - box.x0 - box.x1) / (box.x1 - box.x0) + 0.0 * y
    v = (2.0 * y - box.y0 - box.y1) / (box.y1 - box.y0) + 0.0 * x
    inside = (np.abs(u) < 1.0) & (np.abs(v) < 1.0)
    if prompt.mask is not None and prompt.mask.any():
        guesses = [_mask_prior(prompt.mask, window)]
    else:
        guesses = [shape.peak * np.exp(-0.5 * (u * u + v * v)) for shape in BLOBS]
        guesses += [s.peak * np.exp(-0.5 * (s.along_u * u + s.along_v * v) ** 2) for s in BARS]
    allowed = np.ones(u.shape)
    if exclude is not None:
        allowed = 1.0 - (1.0 - settings.excluded) * look(exclude.astype(np.float32), window)
    clicked = np.zeros(u.shape)
    if prompt.points is not None:
        clicked = _points_prior(np.reshape(prompt.points, (-1, 2)), box, x, y)
    return [np.where(inside, np.clip(np.maximum(g * allowed, clicked), 0.02, 0.98), 0.0) for g in guesses]


def segment_window(rgb: NDArray[np.uint8], prior: Floats, settings: Settings) -> Segmentation:
    """Segmentation of a window (h, w, 3) from one guess of the place."""
    probability, separation = refine(rgb, prior, settings)
    mask = keep_prompted_parts(probability > 0.5, prior)
    kept = np.where(mask | (probability <= 0.5), probability, 0.0)
    # The root brings the product, which ranks the results, to the scale of the overlap.
    score = min(1.0, 1.1 * float(np.sqrt(expected_iou(probability, mask) * separation)))
    return Segmentation(mask, kept.astype(np.float32), score)


def _mask_prior(mask: Bools, window: Window) -> Floats:
    """A mask that may be off by some pixels: its edge is blurred over a tenth of its size."""
    seen = look(mask.astype(np.float32), window)
    sigma = max(1.0, 0.1 * float(np.sqrt(seen.sum())))
    return np.asarray(0.05 + 0.85 * gaussian_filter(seen, sigma))


def _points_prior(points: Floats, box: Box, x: Floats, y: Floats) -> Floats:
    """Near certain at the clicks, fading over a twentieth of the box."""
    sigma = 0.05 * max(box.x1 - box.x0, box.y1 - box.y0)
    near = np.zeros((y.shape[0], x.shape[1]))
    for px, py in points[np.isfinite(points).all(axis=1)]:
        near = np.maximum(near, np.exp(-0.5 * ((x - px - 0.5) ** 2 + (y - py - 0.5) ** 2) / sigma**2))
    return 0.97 * near


def refine(rgb: NDArray[np.uint8], prior: Floats, settings: Settings) -> tuple[Floats, float]:
    """Probability (h, w) of the object after some rounds of colour models, and how far these differ, 0..1."""
    bins = colour_bins(rgb)
    inside = prior > 0.0
    known = np.clip(prior, 1e-3, 1.0 - 1e-3)
    prior_odds = np.log(known / (1.0 - known))
    probability = prior
    separation = 0.0
    for _ in range(settings.rounds):
        ours, theirs = colour_density(bins, probability), colour_density(bins, 1.0 - probability)
        odds = prior_odds + np.clip(np.log((ours + 1e-6) / (theirs + 1e-6)), -4.0, 4.0)[bins]
        smooth = cv2.ximgproc.fastGlobalSmootherFilter(
            rgb, odds.astype(np.float32), settings.smoothness, settings.edge_sigma
        )
        probability = np.where(inside, 1.0 / (1.0 + np.exp(-smooth)), 0.0)
        separation = 1.0 - float(np.sqrt(ours * theirs).sum())
    return probability, separation


def colour_bins(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(h, w) index of each pixel's L, a, b bin."""
    lab = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB).astype(np.float64)
    # Real colours fill only the middle half of a and b.
    scaled = (lab - (0.0, 64.0, 64.0)) / (256.0, 128.0, 128.0) * BINS
    bins = np.clip(scaled, 0, BINS - 1).astype(np.int64)
    return np.asarray((bins[..., 0] * BINS + bins[..., 1]) * BINS + bins[..., 2])


def colour_density(bins: NDArray[np.int64], weights: Floats) -> Floats:
    """(BINS^3,) smoothed colour histogram that sums to 1."""
    counts = np.bincount(bins.ravel(), weights.ravel(), BINS**3).reshape(BINS, BINS, BINS)
    smooth = gaussian_filter(counts, 1.0, mode="nearest").ravel()
    return np.asarray(smooth / max(float(smooth.sum()), 1e-9))


def keep_prompted_parts(mask: Bools, prior: Floats) -> Bools:
    """Drop small connected parts: those with less than a tenth of the prior mass of the best one."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    mass = np.bincount(labels.ravel(), prior.ravel(), count)
    mass[0] = 0.0
    return np.asarray((mass > 0.1 * mass.max())[labels] & mask)


def expected_iou(probability: Floats, mask: Bools) -> float:
    """Overlap that the mask would have with a truth drawn from the probability (E[I] / E[U])."""
    return float(probability[mask].sum() / max(mask.sum() + probability[~mask].sum(), 1e-9))

"""Guesses from the prompt alone of where in a window the object is."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.object.window import Window, look_mask, pixel_centres
from scorehoi_ros.types import Bools, Box, Floats, Prompt

EXCLUDED_FACTOR = 0.7
"""On the probability of the object where the human mask lies: human masks often cover held things, so they
make the object less likely, not impossible."""


@dataclass(frozen=True)
class Shape:
    """A guess of how an object lies in its box, in box coordinates u right, v down, both -1..1.

    Probability is peak * exp(-q / 2) with q = u^2 + v^2 for a blob, and (along_u u + along_v v)^2 for a bar.
    """

    peak: float
    along_u: float = 0.0
    along_v: float = 0.0

    def probability(self, u: Floats, v: Floats) -> Floats:
        """(h, w) from box coordinates (h, w)."""
        if self.along_u == 0.0 and self.along_v == 0.0:
            return np.asarray(self.peak * np.exp(-0.5 * (u * u + v * v)))
        return np.asarray(self.peak * np.exp(-0.5 * (self.along_u * u + self.along_v * v) ** 2))


SHAPES = (Shape(0.75), Shape(0.5), Shape(0.8, 2.0, -2.0), Shape(0.8, 2.0, 2.0))
"""A long thing in a box lies along a side, which makes the box narrow, or along a diagonal."""


def place_priors(prompt: Prompt, exclude: Bools | None, box: Box, window: Window) -> list[Floats]:
    """Guesses (h, w) of the object's probability: 0 outside the box, never 0 inside.

    A mask prior gives one guess, a box alone one for each of SHAPES.  Clicks, on the object and
    beside it, are near certain in every guess.
    """
    x, y = pixel_centres(window)
    u = (2.0 * x - box.x0 - box.x1) / (box.x1 - box.x0) + 0.0 * y
    v = (2.0 * y - box.y0 - box.y1) / (box.y1 - box.y0) + 0.0 * x
    inside = (np.abs(u) < 1.0) & (np.abs(v) < 1.0)
    guesses = _guesses(prompt, window, u, v)
    allowed, clicked, beside = np.ones(u.shape), np.zeros(u.shape), np.zeros(u.shape)
    if exclude is not None:
        allowed = 1.0 - (1.0 - EXCLUDED_FACTOR) * look_mask(exclude, window)
    if prompt.points is not None:
        clicked = _clicked(np.reshape(prompt.points, (-1, 2)), box, x, y)
    if prompt.background is not None:
        beside = _clicked(np.reshape(prompt.background, (-1, 2)), box, x, y)
    chances = [np.maximum(g * allowed, clicked) * (1.0 - beside) for g in guesses]
    return [np.where(inside, np.clip(chance, 0.02, 0.98), 0.0) for chance in chances]


def _guesses(prompt: Prompt, window: Window, u: Floats, v: Floats) -> list[Floats]:
    if prompt.mask is None or not prompt.mask.any():
        return [shape.probability(u, v) for shape in SHAPES]
    seen = look_mask(prompt.mask, window)
    size = float(np.sqrt(seen.sum()))
    return [0.05 + 0.85 * _blurred(seen, max(1.0, 0.1 * size))]


def _blurred(values: NDArray[np.float32], sigma: float) -> Floats:
    """(h, w) under a Gaussian that ends at four standard deviations; the edges are mirrored."""
    side = 2 * int(4.0 * sigma + 0.5) + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_REFLECT))


def _clicked(points: Floats, box: Box, x: Floats, y: Floats) -> Floats:
    """Near certain at the clicks, fading over a twentieth of the box."""
    sigma = 0.05 * max(box.x1 - box.x0, box.y1 - box.y0)
    near = np.zeros((y.shape[0], x.shape[1]))
    for px, py in points[np.isfinite(points).all(axis=1)]:
        near = np.maximum(near, np.exp(-0.5 * ((x - px - 0.5) ** 2 + (y - py - 0.5) ** 2) / sigma**2))
    return 0.97 * near

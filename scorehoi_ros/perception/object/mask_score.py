"""How far a found mask is right: the overlap with the true one, predicted from what speaks against it.

What SAM predicts of its own masks hardly tells good ones from bad ones.  Two segmenters that look at other
things, and a third answer in which one knows of the other, tell more by how far they agree; and a mask whose
outline lies where no colours change is wrong there.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.object.mask_score_weights import BIAS, WEIGHTS
from scorehoi_ros.perception.object.window import look, look_mask, mask_box, window_around
from scorehoi_ros.types import Bools

CONTEXT, SIZE = 0.3, 144
"""The window in which colours are compared, as the colour segmenter looks at a tracked object."""
_NEAR = 7
"""Side in the window's pixels of the square whose two parts are compared at each point of the outline."""
_FEWEST = 3 / _NEAR**2
"""Share of the square that each part must have."""
_ALIKE = 8.0
"""Colours that are less apart, in OpenCV's 8-bit L, a, b, are no edge."""


def doubts(rgb: NDArray[np.uint8], found: Bools, alone: Bools, rough: Bools) -> dict[str, float]:
    """What speaks against the mask `found` (H, W), each 0 (nothing) to 1.

    `found` is SAM's answer with the `rough` mask of the colours as its prior, `alone` that without it.
    """
    return {
        "alone_not_rough": 1.0 - _overlap(alone, rough),
        "not_rough": 1.0 - _overlap(found, rough),
        "not_alone": 1.0 - _overlap(found, alone),
        "faint_outline": faint_outline(rgb, found),
    }


def predicted_overlap(against: dict[str, float]) -> float:
    """Overlap (IoU) that a mask with these doubts has on average, 0..1; more doubt is never more overlap."""
    odds = BIAS - sum(weight * against[name] for name, weight in WEIGHTS.items())
    return 1.0 / (1.0 + math.exp(-odds))


def faint_outline(rgb: NDArray[np.uint8], mask: Bools) -> float:
    """Share of a mask's outline at which the colours on both sides are alike, 0..1; 1 without an outline.

    `rgb` is (H, W, 3), `mask` (H, W).
    """
    box = mask_box(mask, 0.0)
    if box is None:
        return 1.0
    height, width = mask.shape
    window = window_around(box, height, width, CONTEXT, SIZE)
    inside = (look_mask(mask, window) > 0.5).astype(np.uint8)
    lab = cv2.cvtColor(look(rgb, window), cv2.COLOR_RGB2LAB).astype(np.float32)
    share = _mean(inside.astype(np.float32))
    ours = _mean(lab * inside[..., None]) / np.maximum(share, 1e-6)[..., None]
    theirs = _mean(lab * (1 - inside)[..., None]) / np.maximum(1.0 - share, 1e-6)[..., None]
    small = np.ones((3, 3), np.uint8)
    outline = cv2.dilate(inside, small) > cv2.erode(inside, small)
    outline &= (share >= _FEWEST) & (share <= 1.0 - _FEWEST)
    apart = np.linalg.norm((ours - theirs)[outline], axis=1)
    return float((apart < _ALIKE).mean()) if len(apart) else 1.0


def _mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) or (h, w, 3) averaged over the square around each pixel; the edges are mirrored."""
    return np.asarray(cv2.blur(values, (_NEAR, _NEAR)), np.float32)


def _overlap(one: Bools, other: Bools) -> float:
    return np.count_nonzero(one & other) / max(np.count_nonzero(one | other), 1)

"""Which hypotheses of the object's rotation are worth aligning, and which one is right in the end."""

from dataclasses import dataclass

import cv2
import numpy as np

from scorehoi_ros.alignment.overlap import visible_overlap
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import Bools, Floats

PIXELS = 128
"""Side of the pictures on which overlaps are compared."""
EARLY_OVERLAP, LATE_OVERLAP = 20.0, 30.0
"""Log probability that an overlap of one is worth before and after the alignment; from validation data."""


@dataclass(frozen=True)
class Outline:
    """The object's mask in the crop, small."""

    P: Floats
    """(3, 3) view frame -> pixels."""
    mask: Bools
    """(PIXELS, PIXELS)"""
    free: Bools
    """(PIXELS, PIXELS) where the person, or the end of the image, may hide the object."""

    def overlap(self, mesh: Mesh, R: Floats, origin: Floats) -> Floats:
        """(H,) intersection over union of poses R (H, 3, 3), origin (H, 3) in the view frame."""
        return visible_overlap(mesh, R, origin, self.P, self.mask, self.free)


def outline_of(planes: Bools, P: Floats) -> Outline:
    """From planes (3, S, S): human, object, inside the image, with P of S pixels, a multiple of PIXELS."""
    step = planes.shape[-1] // PIXELS
    # The middle of a small pixel is the middle of `step` large ones.
    shrink = np.array([[1 / step, 0, 0.5 / step - 0.5], [0, 1 / step, 0.5 / step - 0.5], [0, 0, 1]])
    sides, area = (PIXELS, PIXELS), cv2.INTER_AREA
    small = [cv2.resize(p.astype(np.float32), sides, interpolation=area) >= 0.5 for p in planes]
    return Outline(shrink @ P, small[1], small[0] | ~small[2])


def worth_aligning(log_share: Floats, overlap: Floats | None, count: int) -> list[int]:
    """Rows of the most promising hypotheses, best first; log_share (k,), overlap (k,) of outlines."""
    score = log_share if overlap is None else log_share + EARLY_OVERLAP * overlap
    return [int(k) for k in np.argsort(-score, kind="stable")[:count]]


def shares_of(energy: Floats, log_share: Floats, overlap: Floats | None) -> Floats:
    """(H,) probabilities of aligned hypotheses: what they cost, what the network said, how they overlap."""
    score = log_share - energy + (0.0 if overlap is None else LATE_OVERLAP * overlap)
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum(), np.float64)

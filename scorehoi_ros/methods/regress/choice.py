"""Which hypotheses of the object's rotation are worth aligning, and which one is right in the end."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.alignment.overlap import Agreement, agreement
from scorehoi_ros.alignment.shading import Shaded, shaded_of
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import Bools, Floats

PIXELS = 128
"""Side of the pictures on which poses are compared."""
EARLY, LATE = (20.0, 4.0), (30.0, 10.0)
"""Log probabilities that overlap and shading of one are worth, before and after the alignment: chosen on
validation scenes."""


@dataclass(frozen=True)
class Outline:
    """The object in the crop, small."""

    P: Floats
    """(3, 3) view frame -> pixels."""
    mask: Bools
    """(PIXELS, PIXELS)"""
    free: Bools
    """(PIXELS, PIXELS) where the person, or the end of the image, may hide the object."""

    shaded: Shaded | None = None
    """What is inside the mask; None where too little of it is seen."""

    def agreement(self, mesh: Mesh, R: Floats, origin: Floats) -> Agreement:
        """Of poses R (H, 3, 3), origin (H, 3) in the view frame."""
        return agreement(mesh, R, origin, self.P, self.mask, self.free, self.shaded)


def outline_of(planes: Bools, P: Floats, picture: NDArray[np.uint8]) -> Outline:
    """From planes (3, S, S): human, object, inside the image, with P of S pixels, a multiple of PIXELS.

    `picture` (S, S, 3) RGB.
    """
    step = planes.shape[-1] // PIXELS
    # The middle of a small pixel is the middle of `step` large ones.
    shrink = np.array([[1 / step, 0, 0.5 / step - 0.5], [0, 1 / step, 0.5 / step - 0.5], [0, 0, 1]])
    human, thing, inside = (_small(p.astype(np.float32)) >= 0.5 for p in planes)
    return Outline(shrink @ P, thing, human | ~inside, shaded_of(thing, _small(picture)))


def worth_aligning(log_share: Floats, seen: Agreement | None, count: int) -> list[int]:
    """Rows of the most promising of k hypotheses, best first; log_share (k,), `seen` of their k poses."""
    score = log_share if seen is None else log_share + before_alignment(seen)
    return [int(k) for k in np.argsort(-score, kind="stable")[:count]]


def before_alignment(seen: Agreement) -> Floats:
    """(H,) log probabilities, up to a constant, of poses that are yet to be aligned."""
    return _worth(seen, EARLY)


def shares_of(energy: Floats, log_share: Floats, seen: Agreement | None) -> Floats:
    """(H,) probabilities of aligned hypotheses: what they cost, what the network said, how they agree."""
    score = log_share - energy + (0.0 if seen is None else _worth(seen, LATE))
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum(), np.float64)


def _worth(seen: Agreement, units: tuple[float, float]) -> Floats:
    return units[0] * seen.overlap + units[1] * seen.shading


def _small(plane: NDArray[Any]) -> NDArray[Any]:
    """(S, S, ...) to (PIXELS, PIXELS, ...)."""
    return cv2.resize(plane, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)

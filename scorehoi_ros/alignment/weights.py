"""What each term of the alignment weighs, and at which distance it calls a thing an outlier."""

from collections import namedtuple
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

TERMS = (
    "prior",
    "landmarks",
    "human_outline",
    "human_cover",
    "object_outline",
    "object_cover",
    "human_contact",
    "object_contact",
    "penetration",
    "floor",
    "sunk",
    "depth",
)
"""Names of the terms, in the order of every array of terms."""
SMOOTH = 0.0625
"""Squares, in scales, below which a robust distance is quadratic."""
NEAR_M = 0.1
"""Points nearer to the camera are projected as if they were here."""


@dataclass(frozen=True)
class Weights:
    """Weights and scales of the energy; to be chosen on validation data.

    Image scales are in half sides of the crop (0.03 is 2 pixels of a crop of 128), the others in metres.
    A distance d enters as `robust((d / scale)^2, most)`: about linear above a quarter of the scale, and
    never more than `most`, so that a part that cannot be right stops pulling.
    """

    prior_theta: float = 0.5
    """Below one: the errors of the 312 numbers of a pose are far from independent."""
    prior_betas: float = 1.0
    prior_camera: float = 1.0
    prior_place: float = 0.5
    prior_turn: float = 0.3
    landmarks: float = 0.5
    landmark_scale: float = 0.035
    landmark_tail: float = 8.0
    """Squares, in scales, beyond which a landmark counts with the logarithm only."""
    human_outline: float = 100.0
    human_cover: float = 100.0
    human_most: float = 6.0
    object_outline: float = 45.0
    object_cover: float = 45.0
    object_most: float = 10.0
    outline_scale: float = 0.03
    """Of both outlines, human and object, and of what they leave uncovered."""
    tolerance: float = 0.5
    """Share of the distance between neighbouring points within which a mask pixel counts as covered."""
    human_contact: float = 6.5
    object_contact: float = 3.25
    contact_scale: float = 0.03
    contact_most: float = 8.0
    contact_least: float = 0.25
    """Contacts less probable than this are left out."""
    contact_mass: float = 3.0
    """Contacts that sum to less than this do not share the whole weight."""
    penetration: float = 0.6
    """For each token; the other terms of points are means."""
    allowance: float = 0.003
    """Metres that skin may give way."""
    penetration_scale: float = 0.01
    penetration_most: float = 30.0
    floor: float = 4.0
    floor_scale: float = 0.03
    floor_most: float = 8.0
    sunk: float = 10.0
    """Of the template's points under the floor."""
    depth: float = 1.0
    """Of a measured depth of the pelvis or of the object's origin."""
    depth_scale: float = 0.05
    depth_most: float = 8.0


WeightValues = namedtuple("WeightValues", [field.name for field in fields(Weights)])  # type: ignore[misc]
"""`Weights` as compiled code takes them."""


def values_of(weights: Weights) -> WeightValues:
    """The same numbers for compiled code."""
    return WeightValues(**vars(weights))


def prior_weights(weights: Weights) -> NDArray[np.float64]:
    """(331,) weight of the prior of each unknown."""
    w = weights
    groups = (w.prior_theta, w.prior_betas, w.prior_camera, w.prior_place, w.prior_turn)
    return np.repeat(groups, (312, 10, 3, 3, 3))

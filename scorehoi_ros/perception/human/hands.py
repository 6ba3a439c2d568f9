"""Metric hand points and a plausibility for hands of MediaPipe Holistic, which gives neither."""

import numpy as np

from scorehoi_ros.types import Floats

WRIST = 0
KNUCKLES = (5, 9, 13, 17)
"""Rows of the index, middle, ring and little finger's first joints."""
KNUCKLE_DISTANCES_M = np.array([0.092, 0.090, 0.085, 0.080])
"""Wrist to those joints in an adult hand; 0.09 m for the middle finger sets the scale, the others keep it
steady when one of them is off."""
WRIST_TOLERANCE_M = 0.06
"""Distance between the hand's and the body's wrist point at which a hand is half as believable."""


def hand_world(points: Floats) -> Floats:
    """(21, 3) metres relative to the wrist, camera-aligned axes, from image points (21, 3) in pixels.

    Holistic's hands have a relative depth on the scale of x but no metres; a weak perspective is assumed and
    the hand is scaled so that its palm has an adult's size.  Depth grows away from the camera.
    """
    relative = points - points[WRIST]
    return relative * np.median(KNUCKLE_DISTANCES_M / _knuckle_distances(points))


def hand_confidence(points: Floats, body_wrist: Floats, scale: float) -> float:
    """How believable a detected hand is, 0..1, from where and how large it is on the body.

    `points` (21, 3) pixels, `body_wrist` (2,) pixels of the body detector's wrist, `scale` pixels per metre
    of the body.  Half when the wrists are 6 cm apart, or when the palm is half or twice the expected size.
    """
    if scale <= 0.0 or not np.isfinite(points).all():
        return 0.0
    distance = float(np.linalg.norm(points[WRIST, :2] - body_wrist)) / scale
    size = float(np.median(_knuckle_distances(points) / KNUCKLE_DISTANCES_M)) / scale
    return float(0.5 ** ((distance / WRIST_TOLERANCE_M) ** 2) * 0.5 ** (np.log2(size) ** 2))


def pixels_per_metre(pixels: Floats, world: Floats, weights: Floats) -> float:
    """Scale s of the weighted least-squares fit pixels = s * world + t; both (n, 2), weights (n,)."""
    weights = weights / max(float(weights.sum()), 1e-9)
    p = pixels - weights @ pixels
    w = world - weights @ world
    return max(float((weights[:, None] * p * w).sum() / max((weights[:, None] * w * w).sum(), 1e-12)), 0.0)


def one_hand_twice(left: Floats, right: Floats) -> bool:
    """Whether two sets of hand points (21, 2) lie on one hand: closer than a third of the palm on average."""
    palm = np.median([_knuckle_distances(left), _knuckle_distances(right)])
    return bool(np.linalg.norm(left - right, axis=1).mean() < palm / 3.0)


def _knuckle_distances(points: Floats) -> Floats:
    return np.maximum(np.linalg.norm(points[list(KNUCKLES)] - points[WRIST], axis=1), 1e-6)

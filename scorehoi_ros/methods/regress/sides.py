"""Left and right taken for each other by the detector, noticed because the body fits better the other way.

The network sees masks and depths beside the landmarks, and was trained on people taken the wrong way round:
its body often stands right where the labels do not.
"""

from dataclasses import replace

import numpy as np
import torch

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.body.skeleton import mirror_name
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.types import Floats, Ints

BODY, LEFT_HAND, RIGHT_HAND = np.arange(33), np.arange(33, 54), np.arange(54, 75)
ARMS = ("elbow", "wrist", "pinky", "index", "thumb")
LEGS = ("knee", "ankle", "heel", "foot_index")
LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Ends of the names of the points that are compared; faces are so narrow that their sides say nothing."""
CLEARLY = 0.9
"""Share of the distance between body and landmarks that may be left when sides are exchanged."""


def _rows(ends: tuple[str, ...]) -> Ints:
    return np.array([row for row in BODY if LANDMARK_NAMES[row].endswith(ends)])


def _exchanged(rows: Ints, hands: bool) -> Ints:
    """(75,) row to take for each row."""
    order = np.arange(75)
    order[rows] = [LANDMARK_NAMES.index(mirror_name(LANDMARK_NAMES[row])) for row in rows]
    if hands:
        order[LEFT_HAND], order[RIGHT_HAND] = RIGHT_HAND, LEFT_HAND
    return order


EXCHANGES = (_exchanged(BODY, True), _exchanged(_rows(ARMS), True), _exchanged(_rows(LEGS), False))
"""Everybody turned round; crossed arms; crossed legs."""
COMPARED = _rows(LIMBS)


def relabelled(evidence: Evidence, body: Floats) -> Evidence | None:
    """The evidence with sides exchanged, where a body's landmarks (75, 3), camera frame, clearly say so.

    None when the labels are right, or when nobody is seen.
    """
    seen = evidence.landmarks
    if seen is None:
        return None
    placed = project(body, evidence.crop.K_crop)
    pixels, confidence = seen.pixels.cpu().numpy(), seen.confidence.cpu().numpy()
    as_told = misfit(placed, pixels, confidence)
    misfits = [misfit(placed, pixels[order], confidence[order]) for order in EXCHANGES]
    best = int(np.argmin(misfits))
    if not misfits[best] < CLEARLY * as_told:
        return None
    rows = torch.as_tensor(EXCHANGES[best], device=seen.pixels.device)
    exchanged = replace(
        seen, pixels=seen.pixels[rows], world=seen.world[rows], confidence=seen.confidence[rows]
    )
    return replace(evidence, landmarks=exchanged)


def misfit(placed: Floats, pixels: Floats, confidence: Floats) -> float:
    """Sum of the distances of points (75, 2) from landmarks (75, 2), limbs only, by confidence (75,)."""
    apart = np.linalg.norm(placed[COMPARED] - pixels[COMPARED], axis=1)
    return float((apart * confidence[COMPARED]).sum())

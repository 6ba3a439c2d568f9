"""Left and right taken for each other by the detector, noticed because the body fits better the other way.

The network sees masks and depths beside the landmarks, and was trained on people taken the wrong way round:
its body often stands right where the labels do not.  Where it gives in to them it stands between the two;
then it is asked again, with the exchanged labels.  So it is where the body of the frame before says so.
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
ASKED_CLEARLY = 0.85
"""The same where each of the two has its own body, by the network: both are near their labels."""
FOLLOWED_CLEARLY = 1.0
"""The same where the body of the frame before speaks for the exchange, which may be the one that is wrong."""
DOUBTFUL = 2.0
"""An exchange is thought of when the distance of the points that it moves grows by less than this."""


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
    others = [exchanged(evidence, order) for order in EXCHANGES]
    misfits = [misfit(other, body) for other in others]
    best = int(np.argmin(misfits))
    return others[best] if misfits[best] < CLEARLY * misfit(evidence, body) else None


def doubted(evidence: Evidence, body: Floats) -> list[Evidence]:
    """The evidence with each exchange that a body (75, 3), which the labels led to, does not rule out."""
    found = []
    for order in EXCHANGES:
        moved, other = COMPARED[order[COMPARED] != COMPARED], exchanged(evidence, order)
        if misfit(other, body, moved) < DOUBTFUL * misfit(evidence, body, moved):
            found.append(other)
    return found


def exchanged(evidence: Evidence, order: Ints) -> Evidence:
    """The evidence with the landmark rows `order` (75,) in the places of rows 0..74."""
    seen = evidence.landmarks
    if seen is None:
        return evidence
    rows = torch.as_tensor(order, device=seen.pixels.device)
    taken = replace(seen, pixels=seen.pixels[rows], world=seen.world[rows], confidence=seen.confidence[rows])
    return replace(evidence, landmarks=taken)


def misfit(evidence: Evidence, body: Floats, rows: Ints = COMPARED) -> float:
    """Sum of the distances of a body's points (75, 3) from the landmarks, in crop pixels, by confidence.

    Of `rows` only; 0 when nobody is seen.
    """
    seen = evidence.landmarks
    if seen is None:
        return 0.0
    placed = project(body, evidence.crop.K_crop)
    pixels, confidence = seen.pixels.cpu().numpy(), seen.confidence.cpu().numpy()
    return float((np.linalg.norm(placed[rows] - pixels[rows], axis=1) * confidence[rows]).sum())

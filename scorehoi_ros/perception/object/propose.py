"""Where a template of known size may be when nobody says so: round things by their outline."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.types import Box, Floats, Frame, HumanPose, Prompt

_REACH_M = 1.5
"""Objects farther from the person's hands and feet than this are not being handled."""
_DEPTH_SPREAD = 0.3
"""Relative difference in depth between person and object that is still searched."""
_WORK_SIZE = 640
_MIN_RADIUS_PX = 3
_MIN_STRENGTH = 0.6
"""Share of the outline that shows an edge across it; a weaker circle is more likely clutter."""
_EDGE_STEP = 12
"""Grey levels that make a step across the outline an edge."""
_MARGIN = 1.1
"""Half the proposed box's side, in radii of the ball."""
PROPOSED_SCORE, ROUND = 0.6, 0.7
"""Score, and overlap (IoU) with the proposed disc, that a mask must have where nobody said where to look:
other things are round, too.  By tools/measure_no_prompt.py."""


def propose(
    frame: Frame, template: ObjectTemplate, person: HumanPose, head: Floats | None = None
) -> Prompt | None:
    """A prompt for a ball near the person, or None: other shapes need a prompt from the user.

    `head` (2,) pixels of the middle of the face, None = not seen: what is round about it is no ball.

    The ball's diameter and the person's depth bound its radius in the image, which makes circle detection
    selective; among the circles the one with the strongest outline all around wins.
    """
    if not template.symmetry.sphere:
        return None
    scale = min(1.0, _WORK_SIZE / max(frame.rgb.shape[:2]))
    small = cv2.resize(frame.rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    radius_m = float(np.linalg.norm(template.mesh.vertices, axis=1).mean())
    expected = float(frame.camera.K[0, 0]) * scale * radius_m / max(float(person.t_cam[2]), 0.3)
    circles = _circles(grey, expected)
    near = _near_person(circles, frame, person, scale)
    if head is not None:
        near = near[~(np.linalg.norm(near[:, :2] - head * scale, axis=1) <= near[:, 2])]
    if not len(near):
        return None
    scores = [outline_strength(grey, circle) for circle in near]
    best = int(np.argmax(scores))
    if scores[best] < _MIN_STRENGTH:
        return None
    x, y, r = near[best] / scale
    half = _MARGIN * r
    return Prompt(box=Box(x - half, y - half, x + half, y + half))


def confirmed(found: Segmentation, proposal: Prompt) -> Segmentation:
    """What is found at a proposal, if it is the proposed ball; else nothing.

    Where the ball's colours are known (`Prompt.appearance`) they tell it from other things.
    """
    box = proposal.box
    if box is None or proposal.appearance is not None:
        return found
    rows, columns = np.indices(found.mask.shape)
    x, y, r = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, (box.x1 - box.x0) / (2 * _MARGIN)
    disc = (columns - x) ** 2 + (rows - y) ** 2 < r * r
    both, either = np.count_nonzero(disc & found.mask), np.count_nonzero(disc | found.mask)
    if found.score >= PROPOSED_SCORE and both >= ROUND * either:
        return found
    return empty_segmentation(*found.mask.shape)


def _circles(grey: NDArray[np.uint8], expected: float) -> Floats:
    """(n, 3) x, y, radius of circles about as large as expected, in pixels."""
    found = cv2.HoughCircles(
        cv2.GaussianBlur(grey, (3, 3), 0),
        cv2.HOUGH_GRADIENT,
        dp=1,
        minDist=max(expected, 1.0),
        param1=120,
        param2=8,
        minRadius=int(max(expected * (1 - _DEPTH_SPREAD), _MIN_RADIUS_PX)),
        maxRadius=int(np.ceil(max(expected * (1 + _DEPTH_SPREAD), _MIN_RADIUS_PX) + 1)),
    )
    return np.zeros((0, 3)) if found is None else found[0].astype(np.float64)


def outline_strength(grey: NDArray[np.uint8], circle: Floats) -> float:
    """Share of 48 directions in which the brightness steps across the circle (x, y, r)."""
    x, y, r = circle
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    inner = _sample(grey, np.array([x, y]) + (r - 2) * directions)
    outer = _sample(grey, np.array([x, y]) + (r + 2) * directions)
    return float((np.abs(inner - outer) > _EDGE_STEP).mean())


def _sample(grey: NDArray[np.uint8], points: Floats) -> Floats:
    height, width = grey.shape
    columns = np.clip(points[:, 0].round().astype(int), 0, width - 1)
    rows = np.clip(points[:, 1].round().astype(int), 0, height - 1)
    return grey[rows, columns].astype(np.float64)


def _near_person(circles: Floats, frame: Frame, person: HumanPose, scale: float) -> Floats:
    """Circles (n, 3) within reach of the pelvis in the image."""
    K = np.asarray(frame.camera.K)
    pelvis = (K @ person.t_cam)[:2] / person.t_cam[2] * scale
    reach = K[0, 0] * scale * _REACH_M / person.t_cam[2]
    return circles[np.linalg.norm(circles[:, :2] - pelvis, axis=1) < reach]

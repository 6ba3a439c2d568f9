"""Where a template of known size may be when nobody says so: round things by their outline."""

import cv2
import numpy as np

from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Bools, Box, Estimate, Floats, Frame, Prompt

_REACH_M = 1.5
"""Objects farther from the person's hands and feet than this are not being handled."""
_DEPTH_SPREAD = 0.3
"""Relative difference in depth between person and object that is still searched."""
_WORK_SIZE = 640
_MIN_RADIUS_PX = 3


def propose(frame: Frame, human: Bools | None, template: ObjectTemplate, estimate: Estimate) -> Prompt | None:
    """A prompt for a ball near the person, or None: other shapes need a prompt from the user.

    The ball's diameter and the person's depth bound its radius in the image, which makes circle detection
    selective; among the circles the one with the strongest outline all around wins.
    """
    if not template.symmetry.sphere:
        return None
    scale = min(1.0, _WORK_SIZE / max(frame.rgb.shape[:2]))
    grey = cv2.cvtColor(cv2.resize(frame.rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    focal = float(frame.camera.K[0, 0]) * scale
    radius_m = float(np.linalg.norm(template.mesh.vertices, axis=1).mean())
    expected = focal * radius_m / max(float(estimate.t_cam[2]), 0.3)
    low, high = max(expected * (1 - _DEPTH_SPREAD), _MIN_RADIUS_PX), expected * (1 + _DEPTH_SPREAD) + 1
    circles = cv2.HoughCircles(
        cv2.GaussianBlur(grey, (3, 3), 0), cv2.HOUGH_GRADIENT, dp=1, minDist=expected, param1=120, param2=8,
        minRadius=int(low), maxRadius=int(np.ceil(high)),
    )  # fmt: skip
    if circles is None:
        return None
    near = _near_person(circles[0].astype(np.float64), frame, estimate, scale)
    if not len(near):
        return None
    scores = [outline_strength(grey, circle) for circle in near]
    best = int(np.argmax(scores))
    if scores[best] < _MIN_STRENGTH:
        return None
    x, y, r = near[best] / scale
    return Prompt(box=Box(x - 1.1 * r, y - 1.1 * r, x + 1.1 * r, y + 1.1 * r))


_MIN_STRENGTH = 0.6
"""Share of the outline that shows an edge across it; a weaker circle is more likely clutter."""


def outline_strength(grey: Floats, circle: Floats) -> float:
    """Share of 48 directions in which the brightness steps across the circle (x, y, r)."""
    x, y, r = circle
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    directions = np.stack((np.cos(angles), np.sin(angles)), 1)
    inner = _sample(grey, np.array([x, y]) + (r - 2) * directions)
    outer = _sample(grey, np.array([x, y]) + (r + 2) * directions)
    return float((np.abs(inner - outer) > 12).mean())


def _sample(grey: Floats, points: Floats) -> Floats:
    height, width = grey.shape
    columns = np.clip(points[:, 0].round().astype(int), 0, width - 1)
    rows = np.clip(points[:, 1].round().astype(int), 0, height - 1)
    return grey[rows, columns].astype(np.float64)


def _near_person(circles: Floats, frame: Frame, estimate: Estimate, scale: float) -> Floats:
    """Circles (n, 3) within reach of the pelvis in the image."""
    K = np.asarray(frame.camera.K)
    pelvis = (K @ estimate.t_cam)[:2] / estimate.t_cam[2] * scale
    reach = K[0, 0] * scale * _REACH_M / estimate.t_cam[2]
    return circles[np.linalg.norm(circles[:, :2] - pelvis, axis=1) < reach]

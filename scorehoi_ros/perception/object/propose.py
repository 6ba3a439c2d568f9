"""Where a template of known size may be when nobody says so: round things by their outline."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.objects.template import ObjectTemplate
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


def propose(frame: Frame, template: ObjectTemplate, person: HumanPose) -> Prompt | None:
    """A prompt for a ball near the person, or None: other shapes need a prompt from the user.

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
    if not len(near):
        return None
    scores = [outline_strength(grey, circle) for circle in near]
    best = int(np.argmax(scores))
    if scores[best] < _MIN_STRENGTH:
        return None
    x, y, r = near[best] / scale
    return Prompt(box=Box(x - 1.1 * r, y - 1.1 * r, x + 1.1 * r, y + 1.1 * r))


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

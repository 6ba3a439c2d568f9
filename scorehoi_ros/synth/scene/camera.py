"""Cameras like those of real recordings: focal length, height, tilt, distance, cut-off subjects."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.synth.scene.kinematics import about, unit
from scorehoi_ros.types import Floats

SHORT_SIDE_PX = {"train": 256, "val": 256, "test": 480}
_RATIOS = ((4, 3), (4, 3), (16, 9), (1, 1), (3, 4))
_CUT_SHARE = 0.12
"""Share of pictures in which part of the subject is out of view."""
_LEAST_DEPTH_M = 0.6


@dataclass(frozen=True)
class View:
    """A camera in the world."""

    R_cam_world: Floats
    """(3, 3)"""
    t_cam_world: Floats
    """(3,)"""
    K: Floats
    """(3, 3) pixels."""
    width: int
    height: int


def draw_view(points: Floats, split: str, rng: np.random.Generator) -> View:
    """A camera that sees the points (n, 3) of the world (y up, floor at 0, the person faces z)."""
    width, height = image_size(split, rng)
    focal = 0.5 * height / np.tan(np.radians(rng.uniform(34, 64)) / 2)
    middle = (points.min(0) + points.max(0)) / 2
    facing = rng.normal(scale=50) if rng.random() < 0.65 else rng.uniform(-180, 180)
    azimuth, eye = np.radians(facing), rng.uniform(0.6, 1.9) if rng.random() < 0.85 else rng.uniform(1.9, 2.6)
    filled = rng.uniform(1.0, 1.4) if rng.random() < _CUT_SHARE else rng.uniform(0.5, 0.92)
    roll = about("z", np.radians(rng.normal(scale=1.5)))
    distance, R = 3.0, np.eye(3)
    for _ in range(3):
        place = middle + distance * np.array([np.sin(azimuth), 0.0, np.cos(azimuth)])
        place[1] = eye
        R = roll @ looking(middle - place)
        seen = (points - place) @ R.T
        seen[:, 2] = np.maximum(seen[:, 2], 0.2)
        span = np.ptp(seen[:, :2] / seen[:, 2:], axis=0) * focal / np.array([width, height])
        distance = float(np.clip(distance * span.max() / filled, 1.0, 9.0))
    depth = max(_LEAST_DEPTH_M - float(seen[:, 2].min()), 0.0)
    place = place - depth * R[2]
    R = _off_centre(points, place, R, focal, (width, height), filled <= 1, rng)
    centre = np.array([(width - 1) / 2, (height - 1) / 2]) + rng.normal(scale=0.012, size=2) * width
    K = np.array([[focal, 0, centre[0]], [0, focal * rng.normal(1, 0.002), centre[1]], [0, 0, 1]])
    K = np.round(K, 3)
    return View(R, -R @ place, K, width, height)


def image_size(split: str, rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of a picture in pixels."""
    across, down = _RATIOS[int(rng.integers(len(_RATIOS)))]
    unit_px = SHORT_SIDE_PX[split] / min(across, down)
    return round(across * unit_px), round(down * unit_px)


def looking(way: Floats) -> Floats:
    """R_cam_world (3, 3) of a level camera (x right, y down, z ahead) that looks along `way`."""
    ahead = unit(way)
    right = unit(np.cross(ahead, np.array([0.0, 1.0, 0.0])))
    return np.stack([right, np.cross(ahead, right), ahead])


def _off_centre(
    points: Floats,
    place: Floats,
    R: Floats,
    focal: float,
    size: tuple[int, int],
    whole: bool,
    rng: np.random.Generator,
) -> Floats:
    """Turn the camera so that the subject is anywhere in the picture; `whole` keeps all of it in view."""
    seen = (points - place) @ R.T
    uv = seen[:, :2] / np.maximum(seen[:, 2:], 0.2)
    room = np.array(size) / (2 * focal)
    low, high = -room - uv.min(0), room - uv.max(0)  # how far the subject may move on the image plane
    shift = rng.uniform(np.minimum(low, high), np.maximum(low, high)) * (0.85 if whole else 0.4)
    return np.asarray(about("x", -float(np.arctan(shift[1]))) @ about("y", float(np.arctan(shift[0]))) @ R)

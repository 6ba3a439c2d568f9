"""Views of a reconstruction from other places than the camera: from the side and above, on a floor grid."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.geometry.rigid import make_transform, transform_points
from scorehoi_ros.render.shading import Light, Surface, composite, draw, to_bytes, unit
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Floats, Floor

BACKGROUND_TOP = np.array([0.985, 0.988, 0.992], np.float32)
BACKGROUND_BOTTOM = np.array([0.90, 0.915, 0.935], np.float32)
LINE = np.array([0.62, 0.66, 0.72], np.float32)
VIEW_DISTANCE_M = 9.0
"""Far enough for little perspective, so that lengths can be compared by eye."""
HALF_EXTENT_M = 1.12
"""Shown around the subject at least; constant, so that the view does not breathe in a video."""
TILE_M = 0.5


@dataclass(frozen=True)
class World:
    """Axes on the floor, in the camera frame."""

    right: Floats
    up: Floats
    forward: Floats
    """Horizontal part of the viewing direction."""
    offset: float
    """The floor is `up . x = offset`."""


def world_axes(floor: Floor | None, points: Floats) -> World:
    """Axes from the floor; without one the camera is taken to be level and the lowest point on the floor."""
    up = unit(floor.normal) if floor is not None else np.array([0.0, -1.0, 0.0])
    ahead = np.array([0.0, 0.0, 1.0]) if abs(up[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    forward = unit(ahead - (ahead @ up) * up)
    offset = floor.offset if floor is not None else float((points @ up).min())
    return World(np.cross(forward, up), up, forward, offset)


def side_view(
    surfaces: list[Surface], world: World, focus: Floats, width: int, height: int
) -> NDArray[np.uint8]:
    """Picture from the camera's right; the camera itself would be on the left."""
    return _view(surfaces, world, focus, np.radians(90.0), np.radians(9.0), width, height)


def top_view(
    surfaces: list[Surface], world: World, focus: Floats, width: int, height: int
) -> NDArray[np.uint8]:
    """Picture from above; the camera would be at the lower edge."""
    return _view(surfaces, world, focus, 0.0, np.radians(89.0), width, height)


def _view(
    surfaces: list[Surface], world: World, focus: Floats, turn: float, rise: float, width: int, height: int
) -> NDArray[np.uint8]:
    """Orbit by `turn` about the vertical to the camera's right and by `rise` above the horizon."""
    R_view_world = _orbit(turn, rise)
    R = R_view_world @ np.stack([world.right, -world.up, world.forward])
    on_floor = focus - (focus @ world.up - world.offset) * world.up
    high = np.sin(rise) > 0.7
    middle = on_floor if high else on_floor + 0.93 * world.up
    T = make_transform(R, np.array([0, 0, VIEW_DISTANCE_M]) - R @ middle)
    moved = [replace(s, vertices=transform_points(T, s.vertices)) for s in surfaces]
    extent = max([HALF_EXTENT_M] + [_reach(s.vertices) * 1.06 for s in moved])
    focal = 0.5 * min(width, height) * VIEW_DISTANCE_M / extent
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    up = R @ world.up
    offset = world.offset + up @ T[:3, 3]
    axes = np.stack([R @ world.right, R @ world.forward])
    ground = _ground(moved, K, width, height, up, offset, axes, T[:3, 3])
    light = Light(unit(up * 1.0 + np.array([-0.5, -0.2, -0.9])), up)
    return to_bytes(composite(ground, draw(moved, K, width, height, light)))


def _orbit(turn: float, rise: float) -> Floats:
    """Rotation from level camera axes (x right, y down, z forward) to those of a camera that orbits."""
    c, s, cr, sr = np.cos(turn), np.sin(turn), np.cos(rise), np.sin(rise)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    about_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    return np.asarray(about_x @ about_y)


def _reach(vertices: Floats) -> float:
    """Largest distance from the optical axis, as seen at the distance of the focus."""
    flat = np.abs(vertices[:, :2]) / np.maximum(vertices[:, 2:], 0.5) * VIEW_DISTANCE_M
    return float(flat.max()) if len(flat) else 0.0


def _ground(
    surfaces: list[Surface],
    K: Floats,
    width: int,
    height: int,
    up: Floats,
    offset: float,
    axes: Floats,
    origin: Floats,
) -> NDArray[np.float32]:
    """Background, grid lines every half metre that fade with distance, a soft shadow under the surfaces."""
    fade = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture = np.broadcast_to(BACKGROUND_TOP * (1 - fade) + BACKGROUND_BOTTOM * fade, (height, width, 3))
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], -1)
    slope = rays @ up
    distance = np.where(slope < -1e-3, offset / np.minimum(slope, -1e-3), 0.0)
    hit = (distance > 0) & (distance < 4 * VIEW_DISTANCE_M)
    floor_xy = (rays * distance[..., None] - origin) @ axes.T
    centre = (np.array([0, 0, VIEW_DISTANCE_M]) - origin) @ axes.T
    away = np.linalg.norm(floor_xy - centre, axis=-1)
    lines = _grid_lines(floor_xy) * np.exp(-((away / 2.4) ** 2)) * hit
    shadow = _shadow(surfaces, axes, origin, centre, floor_xy) * hit
    picture = picture * (1 - 0.85 * lines[..., None]) + LINE * 0.85 * lines[..., None]
    picture = picture * (1 - 0.34 * shadow[..., None])
    return np.asarray(picture, np.float32)


def _grid_lines(floor_xy: Floats) -> Floats:
    """Coverage (H, W) 0..1 of the lines, about 1.5 samples wide at every distance."""
    lines = np.zeros(floor_xy.shape[:2])
    for k in (0, 1):
        q = floor_xy[..., k] / TILE_M
        step = np.hypot(*np.gradient(q)) if min(q.shape) > 1 else np.full(q.shape, 0.01)
        gap = np.abs(q - np.round(q)) / np.maximum(step, 1e-6)
        # where a tile shrinks to a few samples, lines fade instead of flickering
        lines = np.maximum(lines, np.clip(1.6 - gap, 0, 1) * np.clip(1.2 - 4 * step, 0, 1))
    return lines


def _shadow(
    surfaces: list[Surface], axes: Floats, origin: Floats, centre: Floats, floor_xy: Floats, size: int = 256
) -> Floats:
    """Darkness 0..1 at floor positions (H, W, 2) below the surfaces, under light from straight above."""
    half = 2.0
    K = np.array([[size / (2 * half), 0, size / 2], [0, size / (2 * half), size / 2], [0, 0, 1]])
    mask = np.zeros((size, size), np.float32)
    for s in surfaces:
        flat = np.c_[(s.vertices - origin) @ axes.T - centre, np.ones(len(s.vertices))]
        mask = np.maximum(mask, silhouette(flat, s.faces, K, size, size).astype(np.float32))
    soft = 0.5 * cv2.GaussianBlur(mask, (0, 0), 3.0) + 0.5 * cv2.GaussianBlur(mask, (0, 0), 9.0)
    place = ((floor_xy - centre) * K[0, 0] + size / 2).astype(np.float32)
    return np.asarray(cv2.remap(soft, place[..., 0], place[..., 1], cv2.INTER_LINEAR))

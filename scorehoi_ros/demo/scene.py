"""Pictures and ground truth of the demo clip: a dressed person who carries a cardboard box through a room."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.camera import Viewpoint
from scorehoi_ros.demo.figure import box_colours, box_mesh, figure_colours
from scorehoi_ros.demo.motion import BOX_SIZE_M, Motion
from scorehoi_ros.demo.room import SUN
from scorehoi_ros.demo.truth import Posed, posed
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.render.shading import Layer, Light, Surface, draw, to_bytes
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Floats

NOISE = 0.010
"""Standard deviation of the sensor noise, 0..1."""
BLUR_PX = 0.55
MARGIN_PX = 24
SHADOW_SCALE = 4
"""Shadows are soft, so they are drawn on a smaller picture."""


@dataclass(frozen=True)
class Actors:
    """What stays the same through the clip."""

    body: BodyModel
    colours: Floats
    box: Surface
    """In its own frame."""


def make_actors(body: BodyModel) -> Actors:
    """Dress the body and print the box."""
    size = np.array(BOX_SIZE_M)
    mesh = box_mesh(size)
    box = Surface(mesh.vertices, mesh.faces, box_colours(mesh, size), smooth=False)
    return Actors(body, figure_colours(body), box)


def pictures(
    body: BodyModel, motion: Motion, view: Viewpoint, room: NDArray[np.float32]
) -> Iterator[NDArray[np.uint8]]:
    """One (H, W, 3) uint8 picture for each frame of the motion, the same on every run."""
    actors = make_actors(body)
    for k, state in enumerate(posed(body, motion)):
        yield picture(actors, state, view, room, np.random.default_rng(k))


def picture(
    actors: Actors, state: Posed, view: Viewpoint, room: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Room, shadow, person and box; then a little blur and noise."""
    box = transform_points(state.T_world_box, actors.box.vertices)
    person = Surface(view.to_camera(state.vertices), actors.body.faces, actors.colours)
    carried = Surface(view.to_camera(box), actors.box.faces, actors.box.colours, smooth=False)
    shade = floor_shadow([(state.vertices, actors.body.faces), (box, actors.box.faces)], view)
    canvas = room * (1 - 0.5 * shade[..., None])
    x0, y0, x1, y1 = _window([person, carried], view)
    K = view.K - np.array([[0, 0, x0], [0, 0, y0], [0, 0, 0.0]])
    light = Light(view.R_cam_world @ SUN, view.up, key=0.72, sky=0.44, ground=0.38, shine=0.05)
    layer = draw([person, carried], K, x1 - x0, y1 - y0, light)
    canvas[y0:y1, x0:x1] = _over(canvas[y0:y1, x0:x1], layer)
    canvas = cv2.GaussianBlur(canvas, (0, 0), BLUR_PX)
    return to_bytes(canvas + rng.normal(0, NOISE, canvas.shape).astype(np.float32))


def _over(background: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    a = layer.alpha[..., None]
    return np.asarray(layer.rgb * a + background * (1 - a), np.float32)


def _window(surfaces: list[Surface], view: Viewpoint) -> tuple[int, int, int, int]:
    """The part of the picture that the surfaces can reach."""
    points = np.concatenate([s.vertices for s in surfaces])
    pixels = (points @ view.K.T)[:, :2] / points[:, 2:]
    low = np.floor(pixels.min(0) - MARGIN_PX).astype(int).clip(0)
    high = np.ceil(pixels.max(0) + MARGIN_PX).astype(int)
    x1, y1 = min(int(high[0]), view.width), min(int(high[1]), view.height)
    return min(int(low[0]), x1 - 1), min(int(low[1]), y1 - 1), x1, y1


def floor_shadow(meshes: list[tuple[Floats, NDArray[np.integer]]], view: Viewpoint) -> NDArray[np.float32]:
    """Darkness (H, W) 0..1 of the floor: a soft shadow away from the light, a dark patch under the feet."""
    s = SHADOW_SCALE
    size = (view.width // s, view.height // s)
    scale = np.array([[1 / s, 0, (1 / s - 1) / 2], [0, 1 / s, (1 / s - 1) / 2], [0, 0, 1]])
    total = np.zeros((size[1], size[0]), np.float32)
    for along, share, sigma in ((SUN, 0.55, 2.6), (np.array([0.05, 1.0, 0.1]), 0.6, 3.4)):
        mask = np.zeros_like(total)
        for vertices, faces in meshes:
            flat = vertices - vertices[:, 1:2] / along[1] * along
            mask = np.maximum(mask, silhouette(view.to_camera(flat), faces, scale @ view.K, *size))
        total += share * cv2.GaussianBlur(mask, (0, 0), sigma)
    whole = cv2.resize(total, (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    return np.clip(whole, 0, 1).astype(np.float32)

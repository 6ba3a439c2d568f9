"""Light of a synthetic scene: a lamp or sun with a cast shadow, light from above and from the ground."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.render.fast import draw_fast
from scorehoi_ros.synth.kernels import light_pixels
from scorehoi_ros.synth.textures import noise_tiles
from scorehoi_ros.types import Floats, Ints

Float32 = NDArray[np.float32]
SHADOW_SIZE = 192
"""Side of the shadow picture in samples, over everything that casts."""
SHADOW_BIAS_M = 0.03
"""A surface does not shadow itself within this depth along the light."""


@dataclass(frozen=True)
class Lamp:
    """Directions are in the camera frame, colours multiply those of surfaces."""

    direction: Float32
    """(3,) unit, towards the light."""
    up: Float32
    """(3,) unit, away from the floor."""
    key: Float32
    """(3,) colour of the lamp."""
    sky: Float32
    """(3,) colour of light from above."""
    ground: Float32
    """(3,) colour of light from below."""
    shadow: float
    """0 = the lamp casts no shadow .. 1 = it does not reach the shadow at all."""


@dataclass(frozen=True)
class ShadowMap:
    """What the lamp sees: a parallel view along its direction."""

    axes: Float32
    """(3, 3) rows: right and down on the picture, and towards the light."""
    origin: Float32
    """(3,) of the picture, along the axes; the third entry keeps keys positive."""
    scale: float
    """Samples for each metre."""
    key: Float32
    """(SHADOW_SIZE, SHADOW_SIZE) metres towards the light, 0 = nothing."""


def sample_lamp(rng: np.random.Generator, up: Floats) -> Lamp:
    """A lamp somewhere above and rather on the camera's side; lights are mixed from soft to harsh."""
    up = np.asarray(up, np.float64) / np.linalg.norm(up)
    level = rng.normal(size=3) - [0.0, 0.0, 0.5]
    level -= (level @ up) * up
    rise = np.radians(rng.uniform(25.0, 80.0))
    direction = level / np.linalg.norm(level) * np.cos(rise) + up * np.sin(rise)
    share, total = rng.uniform(0.2, 0.7), rng.uniform(0.95, 1.4)
    warm = rng.normal(0.0, 0.05)
    tint = np.array([1 + warm, 1.0, 1 - warm])
    ambient = total * (1 - share)
    return Lamp(
        direction=direction.astype(np.float32),
        up=up.astype(np.float32),
        key=(total * share * 1.25 * tint).astype(np.float32),
        sky=(ambient * 1.1 / tint).astype(np.float32),
        ground=(ambient * rng.uniform(0.55, 0.9) * np.ones(3)).astype(np.float32),
        shadow=float(rng.uniform(0.15, 0.95)),
    )


@dataclass(frozen=True)
class Patch:
    """Surface points to be lit, n rows, single precision."""

    points: Float32
    """(n, 3) camera frame."""
    normals: Float32
    """(n, 3)"""
    rest: Float32
    """(n, 3) places on the thing itself, where folds come from."""
    colours: Float32
    """(n, 3)"""
    gloss: Float32
    """(n,)"""
    fold: Float32
    """(n,) how strongly folds bend the normal, as a share of its length."""


def shade(patch: Patch, lamp: Lamp, shadows: "ShadowMap", shift: Floats) -> Float32:
    """Colours (n, 3) of a patch; `shift` (2,) says where its folds start."""
    out = np.empty_like(patch.colours)
    light_pixels(
        *(
            np.ascontiguousarray(a)
            for a in (patch.points, patch.normals, patch.colours, patch.gloss, patch.fold, patch.rest)
        ),
        noise_tiles()[0],
        np.asarray(shift, np.float32),
        np.stack([lamp.direction, lamp.up, lamp.key, lamp.sky, lamp.ground]),
        np.float32(lamp.shadow),
        shadows.axes,
        shadows.origin,
        np.float32(shadows.scale),
        shadows.key,
        np.float32(SHADOW_BIAS_M),
        out,
    )
    return out


def shadow_map(vertices: Float32, faces: Ints, lamp: Lamp) -> ShadowMap:
    """Draw what casts shadows, as the lamp sees it."""
    direction = lamp.direction
    right = np.cross(lamp.up, direction)
    right = (
        right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-3 else np.array([1.0, 0, 0], np.float32)
    )
    # x, y, towards the light must make faces that look to the lamp clockwise on a picture with y down
    axes = np.stack([right, -np.cross(direction, right), direction]).astype(np.float32)
    along = vertices @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    scale = (SHADOW_SIZE - 3) / max(float((high - low)[:2].max()), 1e-3)
    origin = np.array([low[0] - 1 / scale, low[1] - 1 / scale, low[2] - 0.1], np.float32)
    screen = place_on_map(along, origin, scale)
    key, _ = draw_fast(screen, faces, SHADOW_SIZE, SHADOW_SIZE)
    return ShadowMap(axes, origin, scale, key)


def place_on_map(along: Float32, origin: Float32, scale: float) -> Float32:
    """Points (n, 3) along the map's axes to samples x, y and the key."""
    return np.asarray((along - origin) * np.array([scale, scale, 1.0], np.float32), np.float32)


def cast_shade(points: Float32, shadows: ShadowMap, blur_m: float = 0.05) -> Float32:
    """(n,) 0 lit .. 1 dark at points (n, 3) below the casting surfaces, as on the floor; soft edges."""
    sigma = max(blur_m * shadows.scale, 0.6)
    cover = np.asarray(cv2.GaussianBlur((shadows.key > 0).astype(np.float32), (0, 0), sigma), np.float32)
    at = place_on_map(points @ shadows.axes.T, shadows.origin, shadows.scale)
    return _sampled(cover, at[:, 0], at[:, 1])


def foot_shade(vertices: Float32, up: Float32, points: Float32, offset: float) -> Float32:
    """(n,) 0 .. 1 darkness at floor points (n, 3) where low vertices leave little room for light."""
    height = vertices @ up - np.float32(offset)
    low = height < 0.35
    if not low.any():
        return np.zeros(len(points), np.float32)
    right = np.cross(up, [0.0, 0.0, 1.0]).astype(np.float32)
    axes = np.stack([right / np.linalg.norm(right), np.cross(up, right) / np.linalg.norm(right)]).astype(
        np.float32
    )
    flat = vertices[low] @ axes.T
    start, scale, size = flat.min(axis=0) - 0.4, np.float32(48.0), 128
    cell = ((flat - start) * scale).astype(np.int32)
    inside = (cell >= 0).all(1) & (cell < size).all(1)
    weight = np.exp(-height[low][inside] / 0.08)
    count = np.bincount(cell[inside, 1] * size + cell[inside, 0], weight, size * size).reshape(size, size)
    dark = np.asarray(cv2.GaussianBlur(np.minimum(count, 1.0).astype(np.float32), (0, 0), 2.5), np.float32)
    at = (points @ axes.T - start) * scale
    return _sampled(np.minimum(1.6 * dark, 1.0), at[:, 0], at[:, 1])


def _sampled(picture: Float32, x: Float32, y: Float32) -> Float32:
    """Bilinear values (n,), 0 outside."""
    if not len(x):
        return np.zeros(0, np.float32)
    # OpenCV wants fewer than 32768 rows
    width = min(len(x), 1024)
    pad = -len(x) % width
    maps = [np.pad(c.astype(np.float32), (0, pad), constant_values=-9.0).reshape(-1, width) for c in (x, y)]
    out = cv2.remap(picture.astype(np.float32), maps[0], maps[1], cv2.INTER_LINEAR, borderValue=[0.0])
    return np.asarray(out.ravel()[: len(x)])

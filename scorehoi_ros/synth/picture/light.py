"""Light of a synthetic scene: a lamp or sun with a cast shadow, light from above and from the ground."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.render.fast import bounds, draw_fast
from scorehoi_ros.synth.picture.backgrounds import Ground
from scorehoi_ros.synth.picture.kernels import light_pixels, shade_floor
from scorehoi_ros.synth.picture.textures import noise_tiles
from scorehoi_ros.types import Floats, Ints

Float32 = NDArray[np.float32]
SHADOW_SIZE = 192
"""Side of the shadow picture in samples, over everything that casts."""
SHADOW_BLUR_M = 0.05
PATCH_SIZE, PATCH_SCALE = 128, 48.0
"""Samples along each side of the picture of the floor around the feet, and for each metre."""
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


@dataclass(frozen=True)
class Casting:
    """A lamp with what it casts."""

    lamp: Lamp
    shadows: ShadowMap
    strength: float
    """1; less over a photograph, whose own light is another."""


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
    low, high = bounds(along)
    scale = (SHADOW_SIZE - 3) / max(float((high - low)[:2].max()), 1e-3)
    origin = np.array([low[0] - 1 / scale, low[1] - 1 / scale, low[2] - 0.1], np.float32)
    screen = place_on_map(along, origin, scale)
    key, _ = draw_fast(screen, faces, SHADOW_SIZE, SHADOW_SIZE)
    return ShadowMap(axes, origin, scale, key)


def place_on_map(along: Float32, origin: Float32, scale: float) -> Float32:
    """Points (n, 3) along the map's axes to samples x, y and the key."""
    return np.asarray((along - origin) * np.array([scale, scale, 1.0], np.float32), np.float32)


def shade_the_floor(
    picture: Float32, floor: Float32, K: Floats, vertices: Float32, ground: Ground, casting: Casting
) -> None:
    """Darken the floor in a picture (H, W, 3), in place: the lamp's shadow, and a dark patch under the feet.

    `floor` (H, W) is its depth, 0 where it is not seen; `vertices` (n, 3) what stands on it.
    """
    shadows = casting.shadows
    sigma = max(SHADOW_BLUR_M * shadows.scale, 0.6)
    cover = np.asarray(cv2.GaussianBlur((shadows.key > 0).astype(np.float32), (0, 0), sigma), np.float32)
    dark, axes = _foot_shade(vertices, ground)
    shade_floor(
        picture,
        floor,
        np.asarray(K, np.float64),
        cover,
        np.column_stack([shadows.axes[:2], shadows.origin[:2]]).astype(np.float64),
        float(shadows.scale),
        dark,
        axes,
        PATCH_SCALE,
        np.array([0.75 * casting.lamp.shadow, 0.6]) * casting.strength,
    )


def _foot_shade(vertices: Float32, ground: Ground) -> tuple[Float32, Floats]:
    """Darkness 0 .. 1 on the floor where low vertices leave little room for light, and its axes (2, 4)."""
    height = vertices @ ground.up - np.float32(ground.offset)
    low = height < 0.35
    axes = np.stack([ground.right, ground.forward])
    count: Floats = np.zeros(PATCH_SIZE**2)
    start = np.zeros(2)
    if low.any():
        flat = vertices[low] @ axes.T
        start = flat.min(axis=0) - 0.4
        cell = ((flat - start) * PATCH_SCALE).astype(np.int32)
        inside = (cell[:, 0] < PATCH_SIZE) & (cell[:, 1] < PATCH_SIZE)
        place = cell[inside, 1] * PATCH_SIZE + cell[inside, 0]
        count = np.bincount(place, np.exp(height[low][inside] / -0.08), PATCH_SIZE**2).astype(float)
    patch = np.minimum(count, 1.0).astype(np.float32).reshape(PATCH_SIZE, PATCH_SIZE)
    dark = np.minimum(1.6 * cv2.GaussianBlur(patch, (0, 0), 2.5), 1.0).astype(np.float32)
    return dark, np.column_stack([axes, start]).astype(np.float64)

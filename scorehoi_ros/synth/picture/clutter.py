"""Furniture and things that stand around in a synthetic room, behind the actors."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.objects.families import FAMILIES
from scorehoi_ros.objects.family import sample_parameters
from scorehoi_ros.render.fast import draw_fast, gather, project_fast
from scorehoi_ros.synth.picture.backgrounds import Ground, Room, room_axes
from scorehoi_ros.synth.picture.light import Lamp, Patch, ShadowMap, shade
from scorehoi_ros.synth.picture.things import Material, Shape, make_shape, paint_thing, sample_material
from scorehoi_ros.types import Floats

Float32 = NDArray[np.float32]
KINDS = (
    "box",
    "bin",
    "table",
    "round_table",
    "stool",
    "chair",
    "armchair",
    "bench",
    "suitcase",
    "bucket",
    "container",
)
VARIANTS = 2
MOST = 7
CLEARANCE_M = 0.25
"""Between the actors and what stands behind them."""


@lru_cache(maxsize=len(KINDS) * VARIANTS)
def clutter_shape(kind: str, variant: int) -> tuple[Shape, float]:
    """One of a few shapes of a kind, and the height of its origin above the floor it stands on."""
    family = FAMILIES[kind]
    rng = np.random.default_rng([KINDS.index(kind), variant])
    mesh = family.build(sample_parameters(family, rng))
    return make_shape(mesh), float(-mesh.vertices[:, 1].min())


def draw_clutter(
    picture: Float32,
    room: Room,
    ground: Ground,
    actors: Floats,
    lamp: Lamp,
    shadows: ShadowMap,
    K: Floats,
    rng: np.random.Generator,
) -> None:
    """Draw some things over the picture (H, W, 3), all farther away than the actors' points (n, 3)."""
    axes = room_axes(ground, room.turn)
    behind = float(actors[:, 2].max()) + CLEARANCE_M
    count = int(rng.integers(0, MOST + 1))
    drawn = []
    for _ in range(count):
        kind = KINDS[rng.integers(len(KINDS))]
        shape, lift = clutter_shape(kind, int(rng.integers(VARIANTS)))
        place = room.low + (room.high - room.low) * np.array([rng.random(), 0, rng.random() ** 0.5])
        place[1] = lift
        turn, material = rng.uniform(0, 2 * np.pi), sample_material(rng, kind, shape.size)
        c, s = np.cos(turn), np.sin(turn)
        R = (axes.T @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])).astype(np.float32)
        origin = (place + [0, ground.offset, 0]) @ axes
        vertices = shape.vertices @ R.T + origin.astype(np.float32)
        if vertices[:, 2].min() > max(behind, 0.5):
            drawn.append((float(origin[2]), vertices, R, shape, material))
    for _, vertices, R, shape, material in sorted(drawn, key=lambda d: -d[0]):
        _draw_one(picture, vertices, R, shape, material, lamp, shadows, K)


def _draw_one(
    picture: Float32,
    vertices: Float32,
    R: Float32,
    shape: Shape,
    material: Material,
    lamp: Lamp,
    shadows: ShadowMap,
    K: Floats,
) -> None:
    height, width = picture.shape[:2]
    screen = project_fast(vertices, K)
    _, face = draw_fast(screen, shape.faces, width, height)
    if not (face >= 0).any():
        return
    values, ids = gather(
        screen, shape.faces, np.hstack([vertices, shape.normals @ R.T, shape.vertices]), face
    )
    colours = paint_thing(material, shape, values[:, 6:], ids)
    gloss, none = np.full(len(ids), material.gloss, np.float32), np.zeros(len(ids), np.float32)
    patch = Patch(values[:, :3], values[:, 3:6], values[:, 6:], colours, gloss, none)
    picture[np.nonzero(face >= 0)] = shade(patch, lamp, shadows, material.shift[:2])

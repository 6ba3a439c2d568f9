"""The photograph of a scene: background, furniture, shadows, person, object, and the camera's faults."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.fast import bounds, draw_fast, gather, project_fast, smooth_normals
from scorehoi_ros.render.shading import crease_darkening, fine_intrinsics
from scorehoi_ros.synth.picture import backgrounds, light
from scorehoi_ros.synth.picture.anatomy import Anatomy, BodyKey, anatomy
from scorehoi_ros.synth.picture.appearance import paint_person
from scorehoi_ros.synth.picture.clutter import draw_clutter
from scorehoi_ros.synth.picture.noise import photograph, sample_lens
from scorehoi_ros.synth.picture.posed import GRAIN, LENS, LOOKS, ROOM, Posed, stream
from scorehoi_ros.synth.picture.things import Material, Shape, make_shape, paint_thing, sample_material
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Bools, Floats, Ints

Float32 = NDArray[np.float32]
SAMPLES = 1.5
"""Along each side of a pixel, for smooth outlines."""
FOLDS = 0.22
"""How strongly folds of cloth bend the surface, as a share of the normal's length."""


@dataclass(frozen=True)
class Style:
    """What pictures are made of."""

    photos: tuple[Path, ...] = ()
    """Photographs to use as backgrounds."""
    photo_share: float = 0.8
    """Share of the scenes that have one, when there are any."""


@dataclass(frozen=True)
class CropView:
    """A pinhole view of the scene: the whole image or a crop of it."""

    K: Floats
    width: int
    height: int
    T_view_image: Floats
    """(3, 3) pixels of the image -> pixels of the view; no rotation."""
    image_width: int
    image_height: int

    def on_image(self) -> Bools:
        """(height, width) where the view shows the image; elsewhere it reaches beyond it."""
        u, v = np.arange(self.width), np.arange(self.height)
        x = (u - self.T_view_image[0, 2]) / self.T_view_image[0, 0]
        y = (v - self.T_view_image[1, 2]) / self.T_view_image[1, 1]
        across, down = (x >= -0.5) & (x < self.image_width - 0.5), (y >= -0.5) & (y < self.image_height - 0.5)
        return np.asarray(down[:, None] & across)


def take_picture(
    truth: SceneTruth,
    posed: Posed,
    body: BodyModel,
    template: ObjectTemplate,
    style: Style,
    view: CropView,
    depth: Float32,
) -> NDArray[np.uint8]:
    """The picture of a scene in a view, (H, W, 3) uint8; `depth` (H, W) is that of its surfaces."""
    ground = backgrounds.make_ground(truth.floor_normal, truth.floor_offset)
    room_rng, look_rng = stream(truth, ROOM), stream(truth, LOOKS)
    lamp = light.sample_lamp(room_rng, ground.up)
    shape = _shape(TemplateKey(template))
    material = sample_material(np.random.default_rng(look_rng.integers(1 << 62)), template.label, shape.size)
    actors = _join(posed, body, shape, truth.T_cam_object)
    shadows = light.shadow_map(actors.vertices, actors.faces, lamp)
    picture = _background(truth, posed, style, view, depth, ground, lamp, shadows, room_rng)
    _lay_over(picture, actors, posed, anatomy(BodyKey(body)), material, shape, lamp, shadows, view)
    picture *= crease_darkening(depth, float(view.K[0, 0]))[..., None]
    rgb = photograph(picture, sample_lens(stream(truth, LENS)), stream(truth, GRAIN))
    rgb[~view.on_image()] = 0
    return rgb


@dataclass(frozen=True)
class _Actors:
    """Body and object as one mesh; the body's faces come first."""

    vertices: Float32
    normals: Float32
    rest: Float32
    """(n, 3) places on the resting body or on the object."""
    faces: NDArray[np.int32]
    body_faces: int


def _join(posed: Posed, body: BodyModel, shape: Shape, T: Floats) -> _Actors:
    R = T[:3, :3].astype(np.float32)
    thing = shape.vertices @ R.T + T[:3, 3].astype(np.float32)
    vertices = np.concatenate([posed.vertices.astype(np.float32), thing])
    normals = np.concatenate([smooth_normals(posed.vertices, body.faces), shape.normals @ R.T])
    rest = np.concatenate([body.v_template.astype(np.float32), shape.vertices])
    faces = np.concatenate([body.faces, shape.faces + len(body.v_template)]).astype(np.int32)
    return _Actors(vertices, normals, rest, faces, len(body.faces))


def _background(
    truth: SceneTruth,
    posed: Posed,
    style: Style,
    view: CropView,
    depth: Float32,
    ground: backgrounds.Ground,
    lamp: light.Lamp,
    shadows: light.ShadowMap,
    rng: np.random.Generator,
) -> Float32:
    """Everything but the actors, with their shadows on the floor."""
    points = np.concatenate([posed.vertices[::40], posed.thing])
    room = backgrounds.sample_room(rng, ground, points)
    # the outline is mixed with what is behind it
    inner = cv2.erode((depth > 0).astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=[1.0])
    picture, floor = backgrounds.paint_room(room, ground, view.K, (inner > 0) | ~view.on_image())
    photo = bool(style.photos) and rng.random() < style.photo_share
    if photo:
        path = style.photos[int(rng.integers(len(style.photos)))]
        whole, size = (truth.width, truth.height), (view.width, view.height)
        picture = backgrounds.paint_photo(path, rng, *whole, view.T_view_image, size)
    vertices = posed.vertices.astype(np.float32)
    casting = light.Casting(lamp, shadows, 0.6 if photo else 1.0)
    light.shade_the_floor(picture, floor, view.K, vertices, ground, casting)
    if not photo:
        draw_clutter(picture, room, ground, points, lamp, shadows, view.K, rng)
    return picture


def _lay_over(
    picture: Float32,
    actors: _Actors,
    posed: Posed,
    form: Anatomy,
    material: Material,
    shape: Shape,
    lamp: light.Lamp,
    shadows: light.ShadowMap,
    view: CropView,
) -> None:
    """Draw body and object over the picture."""
    x0, y0, x1, y1 = _window(actors.vertices, view)
    if x1 <= x0 or y1 <= y0:
        return
    # even, so that it has a whole number of samples
    size = (x1 - x0 + (x1 - x0) % 2, y1 - y0 + (y1 - y0) % 2)
    shifted = np.asarray(view.K, np.float64) - np.array([[0, 0, x0], [0, 0, y0], [0, 0, 0]])
    screen = project_fast(actors.vertices, fine_intrinsics(shifted, SAMPLES))
    _, face = draw_fast(screen, actors.faces, int(size[0] * SAMPLES), int(size[1] * SAMPLES))
    values, ids = gather(
        screen, actors.faces, np.hstack([actors.vertices, actors.normals, actors.rest]), face
    )
    colours = _shaded(values, ids, actors, posed, form, material, shape, lamp, shadows)
    rgb = np.zeros((*face.shape, 3), np.float32)
    covered = face >= 0
    # rows by number are much quicker than a mask
    rgb.reshape(-1, 3)[np.flatnonzero(covered)] = colours
    alpha = cv2.resize(covered.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    here = np.s_[: y1 - y0, : x1 - x0]
    part = picture[y0:y1, x0:x1]
    part *= 1 - alpha[here]
    part += cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)[here]


def _shaded(
    values: Float32,
    ids: Ints,
    actors: _Actors,
    posed: Posed,
    form: Anatomy,
    material: Material,
    shape: Shape,
    lamp: light.Lamp,
    shadows: light.ShadowMap,
) -> Float32:
    rest, on_body = values[:, 6:], ids < actors.body_faces
    colours, gloss = np.empty((len(ids), 3), np.float32), np.empty(len(ids), np.float32)
    fold = np.zeros(len(ids), np.float32)
    own, others = np.flatnonzero(on_body), np.flatnonzero(~on_body)
    colours[own], rough = paint_person(posed.look, form, rest[own], ids[own])
    fold[own], gloss[own] = FOLDS * rough, 0.06 * (1 - rough)
    colours[others] = paint_thing(material, shape, rest[others], ids[others] - actors.body_faces)
    gloss[others] = material.gloss
    patch = light.Patch(values[:, :3], values[:, 3:6], rest, colours, gloss, fold)
    return light.shade(patch, lamp, shadows, posed.look.shift)


def _window(vertices: Float32, view: CropView) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the pixels that the vertices can cover."""
    ahead = vertices[:, 2] > 0.05
    if not ahead.any():
        return 0, 0, 0, 0
    first, last = bounds(project_fast(vertices[ahead], view.K))
    low, high = np.floor(first).astype(int) - 1, np.ceil(last).astype(int) + 2
    return max(low[0], 0), max(low[1], 0), min(high[0], view.width), min(high[1], view.height)


@dataclass(frozen=True, eq=False)
class TemplateKey:
    """A template that can be a key of a cache: equal when the geometry is equal."""

    template: ObjectTemplate

    def __hash__(self) -> int:
        return hash(self.template.template_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TemplateKey) and other.template.template_id == self.template.template_id


@lru_cache(maxsize=256)
def _shape(template: TemplateKey) -> Shape:
    return make_shape(template.template.mesh)

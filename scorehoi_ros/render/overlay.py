"""Pictures of a reconstruction: over its image, from the side and from above, with contacts and status."""

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.render.labels import RGB, caption
from scorehoi_ros.render.shading import KEY_LIGHT, Layer, Light, Surface, composite, draw, to_bytes
from scorehoi_ros.render.views import side_view, top_view, world_axes
from scorehoi_ros.types import Contacts, Floats, HumanState, Reconstruction, Status

Image = NDArray[np.uint8]

HUMAN = np.array([0.74, 0.82, 1.0])
OBJECT = np.array([0.99, 0.78, 0.42])
HUMAN_CONTACT = np.array([0.93, 0.15, 0.24])
OBJECT_CONTACT = np.array([0.80, 0.12, 0.42])
LAMPS: dict[Status, RGB] = {
    Status.OK: (72, 199, 116),
    Status.UNTRUSTED: (255, 176, 32),
    Status.ABSENT: (160, 166, 176),
    Status.LOST: (240, 78, 78),
    Status.BAD_INPUT: (240, 78, 78),
}
OPACITY = 0.86
MAX_RENDER_SIDE = 1440
"""Meshes are drawn at most this large and enlarged after that; nobody sees the difference."""
MAX_PANEL_HEIGHT = 960
SPOT_M = 0.04
"""Radius of the spot around a contact point of the object."""


class BodyFaces(Protocol):
    """The part of `body.BodyModel` that pictures need."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3)."""


class TemplateMesh(Protocol):
    """The part of `objects.ObjectTemplate` that pictures need."""

    @property
    def template_id(self) -> str:
        """Content hash; objects of other templates are not drawn."""

    @property
    def mesh(self) -> Mesh:
        """In the object's frame."""


def overlay(
    rgb: Image, reconstruction: Reconstruction, body: BodyFaces, template: TemplateMesh | None
) -> Image:
    """The image (H, W, 3) uint8 with the meshes drawn over it, contacts coloured, and the status in words.

    `rgb` must be the undistorted image that belongs to `reconstruction.camera` (its `flat`).  People and
    objects that are absent or lost are left out: an old mesh never looks like a new one.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, MAX_RENDER_SIDE / max(height, width))
    small = (max(round(width * scale), 1), max(round(height * scale), 1))
    surfaces = surfaces_of(reconstruction, body, template)
    done = rgb
    if surfaces:
        layer = draw(
            surfaces, _resized_intrinsics(reconstruction, small), *small, light=_light(reconstruction)
        )
        layer = Layer(*(_resized(a, width, height) for a in (layer.rgb, layer.alpha, layer.depth)))
        done = to_bytes(composite(rgb.astype(np.float32) / 255, layer, OPACITY))
    return caption(done, status_text(reconstruction), dot=LAMPS[reconstruction.status])


def panel(
    rgb: Image, reconstruction: Reconstruction, body: BodyFaces, template: TemplateMesh | None
) -> Image:
    """Overlay, side view and top view in one picture, at most 960 pixels high, with even sides for video."""
    height, width = rgb.shape[:2]
    tall = max(_even(min(height, MAX_PANEL_HEIGHT)), 16)
    wide = max(_even(width * tall / height), 16)
    column = _even(0.62 * tall)
    upper = _even(0.62 * tall)
    left = _resized(overlay(rgb, reconstruction, body, template), wide, tall)
    surfaces = surfaces_of(reconstruction, body, template)
    points = np.concatenate([s.vertices for s in surfaces]) if surfaces else np.array([[0.0, 1.0, 3.0]])
    world = world_axes(reconstruction.floor, points)
    focus = _focus(reconstruction, points)
    size = max(int(tall / 36), 8)
    side = caption(side_view(surfaces, world, focus, column, upper), "side", corner="top", size=size)
    top = caption(top_view(surfaces, world, focus, column, tall - upper), "top", corner="top", size=size)
    return np.concatenate([left, np.concatenate([side, top])], axis=1)


def sheet(images: list[Image], columns: int, gap: int = 4) -> Image:
    """Contact sheet of images in reading order, each scaled to the size of the first; white gaps."""
    if not images:
        return np.full((16, 16, 3), 255, np.uint8)
    height, width = images[0].shape[:2]
    columns = min(max(columns, 1), len(images))
    rows = -(-len(images) // columns)
    page = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for k, image in enumerate(images):
        y, x = gap + k // columns * (height + gap), gap + k % columns * (width + gap)
        page[y : y + height, x : x + width] = _resized(image, width, height)
    return page


def surfaces_of(r: Reconstruction, body: BodyFaces, template: TemplateMesh | None) -> list[Surface]:
    """The meshes to draw, coloured, in the camera frame; only those estimated from this very frame."""
    surfaces = []
    for human in _drawn_humans(r):
        touching = [c for c in r.contacts if c.human_id == human.id]
        colours = _human_colours(len(human.vertices), touching)
        surfaces.append(Surface(human.vertices.astype(np.float64), body.faces, colours))
    for state in r.objects:
        if template is None or not state.status.is_present or state.template_id != template.template_id:
            continue
        mesh, colours = _coloured_object(template.mesh, [c for c in r.contacts if c.object_id == state.id])
        vertices = transform_points(state.T_cam_object, mesh.vertices)
        surfaces.append(Surface(vertices, mesh.faces, colours, smooth=False))
    return surfaces


def status_text(r: Reconstruction) -> str:
    """One line for the user: status, confidences, touched body parts, and the reason when not OK."""
    words = [r.status.name]
    words += [f"person {human.confidence:.2f}" for human in r.humans if human.status.is_present]
    words += [
        f"{state.label} {state.confidence:.2f}" if state.status.is_present else f"{state.label} not found"
        for state in r.objects
    ]
    words += [
        "touches with " + ", ".join(part.replace("_", " ") for part in contacts.body_parts[:3])
        for contacts in r.contacts
        if contacts.body_parts
    ]
    if r.camera.source == "guess":
        words.append("focal length guessed")
    if r.message:
        words.append(r.message)
    return "  ·  ".join(words)


def _drawn_humans(r: Reconstruction) -> list[HumanState]:
    return [human for human in r.humans if human.status.is_present and len(human.vertices)]


def _human_colours(count: int, touching: Sequence[Contacts]) -> Floats:
    """(count, 3) colours of a body, redder where it touches something more surely."""
    weight = np.zeros(count)
    for c in touching:
        sure = 0.35 + 0.65 * np.clip(c.human_probabilities, 0, 1)
        weight[c.human_vertices] = np.maximum(weight[c.human_vertices], sure)
    return HUMAN + weight[:, None] * (HUMAN_CONTACT - HUMAN)


def _coloured_object(mesh: Mesh, touching: Sequence[Contacts]) -> tuple[Mesh, Floats]:
    """Mesh fine enough for spots around the contact points, and its colours."""
    points = np.concatenate([np.zeros((0, 3)), *(c.object_points for c in touching)])
    if not len(points):
        return mesh, np.tile(OBJECT, (len(mesh.vertices), 1))
    sure = np.clip(np.concatenate([c.object_probabilities for c in touching]), 0, 1)
    import trimesh  # takes 0.3 s, and most who import this module never get here

    edge = max(SPOT_M / 2, float(np.ptp(mesh.vertices, axis=0).max()) / 60)
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, edge, max_iter=12)
    distance, nearest = cKDTree(points).query(vertices)
    weight = np.clip(1.6 - distance / SPOT_M, 0, 1) * sure[nearest]
    return Mesh(vertices, faces), OBJECT + weight[:, None] * (OBJECT_CONTACT - OBJECT)


def _resized_intrinsics(r: Reconstruction, size: tuple[int, int]) -> Floats:
    """K for a picture of another size than the camera's, pixel centres at integers in both."""
    sx, sy = size[0] / r.camera.width, size[1] / r.camera.height
    shift = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2], [0, 0, 1.0]])
    return np.asarray(shift @ r.camera.K)


def _resized(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """The picture itself when it has the size already."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method))


def _light(r: Reconstruction) -> Light:
    up = r.floor.normal if r.floor is not None else np.array([0.0, -1.0, 0.0])
    return Light(KEY_LIGHT, up)


def _focus(r: Reconstruction, points: Floats) -> Floats:
    """What the other views look at: the middle of the people, else of what there is."""
    people = _drawn_humans(r)
    return np.asarray(np.mean([human.root for human in people] if people else points, axis=0), np.float64)


def _even(value: float) -> int:
    return int(value) // 2 * 2

"""A plain living room as the demo's background: wooden floor, wall, window, shelf, sofa, plant.

python -m scorehoi_ros.demo.room models/demo/room.jpg
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.demo.camera import Viewpoint, demo_view
from scorehoi_ros.demo.figure import box_mesh, cloth_noise
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.render.shading import Light, Surface, composite, draw, fine_intrinsics, to_bytes
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Floats

Triple = tuple[float, float, float]
Thing = tuple[Triple, Triple, Triple]
"""A solid block: centre, size, colour."""

WALL_Z = -2.7
CORNER_X = -3.1
SKIRTING_M = 0.09
SUN = np.array([-0.45, 0.8, 0.55])
"""Towards the light, world axes."""

WALL = np.array([0.83, 0.80, 0.74])
SIDE_WALL = np.array([0.72, 0.70, 0.66])
WHITE = (0.93, 0.92, 0.90)
OAK = (0.62, 0.45, 0.29)
DARK = (0.30, 0.24, 0.20)
SOFA = (0.42, 0.45, 0.44)

FURNITURE: tuple[Thing, ...] = (
    ((1.72, 0.92, -2.5), (0.95, 1.84, 0.03), DARK),
    *(((1.72, y, -2.36), (0.95, 0.035, 0.3), OAK) for y in (0.06, 0.45, 0.87, 1.29, 1.7)),
    *(((x, 0.92, -2.36), (0.035, 1.84, 0.3), OAK) for x in (1.245, 2.195)),
    ((-1.75, 0.24, -2.2), (1.5, 0.3, 0.75), SOFA),
    ((-1.75, 0.55, -2.5), (1.5, 0.55, 0.2), SOFA),
    ((-2.44, 0.4, -2.2), (0.16, 0.5, 0.78), SOFA),
    ((-1.06, 0.4, -2.2), (0.16, 0.5, 0.78), SOFA),
    ((-1.9, 0.56, -2.28), (0.4, 0.36, 0.16), (0.72, 0.55, 0.30)),
    ((0.28, 0.25, -2.48), (0.32, 0.5, 0.32), (0.55, 0.36, 0.28)),
)


def shelf_things(seed: int = 11) -> list[Thing]:
    """Books and boxes of muted colours on the shelf boards."""
    rng = np.random.default_rng(seed)
    palette = [
        (0.55, 0.28, 0.24),
        (0.25, 0.36, 0.45),
        (0.66, 0.60, 0.45),
        (0.36, 0.42, 0.33),
        (0.78, 0.76, 0.7),
    ]
    things: list[Thing] = []
    for board in (0.085, 0.475, 0.895, 1.315):
        x = 1.28
        while x < 2.1:
            width, height = rng.uniform(0.025, 0.06), rng.uniform(0.18, 0.30)
            if rng.random() < 0.85:
                centre = (x + width / 2, board + height / 2, -2.36)
                things.append((centre, (width, height, 0.2), palette[rng.integers(len(palette))]))
            x += width + (0.16 if rng.random() < 0.12 else 0.004)
    return things


def plant(seed: int = 4) -> Surface:
    """A pot plant: leaves as bent triangles around a stem."""
    rng = np.random.default_rng(seed)
    foot = np.array([0.28, 0.5, -2.48])
    vertices, faces, colours = [], [], []
    for k in range(70):
        turn, rise, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1.35), rng.uniform(0.22, 0.5)
        along = (
            np.array([np.cos(turn) * np.cos(rise), np.sin(rise), np.sin(turn) * np.cos(rise) * 0.6]) * reach
        )
        across = np.cross(along, [0, 1, 0.2])
        across = across / np.linalg.norm(across) * rng.uniform(0.025, 0.045)
        tip = foot + along * 1.25 + [0, -0.08, 0]
        vertices += [foot, foot + along * 0.7 + across, tip, foot + along * 0.7 - across]
        faces += [[4 * k, 4 * k + 1, 4 * k + 2], [4 * k, 4 * k + 2, 4 * k + 3]]
        colours += [np.array([0.25, 0.42, 0.22]) * rng.uniform(0.7, 1.25)] * 4
    return Surface(np.array(vertices), np.array(faces), np.array(colours), smooth=False)


def furniture() -> list[Surface]:
    """All solid things of the room, world frame."""
    things = []
    for centre, size, colour in (*FURNITURE, *shelf_things()):
        mesh = box_mesh(np.array(size), 10.0)
        things.append(
            Surface(
                mesh.vertices + centre, mesh.faces, np.tile(colour, (len(mesh.vertices), 1)), smooth=False
            )
        )
    return [*things, plant()]


def room_picture(view: Viewpoint) -> NDArray[np.float32]:
    """The empty room, (H, W, 3) float32 0..1."""
    s = 2
    K = fine_intrinsics(view.K, s)
    rays, origin = view.world_rays(K, view.width * s, view.height * s)
    picture = _surfaces(rays, origin)
    height, width = view.height * s, view.width * s
    solid = [Surface(view.to_camera(f.vertices), f.faces, f.colours, f.smooth) for f in furniture()]
    light = Light(view.R_cam_world @ SUN, view.up, key=0.55, sky=0.38, ground=0.34, shine=0.03)
    shade = sum(_footprint(f, view, K, width, height) for f in furniture()[:20])
    picture = picture * (1 - 0.45 * np.clip(shade, 0, 1)[..., None])
    picture = composite(picture, draw(solid, K, width, height, light, supersample=1))
    small = cv2.resize(picture, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return np.clip(small * vignette(view.width, view.height), 0, 1).astype(np.float32)


def vignette(width: int, height: int) -> NDArray[np.float32]:
    """Corners a little darker, (H, W, 1)."""
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    return (1 - 0.14 * (x * x + y * y) / 2).astype(np.float32)[..., None]


def _footprint(surface: Surface, view: Viewpoint, K: Floats, width: int, height: int) -> Floats:
    """Soft dark patch on the floor around a thing that stands on it."""
    if surface.vertices[:, 1].min() > 0.12:
        return np.zeros((height, width), np.float32)
    flat = surface.vertices * [1, 0, 1]
    mask = silhouette(view.to_camera(flat), surface.faces, K, width, height)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 14.0), np.float32)


def _surfaces(rays: Floats, origin: Floats) -> NDArray[np.float32]:
    """Floor, back wall and side wall, whichever a ray (H, W, 3) meets first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distances = [
            np.where(rays[..., 1] < 0, -origin[1] / rays[..., 1], np.inf),
            np.where(rays[..., 2] < 0, (WALL_Z - origin[2]) / rays[..., 2], np.inf),
            np.where(rays[..., 0] < 0, (CORNER_X - origin[0]) / rays[..., 0], np.inf),
        ]
    nearest = np.argmin(distances, axis=0)
    points = origin + rays * np.min(distances, axis=0)[..., None]
    picture = np.zeros((*nearest.shape, 3), np.float32)
    for k, paint in enumerate((_floor, _wall, _side)):
        here = nearest == k
        picture[here] = paint(points[here])
    return picture


def _floor(p: Floats) -> Floats:
    """Oak planks 14 cm wide along x, each with its own tone and grain."""
    row = np.floor(p[:, 2] / 0.14)
    shift = np.mod(np.sin(row * 12.9898) * 43758.5453, 1.0) * 1.4
    column = np.floor((p[:, 0] + shift) / 1.4)
    tone = np.mod(np.sin(row * 78.233 + column * 37.719) * 43758.5453, 1.0)
    grain = cloth_noise(p * [0.25, 1, 3.0] + tone[:, None] * 9, 0.03, 8)
    seam = np.abs(np.mod(p[:, 2] / 0.14, 1.0) - 0.5) > 0.485
    colour = np.array([0.60, 0.45, 0.31]) * (0.86 + 0.2 * tone + 0.05 * grain)[:, None]
    sheen = 0.16 * np.exp(-(((p[:, 0] + 1.0) / 1.3) ** 2) - ((p[:, 2] + 1.2) / 1.6) ** 2)
    near_wall = 1 - 0.28 * np.exp(-(p[:, 2] - WALL_Z) / 0.25)
    return np.asarray(np.where(seam[:, None], colour * 0.72, colour) * near_wall[:, None] + sheen[:, None])


def _wall(p: Floats) -> Floats:
    """Warm white wall, lighter towards the window on the left, with skirting board, window and picture."""
    light = 0.9 + 0.12 * np.exp(-(((p[:, 0] + 0.6) / 1.8) ** 2)) + 0.012 * cloth_noise(p, 0.25, 9)
    light -= 0.22 * np.exp(-(p[:, 0] - CORNER_X) / 0.3) + 0.10 * np.exp(-p[:, 1] / 0.3)
    colour = WALL * light[:, None]
    colour = np.where((p[:, 1] < SKIRTING_M)[:, None], np.array(WHITE) * 0.9, colour)
    _picture(colour, p, np.array([-1.75, 1.52]), np.array([0.42, 0.29]))
    return np.asarray(colour)


def _picture(colour: Floats, p: Floats, centre: Floats, half: Floats) -> None:
    """A framed landscape on the wall, painted in place."""
    q = (p[:, :2] - centre) / half
    frame, inner = np.abs(q).max(1) < 1, np.abs(q).max(1) < 0.9
    colour[frame] = DARK
    hills = 0.1 + 0.25 * np.sin(2.3 * q[:, 0] + 0.4) + 0.1 * np.sin(6.1 * q[:, 0])
    colour[inner] = np.where(
        (q[inner, 1] > hills[inner])[:, None],
        np.array([0.72, 0.80, 0.86]) - 0.12 * q[inner, 1:2],
        np.array([0.36, 0.47, 0.33]) - 0.1 * q[inner, 1:2],
    )


def _side(p: Floats) -> Floats:
    """Side wall with a bright window."""
    light = 0.92 + 0.012 * cloth_noise(p, 0.25, 10) - 0.2 * np.exp(-(p[:, 2] - WALL_Z) / 0.3)
    colour = SIDE_WALL * light[:, None]
    colour[p[:, 1] < SKIRTING_M] = np.array(WHITE) * 0.82
    q = np.abs((p[:, [2, 1]] - [-1.2, 1.55]) / [0.7, 0.65])
    colour[q.max(1) < 1] = WHITE
    pane = (q.max(1) < 0.92) & (q[:, 0] > 0.035)
    colour[pane] = [0.90, 0.95, 0.99]
    return np.asarray(colour)


def save_room(path: Path, view: Viewpoint) -> None:
    """Render the room and write it as a picture file."""
    rgb = to_bytes(room_picture(view))
    done, data = cv2.imencode(path.suffix, rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 93])
    assert done
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())


def load_room(path: Path, view: Viewpoint) -> NDArray[np.float32]:
    """The picture that `save_room` wrote, (H, W, 3) float32 0..1; raises InputError when it does not fit."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None or bgr.shape[:2] != (view.height, view.width):
        raise InputError(
            f"{path} must be a picture of {view.width} x {view.height} pixels. Restore the repository's file."
        )
    return bgr[..., ::-1].astype(np.float32) / 255


if __name__ == "__main__":
    save_room(Path(sys.argv[1]), demo_view())

"""Backgrounds of synthetic scenes: furnished rooms and open ground in true perspective, or photographs."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.native import quiet_decoders
from scorehoi_ros.synth.picture import kernels
from scorehoi_ros.synth.picture.kernels import paint_walls
from scorehoi_ros.synth.picture.textures import any_colour, noise_tiles, wood_colour
from scorehoi_ros.types import Bools, Floats

Float32 = NDArray[np.float32]
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
FLOOR, CEILING, LEFT, RIGHT, BACK, FRONT = range(6)
FLOORS = ("planks", "tiles", "carpet", "concrete")
WALLS = ("paint", "paint", "paint", "bricks", "paper", "concrete")
GROUNDS = ("grass", "concrete", "tiles", "carpet")
KINDS = {
    "paint": kernels.PAINT,
    "concrete": kernels.ROUGH,
    "carpet": kernels.ROUGH,
    "grass": kernels.GRASS,
    "planks": kernels.PLANKS,
    "tiles": kernels.TILES,
    "bricks": kernels.BRICKS,
    "paper": kernels.PAPER,
}


@dataclass(frozen=True)
class Finish:
    """Colour and pattern of a floor, wall or ceiling."""

    kind: str
    colour: Floats
    second: Floats
    scale: float
    """Metres of one repetition."""
    shift: float


@dataclass(frozen=True)
class Panel:
    """A door, window, picture or poster on a wall."""

    wall: int
    box: tuple[float, float, float, float]
    """Along the wall, and height: from, from, to, to; metres."""
    frame: Floats
    inside: Floats
    busy: float
    """0 plain .. 1 like a picture."""


@dataclass(frozen=True)
class Ground:
    """Where the floor is, and level axes on it; camera frame."""

    up: Float32
    right: Float32
    forward: Float32
    offset: float
    """`up . x = offset` on the floor."""


@dataclass(frozen=True)
class Room:
    """A box around camera and actors, or open ground (`outside`)."""

    turn: float
    """Radians between the camera's heading and the room's."""
    low: Floats
    """(3,) right, height, forward along the room's axes, from the point below the camera."""
    high: Floats
    finishes: tuple[Finish, ...]
    """Of FLOOR, CEILING and the walls LEFT, RIGHT, BACK, FRONT."""
    panels: tuple[Panel, ...]
    outside: bool
    glow: Floats
    """(3,) where it is brightest, as `low`."""


def make_ground(normal: Floats, offset: float) -> Ground:
    """Axes from the floor plane `normal . x = offset`."""
    up: Floats = np.asarray(normal, np.float64) / np.linalg.norm(normal)
    ahead = np.array([0.0, 0.0, 1.0]) if abs(up[2]) < 0.95 else np.array([0.0, 1.0, 0.0])
    level: Floats = ahead - float(ahead @ up) * up
    forward: Floats = level / np.linalg.norm(level)
    right = np.cross(forward, up)
    return Ground(up.astype(np.float32), right.astype(np.float32), forward.astype(np.float32), float(offset))


def room_axes(ground: Ground, turn: float) -> Float32:
    """(3, 3) rows: the room's right, up and forward in the camera frame."""
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    return np.stack([c * ground.right - s * ground.forward, ground.up, s * ground.right + c * ground.forward])


def sample_room(rng: np.random.Generator, ground: Ground, actors: Floats) -> Room:
    """A room with space for the actors' points (n, 3) in the camera frame, drawn at random."""
    turn, outside = rng.uniform(-0.6, 0.6), bool(rng.random() < 0.15)
    places = actors @ room_axes(ground, turn).T - [0, ground.offset, 0]
    # moved only where the actors would stand in a wall: a sequence keeps its room
    reach = rng.uniform([1.2, 1.2, 2.5, 0.3], [5.0, 5.0, 9.0, 3.0])
    height = rng.uniform(2.3, 3.6)
    margin = np.array([0.3, 0.0, 0.3])
    low = np.minimum(places.min(axis=0) - margin, [-reach[0], 0.0, -reach[3]])
    high = np.maximum(places.max(axis=0) + margin, [reach[1], max(height, 0.2 - ground.offset), reach[2]])
    low[1] = 0.0
    floor = _finish(rng, FLOORS if not outside else GROUNDS)
    wall = _finish(rng, WALLS)
    side = wall if rng.random() < 0.7 else _finish(rng, WALLS)
    ceiling = Finish("paint", np.full(3, rng.uniform(0.7, 0.95)), np.full(3, 0.9), 1.0, 0.0)
    panels = () if outside else tuple(_panel(rng, low, high) for _ in range(rng.integers(0, 9)))
    glow = low + (high - low) * rng.random(3)
    return Room(float(turn), low, high, (floor, ceiling, side, side, wall, wall), panels, outside, glow)


def paint_room(room: Room, ground: Ground, K: Floats, hidden: Bools) -> tuple[Float32, Float32]:
    """The empty room as the camera sees it, but for pixels that are `hidden` (height, width).

    Returns the picture (height, width, 3) 0..1 and the depth of the floor (height, width), 0 where something
    else is seen.
    """
    height, width = hidden.shape
    picture = np.zeros((height, width, 3), np.float32)
    floor = np.zeros((height, width), np.float32)
    finishes = [np.r_[f.colour, f.second, f.scale, f.shift] for f in room.finishes]
    panels = [np.r_[p.wall, p.box, p.frame, p.inside, p.busy] for p in room.panels]
    paint_walls(
        np.asarray(K, np.float64),
        room_axes(ground, room.turn).astype(np.float64),
        -float(ground.offset),
        room.low,
        room.high,
        room.outside,
        np.array([KINDS[f.kind] for f in room.finishes]),
        np.array(finishes),
        np.array(panels).reshape(-1, 12),
        room.glow,
        noise_tiles(),
        hidden,
        picture,
        floor,
    )
    return picture, floor


def list_photos(folder: Path) -> list[Path]:
    """Pictures in a folder, by name; raises InputError when there are none."""
    found = (
        sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES) if folder.is_dir() else []
    )
    if not found:
        raise InputError(
            f"no pictures in {folder} to use as backgrounds. Expected files with one of the endings "
            f"{', '.join(sorted(PHOTO_SUFFIXES))}."
        )
    return found


def paint_photo(
    path: Path, rng: np.random.Generator, width: int, height: int, T_view_image: Floats, size: tuple[int, int]
) -> Float32:
    """A random part of a photo behind the image (width, height), seen in a view of `size` (w, h) pixels.

    `T_view_image` (3, 3) maps image pixels to pixels of the view.  Raises InputError when it cannot be read.
    """
    photo = _read_photo(str(path))
    zoom = max(width / photo.shape[1], height / photo.shape[0]) * rng.uniform(1.0, 1.6)
    spare = np.array([photo.shape[1] * zoom - width, photo.shape[0] * zoom - height])
    shift = -spare * rng.random(2)
    T = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]], [0, 0, 1.0]])
    if rng.random() < 0.5:
        T = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]) @ T
    placed = (T_view_image @ T)[:2]
    return np.asarray(cv2.warpAffine(photo, placed, size, borderMode=cv2.BORDER_REFLECT), np.float32) / 255


@lru_cache(maxsize=64)
def _read_photo(path: str, longest: int = 1024) -> NDArray[np.uint8]:
    with quiet_decoders():
        bgr = cv2.imread(path, cv2.IMREAD_COLOR)
    if bgr is None:
        raise InputError(f"{path} cannot be read as a picture. Take it out of the folder of backgrounds.")
    scale = min(1.0, longest / max(bgr.shape[:2]))
    small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1])


def _finish(rng: np.random.Generator, kinds: tuple[str, ...]) -> Finish:
    kind = kinds[rng.integers(len(kinds))]
    pale = rng.uniform(0.35, 0.95) * (1 + rng.normal(0, 0.06, 3))
    colour = {
        "planks": lambda: wood_colour(rng),
        "bricks": lambda: np.array([0.58, 0.36, 0.28]) * rng.uniform(0.7, 1.3),
        "grass": lambda: np.array([0.36, 0.45, 0.22]) * rng.uniform(0.6, 1.2),
        "carpet": lambda: 0.5 * any_colour(rng) + 0.5 * pale,
    }.get(kind, lambda: pale if rng.random() < 0.75 else 0.5 * any_colour(rng) + 0.5 * pale)()
    second = colour * rng.uniform(0.6, 1.1) if rng.random() < 0.7 else any_colour(rng)
    scale = {"planks": 0.14, "tiles": 0.4, "bricks": 0.24, "paper": 0.3}.get(kind, 1.0) * rng.uniform(
        0.7, 1.6
    )
    return Finish(
        kind, np.clip(colour, 0.04, 0.97), np.clip(second, 0.04, 0.97), float(scale), rng.uniform(0, 5)
    )


def _panel(rng: np.random.Generator, low: Floats, high: Floats) -> Panel:
    wall = int(rng.choice([LEFT, RIGHT, BACK, BACK, BACK]))
    axis = 0 if wall == BACK else 2
    middle = rng.uniform(low[axis], high[axis])
    if rng.random() < 0.25:  # a door
        half, bottom, top = rng.uniform(0.4, 0.6), 0.0, rng.uniform(1.95, 2.2)
    else:
        half, bottom = rng.uniform(0.15, 0.9), rng.uniform(0.5, 1.5)
        top = bottom + rng.uniform(0.3, 1.2)
    inside = any_colour(rng) if rng.random() < 0.6 else np.array([0.9, 0.94, 0.98]) * rng.uniform(0.6, 1.05)
    frame = wood_colour(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(0.05, 0.95))
    return Panel(wall, (middle - half, bottom, middle + half, top), frame, inside, float(rng.random()))

"""How a synthetic person looks: skin, hair, clothes, for each pixel from its place on the resting body."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.render.fast import smooth_normals
from scorehoi_ros.synth.picture.anatomy import ARM, EYE, FOOT, HAND, HEAD, LEG, NECK, TORSO, Anatomy, hairline
from scorehoi_ros.synth.picture.textures import any_colour, cloth_colour, noise_at
from scorehoi_ros.types import Bools, Floats, Ints

Float32 = NDArray[np.float32]
SHOE_ROUNDS = 14
SHOE_M = 0.005
"""Thickness of shoes."""
PATTERNS = ("plain", "plain", "plain", "stripes", "bars", "plaid", "camouflage", "print")
SKINS = np.array(
    [
        (0.93, 0.76, 0.66),
        (0.87, 0.67, 0.55),
        (0.78, 0.57, 0.43),
        (0.62, 0.43, 0.31),
        (0.43, 0.29, 0.21),
        (0.27, 0.18, 0.14),
    ]
)
HAIRS = np.array(
    [
        (0.07, 0.06, 0.06),
        (0.13, 0.09, 0.07),
        (0.28, 0.18, 0.11),
        (0.55, 0.42, 0.26),
        (0.62, 0.60, 0.58),
        (0.42, 0.20, 0.11),
    ]
)


@dataclass(frozen=True)
class Garment:
    """Colours and pattern of one piece of clothing."""

    colour: Floats
    second: Floats
    pattern: str
    scale: float
    """Metres of one repetition."""


@dataclass(frozen=True)
class Look:
    """One person's looks."""

    skin: Floats
    hair: Floats
    shoes: Floats
    sole: Floats
    upper: Garment
    lower: Garment
    sleeve: float
    """Upper garment reaches this far along the arm, |x| of the resting body."""
    hem: float
    """Height of its lower edge."""
    neckline: float
    """How deep its opening goes below the neck, metres."""
    open_front: float
    """Half width of an open jacket, metres; 0 = closed."""
    legs: float
    """Height of the lower garment's lower edge."""
    hair_length: float
    """Metres below the eyes at the back of the head; -1 = bald."""
    headwear: float
    """Height of the brim above the eyes of a cap or hat; 0 = none."""
    beard: bool
    glasses: bool
    gloves: bool
    barefoot: bool
    loose: float
    """Metres that clothes stand off."""
    volume: float
    """Metres that hair stands off."""
    shift: Floats
    """(2,) metres: where the noise of the cloth starts."""


def put_on(look: Look, form: Anatomy, skin: Floats, faces: Ints) -> Floats:
    """(V, 3) the surface that is seen: the body's vertices (V, 3) with clothes, hair and shoes."""
    if not look.barefoot:
        skin, feet = skin.copy(), skin[form.feet]
        for _ in range(SHOE_ROUNDS):
            feet = form.shoe @ feet
        skin[form.feet] = feet
    return skin + thickness(look, form)[:, None] * smooth_normals(skin, faces)


def sample_look(rng: np.random.Generator, at: dict[str, float]) -> Look:
    """A person's looks, drawn at random."""
    skin = SKINS[rng.integers(len(SKINS))] + rng.normal(0, 0.025, 3)
    arm = at["wrist_x"] - at["shoulder_x"]
    sleeves = (
        at["shoulder_x"] + 0.02,
        at["shoulder_x"] + rng.uniform(0.25, 0.5) * arm,
        at["wrist_x"] - rng.uniform(-0.01, 0.08),
    )
    legs = (at["ankle"] + rng.uniform(-0.01, 0.06), at["knee"] + rng.uniform(-0.05, 0.15))
    barefoot = bool(rng.random() < 0.08)
    lower = Garment(
        cloth_colour(rng),
        cloth_colour(rng),
        "plain" if rng.random() < 0.8 else _pattern(rng),
        rng.uniform(0.03, 0.15),
    )
    upper = Garment(cloth_colour(rng), any_colour(rng), _pattern(rng), rng.uniform(0.02, 0.12))
    if rng.random() < 0.06:
        lower = upper  # overall or dress
    return Look(
        skin=np.clip(skin, 0.08, 0.98),
        hair=np.clip(HAIRS[rng.integers(len(HAIRS))] * rng.uniform(0.7, 1.3), 0.02, 0.95),
        shoes=cloth_colour(rng),
        sole=np.full(3, rng.choice([0.92, 0.85, 0.12])),
        upper=upper,
        lower=lower,
        sleeve=float(rng.choice(sleeves, p=[0.06, 0.42, 0.52])),
        hem=at["waist"] + float(rng.uniform(-0.14, 0.02)),
        neckline=float(rng.uniform(0.0, 0.12)),
        open_front=float(rng.uniform(0.02, 0.09)) if rng.random() < 0.2 else 0.0,
        legs=float(rng.choice(legs, p=[0.78, 0.22])),
        hair_length=float(rng.choice([-1.0, 0.085, 0.16, 0.32], p=[0.06, 0.62, 0.17, 0.15])),
        headwear=float(rng.uniform(0.02, 0.06)) if rng.random() < 0.1 else 0.0,
        beard=bool(rng.random() < 0.2),
        glasses=bool(rng.random() < 0.2),
        gloves=bool(rng.random() < 0.04),
        barefoot=barefoot,
        loose=float(rng.uniform(0.0, 0.010)),
        volume=float(rng.uniform(0.0, 0.025)),
        shift=rng.uniform(0, 3, 2),
    )


def thickness(look: Look, a: Anatomy) -> Float32:
    """(V,) metres by which clothes and hair stand off the skin, with folds."""
    u, v = (
        a.rest[:, 0] + 0.6 * a.rest[:, 2] + look.shift[0],
        a.rest[:, 1] * 0.6 + 0.5 * a.rest[:, 2] + look.shift[1],
    )
    folds = 0.75 + 0.25 * np.clip(noise_at(u, v, 1.0, 0), -2, 2)
    hair = a.hair_weight * np.float32(look.volume if look.hair_length > 0 else 0.0)
    dressed = (np.abs(a.rest[:, 0]) < look.sleeve) & (a.rest[:, 1] > look.legs)
    hair[a.feet] = 0.0 if look.barefoot else SHOE_M
    return np.asarray(hair + a.cloth_weight * dressed * folds * np.float32(look.loose), np.float32)


def paint_person(look: Look, a: Anatomy, rest: Float32, faces: Ints) -> tuple[Float32, Float32]:
    """Colours (n, 3) and roughness of the surface (n,) 0 smooth .. 1 cloth, at n pixels.

    `rest` (n, 3) are their places on the resting body, `faces` (n,) the faces they lie on.
    """
    part = a.parts[faces]
    colours = np.empty((len(rest), 3), np.float32)
    colours[:] = look.skin
    rough = np.zeros(len(rest), np.float32)
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    upper, lower = _worn(look, a.at, part, x, y, z)
    for region, garment in ((upper, look.upper), (lower, look.lower)):
        rows = np.flatnonzero(region)
        colours[rows] = cloth(garment, rest[rows], look.shift)
        rough[rows] = 1.0
    if look.open_front > 0:
        inner = upper & (part == TORSO) & (z > 0.02) & (x < look.open_front) & (y > look.hem)
        colours[inner] = look.upper.second
    _feet(look, a.at, part, y, colours)
    if look.gloves:
        colours[part == HAND] = look.shoes
    # only long hair reaches below; few rows are quicker than masks over all
    low = a.at["eyes_y"] - max(look.hair_length, 0.0)
    rows = np.flatnonzero(_ON_HEAD[part] | ((part == TORSO) & (y > low)))
    head = colours[rows]
    _head(look, a.at, part[rows], rest[rows], head)
    colours[rows] = head
    tone = noise_at(rest[:, 0] + look.shift[0], y + 0.7 * z, 0.6, 2)
    colours *= (1.0 + np.float32(0.035) * tone)[:, None]
    return colours, rough


def cloth(garment: Garment, rest: Float32, shift: Floats) -> Float32:
    """Colours (n, 3) of a piece of clothing at places on the resting body."""
    u, v = rest[:, 0] + 0.5 * rest[:, 2], rest[:, 1] + 0.2 * rest[:, 2]
    mix = _MIXES[garment.pattern](u, v, garment.scale, shift)
    share = np.array([[0.0], [0.5], [1.0]])
    palette = (garment.colour * (1 - share) + garment.second * share).astype(np.float32)
    return np.asarray(palette[(2 * mix).astype(np.intp)])


def _plain(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    return np.zeros(len(u), np.float32)


def _stripes(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    return (np.mod(v / np.float32(scale), 1.0) < 0.4).astype(np.float32)


def _bars(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    return (np.mod(u / np.float32(scale), 1.0) < 0.3).astype(np.float32)


def _plaid(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    return np.asarray(0.5 * _stripes(u, v, scale, shift) + 0.5 * _bars(u, v, scale, shift))


def _camouflage(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    return (noise_at(u + shift[0], v + shift[1], 8 * scale, 1) > 0.3).astype(np.float32)


def _print(u: Float32, v: Float32, scale: float, shift: Floats) -> Float32:
    """A printed square on the chest."""
    place = (np.abs(u) < 0.12) & (np.abs(v - 0.1) < 0.11)
    return np.asarray((place & (noise_at(u + shift[0], v, 0.5, 1) > -0.2)), np.float32)


_ON_HEAD = np.isin(np.arange(8), (HEAD, NECK, EYE))
"""By part: whether face and hair can be there."""
_MIXES: dict[str, Callable[[Float32, Float32, float, Floats], Float32]] = {
    "plain": _plain,
    "stripes": _stripes,
    "bars": _bars,
    "plaid": _plaid,
    "camouflage": _camouflage,
    "print": _print,
}


def _pattern(rng: np.random.Generator) -> str:
    return PATTERNS[rng.integers(len(PATTERNS))]


def _worn(
    look: Look, at: dict[str, float], part: Ints, x: Floats, y: Floats, z: Floats
) -> tuple[Bools, Bools]:
    """Pixels of the upper and of the lower garment."""
    torso, arm, leg = part == TORSO, part == ARM, part == LEG
    # an opening that runs down to a point at the front
    opening = (z > 0.0) & (y > at["neck"] - 0.06 - look.neckline + 1.3 * x)
    upper = ((torso & (y >= look.hem)) | arm) & (x < look.sleeve) & ~(torso & opening & (x < 0.12))
    upper |= leg & (y >= look.hem)
    lower = ((torso & (y < look.hem)) | leg) & (y > look.legs) & ~upper
    return upper, lower


def _feet(look: Look, at: dict[str, float], part: Ints, y: Floats, colours: Float32) -> None:
    if look.barefoot:
        return
    shoe = (part == FOOT) | ((part == LEG) & (y < at["ankle"] + 0.03))
    colours[shoe] = look.shoes
    colours[shoe & (y < at["sole"] + 0.010)] = look.sole


def _head(look: Look, at: dict[str, float], part: Ints, rest: Float32, colours: Float32) -> None:
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    head = part == HEAD
    behind = at["nose_z"] - z
    rise = y - at["eyes_y"]
    lips = (
        ((x / (0.6 * at["mouth_x"] + 0.012)) ** 2 + ((y - at["mouth_y"]) / 0.011) ** 2 < 1)
        & head
        & (behind < 0.05)
    )
    colours[lips] = look.skin * [0.82, 0.62, 0.62]
    colours[head & (np.abs(rise - 0.021) < 0.006) & (np.abs(x - at["eyes_x"]) < 0.022) & (behind < 0.06)] = (
        look.hair
    )
    if look.beard:
        jaw = head & (y < at["mouth_y"] + 0.015) & (y > at["mouth_y"] - 0.075) & (behind < 0.1) & ~lips
        colours[jaw] = 0.7 * look.hair + 0.3 * look.skin
    colours[part == EYE] = np.where((z[part == EYE] > at["nose_z"] - 0.031)[:, None], 0.1, 0.9)
    if look.glasses:
        ring = np.hypot(x - at["eyes_x"], 1.2 * rise)
        colours[head & (behind < 0.07) & (np.abs(ring - 0.023) < 0.004)] = 0.08
    if look.hair_length > 0:
        _hair(look, at, part, rest, behind, colours)
    if look.headwear > 0:
        colours[head & (rise > look.headwear)] = look.shoes


def _hair(
    look: Look, at: dict[str, float], part: Ints, rest: Float32, behind: Floats, colours: Float32
) -> None:
    line = hairline(behind, at["eyes_y"])
    low = at["eyes_y"] - look.hair_length
    hair = (part == HEAD) & (rest[:, 1] > line)
    hair |= np.isin(part, (HEAD, NECK)) & (behind > 0.105) & (rest[:, 1] > low)
    hair |= (part == TORSO) & (rest[:, 2] < 0.02) & (np.abs(rest[:, 0]) < 0.11) & (rest[:, 1] > low)
    strands = noise_at(4 * rest[:, 0] + 3 * rest[:, 2], 0.6 * rest[:, 1], 0.4, 3)[hair]
    colours[hair] = look.hair * (1 + np.float32(0.18) * strands[:, None])

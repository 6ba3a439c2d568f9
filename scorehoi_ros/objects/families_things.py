"""Families of things that people carry and use: bags, sport, office, household."""

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh, concatenate, transformed
from scorehoi_ros.objects import symmetry
from scorehoi_ros.objects.families_basic import UP, no_symmetry, sides, size_of, turned_symmetry
from scorehoi_ros.objects.family import Family, Parameter, Params
from scorehoi_ros.objects.solids import box, cylinder, hull, lathe, ring, rod, rounded_box, tube
from scorehoi_ros.objects.symmetry import Symmetry


def _half_turn(_: Params) -> Symmetry:
    """A half turn about y."""
    return Symmetry(symmetry.cyclic(2, UP))


def _grip(width: float, height: float, base: float, radius: float) -> Mesh:
    """Handle over a lid: a bar of `width` along x, `height` above y = base."""
    x, top = width / 2, base + height - radius
    return tube(
        [(-x, base - radius, 0), (-0.85 * x, top, 0), (0.85 * x, top, 0), (x, base - radius, 0)], radius
    )


def _suitcase(p: Params) -> Mesh:
    w, h, d = size_of(p)
    wheel, grip = 0.05 * h, 0.06 * h
    shell = h - wheel - grip
    middle = wheel + shell / 2 - h / 2
    body = transformed(rounded_box((w, shell, d), 0.18 * min(w, d)), t=np.array([0, middle, 0]))
    caster = transformed(
        cylinder(0.45 * wheel + 0.004, 1.3 * wheel, 12), t=np.array([0, 0.65 * wheel - h / 2, 0])
    )
    places = [np.array([sx * 0.38 * w, 0, sz * 0.3 * d]) for sx in (-1, 1) for sz in (-1, 1)]
    wheels = [transformed(caster, t=place) for place in places]
    return concatenate([body, *wheels, _grip(0.4 * w, grip, h / 2 - grip, 0.012)])


def _backpack(p: Params) -> Mesh:
    w, h, d = size_of(p)
    main = rounded_box((w, 0.97 * h, 0.62 * d), 0.29 * d)
    pocket = transformed(
        rounded_box((0.8 * w, 0.45 * h, 0.5 * d), 0.15 * d), t=np.array([0, -0.2 * h, 0.25 * d])
    )
    straps = [
        tube([(s * 0.2 * w, 0.42 * h, -0.28 * d), (s * 0.25 * w, 0.25 * h, -0.5 * d + 0.01),
              (s * 0.3 * w, -0.15 * h, -0.5 * d + 0.01), (s * 0.38 * w, -0.4 * h, -0.28 * d)], 0.014)
        for s in (-1, 1)
    ]  # fmt: skip
    loop = [(-0.1 * w, 0.46 * h, -0.1 * d), (-0.06 * w, 0.5 * h, -0.1 * d), (0.06 * w, 0.5 * h, -0.1 * d)]
    return concatenate([main, pocket, *straps, tube([*loop, (0.1 * w, 0.46 * h, -0.1 * d)], 0.009)])


def _handbag(p: Params) -> Mesh:
    w, h, d = size_of(p)
    foot, top = np.array([w / 2, d / 2]), np.array([0.42 * w, 0.2 * d])
    corners = [
        (sx * r[0], y, sz * r[1])
        for r, y in ((foot, -h / 2), (top, 0.1 * h))
        for sx in (-1, 1)
        for sz in (-1, 1)
    ]
    arch = [(0.24 * w * np.cos(a), 0.08 * h + 0.4 * h * np.sin(a)) for a in np.linspace(np.pi, 0, 9)]
    grips = [tube([(x, y, s * 0.15 * d) for x, y in arch], 0.008) for s in (-1, 1)]
    return concatenate([hull(np.array(corners)), *grips])


def _toolbox(p: Params) -> Mesh:
    w, h, d = size_of(p)
    body = box((w, 0.6 * h, d), (0, -0.2 * h, 0))
    x, z = w / 2, d / 2
    lid = hull(
        np.array(
            [
                (sx * k * x, y * h, sz * k * z)
                for k, y in ((1.0, 0.09), (0.8, 0.25))
                for sx in (-1, 1)
                for sz in (-1, 1)
            ]
        )
    )
    return concatenate([body, lid, _grip(0.5 * w, 0.27 * h, 0.23 * h, 0.04 * h)])


def _racket(p: Params) -> Mesh:
    length, w = p["length"], p["width"]
    head, frame = 0.49 * length, 0.011
    y = length / 2 - head / 2
    oval = transformed(ring((w / 2 - frame, head / 2 - frame), frame), t=np.array([0, y, 0]))
    strings = transformed(cylinder(1.0, 1.0), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    strings = Mesh(strings.vertices * [w / 2 - frame, head / 2 - frame, 0.004] + [0, y, 0], strings.faces)
    throat = y - 0.47 * head
    fork = [rod((s * 0.24 * w, y - 0.44 * head, 0), (0, throat - 0.16 * length, 0), 0.009) for s in (-1, 1)]
    grip = rod((0, -length / 2, 0), (0, throat - 0.13 * length, 0), 0.017, 12)
    return concatenate([oval, strings, *fork, grip])


def _skateboard(p: Params) -> Mesh:
    length, w = p["length"], p["width"]
    flat, kick = 0.3 * length, 0.05
    deck = [
        box((w, 0.012, 2 * flat + 0.02)),
        *(_kick_tail(w, s, flat, length / 2, kick) for s in (-1, 1)),
    ]
    parts = []
    for s in (-1, 1):
        parts.append(box((0.4 * w, 0.04, 0.05), (0, -0.022, s * 0.75 * flat)))
        axle = rod((-0.5 * w, -0.045, s * 0.75 * flat), (0.5 * w, -0.045, s * 0.75 * flat), 0.007)
        parts.append(axle)
        for t in (-1, 1):
            parts.append(
                rod(
                    (t * 0.36 * w, -0.045, s * 0.75 * flat),
                    (t * 0.52 * w, -0.045, s * 0.75 * flat),
                    0.027,
                    16,
                )
            )
    return concatenate([*deck, *parts])


def _kick_tail(w: float, side: int, start: float, end: float, rise: float) -> Mesh:
    """Half-round end of the deck, bent upwards."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 13)
    x, z = w / 2 * np.sin(angle), start + (end - start) * np.cos(angle)
    y = rise * ((z - start) / (end - start)) ** 1.0
    outline = np.stack([x, y, side * z], axis=1)
    return hull(np.concatenate([outline + [0, 0.006, 0], outline - [0, 0.006, 0]]))


def _umbrella(p: Params) -> Mesh:
    r, h = p["diameter"] / 2, p["length"]
    sag = 0.45 * r
    angle = np.linspace(0, 1, 9)
    outer = [(r * t, h / 2 - 0.04 - sag * t**2) for t in angle]
    inner = [(x, y - 0.006) for x, y in outer]
    canopy = lathe([(0.0, inner[0][1]), *inner[1:], *outer[:0:-1], (0.0, outer[0][1])])
    pole = rod((0, -h / 2 + 0.1, 0), (0, h / 2, 0), 0.007)
    grip = rod((0, -h / 2, 0), (0, -h / 2 + 0.12, 0), 0.015, 12)
    return concatenate([canopy, pole, grip])


def _keyboard(p: Params) -> Mesh:
    w, h, d = size_of(p)
    x, z = w / 2, d / 2
    base = hull(
        np.array(
            [
                (sx * x, y, sz * z)
                for sx in (-1, 1)
                for y, sz in ((-h / 2, -1), (-h / 2, 1), (0.25 * h, -1), (-0.1 * h, 1))
            ]
        )
    )
    keys = []
    for row in range(5):
        depth = 0.14 * d
        place = (row - 2) * 0.18 * d
        top = 0.08 * h - (place / d) * 0.35 * h
        keys.append(box((0.94 * w, 0.4 * h, depth), (0, top + 0.1 * h, place)))
    return concatenate([base, *keys])


def _monitor(p: Params) -> Mesh:
    w, h, d = size_of(p)
    screen = 0.72 * h if h < w else 0.8 * h
    middle = h / 2 - screen / 2
    panel = transformed(rounded_box((w, screen, 0.045), 0.01, 8), t=np.array([0, middle, 0]))
    neck = box((0.07, 0.6 * h, 0.03), (0, -h / 2 + 0.3 * h, -0.03))
    foot = box((0.45 * w, 0.015, d), (0, -h / 2 + 0.0075, 0))
    return concatenate([panel, neck, foot])


def _laptop(p: Params) -> Mesh:
    w, d = p["width"], p["depth"]
    angle = np.radians(110)
    base = box((w, 0.016, d), (0, 0, d / 2))
    c, s = np.cos(angle), np.sin(angle)
    lid = transformed(box((w, 0.008, d), (0, 0, d / 2)), np.array([[1, 0, 0], [0, c, s], [0, -s, c]]))
    return transformed(concatenate([base, lid]), t=np.array([0, -d / 3, -d / 3]))


def _broom(p: Params) -> Mesh:
    h, w = p["length"], p["width"]
    stick = rod((0, -h / 2 + 0.1, 0), (0, h / 2, 0), 0.0125, 12)
    x, low, high = w / 2, -h / 2, -h / 2 + 0.12
    head = hull(
        np.array(
            [
                (sx * k * x, y, sz * z)
                for k, y, z in ((1, low, 0.035), (0.85, high, 0.025))
                for sx in (-1, 1)
                for sz in (-1, 1)
            ]
        )
    )
    return concatenate([stick, head])


FAMILIES = (
    Family(
        "suitcase",
        "upright suitcase with a handle and wheels",
        sides(0.45, 0.65, 0.26),
        _suitcase,
        _half_turn,
    ),
    Family("backpack", "backpack, straps towards -z", sides(0.32, 0.46, 0.24), _backpack, no_symmetry),
    Family("handbag", "bag with two handles", sides(0.34, 0.36, 0.14), _handbag, _half_turn),
    Family("toolbox", "toolbox with a handle on its lid", sides(0.42, 0.24, 0.21), _toolbox, _half_turn),
    Family(
        "racket",
        "tennis racket, grip towards -y, strings facing z",
        (
            Parameter("length", 0.685, 0.5, 0.72, "whole length"),
            Parameter("width", 0.26, 0.18, 0.28, "width of the head"),
        ),
        _racket,
        _half_turn,
    ),
    Family(
        "skateboard",
        "skateboard, rolling along z",
        (
            Parameter("length", 0.8, 0.65, 1.0, "length"),
            Parameter("width", 0.2, 0.17, 0.25, "width of the deck"),
        ),
        _skateboard,
        _half_turn,
    ),
    Family(
        "umbrella",
        "open umbrella, handle towards -y",
        (
            Parameter("diameter", 0.95, 0.8, 1.2, "width of the canopy"),
            Parameter("length", 0.85, 0.7, 1.0, "length"),
        ),
        _umbrella,
        turned_symmetry,
    ),
    Family("keyboard", "keyboard, the typist at +z", sides(0.44, 0.03, 0.14), _keyboard, no_symmetry),
    Family(
        "monitor", "monitor on a stand, the screen towards z", sides(0.55, 0.45, 0.2), _monitor, no_symmetry
    ),
    Family(
        "laptop",
        "open laptop, the typist at +z",
        (
            Parameter("width", 0.33, 0.28, 0.38, "width"),
            Parameter("depth", 0.23, 0.19, 0.26, "depth of each half"),
        ),
        _laptop,
        no_symmetry,
    ),
    Family(
        "broom",
        "broom, standing on its head",
        (
            Parameter("length", 1.35, 1.1, 1.5, "whole length"),
            Parameter("width", 0.3, 0.22, 0.45, "width of the head"),
        ),
        _broom,
        _half_turn,
    ),
)

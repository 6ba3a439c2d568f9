"""Plain families: boxes, flat things, balls and bodies of revolution."""

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh, concatenate, transformed
from scorehoi_ros.objects import symmetry
from scorehoi_ros.objects.family import Family, Parameter, Params
from scorehoi_ros.objects.solids import ball, box, cylinder, lathe, open_box, rounded_box, tube
from scorehoi_ros.objects.symmetry import Symmetry

UP = np.array([0.0, 1.0, 0.0])
X_UP = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
"""Rotation that lays the y axis along x."""


def sides(
    width: float, height: float, depth: float, spread: float = 0.3
) -> tuple[Parameter, Parameter, Parameter]:
    """The three sides of a box-like family, sampled within a share `spread` of the defaults."""

    def side(name: str, value: float, text: str) -> Parameter:
        return Parameter(name, value, round(value * (1 - spread), 4), round(value * (1 + spread), 4), text)

    return (
        side("width", width, "side to side, x"),
        side("height", height, "upwards, y"),
        side("depth", depth, "front to back, z"),
    )


def size_of(p: Params) -> tuple[float, float, float]:
    """Width, height and depth."""
    return p["width"], p["height"], p["depth"]


def box_symmetry(p: Params) -> Symmetry:
    """Symmetry of a plain box."""
    return symmetry.of_box(np.array(size_of(p)))


def upright_symmetry(p: Params) -> Symmetry:
    """Symmetry of something with a top and four alike sides or two alike pairs: turns about y."""
    return Symmetry(symmetry.cyclic(4 if abs(p["width"] - p["depth"]) < 1e-6 else 2, UP))


def no_symmetry(_: Params) -> Symmetry:
    """Nothing but the identity."""
    return symmetry.NONE


def turned_symmetry(_: Params) -> Symmetry:
    """Any turn about y; top and bottom differ."""
    return symmetry.revolution(UP, both_ends=False)


def _bottle(p: Params) -> Mesh:
    r, neck, h = p["diameter"] / 2, p["neck"] / 2, p["height"]
    neck = min(neck, 0.95 * r)
    cap = neck * 1.1
    outline = [(0, 0), (0.92 * r, 0), (r, 0.03 * h), (r, 0.6 * h), (0.93 * r, 0.67 * h),
               (0.6 * r + 0.4 * neck, 0.77 * h), (neck, 0.85 * h), (neck, 0.9 * h), (cap, 0.9 * h), (cap, h),
               (0, h)]  # fmt: skip
    return lathe([(x, y - h / 2) for x, y in outline])


def _hollow(bottom: float, top: float, height: float, wall: float) -> Mesh:
    """Open vessel of revolution with outer radii at bottom and top."""
    t = min(wall, 0.3 * bottom, 0.3 * height)
    h = height / 2
    return lathe([(0, -h), (bottom, -h), (top, h), (top - t, h), (bottom - t, t - h), (0, t - h)])


def _cup(p: Params) -> Mesh:
    r, h, reach = p["diameter"] / 2, p["height"], p["handle"]
    body = _hollow(0.88 * r, r, h, 0.004)
    if reach <= 0:
        return body
    thick = min(0.006, 0.2 * reach)
    angle = np.linspace(-np.pi / 2, np.pi / 2, 7)
    path = [(0.93 * r + (reach - thick) * np.cos(a), 0.28 * h * np.sin(a), 0.0) for a in angle]
    return concatenate([body, tube(path, thick)])


def _can(p: Params) -> Mesh:
    return cylinder(p["diameter"] / 2, p["height"])


def _bin(p: Params) -> Mesh:
    return _hollow(0.8 * p["diameter"] / 2, p["diameter"] / 2, p["height"], 0.006)


def _bucket(p: Params) -> Mesh:
    r, h = p["diameter"] / 2, p["height"]
    rim = transformed(
        lathe([(r, -0.01), (r + 0.008, 0), (r, 0.01), (r - 0.008, 0)]), t=np.array([0, h / 2, 0])
    )
    return concatenate([_hollow(0.75 * r, r, h, 0.004), rim])


def _mat(p: Params) -> Mesh:
    return transformed(cylinder(p["diameter"] / 2, p["length"]), X_UP)


def _slab(p: Params) -> Mesh:
    return rounded_box(size_of(p), 0.3 * min(size_of(p)), 8)


def _crate(p: Params) -> Mesh:
    return open_box(size_of(p), 0.006, 0.88)


def _tray(p: Params) -> Mesh:
    return open_box(size_of(p), 0.006, 0.9)


def _round(
    diameter: tuple[float, float, float], height: tuple[float, float, float]
) -> tuple[Parameter, Parameter]:
    return Parameter("diameter", *diameter, "widest diameter"), Parameter("height", *height, "height")


_BOX = tuple(Parameter(q.name, q.default, 0.1, 0.75, q.description) for q in sides(0.40, 0.30, 0.30))

FAMILIES = (
    Family("box", "closed box", _BOX, lambda p: box(size_of(p)), box_symmetry),
    Family(
        "ball",
        "ball: football 0.22, basketball 0.24, exercise ball 0.65",
        (Parameter("diameter", 0.22, 0.06, 0.75, "diameter"),),
        lambda p: ball(p["diameter"] / 2),
        lambda _: symmetry.SPHERE,
    ),
    Family(
        "bottle",
        "bottle with shoulder and cap",
        (
            *_round((0.07, 0.055, 0.1), (0.25, 0.18, 0.34)),
            Parameter("neck", 0.028, 0.022, 0.04, "diameter of the neck"),
        ),
        _bottle,
        turned_symmetry,
    ),
    Family(
        "cup",
        "cup or mug, handle towards x",
        (
            *_round((0.085, 0.065, 0.11), (0.1, 0.07, 0.15)),
            Parameter("handle", 0.035, 0.0, 0.045, "how far the handle stands out; 0 = none"),
        ),
        _cup,
        lambda p: no_symmetry(p) if p["handle"] > 0 else turned_symmetry(p),
    ),
    Family(
        "can",
        "closed cylinder: drink can, tin, paint pot",
        _round((0.066, 0.05, 0.2), (0.122, 0.08, 0.25)),
        _can,
        lambda _: symmetry.revolution(UP, both_ends=True),
    ),
    Family(
        "bin",
        "waste bin, open at the top",
        _round((0.3, 0.2, 0.4), (0.35, 0.25, 0.65)),
        _bin,
        turned_symmetry,
    ),
    Family(
        "bucket", "bucket with a rim", _round((0.3, 0.22, 0.35), (0.28, 0.22, 0.36)), _bucket, turned_symmetry
    ),
    Family(
        "mat",
        "rolled mat (yoga, camping), lying along x",
        (
            Parameter("length", 0.62, 0.45, 0.95, "length of the roll, x"),
            Parameter("diameter", 0.13, 0.09, 0.2, "diameter of the roll"),
        ),
        _mat,
        lambda _: symmetry.revolution(np.array([1.0, 0, 0]), both_ends=True),
    ),
    Family(
        "board",
        "flat board or panel, standing",
        sides(0.8, 0.5, 0.02),
        lambda p: box(size_of(p)),
        box_symmetry,
    ),
    Family("book", "closed book, lying", sides(0.17, 0.03, 0.24), lambda p: box(size_of(p)), box_symmetry),
    Family("phone", "telephone or tablet, upright", sides(0.075, 0.155, 0.009, 0.15), _slab, box_symmetry),
    Family(
        "container", "storage container, open at the top", sides(0.56, 0.28, 0.39), _crate, upright_symmetry
    ),
    Family("tray", "tray with a low rim", sides(0.45, 0.04, 0.32), _tray, upright_symmetry),
)

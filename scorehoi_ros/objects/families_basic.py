"""Plain families: boxes, balls and bodies of revolution."""

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.objects import symmetry
from scorehoi_ros.objects.family import Family, Parameter, Params
from scorehoi_ros.objects.solids import ball, box
from scorehoi_ros.objects.symmetry import Symmetry

UP = np.array([0.0, 1.0, 0.0])


def _sides(width: float, height: float, depth: float) -> tuple[Parameter, Parameter, Parameter]:
    """The three sides of a box-like family, sampled within a third of the defaults."""
    return (
        Parameter("width", width, round(width * 0.67, 3), round(width * 1.33, 3), "side to side, x"),
        Parameter("height", height, round(height * 0.67, 3), round(height * 1.33, 3), "upwards, y"),
        Parameter("depth", depth, round(depth * 0.67, 3), round(depth * 1.33, 3), "front to back, z"),
    )


def _box(p: Params) -> Mesh:
    return box((p["width"], p["height"], p["depth"]))


def _box_symmetry(p: Params) -> Symmetry:
    return symmetry.of_box(np.array([p["width"], p["height"], p["depth"]]))


FAMILIES = (
    Family("box", "closed box", _sides(0.40, 0.30, 0.30), _box, _box_symmetry),
    Family(
        "ball",
        "ball: football 0.22, basketball 0.24, yoga ball 0.65",
        (Parameter("diameter", 0.22, 0.05, 0.75, "diameter"),),
        lambda p: ball(p["diameter"] / 2),
        lambda _: symmetry.SPHERE,
    ),
)

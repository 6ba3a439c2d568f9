"""Where things are held, sat on and stood on: per family, in the template's frame."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.scene.field import distance_and_slope
from scorehoi_ros.synth.scene.kinds import Instance
from scorehoi_ros.synth.scene.kinematics import unit
from scorehoi_ros.types import Floats

X, Y, Z = np.eye(3)
_MARCH_STEPS = 24


@dataclass(frozen=True)
class Bar:
    """Something a hand closes around: a handle, a stick, the neck of a bottle, the edge of a board."""

    point: Floats
    """(3,) on its axis."""
    axis: Floats
    """(3,) unit."""
    radius: float
    """Where the palm is, from the axis, metres."""
    facing: Floats | None = None
    """(n, 3) unit: ways in which the palm may face, from outside to the axis; None = any across the axis."""

    def ways(self) -> Floats:
        """(n, 3) directions in which a palm may face."""
        if self.facing is not None:
            return self.facing
        first = unit(np.cross(self.axis, Z if abs(self.axis[2]) < 0.8 else X))
        second = np.cross(self.axis, first)
        angle = np.arange(12) * np.pi / 6
        return np.asarray(np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second)


def surface_hits(
    template: ObjectTemplate, starts: Floats, directions: Floats
) -> tuple[Floats, Floats, Floats]:
    """First surface points (n, 3) along rays, their outward normals (n, 3) and distances left (n,) metres.

    Sphere tracing in the signed distance; a ray that misses ends where it was nearest, with that distance.
    """
    place, way = np.array(starts, float), unit(np.asarray(directions, float))
    best, nearest = place.copy(), np.full(len(place), np.inf)
    for _ in range(_MARCH_STEPS):
        distance, _ = distance_and_slope(template.sdf, place)
        closer = distance < nearest
        best[closer], nearest[closer] = place[closer], distance[closer]
        place = place + way * np.maximum(distance, 0.0005)[:, None] * (distance > 0.0005)[:, None]
    return best, unit(distance_and_slope(template.sdf, best)[1]), nearest


def extents(template: ObjectTemplate) -> tuple[Floats, Floats]:
    """Lowest and highest corner (3,) of the template's box."""
    return template.mesh.vertices.min(0), template.mesh.vertices.max(0)


def bars(instance: Instance, template: ObjectTemplate, rng: np.random.Generator) -> list[Bar]:
    """What one hand can close around; empty for things that take two hands."""
    make = _BARS.get(instance.family)
    found = make(instance.parameters, rng) if make else []
    shift = template.origin_shift
    return [Bar(bar.point - shift, bar.axis, bar.radius, bar.facing) for bar in found]


def _round_body(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    return [Bar(Y * rng.uniform(-0.2, 0.05) * p["height"], Y, p["diameter"] / 2)]


def _cup(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    away = None
    if p["handle"] > 0:  # the palm opposite the handle
        angle = np.radians(np.linspace(-75, 75, 7))
        away = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], 1)
    return [Bar(-0.05 * p["height"] * Y, Y, p["diameter"] / 2, away)]


def _stick(
    p: dict[str, float], low: float, high: float, radius: float, rng: np.random.Generator
) -> list[Bar]:
    return [Bar(Y * (-p["length"] / 2 + rng.uniform(low, high)), Y, radius)]


def _handle(height: float, radius: float, z: float = 0.0) -> list[Bar]:
    return [Bar(np.array([0.0, height, z]), X, radius, -Y[None])]


def _edge(point: Floats, axis: Floats, facing: Floats) -> Bar:
    return Bar(point, axis, 0.004, unit(facing)[None])


def _book(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    return [_edge(np.array([-p["width"] / 2, 0, rng.uniform(-0.2, 0.2) * p["depth"]]), Z, X)]


def _phone(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    return [Bar(-0.1 * p["height"] * Y, Y, p["depth"] / 2, np.stack([Z, -Z]))]


def _small_ball(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    return [Bar(np.zeros(3), unit(rng.normal(size=3)), p["diameter"] / 2)] if p["diameter"] < 0.11 else []


def _mat(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    return [Bar(X * rng.uniform(-0.1, 0.1) * p["length"], X, p["diameter"] / 2)]


def _side_edges(p: dict[str, float], depth: float) -> list[Bar]:
    return [_edge(np.array([s * p["width"] / 2, 0, 0.1 * s * depth]), Z, -s * X) for s in (-1.0, 1.0)]


def _chair_back(p: dict[str, float], rng: np.random.Generator) -> list[Bar]:
    z = -p["depth"] / 2 - 0.12 * (p["height"] - p["seat"]) + 0.02
    return [Bar(np.array([rng.uniform(-0.3, 0.3) * p["width"], p["height"] / 2, z]), X, 0.0, -Y[None])]


_BARS = {
    "bottle": _round_body,
    "can": _round_body,
    "cup": _cup,
    "phone": _phone,
    "book": _book,
    "ball": _small_ball,
    "mat": _mat,
    "racket": lambda p, rng: _stick(p, 0.06, 0.12, 0.017, rng),
    "umbrella": lambda p, rng: _stick(p, 0.05, 0.08, 0.015, rng),
    "broom": lambda p, rng: _stick(p, 0.6 * p["length"], 0.85 * p["length"], 0.0125, rng),
    "toolbox": lambda p, rng: _handle(0.46 * p["height"], 0.04 * p["height"]),
    "handbag": lambda p, rng: _handle(0.48 * p["height"], 0.012),
    "suitcase": lambda p, rng: _handle(p["height"] / 2 - 0.012, 0.012),
    "backpack": lambda p, rng: _handle(0.5 * p["height"], 0.009, -0.1 * p["depth"]),
    "skateboard": lambda p, rng: _side_edges(p, p["length"]),
    "chair": _chair_back,
    "armchair": _chair_back,
}


def grip_centre(instance: Instance, template: ObjectTemplate) -> Floats:
    """(3,) point through which the line between two carrying hands goes."""
    p = instance.parameters
    point = _CENTRES[instance.family](p) if instance.family in _CENTRES else None
    if point is None:
        low, high = extents(template)
        return np.asarray((low + high) / 2)
    return np.asarray(point - template.origin_shift)


_CENTRES = {
    "bucket": lambda p: Y * 0.2 * p["height"],
    "toolbox": lambda p: -Y * 0.2 * p["height"],
    "monitor": lambda p: Y * 0.12 * p["height"],
    "laptop": lambda p: np.array([0.0, -p["depth"] / 3, p["depth"] / 6]),
    "stool": lambda p: Y * (p["height"] / 2 - 0.0175),
    "chair": lambda p: Y * (p["seat"] - p["height"] / 2 - 0.02),
    "armchair": lambda p: Y * (min(p["seat"] + 0.22, p["height"] - 0.05) - p["height"] / 2),
    "office_chair": lambda p: Y * (p["seat"] - p["height"] / 2 - 0.04),
    "bench": lambda p: Y * (p["height"] / 2 - 0.02),
    "table": lambda p: Y * (p["height"] / 2 - 0.02 * max(p["height"], 0.4)),
    "round_table": lambda p: Y * (p["height"] / 2 - 0.015),
    "container": lambda p: Y * 0.3 * p["height"],
    "handbag": lambda p: -Y * 0.15 * p["height"],
}


def seat_point(instance: Instance, template: ObjectTemplate) -> Floats:
    """(3,) middle of what can be sat on or leant on, found from above."""
    p = instance.parameters
    low, high = extents(template)
    start = np.array([(low[0] + high[0]) / 2, high[1] + 0.05, (low[2] + high[2]) / 2])
    if instance.family in ("chair", "armchair", "office_chair"):
        start[2] = 0.04 - template.origin_shift[2]
        start[0] = -template.origin_shift[0]
    elif instance.family == "ladder":
        start[1] = low[1] + p["height"] * 0.75 / p["rungs"]
    point, _, _ = surface_hits(template, start[None], -Y[None])
    return np.asarray(point[0])

"""What one frame asks of an alignment, as plain arrays, and the same packed for the energy."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.geometry.surface import even_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import NUM_HUMAN_TOKENS, NUM_OBJECT_POINTS, Floats

Float64 = NDArray[np.float64]

_LANDMARKS = 75
_SURFACE_POINTS = 200


@dataclass(frozen=True)
class Region:
    """Where something is in the crop."""

    distance: Floats
    """(S, S) pixels from each pixel to the nearest one where it may be: its mask, or an occluder. 0 inside."""
    points: Floats
    """(m, 2) pixels x y of its mask that it must cover."""


@dataclass(frozen=True)
class Contacts:
    """M_h, M_o, M_f of the paper: probabilities 0..1; zeros = says nothing."""

    human: Floats = field(default_factory=lambda: np.zeros(NUM_HUMAN_TOKENS))
    """(431,) that a token touches the object."""
    object: Floats = field(default_factory=lambda: np.zeros(NUM_OBJECT_POINTS))
    """(64,) that a point of the template touches the human."""
    floor: Floats = field(default_factory=lambda: np.zeros(NUM_OBJECT_POINTS))
    """(64,) that a point of the template touches the floor."""


@dataclass(frozen=True)
class Target:
    """One frame.  Parts that are None are not known, and their terms are zero."""

    P: Floats
    """(3, 3) view frame -> pixels of the crop, to be divided by the third: K_crop @ R_camera_view."""
    size: int
    """Side S of the crop in pixels."""
    focal: float
    """Focal length in sides of the crop."""
    person: bool = True
    """False: there is nobody; nothing touches the object."""
    landmarks: Floats | None = None
    """(75, 2) pixels of the crop."""
    confidence: Floats | None = None
    """(75,) 0..1, 0 = not seen."""
    human: Region | None = None
    object: Region | None = None
    contacts: Contacts = field(default_factory=Contacts)
    floor: Floats | None = None
    """(4,) normal, upwards, and offset: n . x = offset, metres, view frame."""
    pelvis_depth: float | None = None
    """Metres along the view axis, of the joint and not of the skin before it."""
    object_depth: float | None = None
    """Metres along the view axis, of the object's origin."""


@dataclass(frozen=True)
class Shape:
    """A template as the energy sees it, metres, object frame."""

    surface: Floats
    """(n, 3) points spread evenly over the surface, for outlines."""
    spacing: float
    """Typical distance between neighbours in `surface`."""
    points: Floats
    """(64, 3) for contacts."""
    sdf: SignedDistanceGrid


def shape_of(template: ObjectTemplate, count: int = _SURFACE_POINTS) -> Shape:
    """The shape of a template with `count` surface points; the same ones each time."""
    surface = even_points(template.mesh, count)
    return Shape(surface, float(neighbour_distances(surface).mean()), template.points, template.sdf)


def neighbour_distances(points: Floats) -> Float64:
    """(n,) distance from each of points (n, 3) to the nearest other one."""
    squares = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(squares, np.inf)
    return np.asarray(np.sqrt(squares.min(1)), np.float64)


class Packed(NamedTuple):
    """A target and a shape in the energy's own units: half sides of the crop, -1..1, and metres.

    What is missing is empty, zero or NaN.
    """

    P: Float64
    """(3, 3) view frame -> crop coordinates."""
    focal: float
    person: bool
    pixels: Float64
    """(75, 2)"""
    confidence: Float64
    """(75,)"""
    human_field: Float64
    """(S, S) half sides; (0, 0) = no mask."""
    human_points: Float64
    """(m, 2)"""
    object_field: Float64
    object_points: Float64
    M_h: Float64
    M_o: Float64
    M_f: Float64
    plane: Float64
    """(4,) zeros = not known."""
    depths: Float64
    """(2,) pelvis and object, NaN = not measured."""
    surface: Float64
    """(n, 3), (0, 3) = no object."""
    spacing: float
    points: Float64
    """(64, 3) or (0, 3)."""
    sdf: NDArray[np.float32]
    sdf_origin: Float64
    sdf_spacing: float


def pack(target: Target, shape: Shape | None, weights: Weights) -> Packed:
    """The arrays of both implementations of the energy.  `shape` None = there is no object."""
    half = target.size / 2
    inwards = np.array([[1 / half, 0, 0.5 / half - 1], [0, 1 / half, 0.5 / half - 1], [0, 0, 1]])
    contacts, least = target.contacts, weights.contact_least
    seen = target.person and target.landmarks is not None
    confidence = np.ones(_LANDMARKS) if target.confidence is None else target.confidence
    human = target.human if target.person else None
    thing = target.object if shape is not None else None
    grid = None if shape is None else shape.sdf
    nothing = np.zeros((0, 3))
    return Packed(
        _array(inwards @ target.P),
        float(target.focal),
        target.person,
        _inside(
            target.landmarks if seen and target.landmarks is not None else np.zeros((_LANDMARKS, 2)), half
        ),
        _array(np.clip(confidence, 0, 1) if seen else np.zeros(_LANDMARKS)),
        *_region(human, half),
        *_region(thing, half),
        *(_array(np.where(m > least, m, 0.0)) for m in (contacts.human, contacts.object, contacts.floor)),
        _array(np.zeros(4) if target.floor is None else target.floor),
        np.array(
            [target.pelvis_depth if target.person else None, None if shape is None else target.object_depth],
            float,
        ),
        _array(nothing if shape is None else shape.surface),
        0.0 if shape is None else shape.spacing,
        _array(nothing if shape is None else shape.points),
        np.zeros((2, 2, 2), np.float32) if grid is None else np.ascontiguousarray(grid.values),
        np.zeros(3) if grid is None else _array(grid.origin),
        1.0 if grid is None else float(grid.spacing),
    )


def _region(region: Region | None, half: float) -> tuple[Float64, Float64]:
    if region is None:
        return np.zeros((0, 0)), np.zeros((0, 2))
    return _array(region.distance / half), _inside(region.points, half)


def _inside(pixels: Floats, half: float) -> Float64:
    """Pixels (n, 2) as crop coordinates."""
    return _array((np.asarray(pixels, np.float64) + 0.5) / half - 1)


def _array(values: Floats) -> Float64:
    return np.ascontiguousarray(values, np.float64)

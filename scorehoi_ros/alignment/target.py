"""What one frame asks of an alignment, as plain arrays, and the same packed for the energy."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    """(S, S) pixels to the nearest pixel where it may be, its mask or an occluder; 0 inside."""
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
    spacing: Float64
    """(n,) metres, the typical distance between neighbours in `surface`."""
    points: Float64
    """(64, 3) or (0, 3)."""
    sdf: NDArray[np.float32]
    sdf_origin: Float64
    sdf_spacing: float


def pack(target: Target, shape: Shape | None, weights: Weights) -> Packed:
    """The arrays of both implementations of the energy.  `shape` None = there is no object."""
    half = target.size / 2
    inwards = np.array([[1 / half, 0, 0.5 / half - 1], [0, 1 / half, 0.5 / half - 1], [0, 0, 1]])
    contacts = target.contacts
    M_h, M_o, M_f = probable((contacts.human, contacts.object, contacts.floor), weights.contact_least)
    pixels, confidence = _seen(target, half)
    depths = (target.pelvis_depth if target.person else None, target.object_depth if shape else None)
    human_field, human_points = _region(target.human if target.person else None, half)
    object_field, object_points = _region(target.object if shape else None, half)
    return Packed(
        P=_array(inwards @ target.P),
        focal=float(target.focal),
        person=target.person,
        pixels=pixels,
        confidence=confidence,
        human_field=human_field,
        human_points=human_points,
        object_field=object_field,
        object_points=object_points,
        M_h=M_h,
        M_o=M_o,
        M_f=M_f,
        plane=_array(np.zeros(4) if target.floor is None else target.floor),
        depths=np.array([np.nan if d is None else d for d in depths]),
        **_packed_shape(shape),
    )


def probable(contacts: Iterable[Floats], least: float) -> list[Float64]:
    """Probabilities of contact without those below `least`."""
    return [_array(np.where(m > least, m, 0.0)) for m in contacts]


def _packed_shape(shape: Shape | None) -> dict[str, Any]:
    """The last fields of `Packed`; empty without an object."""
    if shape is None:
        nothing, grid = (
            np.zeros((0, 3)),
            SignedDistanceGrid(np.zeros((2, 2, 2), np.float32), np.zeros(3), 1.0),
        )
        shape = Shape(nothing, 0.0, nothing, grid)
    return {
        "surface": _array(shape.surface),
        "spacing": np.full(len(shape.surface), shape.spacing),
        "points": _array(shape.points),
        "sdf": np.require(shape.sdf.values, np.float32, ["C", "W"]),
        "sdf_origin": _array(shape.sdf.origin),
        "sdf_spacing": float(shape.sdf.spacing),
    }


def _seen(target: Target, half: float) -> tuple[Float64, Float64]:
    """Landmarks (75, 2) in crop coordinates and their confidence (75,), 0 where there are none."""
    if target.landmarks is None or not target.person:
        return np.zeros((_LANDMARKS, 2)), np.zeros(_LANDMARKS)
    trust = np.ones(_LANDMARKS) if target.confidence is None else target.confidence
    return _inside(target.landmarks, half), _array(np.clip(trust, 0, 1))


def _region(region: Region | None, half: float) -> tuple[Float64, Float64]:
    if region is None:
        return np.zeros((0, 0)), np.zeros((0, 2))
    return _array(region.distance / half), _inside(region.points, half)


def _inside(pixels: Floats, half: float) -> Float64:
    """Pixels (n, 2) as crop coordinates."""
    return _array((np.asarray(pixels, np.float64) + 0.5) / half - 1)


def _array(values: Floats) -> Float64:
    """Writable, because arrays that are not are another type for the compiler."""
    return np.require(values, np.float64, ["C", "W"])

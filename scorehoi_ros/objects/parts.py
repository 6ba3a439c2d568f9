"""The connected parts of a mesh: how many, and which of them are hardly of the object."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh, components
from scorehoi_ros.types import Bools, Floats, Ints

FLAT = 0.005
"""A part is flat when its thickness is at most this share of its longest side: thinner than a table top."""
WIDE = 2.0
"""A flat part this many times as wide as the rest, in both directions, is rather the ground under it."""
AROUND = 4.0
"""A part around the rest and this many times as large is rather a backdrop or a sky."""
APART = 1.0
"""Parts are far from each other when the gap between their boxes exceeds this share of the larger one."""
LARGEST = 20
"""So many of the largest parts may be a ground or a backdrop."""
MOST = 1000
"""Of more parts the largest are looked at: the others are crumbs of a scan."""


@dataclass(frozen=True)
class Parts:
    """Connected parts of a mesh, in the order in which they come in it, with their boxes."""

    labels: Ints
    """(F,) part of each face, from 0."""
    low: Floats
    """(n, 3) corners of the boxes along the axes."""
    high: Floats
    """(n, 3)"""

    def __len__(self) -> int:
        return len(self.low)


@dataclass(frozen=True)
class Stray:
    """Parts that hardly belong to the object."""

    numbers: tuple[int, ...]
    """Counted from 1."""
    text: str
    """What they look like."""


def parts_of(mesh: Mesh) -> Parts:
    """The connected parts; vertices at one place must be merged before."""
    labels = components(mesh)
    _, first = np.unique(labels, return_index=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    labels = order[labels]
    low, high = np.full((len(first), 3), np.inf), np.full((len(first), 3), -np.inf)
    corners = mesh.vertices[mesh.faces]
    np.minimum.at(low, labels, corners.min(axis=1))
    np.maximum.at(high, labels, corners.max(axis=1))
    return Parts(labels, low, high)


def without_parts(mesh: Mesh, numbers: tuple[int, ...], parts: Parts) -> Mesh:
    """The mesh without some parts, counted from 1, and without vertices that only these use."""
    faces = mesh.faces[~np.isin(parts.labels, np.array(numbers) - 1)]
    used, compact = np.unique(faces, return_inverse=True)
    return Mesh(mesh.vertices[used], compact.reshape(-1, 3).astype(np.int32))


def stray_parts(mesh: Mesh, parts: Parts) -> list[Stray]:
    """What is rather a ground plane, a backdrop, or something else that lies far from the object."""
    size = parts.high - parts.low
    order = np.argsort(-size.max(axis=1), kind="stable")[:MOST]
    left = np.zeros(len(parts), bool)
    left[order] = True
    shapes = {int(k): _shape(mesh, parts, int(k)) for k in order[:LARGEST]}
    flat = np.zeros(len(parts), bool)
    flat[[k for k, shape in shapes.items() if shape.thin <= FLAT]] = True
    found = []
    for k, shape in shapes.items():
        others = left & (np.arange(len(parts)) != k)
        # Ground and wall would make each other look small.
        rest = others & ~flat if (others & ~flat).any() else others
        what = _backdrop(mesh, parts, shape, rest) if rest.any() else ""
        if what:
            left[k] = False
            found.append(Stray((k + 1,), what))
    return found + _far(parts, left)


@dataclass(frozen=True)
class _Shape:
    """One part along its own axes."""

    axes: Floats
    """(3, 3) rows, the last one across the thinnest direction."""
    low: Floats
    """(3,) along the axes."""
    high: Floats
    thin: float
    """Thickness as a share of the longest side."""


def _shape(mesh: Mesh, parts: Parts, k: int) -> _Shape:
    points = mesh.vertices[np.unique(mesh.faces[parts.labels == k])]
    axes = np.linalg.svd(np.cov((points - points.mean(axis=0)).T))[2]
    low, high = (points @ axes.T).min(axis=0), (points @ axes.T).max(axis=0)
    return _Shape(axes, low, high, float((high - low)[2] / max((high - low).max(), 1e-30)))


def _backdrop(mesh: Mesh, parts: Parts, part: _Shape, rest: Bools) -> str:
    """What a part is to the rest when it is a ground or a sky; empty when it is neither."""
    places = mesh.vertices[np.unique(mesh.faces[rest[parts.labels]])] @ part.axes.T
    low, high = places.min(axis=0), places.max(axis=0)
    size, others = part.high - part.low, np.maximum(high - low, 1e-12)
    sides = " x ".join(f"{s:.3g}" for s in np.round(size, 4))
    ratio = float((size[:2] / others[:2]).min())
    if part.thin <= FLAT and ratio >= WIDE:
        return f"is flat, {sides} m, {ratio:.3g} times as wide as the rest: a ground or a backdrop?"
    ratio = float((size / others).min())
    if ratio >= AROUND and (part.low < low).all() and (part.high > high).all():
        return f"lies around the rest and is {ratio:.3g} times as large, {sides} m: a backdrop or a sky?"
    return ""


def _far(parts: Parts, looked_at: Bools) -> list[Stray]:
    """Groups of parts that lie far from the largest group."""
    ids = np.flatnonzero(looked_at)
    low, high = parts.low[ids], parts.high[ids]
    group = np.arange(len(ids))
    for _ in range(len(ids)):  # groups grow until their boxes stay apart
        near = _near(low, high)
        merged = np.array([np.flatnonzero(row)[0] for row in near], np.int64)
        if (merged == np.arange(len(merged))).all():
            break
        _, merged = np.unique(merged, return_inverse=True)
        group = merged[group]
        low = np.array([low[merged == k].min(axis=0) for k in range(merged.max() + 1)])
        high = np.array([high[merged == k].max(axis=0) for k in range(merged.max() + 1)])
    largest = int(np.linalg.norm(high - low, axis=1).argmax())
    found = []
    for k in range(len(low)):
        if k != largest:
            gap = float(_gaps(low, high)[largest, k])
            numbers = tuple(int(n) + 1 for n in ids[group == k])
            be = "lies" if len(numbers) == 1 else "lie"
            found.append(Stray(numbers, f"{be} {gap:.3g} m from the others."))
    return found


def _gaps(low: Floats, high: Floats) -> Floats:
    """(n, n) distances between boxes."""
    apart = np.maximum(low[:, None] - high, low - high[:, None])
    return np.asarray(np.linalg.norm(np.maximum(apart, 0), axis=2))


def _near(low: Floats, high: Floats) -> Bools:
    """(n, n) whether the gap between boxes is small for the larger of them."""
    size = np.linalg.norm(high - low, axis=1)
    return np.asarray(_gaps(low, high) <= APART * np.maximum(size[:, None], size))

"""Closed building blocks for the parametric families: y is up, metres, each centred at the origin."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull

from scorehoi_ros.geometry.mesh import Mesh, concatenate, transformed
from scorehoi_ros.types import Floats, Ints

SEGMENTS = 32
"""Facets around a revolution; a multiple of 8, so that quarter and eighth turns map the mesh onto itself."""

_BOX_FACES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4],
     [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]]
)  # fmt: skip


def box(size: Floats | Sequence[float], centre: Sequence[float] = (0, 0, 0)) -> Mesh:
    """Box with side lengths (x, y, z)."""
    corner = np.array([[x, y, z] for z in (-0.5, 0.5) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
    return Mesh(corner * np.asarray(size) + np.asarray(centre), _BOX_FACES)


def lathe(profile: Sequence[tuple[float, float]], segments: int = SEGMENTS) -> Mesh:
    """Surface of revolution about y of a profile [(radius, y), ...] from the bottom, up the outside.

    Ends with radius 0 close the surface; otherwise the profile is joined to a ring.
    """
    r, y = np.array(profile, float).T
    closed_ring = r[0] > 0 or r[-1] > 0
    angle = np.arange(segments) * 2 * np.pi / segments
    ring = np.stack([np.sin(angle), np.zeros(segments), np.cos(angle)], axis=-1)
    index: list[Ints] = []
    vertices: list[Floats] = []
    for radius, height in zip(r, y, strict=True):
        start = sum(len(v) for v in vertices)
        around = ring[:1] * 0 if radius == 0 else ring * radius
        vertices.append(around + [0, height, 0])
        index.append(start + (np.zeros(segments, int) if radius == 0 else np.arange(segments)))
    bands = list(zip(index, index[1:], strict=False)) + ([(index[-1], index[0])] if closed_ring else [])
    faces = np.concatenate([_band(low, high) for low, high in bands])
    return Mesh(np.concatenate(vertices), faces)


def _band(low: Ints, high: Ints) -> Ints:
    """Faces between two rings of vertex ids (n,), without those that collapse at a pole."""
    a, b, c, d = low, np.roll(low, -1), high, np.roll(high, -1)
    faces = np.concatenate([np.stack([a, b, d], 1), np.stack([a, d, c], 1)])
    return faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]


def cylinder(radius: float, height: float, segments: int = SEGMENTS, top_radius: float | None = None) -> Mesh:
    """Cylinder about y, or a frustum when `top_radius` differs."""
    top = radius if top_radius is None else top_radius
    h = height / 2
    return lathe([(0, -h), (radius, -h), (top, h), (0, h)], segments)


def ball(radius: float, segments: int = 48) -> Mesh:
    """Sphere of `segments` meridians and half as many parallels (about 2,200 faces)."""
    return ellipsoid((radius, radius, radius), segments)


def ellipsoid(radii: Sequence[float], segments: int = SEGMENTS) -> Mesh:
    """Ellipsoid with half axes (x, y, z)."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    profile = [(float(np.cos(a)), float(np.sin(a))) for a in angle]
    profile[0], profile[-1] = (0, -1.0), (0, 1.0)
    mesh = lathe(profile, segments)
    return Mesh(mesh.vertices * np.asarray(radii, float), mesh.faces)


def rounded_box(size: Sequence[float], radius: float, segments: int = 16) -> Mesh:
    """Box with side lengths (x, y, z) whose edges and corners are rounded with `radius`.

    It is the convex hull of eight spheres of `segments` (a multiple of 4) meridians.
    """
    half = np.asarray(size, float) / 2
    r = float(min(radius, half.min() * 0.999))
    directions = ellipsoid((1, 1, 1), segments).vertices
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    octants = [directions[(directions * s >= -1e-9).all(axis=1)] * r + s * (half - r) for s in signs]
    return hull(np.concatenate(octants))


def hull(points: Floats) -> Mesh:
    """Convex hull of points (n, 3) as a closed mesh with outward faces."""
    result = ConvexHull(points)
    faces = result.simplices.copy()
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), result.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    used, compact = np.unique(faces, return_inverse=True)
    return Mesh(points[used], compact.reshape(-1, 3))


def rod(
    start: Sequence[float] | Floats, end: Sequence[float] | Floats, radius: float, segments: int = 8
) -> Mesh:
    """Round rod between two points (legs, handles, ribs)."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    y = (b - a) / length
    x = np.cross(y, [1.0, 0, 0] if abs(y[0]) < 0.9 else [0, 0, 1.0])
    x /= np.linalg.norm(x)
    return transformed(
        cylinder(radius, length, segments), np.stack([x, y, np.cross(x, y)], axis=1), (a + b) / 2
    )


def tube(points: Sequence[Sequence[float]], radius: float, segments: int = 8) -> Mesh:
    """Round rod along a line of points (n, 3), with a ball at each bend."""
    rods = [rod(a, b, radius, segments) for a, b in zip(points, points[1:], strict=False)]
    bends = [transformed(ball(radius * 1.02, segments), t=np.asarray(p, float)) for p in points[1:-1]]
    return concatenate([*rods, *bends])


def ring(radii: tuple[float, float], thickness: float, segments: int = SEGMENTS) -> Mesh:
    """Closed ring of round section in the x-y plane, an ellipse with half axes (x, y) to its middle line."""
    angle = np.arange(8) * 2 * np.pi / 8
    section = [(1 + thickness * float(np.cos(a)), thickness * float(np.sin(a))) for a in angle]
    mesh = transformed(lathe(section, segments), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    around = mesh.vertices[:, :2] / np.linalg.norm(mesh.vertices[:, :2], axis=1, keepdims=True)
    depth = np.linalg.norm(mesh.vertices[:, :2], axis=1, keepdims=True) - 1
    vertices = np.concatenate([around * (np.asarray(radii) + depth), mesh.vertices[:, 2:]], axis=1)
    return Mesh(vertices, mesh.faces)


def open_box(size: Sequence[float], wall: float, taper: float = 1.0) -> Mesh:
    """Box (x, y, z) without a lid; the bottom is `taper` times as wide as the top."""
    w, h, d = size
    t = min(wall, 0.4 * min(size))

    def level(y: float, inset: float) -> Floats:
        k = taper + (1 - taper) * (y / h + 0.5)
        x, z = w / 2 * k - inset, d / 2 * k - inset
        return np.array([[-x, y, -z], [-x, y, z], [x, y, z], [x, y, -z]])

    vertices = np.concatenate([level(-h / 2, 0), level(h / 2, 0), level(h / 2, t), level(-h / 2 + t, t)])
    ids = np.arange(16).reshape(4, 4)
    sides = [_band(ids[k], ids[k + 1]) for k in range(3)]
    bottom, floor = np.array([[0, 3, 2], [0, 2, 1]]), np.array([[12, 13, 14], [12, 14, 15]])
    return Mesh(vertices, np.concatenate([*sides, bottom, floor]))

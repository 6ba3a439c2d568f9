"""Points on triangle meshes: drawn by area, spread out, balanced; and the volume that two meshes share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import Floats, Ints


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a triangle mesh that move with it."""

    corners: Ints
    """(n, 3) vertices of each point's triangle."""
    weights: Floats
    """(n, 3) barycentric, each row sums to 1."""

    def on(self, vertices: Floats) -> Floats:
        """The points (n, 3) on vertices (V, 3)."""
        a, b, c = (np.asarray(vertices, np.float64)[self.corners[:, k]] for k in range(3))
        wa, wb, wc = (self.weights[:, k, None] for k in range(3))
        return np.asarray(wa * a + wb * b + wc * c)


def surface_points(
    vertices: Floats, faces: Ints, count: int, rng: np.random.Generator, even: bool = False
) -> SurfacePoints:
    """`count` points drawn by area from a mesh with vertices (V, 3) and faces (F, 3).

    `even` = a stratified draw: one point from each of `count` equal shares of the area, by order of faces.
    Raises InputError when the mesh has no area.
    """
    cumulative = np.cumsum(_areas(vertices, faces))
    if not cumulative.size or not cumulative[-1] > 0:
        raise InputError("a surface without area has no points on it. Give a mesh with faces.")
    levels = rng.random(count)
    if even:
        levels = (np.arange(count) + levels) / count
    chosen = np.searchsorted(cumulative, levels * cumulative[-1], side="right")
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    return SurfacePoints(
        np.asarray(faces)[np.minimum(chosen, len(faces) - 1)], np.stack([1 - u, u * (1 - v), u * v], axis=1)
    )


def even_points(mesh: Mesh, count: int, seed: int = 0) -> Floats:
    """(count, 3) metres, spread evenly over a mesh; the same for a seed."""
    rng = np.random.default_rng(seed)
    return surface_points(mesh.vertices, mesh.faces, count, rng, even=True).on(mesh.vertices)


def farthest_points(points: Floats, count: int, chosen: Sequence[int] | Ints | None = None) -> Ints:
    """(count,) indices of points (n, 3), each the farthest from those before it, beginning with `chosen`.

    Without `chosen` the first is the point farthest from the mean.  Raises InputError when there are fewer
    points than asked for.
    """
    if len(points) < count:
        raise InputError(f"cannot choose {count} of {len(points)} points.")
    if chosen is None:
        chosen = [int(_squares(points - points.mean(axis=0)).argmax())]
    ids = [int(i) for i in chosen]
    nearest = np.full(len(points), np.inf)
    for i in ids:
        nearest = np.minimum(nearest, _squares(points - points[i]))
    while len(ids) < count:
        ids.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _squares(points - points[ids[-1]]))
    return np.array(ids, dtype=np.int32)


def balanced_points(chosen: Floats, candidates: Floats, centre: Floats) -> Floats:
    """The chosen points (m, 3), each moved to a candidate (n, 3) nearby so that their mean comes to `centre`.

    Farthest points favour corners by chance; moved by at most a third of their spacing, they have the centre
    of the object as their mean, whatever its triangulation.
    """
    points = chosen.copy()
    tree = cKDTree(candidates)
    reach = 0.33 * float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))
    for i in range(len(points)):
        excess = points.sum(axis=0) - len(points) * centre
        near = candidates[tree.query_ball_point(chosen[i], reach, return_sorted=True)]
        after = np.linalg.norm(excess + near - points[i], axis=1)
        if len(near) and after.min() < np.linalg.norm(excess):
            points[i] = near[int(np.argmin(after))]
    return points


def penetration_volume_cm3(vertices: Floats, faces: Ints, signed_distances: Floats) -> float:
    """Estimate of the volume shared with an object in cubic centimetres: area times depth of what is inside.

    `signed_distances` (V,) metres at the vertices (V, 3), negative inside; each vertex stands for a third of
    the area of its faces (F, 3).  Exact where a flat surface dips in evenly.
    """
    depth = np.maximum(0.0, -np.asarray(signed_distances, np.float64))
    return 1e6 * float(_areas(vertices, faces) @ depth[faces].mean(1))


def _areas(vertices: Floats, faces: Ints) -> Floats:
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, k]] for k in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


def _squares(vectors: Floats) -> Floats:
    return np.asarray((vectors**2).sum(axis=1))

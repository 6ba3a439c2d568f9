"""Points on triangle meshes, and volumes shared by two of them."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.errors import InputError
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
        return np.asarray(
            np.einsum("nkc,nk->nc", np.asarray(vertices, np.float64)[self.corners], self.weights)
        )


def surface_points(vertices: Floats, faces: Ints, count: int, rng: np.random.Generator) -> SurfacePoints:
    """`count` points spread at random over the area of a mesh."""
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    if not area.sum() > 0:
        raise InputError("a surface without area has no points on it. Give a mesh with faces.")
    chosen = rng.choice(len(faces), count, p=area / area.sum())
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    return SurfacePoints(np.asarray(faces)[chosen], np.stack([1 - u, u * (1 - v), u * v], axis=1))


def penetration_volume_cm3(vertices: Floats, faces: Ints, signed_distances: Floats) -> float:
    """Estimate of the volume shared with an object in cubic centimetres: area times depth of what is inside.

    `signed_distances` (V,) metres at the vertices (V, 3), negative inside; each vertex stands for a third of
    the area of its faces (F, 3).  Exact where a flat surface dips in evenly.
    """
    depth = np.maximum(0.0, -np.asarray(signed_distances, np.float64))
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, i]] for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return 1e6 * float(area @ depth[faces].mean(1))

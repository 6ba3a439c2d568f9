"""A surface for an object known only by 64 points: a ball, a convex hull, or a thickened alpha complex."""

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import ConvexHull, Delaunay, cKDTree

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh, components, transformed
from scorehoi_ros.geometry.sdf_kernels import band_distances, spread_distances, winding_numbers
from scorehoi_ros.objects.level_set import level_set
from scorehoi_ros.objects.simplify import simplified
from scorehoi_ros.objects.solids import ball, hull
from scorehoi_ros.types import Floats, Ints

ROUND = 0.03
"""Points within this share of the radius of a sphere are a ball."""
CONVEX = 0.03
"""Points within this share of the longest side of their hull are a convex object."""
NODES = 72
"""Nodes along the longest side while the surface is made."""
FACES = 4000
"""Faces of the resulting surface, at most about."""


def surface_from_points(points: Floats) -> Mesh:
    """Closed mesh through, or around, surface points (n, 3) in metres.

    Points on a sphere give a ball, points near their convex hull the hull; all else the alpha complex
    (Edelsbrunner and Mücke 1994) with the smallest radius that connects the points, thickened by a little.
    Raises TemplateError when the points are in one plane.
    """
    size = float(np.ptp(points, axis=0).max())
    if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[2] < 1e-4 * size:
        raise TemplateError("the points lie in one plane; spread 64 points over the whole surface of the object.")
    sphere = _sphere(points)
    if sphere is not None:
        return sphere
    convex = ConvexHull(points)
    depth = -(points @ convex.equations[:, :3].T + convex.equations[:, 3]).max(axis=1)
    if np.percentile(depth, 97) < CONVEX * size:
        return hull(points)
    return _thickened_complex(points)


def _sphere(points: Floats) -> Mesh | None:
    """A ball when all points lie on a sphere that they surround, else None."""
    start = np.append(points.mean(axis=0), np.linalg.norm(points - points.mean(axis=0), axis=1).mean())
    fit = least_squares(lambda x: np.linalg.norm(points - x[:3], axis=1) - x[3], start).x
    error = np.abs(np.linalg.norm(points - fit[:3], axis=1) - fit[3])
    surrounded = np.linalg.norm(points.mean(axis=0) - fit[:3]) < 0.2 * fit[3]
    return transformed(ball(float(fit[3])), t=fit[:3]) if error.max() < ROUND * fit[3] and surrounded else None


def _circumradius(corners: Floats) -> Floats:
    """(n,) radius of the smallest sphere through the corners (n, m, 3) of edges, triangles or tetrahedra."""
    a, sides = corners[:, :1], corners[:, 1:] - corners[:, :1]
    half = 0.5 * (sides**2).sum(axis=2)
    gram = sides @ sides.transpose(0, 2, 1)
    scale = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    weights = np.linalg.solve(gram + 1e-12 * scale * np.eye(sides.shape[1]), half[..., None])
    assert a.shape[2] == 3
    return np.asarray(np.linalg.norm((weights * sides).sum(axis=1), axis=1))


def _connecting_radius(points: Floats) -> float:
    """Half the longest edge of the minimum spanning tree: balls of this radius about the points touch as one."""
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    return float(minimum_spanning_tree(coo_matrix(distance)).data.max()) / 2


def _faces_of(simplices: Ints, drop: int) -> Ints:
    """Unique (n, m - 1) faces of simplices (k, m), or with drop 2 their edges."""
    m = simplices.shape[1]
    picks = [[i for i in range(m) if i != j] for j in range(m)]
    faces = np.unique(np.sort(np.concatenate([simplices[:, p] for p in picks]), axis=1), axis=0)
    return faces if drop == 1 else _faces_of(faces, drop - 1)


def alpha_complex(points: Floats, radius: float) -> tuple[Ints, Ints, Ints]:
    """Tetrahedra (n, 4), triangles (n, 3) and edges (n, 2) of the Delaunay complex up to a circumradius."""
    tetrahedra = np.asarray(Delaunay(points).simplices)
    triangles, edges = _faces_of(tetrahedra, 1), _faces_of(tetrahedra, 2)
    kept = [s[_circumradius(points[s]) <= radius] for s in (tetrahedra, triangles, edges)]
    return kept[0], kept[1], kept[2]


def _thickened_complex(points: Floats) -> Mesh:
    """Closed surface at a small distance around the alpha complex."""
    near = cKDTree(points).query(points, k=2)[0][:, 1]
    radius = max(1.05 * _connecting_radius(points), 0.9 * float(np.median(near)))
    tetrahedra, triangles, edges = alpha_complex(points, radius)
    thickness = 0.12 * float(np.median(near))
    spacing = float(np.ptp(points, axis=0).max()) / NODES
    origin = points.min(axis=0) - thickness - 2 * spacing
    shape = tuple(int(n) for n in np.ceil((points.max(axis=0) + thickness - origin) / spacing) + 3)
    local = (points - origin) / spacing
    pieces = np.concatenate([local[triangles], local[edges[:, [0, 1, 1]]]])
    squared, nearest = band_distances(pieces, shape, 1.5)
    spread_distances(pieces, squared, nearest)
    distance = np.sqrt(squared)
    if len(tetrahedra):
        distance = np.where(winding_numbers(_tetrahedron_faces(local[tetrahedra]), shape) > 0.5, -distance, distance)
    mesh = level_set(distance - max(thickness / spacing, 0.8))
    mesh = _largest(mesh)
    return simplified(transformed(mesh, t=origin, scale=spacing), FACES)


def _tetrahedron_faces(corners: Floats) -> Floats:
    """(4 n, 3, 3) outward triangles of tetrahedra (n, 4, 3)."""
    turned = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    corners = np.where(turned[:, None, None], corners[:, [1, 0, 2, 3]], corners)
    return np.ascontiguousarray(corners[:, [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]].reshape(-1, 3, 3))


def _largest(mesh: Mesh) -> Mesh:
    """The connected piece with the most faces."""
    labels = components(mesh)
    return Mesh(mesh.vertices, mesh.faces[labels == np.bincount(labels).argmax()])

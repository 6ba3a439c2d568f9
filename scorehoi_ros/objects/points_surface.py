"""A surface for an object known only by 64 points: a ball, a convex hull, or a thickened alpha complex."""

import itertools

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
from scorehoi_ros.types import Bools, Floats, Ints

ROUND = 0.03
"""Points within this share of the radius of a sphere (90 % of them) are a ball."""
CONVEX = 0.035
"""Points within this share of the longest side of their hull are a convex object, if they line its edges."""
BARE = 1.7
"""An edge with a place farther than this many point spacings from all points is bare."""
OUTLINE = 6
"""A flat side has at least so many points; a smaller region is more likely to bridge two parts."""
FLAT = 0.87
"""Hull triangles whose normals differ by less than 30 degrees are one flat region."""
HIDDEN = 0.8
"""A node from which this share of the 26 directions meets the object is inside it."""
REACH = 1.15
"""Largest circumradius of a piece of surface, in point spacings."""
NODES = 80
"""Nodes along the longest side while the surface is made."""
FACES = 4000
"""Faces of the resulting surface, at most about."""


def surface_from_points(points: Floats) -> Mesh:
    """Closed mesh through, or around, surface points (n, 3) in metres, spread as by farthest-point sampling.

    Points on a sphere give a ball, points along all edges of their hull the hull; all else the alpha complex
    (Edelsbrunner and Muecke 1994) with a radius that connects the points, thickened a little, with what it
    encloses filled.  Raises TemplateError when the points are in one plane.
    """
    size = float(np.ptp(points, axis=0).max())
    if np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[2] < 1e-4 * size:
        raise TemplateError(
            "the points lie in one plane; spread 64 points over the whole surface of the object."
        )
    sphere = _sphere(points)
    if sphere is not None:
        return sphere
    return hull(points) if _convex(points, size) else _thickened_complex(points)


def _sphere(points: Floats) -> Mesh | None:
    """A ball when the points, but for a few strays, lie on a sphere that they surround, else None."""
    start = np.append(points.mean(axis=0), np.linalg.norm(points - points.mean(axis=0), axis=1).mean())
    fit = least_squares(
        lambda x: np.linalg.norm(points - x[:3], axis=1) - x[3],
        start,
        loss="soft_l1",
        f_scale=0.01 * start[3],
    ).x
    error = np.abs(np.linalg.norm(points - fit[:3], axis=1) - fit[3])
    surrounded = np.linalg.norm(points.mean(axis=0) - fit[:3]) < 0.2 * fit[3]
    round_ = np.percentile(error, 90) < ROUND * fit[3]
    return transformed(ball(float(fit[3])), t=fit[:3]) if round_ and surrounded else None


def _spacing(points: Floats) -> float:
    """Typical distance between neighbouring points."""
    return float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))


def _hull_regions(convex: ConvexHull) -> Ints:
    """(n,) number of the flat region that each hull triangle belongs to, grown from the largest triangles."""
    corners = convex.points[convex.simplices]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    normals = convex.equations[:, :3]
    region = np.full(len(normals), -1)
    for seed in np.argsort(-areas):
        stack = [seed] if region[seed] < 0 else []
        while stack:
            i = stack.pop()
            if region[i] < 0 and normals[i] @ normals[seed] > FLAT:
                region[i] = seed
                stack.extend(convex.neighbors[i])
    return region


def covered_facets(points: Floats) -> tuple[Ints, bool]:
    """Triangles (n, 3) of the flat regions of the hull whose outline is lined with points; and if all are.

    Meshes have no vertices in the middle of a flat side, so a bare region is a side of the object when its
    outline is there (a box), and an opening when it is not (between the legs of a table).
    """
    convex = ConvexHull(points)
    region = _hull_regions(convex)
    pairs = np.array(
        [(i, j) for i, row in enumerate(convex.neighbors) for j in row if region[i] != region[j]]
    )
    if not len(pairs):
        return convex.simplices, True
    edges = [np.intersect1d(convex.simplices[i], convex.simplices[j]) for i, j in pairs]
    ends = points[np.array(edges)]
    along = np.linspace(0, 1, 21)[:, None, None]
    gap = cKDTree(points).query(ends[:, 0] * (1 - along) + ends[:, 1] * along)[0].max(axis=0)
    bare = np.unique(region[pairs[gap > BARE * _spacing(points), 0]])
    lined = ~np.isin(region, bare)
    corners = {r: len(np.unique(convex.simplices[region == r])) for r in np.unique(region)}
    wide = np.array([corners[r] >= OUTLINE for r in region])
    return convex.simplices[lined & wide], bool(lined.all())


def _convex(points: Floats, size: float) -> bool:
    """Whether the points are near their hull and line all its edges."""
    equations = ConvexHull(points).equations
    depth = -(points @ equations[:, :3].T + equations[:, 3]).max(axis=1)
    return bool(np.percentile(depth, 97) < CONVEX * size and covered_facets(points)[1])


def _circumradius(corners: Floats) -> Floats:
    """(n,) radius of the smallest sphere through the corners (n, m, 3) of edges, triangles or tetrahedra."""
    sides = corners[:, 1:] - corners[:, :1]
    half = 0.5 * (sides**2).sum(axis=2)
    gram = sides @ sides.transpose(0, 2, 1)
    scale = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    weights = np.linalg.solve(gram + 1e-12 * scale * np.eye(sides.shape[1]), half[..., None])
    return np.asarray(np.linalg.norm((weights * sides).sum(axis=1), axis=1))


def _connecting_radius(points: Floats) -> float:
    """Half the longest edge of the minimum spanning tree: balls of this radius about the points connect."""
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
    """Closed surface at a small distance around the alpha complex and what it encloses."""
    # Farthest-point samples cover the surface within their spacing: triangles of the surface are not wider.
    spread = _spacing(points)
    tetrahedra, triangles, edges = alpha_complex(
        points, max(1.05 * _connecting_radius(points), REACH * spread)
    )
    pieces = tetrahedra, np.concatenate([triangles, covered_facets(points)[0]]), edges
    spacing = float(np.ptp(points, axis=0).max()) / NODES
    thickness = max(0.1 * spread / spacing, 0.8)
    origin = points.min(axis=0) - (thickness + 2) * spacing
    shape = tuple(int(n) for n in np.ceil((points.max(axis=0) - origin) / spacing + thickness) + 3)
    distance = _distance_to_pieces((points - origin) / spacing, pieces, shape)
    hidden = blocked_share(distance < thickness) > HIDDEN
    mesh = _largest(level_set(np.where(hidden, np.minimum(distance, 0) - thickness, distance - thickness)))
    return simplified(transformed(mesh, t=origin, scale=spacing), FACES)


def _distance_to_pieces(local: Floats, pieces: tuple[Ints, Ints, Ints], shape: tuple[int, ...]) -> Floats:
    """Distance (nx, ny, nz) to the simplices over points in grid units; negative inside tetrahedra."""
    tetrahedra, triangles, edges = pieces
    flat = np.concatenate([local[triangles], local[edges[:, [0, 1, 1]]]])
    squared, nearest = band_distances(flat, shape, 1.5)
    spread_distances(flat, squared, nearest)
    inside = winding_numbers(_tetrahedron_faces(local[tetrahedra]), shape) > 0.5
    return np.where(inside, -1.0, 1.0) * np.sqrt(squared)


def blocked_share(solid: Bools) -> Floats:
    """(nx, ny, nz) share of the 26 directions to the neighbours in which a node sees a solid node."""
    steps = [d for d in itertools.product((-1, 0, 1), repeat=3) if any(d)]
    return np.mean([_blocked(solid, d) for d in steps], axis=0)


def _blocked(solid: Bools, step: tuple[int, ...]) -> Bools:
    """Whether a solid node lies in the direction `step` (each -1, 0 or 1); slab by slab along one axis."""
    axis = next(i for i, s in enumerate(step) if s)
    side = [s for i, s in enumerate(step) if i != axis]
    slabs = np.moveaxis(solid, axis, 0)
    result = np.zeros_like(slabs)
    order = range(len(slabs) - 2, -1, -1) if step[axis] > 0 else range(1, len(slabs))
    for i in order:
        seen = np.pad(result[i + step[axis]] | slabs[i + step[axis]], 1)
        j, k = 1 + side[0], 1 + side[1]
        result[i] = seen[j : j + slabs.shape[1], k : k + slabs.shape[2]]
    return np.moveaxis(result, 0, axis)


def _tetrahedron_faces(corners: Floats) -> Floats:
    """(4 n, 3, 3) outward triangles of tetrahedra (n, 4, 3)."""
    turned = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
    corners = np.where(turned[:, None, None], corners[:, [1, 0, 2, 3]], corners)
    return np.ascontiguousarray(corners[:, [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]].reshape(-1, 3, 3))


def _largest(mesh: Mesh) -> Mesh:
    """The connected piece with the most faces."""
    labels = components(mesh)
    return Mesh(mesh.vertices, mesh.faces[labels == np.bincount(labels).argmax()])

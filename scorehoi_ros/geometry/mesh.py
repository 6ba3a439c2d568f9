"""Triangle meshes: a frozen value and small pure functions on it (numpy float64, metres)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.types import Floats, Ints


@dataclass(frozen=True)
class Mesh:
    """A triangle surface; counter-clockwise faces seen from outside."""

    vertices: NDArray[np.float64]
    """(V, 3) float64 metres."""
    faces: NDArray[np.int32]
    """(F, 3) int32 indices into vertices."""

    def __post_init__(self) -> None:
        v, f = np.asarray(self.vertices), np.asarray(self.faces)
        if v.ndim != 2 or v.shape[1] != 3 or f.ndim != 2 or f.shape[1] != 3:
            raise TemplateError(
                f"a mesh needs vertices (V, 3) and faces (F, 3). Got {v.shape} and {f.shape}."
            )
        if f.size and (f.min() < 0 or f.max() >= len(v)):
            raise TemplateError(
                f"faces must index the {len(v)} vertices. Got indices from {f.min()} to {f.max()}."
            )
        object.__setattr__(self, "vertices", np.ascontiguousarray(v, np.float64))
        object.__setattr__(self, "faces", np.ascontiguousarray(f, np.int32))


def concatenate(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh from several; parts keep their own vertices, so closed parts stay closed."""
    offsets = np.cumsum([0] + [len(m.vertices) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + o for m, o in zip(meshes, offsets, strict=True)]),
    )


def transformed(mesh: Mesh, R: Floats | None = None, t: Floats | None = None, scale: float = 1.0) -> Mesh:
    """The mesh with `x -> scale * R x + t`; R is a rotation (3, 3), t (3,)."""
    vertices = mesh.vertices * scale
    if R is not None:
        vertices = vertices @ np.asarray(R).T
    if t is not None:
        vertices = vertices + np.asarray(t)
    return Mesh(vertices, mesh.faces)


def flipped(mesh: Mesh) -> Mesh:
    """The mesh with every face turned inside out."""
    return Mesh(mesh.vertices, mesh.faces[:, ::-1])


def extents(mesh: Mesh) -> Floats:
    """(3,) side lengths of the axis-aligned bounding box of all vertices."""
    return np.asarray(np.ptp(mesh.vertices, axis=0))


def face_cross(mesh: Mesh) -> Floats:
    """(F, 3) face normals times twice the face area."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return np.asarray(np.cross(b - a, c - a))


def face_areas(mesh: Mesh) -> Floats:
    """(F,) face areas in square metres."""
    return np.asarray(0.5 * np.linalg.norm(face_cross(mesh), axis=1))


def face_normals(mesh: Mesh) -> Floats:
    """(F, 3) unit outward normals; zero for a face without area."""
    cross = face_cross(mesh)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.asarray(np.divide(cross, length, out=np.zeros_like(cross), where=length > 0))


def signed_volume(mesh: Mesh) -> float:
    """Volume in cubic metres by the divergence theorem; negative when the faces point inwards.

    For an open mesh the value is taken about the vertex mean, so its sign still says how the faces point.
    """
    if not len(mesh.vertices):
        return 0.0
    centred = mesh.vertices - mesh.vertices.mean(axis=0)
    a, b, c = (centred[mesh.faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6.0)


def surface_centroid(mesh: Mesh) -> Floats:
    """(3,) area-weighted mean of the surface."""
    areas = face_areas(mesh)
    return np.asarray(areas @ mesh.vertices[mesh.faces].mean(axis=1) / areas.sum())


def edge_counts(faces: Ints) -> tuple[Ints, Ints, Ints]:
    """Undirected edges (E, 2), how many faces use each (E,), and the sum of their directions (E,).

    A closed, consistently oriented surface uses every edge twice, once in each direction (sum 0).
    """
    directed = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    direction = np.where(directed[:, 0] < directed[:, 1], 1, -1)
    edges, inverse, counts = np.unique(
        np.sort(directed, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    return edges, counts, np.bincount(inverse.ravel(), weights=direction, minlength=len(edges)).astype(int)


def is_watertight(mesh: Mesh) -> bool:
    """Whether the surface is closed and consistently oriented (every edge is met equally from both sides)."""
    if not len(mesh.faces):
        return False
    _, counts, directions = edge_counts(mesh.faces)
    return bool((counts % 2 == 0).all() and (directions == 0).all())


def welded(mesh: Mesh, tolerance: float) -> Mesh:
    """Merge vertices closer than `tolerance` metres, drop faces without area and vertices without a face."""
    labels = np.arange(len(mesh.vertices))
    if len(mesh.vertices):
        pairs = cKDTree(mesh.vertices).query_pairs(tolerance, output_type="ndarray")
        graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(labels),) * 2)
        _, labels = connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    vertices, faces = mesh.vertices[first], labels[mesh.faces]
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    kept = Mesh(vertices, faces[distinct])
    kept = Mesh(vertices, kept.faces[face_areas(kept) > 0])
    used, compact = np.unique(kept.faces, return_inverse=True)
    return Mesh(vertices[used], compact.reshape(-1, 3))


def components(mesh: Mesh) -> Ints:
    """(F,) label of the connected piece each face belongs to, counted from 0."""
    n = len(mesh.vertices)
    edges = mesh.faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(np.unique(labels[mesh.faces[:, 0]], return_inverse=True)[1])


def facing_outwards(mesh: Mesh) -> Mesh:
    """Turn connected pieces whose signed volume is negative, so that faces point outwards.

    A piece whose bounding box lies within that of another is left as it is: it may be the inner wall of a
    hollow object, which has a negative volume on purpose.
    """
    labels = components(mesh)
    boxes = [mesh.vertices[mesh.faces[labels == k]].reshape(-1, 3) for k in range(labels.max() + 1)]
    low, high = (np.array([f(b, axis=0) for b in boxes]) for f in (np.min, np.max))
    faces = mesh.faces.copy()
    for k in range(len(boxes)):
        enclosed = ((low < low[k]) & (high > high[k])).all(axis=1).any()
        if not enclosed and signed_volume(Mesh(mesh.vertices, mesh.faces[labels == k])) < 0:
            faces[labels == k] = faces[labels == k][:, ::-1]
    return Mesh(mesh.vertices, faces)

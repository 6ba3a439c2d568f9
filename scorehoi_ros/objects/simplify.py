"""Fewer faces for meshes that are finer than any image needs."""

import importlib

import numpy as np

from scorehoi_ros.geometry.mesh import Mesh


def simplified(mesh: Mesh, faces: int) -> Mesh:
    """The mesh with about `faces` faces, by quadric edge collapse; unchanged when it has no more."""
    if len(mesh.faces) <= faces:
        return mesh
    collapse = importlib.import_module("fast_simplification").simplify
    vertices, triangles = collapse(
        mesh.vertices.astype(np.float32), mesh.faces, target_reduction=1.0 - faces / len(mesh.faces)
    )
    return Mesh(vertices, triangles)

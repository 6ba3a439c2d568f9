"""The object template that the rest of the software works with, and the hash that names it."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.types import Floats

BUILDER_VERSION = "1"
"""Part of every content hash; raise it when the same input gives another template."""


@dataclass(frozen=True)
class ObjectTemplate:
    """A known object in its own frame: metres, origin = mean of the 64 points."""

    label: str
    """Family name or file stem."""
    template_id: str
    """sha256 hex of vertices, faces, points and the version of the builder."""
    mesh: Mesh
    """Surface for rendering, faces outwards."""
    points: NDArray[np.float64]
    """(64, 3) farthest-point samples of the surface."""
    sdf: SignedDistanceGrid
    symmetry: Symmetry
    source: str
    """The spec it was loaded from."""
    origin_shift: NDArray[np.float64]
    """(3,) metres: `x_source = x_template + origin_shift`, with x_source in the frame of the file."""
    up: Floats | None = None
    """(3,) unit, object frame: upwards when the object stands as it is meant to; None = it may lie anyhow."""


def content_hash(mesh: Mesh, points: Floats) -> str:
    """sha256 hex of the geometry, rounded to a tenth of a micrometre against rounding differences."""
    digest = hashlib.sha256(f"scorehoi template {BUILDER_VERSION}".encode())
    for values in (np.round(mesh.vertices * 1e7), mesh.faces, np.round(points * 1e7)):
        digest.update(np.ascontiguousarray(values).astype("<i8").tobytes())
    return digest.hexdigest()

"""Built templates kept in the user's cache directory, so that a second start does not build them again."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import cache_folder, whole_file
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.npz import Field, Layout, damage_told, read_npz
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.template import ObjectTemplate, content_hash
from scorehoi_ros.types import NUM_OBJECT_POINTS

LAYOUT = Layout(
    "a cached template",
    "Delete it; it is made again.",
    {
        "template_id": Field("U"),
        "vertices": Field("f", ("vertices", 3)),
        "faces": Field("i", ("faces", 3)),
        "points": Field("f", (NUM_OBJECT_POINTS, 3)),
        "sdf_values": Field("f", ("*", "*", "*")),
        "sdf_origin": Field("f", (3,)),
        "sdf_spacing": Field("f"),
        "rotations": Field("f", ("rotations", 3, 3)),
        "axis": Field("f", ("*",)),
        "sphere": Field("b"),
        "origin_shift": Field("f", (3,)),
        "notes": Field("U", ("notes",), needed=False),
    },
)
_log = logging.getLogger(__name__)


def cache_file(key: str) -> Path:
    """Where the template with this key is kept."""
    return cache_folder("templates") / f"{key}.npz"


def write_cached(key: str, template: ObjectTemplate, notes: Sequence[str] = ()) -> None:
    """Keep a built template and the warnings about it; a cache that cannot be written is only logged."""
    symmetry = template.symmetry
    axis = np.empty(0) if symmetry.axis is None else symmetry.axis
    try:
        with whole_file(cache_file(key)) as temporary:
            np.savez(
                temporary,
                template_id=np.array(template.template_id),
                vertices=template.mesh.vertices,
                faces=template.mesh.faces,
                points=template.points,
                sdf_values=template.sdf.values,
                sdf_origin=template.sdf.origin,
                sdf_spacing=np.array(template.sdf.spacing),
                rotations=symmetry.rotations,
                axis=axis,
                sphere=np.array(symmetry.sphere),
                origin_shift=template.origin_shift,
                notes=np.array(list(notes), dtype=np.str_),
            )
    except OutputError as error:
        _log.warning("the template is not cached: %s", error)


def read_cached(key: str) -> tuple[ObjectTemplate, list[str]] | None:
    """The kept template and the warnings about it; None when there is none, or it is damaged.

    It is then built and written again.
    """
    path = cache_file(key)
    if not path.is_file():
        return None
    try:
        with damage_told(path, LAYOUT):
            arrays = read_npz(path, LAYOUT)
            return _template(arrays), [str(note) for note in arrays.get("notes", ())]
    except InputError as error:
        _log.warning("a cached template is damaged and is built again: %s", error)
        return None


def _template(data: dict[str, NDArray[Any]]) -> ObjectTemplate:
    """The template of checked arrays; ValueError when they do not belong together."""
    # Compiled code reads the floats; what is shorter in the file would be another type to it.
    data = {
        n: a.astype(np.float64) if a.dtype.kind == "f" and n != "sdf_values" else a for n, a in data.items()
    }
    mesh = Mesh(data["vertices"], data["faces"])
    template_id, values, axis = str(data["template_id"]), data["sdf_values"], data["axis"]
    if template_id != content_hash(mesh, data["points"]):
        raise ValueError("mesh and points are not those that its id names")
    if values.dtype != np.float32 or min(values.shape) < 2 or not data["sdf_spacing"] > 0:
        raise ValueError(f"sdf_values {values.shape} of {values.dtype} are no grid of distances")
    rotations = data["rotations"]
    if not len(rotations) or not np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-6):
        raise ValueError("rotations are no rotations")
    if axis.shape not in ((0,), (3,)) or (axis.size and abs(np.linalg.norm(axis) - 1) > 1e-6):
        raise ValueError(f"axis {axis} is no axis")
    symmetry = Symmetry(rotations, axis if axis.size else None, bool(data["sphere"]))
    grid = SignedDistanceGrid(values, data["sdf_origin"], float(data["sdf_spacing"]))
    return ObjectTemplate("", template_id, mesh, data["points"], grid, symmetry, "", data["origin_shift"])

"""Built templates kept in the user's cache directory, so that a second start does not build them again."""

import logging
from pathlib import Path

import numpy as np

from scorehoi_ros.errors import OutputError, ScorehoiError
from scorehoi_ros.files import NPZ_DAMAGE, cache_folder, whole_file
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.sdf import SignedDistanceGrid
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.template import ObjectTemplate, content_hash
from scorehoi_ros.types import NUM_OBJECT_POINTS

_log = logging.getLogger(__name__)


def cache_file(key: str) -> Path:
    """Where the template with this key is kept."""
    return cache_folder("templates") / f"{key}.npz"


def write_cached(key: str, template: ObjectTemplate) -> None:
    """Keep a built template; a cache that cannot be written is only logged."""
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
            )
    except OutputError as error:
        _log.warning("the template is not cached: %s", error)


def read_cached(key: str) -> ObjectTemplate | None:
    """The kept template, or None when there is none or it is damaged (it is then built and written again)."""
    path = cache_file(key)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            mesh = Mesh(data["vertices"], data["faces"])
            points, values, axis = data["points"], data["sdf_values"], data["axis"]
            symmetry = Symmetry(data["rotations"], axis if axis.shape == (3,) else None, bool(data["sphere"]))
            grid = SignedDistanceGrid(values, data["sdf_origin"], float(data["sdf_spacing"]))
            template_id = str(data["template_id"])
            shift = data["origin_shift"]
    except (
        *NPZ_DAMAGE,
        ScorehoiError,
    ) as error:
        _log.warning("the cached template %s is damaged (%s) and is built again", path.name, error)
        return None
    sound = (
        points.shape == (NUM_OBJECT_POINTS, 3)
        and values.ndim == 3
        and values.dtype == np.float32
        and template_id == content_hash(mesh, points)
    )
    return ObjectTemplate("", template_id, mesh, points, grid, symmetry, "", shift) if sound else None

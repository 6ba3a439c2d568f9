"""Loading an object template from a family, a mesh file or 64 points."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh, extents, facing_outwards, surface_centroid, transformed, welded
from scorehoi_ros.geometry.sdf import SignedDistanceGrid, build_grid, sample
from scorehoi_ros.geometry.surface import balanced_points, even_points, farthest_points
from scorehoi_ros.objects import families
from scorehoi_ros.objects.cache import read_cached, write_cached
from scorehoi_ros.objects.check import WELD, check_mesh, check_points, refuse_unusable, told_notes
from scorehoi_ros.objects.families_basic import UP
from scorehoi_ros.objects.family import canonical
from scorehoi_ros.objects.mesh_file import MESH_SUFFIXES, POINT_SUFFIXES, parse_mesh, parse_points, read_bytes
from scorehoi_ros.objects.points_surface import surface_from_points
from scorehoi_ros.objects.simplify import simplified
from scorehoi_ros.objects.symmetry import Symmetry, estimate
from scorehoi_ros.objects.template import BUILDER_VERSION, ObjectTemplate, content_hash
from scorehoi_ros.types import NUM_OBJECT_POINTS, Floats

CANDIDATES = 4000
"""Surface samples from which the 64 points are chosen."""
MOST_FACES = 20_000
"""Bigger meshes are simplified: more is not visible at the size of the image."""

Built = tuple[ObjectTemplate, list[str]]
"""A template, and what its user should be warned of."""

_log = logging.getLogger(__name__)


def load_template(spec: str | Path, cache: bool = True, up: Sequence[float] = ()) -> ObjectTemplate:
    """The template named by a family spec ("box:0.4x0.3x0.3"), a mesh file or an .xyz of 64 points.

    With `cache`, a built template is kept in the user's cache directory under the hash of its input and used
    again.  `up` (3,) of any length, in the frame of the file, is the direction that points upwards when the
    object stands; empty = what the family says.  Raises TemplateError when the spec cannot be read, the
    geometry is unusable or `up` is no direction, and says why.
    """
    text = str(spec)
    axis = _direction(up)
    if isinstance(spec, str) and not names_file(text):
        family, values = families.parse_spec(text)
        key, label = _key(canonical(family, values).encode()), family.name
        axis = UP.copy() if axis is None and family.upright else axis
        build: Callable[[], Built] = lambda: (_build(family.build(values), family.symmetry(values)), [])  # noqa: E731
    else:
        path = Path(text).expanduser()
        data, suffix, label = read_bytes(path), path.suffix.lower(), path.stem
        key = _key(suffix.encode() + b"\0" + data)
        build = lambda: _from_file(data, suffix, path.name)  # noqa: E731
    built = read_cached(key) if cache else None
    if built is None:
        built = build()
        if cache:
            write_cached(key, *built)
    template, notes = built
    for note in notes:
        _log.warning("the template %s, %s", text, note)
    return replace(template, label=label, source=text, up=axis)


def _direction(up: Sequence[float]) -> Floats | None:
    if not len(up):
        return None
    axis = np.asarray(up, np.float64)
    if axis.shape != (3,) or not np.isfinite(axis).all() or not axis.any():
        raise TemplateError(f"the up axis must be three finite numbers, not all zero. Got {list(up)}.")
    return np.asarray(axis / np.linalg.norm(axis), np.float64)


def names_file(spec: str) -> bool:
    """Whether a spec names a file (that may be missing) rather than a family of objects."""
    if families.is_family_spec(spec):
        return False
    path = Path(spec).expanduser()
    if "/" in spec or path.suffix.lower() in (*MESH_SUFFIXES, *POINT_SUFFIXES) or path.exists():
        return True
    return bool(path.suffix) and not families.suggestion(spec)


def _key(content: bytes) -> str:
    return hashlib.sha256(f"scorehoi cache {BUILDER_VERSION}\0".encode() + content).hexdigest()


def _from_file(data: bytes, suffix: str, name: str) -> Built:
    """Template from the bytes of a file."""
    if suffix in POINT_SUFFIXES:
        points = parse_points(data, name)
        findings = check_points(points, name)
        refuse_unusable(findings, name)
        shift = points.mean(axis=0)
        mesh = surface_from_points(points - shift)
        return _finish(mesh, points - shift, build_grid(mesh), None, shift), told_notes(findings)
    mesh = parse_mesh(data, suffix, name)
    findings = check_mesh(mesh, name)
    refuse_unusable(findings, name)
    return _build(prepared(mesh), None), told_notes(findings)


def prepared(mesh: Mesh) -> Mesh:
    """A mesh as read from a file, made fit: doubled vertices merged, faces outwards, not too many of them."""
    mesh = facing_outwards(welded(mesh, WELD * float(extents(mesh).max())))
    if len(mesh.faces) <= MOST_FACES:
        return mesh
    _log.info("the mesh has %d faces and is simplified to %d", len(mesh.faces), MOST_FACES)
    return simplified(mesh, MOST_FACES)


def _build(mesh: Mesh, symmetry: Symmetry | None) -> ObjectTemplate:
    """Template from a mesh; `symmetry` None = estimate it."""
    grid = build_grid(mesh)
    candidates = even_points(mesh, CANDIDATES)
    # Where parts overlap, a share of the surface is hidden inside.
    outer = candidates[sample(grid, candidates) > -0.5 * grid.spacing]
    candidates = outer if len(outer) > CANDIDATES // 4 else candidates
    spread = candidates[farthest_points(candidates, NUM_OBJECT_POINTS)]
    points = balanced_points(spread, candidates, surface_centroid(mesh))
    shift = points.mean(axis=0)
    grid = replace(grid, origin=grid.origin - shift)
    return _finish(transformed(mesh, t=-shift), points - shift, grid, symmetry, shift)


def _finish(
    mesh: Mesh, points: Floats, grid: SignedDistanceGrid, symmetry: Symmetry | None, shift: Floats
) -> ObjectTemplate:
    """Template from a centred mesh with its points and grid."""
    found = estimate(mesh, grid) if symmetry is None else symmetry
    return ObjectTemplate("", content_hash(mesh, points), mesh, points, grid, found, "", shift)

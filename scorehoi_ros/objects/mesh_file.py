"""Reading and writing mesh files and .xyz points: geometry only, nothing else in a file is opened or run."""

import importlib
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.contents import content_of
from scorehoi_ros.errors import TemplateError
from scorehoi_ros.files import whole_file
from scorehoi_ros.geometry.mesh import Mesh, concatenate
from scorehoi_ros.objects.dialects import plain, refuse_foreign
from scorehoi_ros.types import NUM_OBJECT_POINTS, Floats

MESH_SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".off")
POINT_SUFFIXES = (".xyz",)
TEXT_SUFFIXES = (".obj", ".off")
LARGEST_FILE = 512 * 1024 * 1024
"""Bytes; a bigger file is surely not an object template."""


def read_bytes(path: Path) -> bytes:
    """The content of a template file; raises TemplateError with the reason when that is impossible."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TemplateError(f"{path} has {path.stat().st_size >> 20} MiB. Reduce the mesh below 512 MiB.")
        return path.read_bytes()
    except OSError as error:
        raise TemplateError(
            f"cannot read the template {path}: {error.strerror or error}. Give an existing mesh file "
            f"({', '.join(MESH_SUFFIXES)}), an .xyz of {NUM_OBJECT_POINTS} points, "
            "or a family such as box:0.4x0.3x0.3."
        ) from error


def parse_mesh(data: bytes, suffix: str, name: str) -> Mesh:
    """The triangles in a mesh file of the format named by `suffix` (".obj"); all parts of a scene joined.

    Materials, textures and files it refers to are not read.  Raises TemplateError for anything unreadable;
    numbers that are not finite are left for `check`.
    """
    data = plain(data, suffix)
    try:
        refuse_foreign(data, name, suffix, MESH_SUFFIXES)
        mesh = _join(_load(data, suffix))
    except TemplateError as error:
        told = str(error)
        raise TemplateError(told if told.startswith(name) else f"{name}: {told}") from error
    except Exception as error:  # a damaged file can fail anywhere in a third-party reader
        reason = f"{type(error).__name__}: {error}".strip(": ")
        if isinstance(error, ImportError):  # the reader wants a package to guess how damaged text is encoded
            reason = "neither binary nor readable text"
        raise TemplateError(
            f"{name} is not a readable {suffix} mesh ({reason[:200]}). "
            "Export it again from the program it came from."
        ) from error
    if not len(mesh.vertices) or not len(mesh.faces):
        raise TemplateError(
            f"{name} holds {len(mesh.vertices)} vertices and {len(mesh.faces)} faces; faces are needed. "
            f"Export a surface, or give {NUM_OBJECT_POINTS} bare points as .xyz."
        )
    return mesh


def _load(data: bytes, suffix: str) -> Any:
    """What trimesh makes of the bytes; its logging is silenced, because every failure becomes an error."""
    trimesh = importlib.import_module("trimesh")
    logging.getLogger("trimesh").setLevel(logging.CRITICAL)
    if suffix in TEXT_SUFFIXES:
        data = _as_utf8(data)
    with np.errstate(all="ignore"):
        return trimesh.load(
            io.BytesIO(data), file_type=suffix[1:], process=False, skip_materials=True, maintain_order=True
        )


def _as_utf8(data: bytes) -> bytes:
    """Text of another encoding (names of parts in Latin-1): the numbers, which matter, are the same in it."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1").encode("utf-8")
    return data


def _join(loaded: Any) -> Mesh:
    """One mesh from a trimesh mesh or scene, with the transforms of the scene applied."""
    if hasattr(loaded, "dump"):
        parts = [g for g in loaded.dump() if len(getattr(g, "faces", ()))]
        if not parts:
            raise TemplateError("it holds no faces. Export a surface of triangles.")
        return concatenate([Mesh(np.asarray(g.vertices), np.asarray(g.faces)) for g in parts])
    if not hasattr(loaded, "faces"):
        raise TemplateError("it holds points or lines but no faces. Export a surface of triangles.")
    return Mesh(np.asarray(loaded.vertices), np.asarray(loaded.faces).reshape(-1, 3))


def parse_points(data: bytes, name: str) -> Floats:
    """(64, 3) float64 points from text with one "x y z" a line; raises TemplateError otherwise."""
    advice = (
        f"Write {NUM_OBJECT_POINTS} lines of three numbers in metres, x y z, separated by spaces or commas."
    )
    content = content_of(data)
    if content is not None:
        raise TemplateError(f"{name} is {content.what}. {content.mend}")
    try:
        text = plain(data, POINT_SUFFIXES[0]).decode("utf-8")
        rows = [line.replace(",", " ").replace(";", " ").split() for line in text.splitlines()]
        points = np.array([[float(v) for v in row] for row in rows if row and not row[0].startswith("#")])
    except ValueError as error:
        raise TemplateError(f"{name} is not a list of points ({str(error)[:120]}). {advice}") from error
    if points.shape != (NUM_OBJECT_POINTS, 3):
        raise TemplateError(
            f"{name} must hold {NUM_OBJECT_POINTS} points. Got an array {points.shape}. {advice}"
        )
    if not np.isfinite(points).all():
        raise TemplateError(f"{name} holds numbers that are not finite. {advice}")
    return points


def write_mesh(mesh: Mesh, path: Path) -> None:
    """Write a mesh as .obj, .ply, .stl, .glb or .off; the file appears whole or not at all."""
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise TemplateError(f"cannot write {path.name}: choose one of {', '.join(MESH_SUFFIXES)}.")
    trimesh = importlib.import_module("trimesh")
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    content = solid.export(file_type=path.suffix.lower()[1:])
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_points(points: Floats, path: Path) -> None:
    """Write points (n, 3) as .xyz text with a hundredth of a millimetre."""
    with whole_file(path) as temporary:
        temporary.write_text("".join(f"{x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in points))

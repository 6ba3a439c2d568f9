"""What is wrong with a template mesh, and how to mend it: units, origin, holes, orientation, bad faces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Literal

import numpy as np

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import (
    Mesh,
    edge_counts,
    extents,
    face_areas,
    is_watertight,
    signed_volume,
    surface_centroid,
    welded,
)
from scorehoi_ros.objects.parts import Stray, parts_of, stray_parts, without_parts
from scorehoi_ros.types import Floats

LARGEST_M, SMALLEST_M = 5.0, 0.01
"""A longest side outside this range is taken for wrong units."""
LARGE_M = 2.5
"""A longest side above this is seldom that of something a person handles."""
HANDLED_M = (0.05, 2.0)
"""Longest sides from a cup to a door: units that give one are named first."""
TYPICAL_M = 0.4
"""Of several possible units the one that comes nearest to this longest side is named first."""
WELD = 1e-6
"""Vertices closer than this share of the longest side are the same vertex."""


@dataclass(frozen=True)
class Finding:
    """One fact about a template."""

    level: Literal["ok", "note", "unusable"]
    """"note" = the software copes, the user may want to mend it; "unusable" = `load_template` refuses it."""
    topic: str
    text: str
    """What was found."""
    mend: str = ""
    """What to do about it, empty when nothing is needed."""


def unit_finding(size: Floats, name: str) -> Finding:
    """Whether side lengths (3,) can be metres; otherwise which scale would mend it."""
    longest = float(np.max(size))
    sides = " x ".join(f"{s:.4g}" for s in size)
    if SMALLEST_M <= longest <= LARGE_M:
        return Finding("ok", "units", f"{sides} m")
    scales = [(s, unit) for s, unit in _SCALES if 0.03 <= longest * s <= LARGEST_M]
    scales.sort(key=lambda known: _unlikely(longest * known[0], known[1]))
    guesses = "; ".join(
        f"{unit} would make the longest side {longest * s:.3g} m, scale {s:g}" for s, unit in scales
    )
    scale = f"{scales[0][0]:g}" if scales else "FACTOR_TO_METRES"
    mend = f"scorehoi template convert {quote(name)} --scale {scale} --out {quote('scaled_' + name)}"
    if SMALLEST_M <= longest <= LARGEST_M:
        text = f"{sides} m is large for something that is handled; nothing must be done if it is so large."
        return Finding("note", "units", f"{text} If these are no metres: {guesses}.", mend)
    return Finding(
        "unusable",
        "units",
        f"sides {sides} cannot be metres: the longest must be between {SMALLEST_M:g} and {LARGEST_M:g}. "
        + (f"Suspected: {guesses}." if guesses else "No usual unit explains them."),
        mend,
    )


def _unlikely(longest: float, unit: str) -> tuple[bool, bool, float]:
    """Sorts guesses of the unit by what it makes of the longest side, in metres."""
    handled = HANDLED_M[0] <= longest <= HANDLED_M[1]
    return not handled, unit == "inches", abs(math.log(longest / TYPICAL_M))


_SCALES = (
    (0.001, "millimetres"),
    (0.01, "centimetres"),
    (0.0254, "inches"),
    (1000.0, "kilometres, or millimetres scaled twice,"),
    (100.0, "centimetres scaled twice"),
)


def check_mesh(mesh: Mesh, name: str) -> list[Finding]:
    """All findings about a mesh as read from a file; those that stop everything else come alone."""
    bad = int((~np.isfinite(mesh.vertices)).any(axis=1).sum())
    if bad:
        mend = "export the mesh again; look for a modifier or a script that divides by zero."
        return [
            Finding("unusable", "numbers", f"{bad} of {len(mesh.vertices)} vertices are not finite.", mend)
        ]
    used = _used(mesh)
    size = extents(used)
    whole = welded(used, WELD * float(size.max()))
    # One wrong vertex far away makes all others one.
    if not len(whole.faces) or not face_areas(used).sum() > 1e-9 * max(float(size.max()), 1e-30) ** 2:
        return [
            Finding("unusable", "surface", "no face has an area.", "export the mesh again with its faces.")
        ]
    findings = [*_size_and_parts(whole, name), _origin(used, size)]
    return [*findings, *_faces(used, whole, float(size.max())), *_closure(whole)]


def told_notes(findings: list[Finding]) -> list[str]:
    """What is worth a warning whenever the template is used: its size or its parts are rather not meant."""
    return [f"{f.topic}: {f.text} Mend: {f.mend}" for f in findings if f.level == "note" and f.topic in _TOLD]


_TOLD = ("units", "parts")


def check_points(points: Floats, name: str) -> list[Finding]:
    """Findings about 64 bare points."""
    size = np.ptp(points, axis=0)
    findings = [
        unit_finding(size, name),
        Finding("ok", "points", f"{len(points)} points, surface made from them"),
    ]
    duplicates = len(points) - len(np.unique(np.round(points, 5), axis=0))
    if duplicates:
        text = f"{duplicates} points are doubled"
        findings.append(Finding("note", "points", text, "spread 64 different points over the surface."))
    return findings


def dropped(mesh: Mesh, numbers: Sequence[int]) -> Mesh:
    """A mesh as read from a file without some of the parts that `check_mesh` counts, from 1.

    Raises TemplateError for a number that is none of its parts, or when nothing would be left.
    """
    used = _used(mesh)
    whole = welded(used, WELD * float(extents(used).max()))
    parts = parts_of(whole)
    if not all(1 <= number <= len(parts) for number in numbers) or len(set(numbers)) == len(parts):
        raise TemplateError(
            f"--drop {','.join(map(str, numbers))}: the mesh has {len(parts)} parts, counted from 1, and one "
            "must be left. `scorehoi template check` tells them."
        )
    return without_parts(whole, tuple(numbers), parts)


def refuse_unusable(findings: list[Finding], name: str) -> None:
    """Raise TemplateError with the first finding that makes a template unusable."""
    for finding in findings:
        if finding.level == "unusable":
            raise TemplateError(f"{name}, {finding.topic}: {finding.text} Mend: {finding.mend}")


def _used(mesh: Mesh) -> Mesh:
    """The mesh without vertices that no face uses."""
    used, compact = np.unique(mesh.faces, return_inverse=True)
    return Mesh(mesh.vertices[used], compact.reshape(-1, 3).astype(np.int32))


def _origin(mesh: Mesh, size: Floats) -> Finding:
    """Whether the origin of the file is near the object."""
    centre = surface_centroid(mesh)
    away = float(np.linalg.norm(centre))
    where = f"the centre is at ({centre[0]:.3g}, {centre[1]:.3g}, {centre[2]:.3g}) m in the file"
    if away <= float(size.max()):
        return Finding("ok", "origin", where)
    mend = (
        "nothing must be done: the template is centred when it is loaded. If other programs share its poses, "
        "use the same centre there: scorehoi template convert FILE --centre --out FILE"
    )
    return Finding(
        "note", "origin", f"{where}, {away / float(size.max()):.1f} times its size away from it", mend
    )


def _size_and_parts(whole: Mesh, name: str) -> list[Finding]:
    """Units, how many connected parts there are, and those that are rather none of the object."""
    parts = parts_of(whole)
    strays = stray_parts(whole, parts)
    units = unit_finding(extents(whole), name)
    counted = Finding("ok", "parts", f"{len(parts)} connected" if len(parts) > 1 else "one")
    if not strays:
        return [units, counted]
    numbers = tuple(number for stray in strays for number in stray.numbers)
    mend = f"scorehoi template convert {quote(name)} --drop {_listed(numbers)} --out {quote('cut_' + name)}"
    if len(numbers) > _SHOWN:
        mend = "delete them in the modelling program, and export the object alone."
    size = extents(without_parts(whole, numbers, parts))
    if units.level != "ok" and unit_finding(size, name).level == "ok":
        sides = " x ".join(f"{s:.4g}" for s in size)
        text = f"{' x '.join(f'{s:.4g}' for s in extents(whole))} m; without the stray parts {sides} m."
        units = Finding(units.level, "units", text, mend)
    return [units, counted, *(_stray(stray, len(parts), mend) for stray in strays)]


def _stray(stray: Stray, count: int, mend: str) -> Finding:
    which = f"part{'s' if len(stray.numbers) > 1 else ''} {_listed(stray.numbers)} of {count}"
    return Finding("note", "parts", f"{which} {stray.text} It spoils size, symmetry and distances.", mend)


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers[:_SHOWN])) + (",..." if len(numbers) > _SHOWN else "")


_SHOWN = 8
"""Numbers of parts that are listed."""


def _faces(mesh: Mesh, whole: Mesh, longest: float) -> list[Finding]:
    """Counts of faces, of useless faces and of doubled vertices."""
    flat = int((face_areas(mesh) <= 1e-12 * longest**2).sum())
    doubled = len(mesh.vertices) - len(whole.vertices)
    findings = [Finding("ok", "faces", f"{len(mesh.faces)} faces, {len(mesh.vertices)} vertices")]
    if flat:
        findings.append(
            Finding("note", "faces", f"{flat} faces have no area", "they are dropped when it is loaded.")
        )
    if doubled > 0:
        text = f"{doubled} vertices are doubled (seams, or faces that do not share vertices)"
        findings.append(Finding("note", "vertices", text, "they are merged when it is loaded."))
    return findings


def _closure(whole: Mesh) -> list[Finding]:
    """Whether the welded surface is closed, and which way its faces point."""
    if is_watertight(whole):
        findings = [
            Finding("ok", "watertight", f"closed, volume {abs(signed_volume(whole)) * 1000:.3g} litres")
        ]
    else:
        _, counts, directions = edge_counts(whole.faces)
        open_edges, turned = int((counts == 1).sum()), int(((counts == 2) & (directions != 0)).sum())
        findings = [
            Finding(
                "note",
                "watertight",
                f"not closed: {open_edges} open edges, {turned} edges between faces of opposite orientation",
                "inside and outside are decided by the winding number; close holes and make normals agree "
                "in the modelling program for exact penetration.",
            )
        ]
    if signed_volume(whole) < 0:
        mend = (
            "they are turned when it is loaded; for other programs flip the normals in the modelling program."
        )
        findings.append(Finding("note", "normals", "the faces point inwards (negative volume)", mend))
    return findings

"""`scorehoi template`: look at, mend and list object templates."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scorehoi_ros.commands.options import parse_numbers
from scorehoi_ros.errors import InputError, TemplateError
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.mesh import extents, surface_centroid, transformed
from scorehoi_ros.objects import families
from scorehoi_ros.objects.check import Finding, check_mesh, check_points, dropped, refuse_unusable
from scorehoi_ros.objects.family import usage
from scorehoi_ros.objects.load import load_template, names_file
from scorehoi_ros.objects.mesh_file import (
    MESH_SUFFIXES,
    POINT_SUFFIXES,
    parse_mesh,
    parse_points,
    read_bytes,
    write_mesh,
    write_points,
)
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats

EXAMPLE = "scorehoi template check chair.obj"
MARKS = {"ok": "ok  ", "note": "note", "unusable": "BAD "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands check, convert, list and export."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="what is wrong with a template file, and how to mend it")
    check.add_argument("template", metavar="FILE", help="mesh file, .xyz of 64 points, or a family spec")
    check.add_argument(
        "--object-up", type=parse_numbers, default=[], metavar="X,Y,Z", help="direction that points up"
    )
    convert = actions.add_parser("convert", help="scale, centre or rewrite a mesh or .xyz file")
    convert.add_argument("template", metavar="FILE", help="mesh file or .xyz of 64 points")
    convert.add_argument(
        "--scale", type=float, default=1.0, help="factor to metres, for example 0.001 for millimetres"
    )
    convert.add_argument(
        "--drop",
        type=parse_counts,
        default=[],
        metavar="N,...",
        help="leave out these parts, by the numbers that `check` tells",
    )
    convert.add_argument("--centre", action="store_true", help="move the centre of the surface to the origin")
    convert.add_argument("--out", required=True, metavar="FILE", help=f"{', '.join(MESH_SUFFIXES)} or .xyz")
    listing = actions.add_parser("list", help="families of objects with their parameters")
    listing.add_argument("family", nargs="?", help="only this one")
    export = actions.add_parser(
        "export", help="write a template, as it is used, as a mesh or as its 64 points"
    )
    export.add_argument("template", metavar="SPEC", help="family spec, mesh file or .xyz of 64 points")
    export.add_argument("--out", required=True, metavar="FILE", help=f"{', '.join(MESH_SUFFIXES)} or .xyz")
    for action in (check, convert, listing, export):
        # The command itself has the same option; suppressed here, so that one given before ACTION is kept.
        action.add_argument("--json", metavar="FILE", default=argparse.SUPPRESS, help="write results to FILE")


def parse_counts(text: str) -> list[int]:
    """Whole numbers from "1,3"; raises ArgumentTypeError."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 1,3. Got {text!r}.") from None


def run(args: argparse.Namespace) -> int:
    """Run one action; 0 = done or usable, 2 = not usable."""
    actions = {"check": _check, "convert": _convert, "list": _list, "export": _export}
    return actions[args.action](args)


def _check(args: argparse.Namespace) -> int:
    findings, template = examine(args.template, args.object_up)
    for finding in findings:
        sys.stdout.write(f"{MARKS[finding.level]} {finding.topic:<11} {finding.text}\n")
        if finding.mend:
            sys.stdout.write(f"     {'':<11} -> {finding.mend}\n")
    verdict = "usable" if template else "not usable as it is"
    sys.stdout.write(f"{args.template}: {verdict}\n")
    if args.json:
        write_json(args.json, _report(findings, template))
    return 0 if template else TemplateError.exit_code


def examine(spec: str, up: Sequence[float] = ()) -> tuple[list[Finding], ObjectTemplate | None]:
    """All findings about a spec, and its template when it is usable; TemplateError when unreadable."""
    path = Path(spec).expanduser()
    findings: list[Finding] = []
    if names_file(spec):
        data, suffix = read_bytes(path), path.suffix.lower()
        if suffix in POINT_SUFFIXES:
            findings = check_points(parse_points(data, path.name), path.name)
        else:
            findings = check_mesh(parse_mesh(data, suffix, path.name), path.name)
    if any(f.level == "unusable" for f in findings):
        return findings, None
    template = load_template(spec, up=up)
    size = " x ".join(f"{s:.3f}" for s in extents(template.mesh))
    return [
        *findings,
        Finding("ok", "size", f"{size} m, {len(template.mesh.faces)} faces as used"),
        Finding("ok", "symmetry", describe_symmetry(template.symmetry)),
        Finding("ok", "up", describe_up(template.up)),
        Finding("ok", "id", template.template_id[:16]),
    ], template


def describe_up(up: Floats | None) -> str:
    """The up axis in words."""
    if up is None:
        return "may lie in any way; furniture has an up axis: --object-up=X,Y,Z says which"
    return "({:.2f}, {:.2f}, {:.2f}) points up when it stands".format(*up)


def describe_symmetry(symmetry: Symmetry) -> str:
    """The symmetry in words."""
    if symmetry.sphere:
        return "sphere: any rotation looks the same"
    if symmetry.axis is not None:
        x, y, z = symmetry.axis
        ends = "and end for end" if len(symmetry.rotations) > 1 else "top and bottom differ"
        return f"any turn about ({x:.2f}, {y:.2f}, {z:.2f}) looks the same, {ends}"
    count = len(symmetry.rotations)
    return "none" if count == 1 else f"{count} rotations look the same (the identity counted)"


def _report(findings: list[Finding], template: ObjectTemplate | None) -> dict[str, object]:
    """What `--json` holds."""
    report: dict[str, object] = {
        "usable": template is not None,
        "findings": [{"level": f.level, "topic": f.topic, "text": f.text, "mend": f.mend} for f in findings],
    }
    if template:
        axis = template.symmetry.axis
        report |= {
            "template_id": template.template_id,
            "size_m": extents(template.mesh).tolist(),
            "up": None if template.up is None else template.up.tolist(),
            "origin_shift_m": template.origin_shift.tolist(),
            "symmetry": {
                "sphere": template.symmetry.sphere,
                "axis": None if axis is None else axis.tolist(),
                "rotations": len(template.symmetry.rotations),
            },
        }
    return report


def _convert(args: argparse.Namespace) -> int:
    if not (np.isfinite(args.scale) and args.scale > 0):
        raise InputError(f"--scale must be a positive number. Got {args.scale}.")
    path, out = Path(args.template).expanduser(), Path(args.out).expanduser()
    data, suffix = read_bytes(path), path.suffix.lower()
    if (suffix in POINT_SUFFIXES) != (out.suffix.lower() in POINT_SUFFIXES):
        raise InputError(
            f"cannot convert {path.name} to {out.name}: points stay .xyz and meshes stay meshes."
        )
    if suffix in POINT_SUFFIXES:
        points = parse_points(data, path.name) * args.scale
        points = points - points.mean(axis=0) if args.centre else points
        write_points(points, out)
        findings = check_points(points, out.name)
    else:
        mesh = parse_mesh(data, suffix, path.name)
        mesh = transformed(dropped(mesh, args.drop) if args.drop else mesh, scale=args.scale)
        refuse_unusable(
            [f for f in check_mesh(mesh, out.name) if f.topic in ("numbers", "surface")], out.name
        )
        mesh = transformed(mesh, t=-surface_centroid(mesh)) if args.centre else mesh
        write_mesh(mesh, out)
        findings = check_mesh(mesh, out.name)
    size = next(f for f in findings if f.topic == "units")
    sys.stdout.write(f"{out}: {size.text}\n")
    if args.json:
        write_json(args.json, {"out": str(out), "units": size.text, "usable": size.level == "ok"})
    return 0


def _list(args: argparse.Namespace) -> int:
    if args.family:
        shown = [families.parse_spec(args.family)[0]]
    else:
        shown = [families.FAMILIES[name] for name in sorted(families.FAMILIES)]
    sys.stdout.write("\n".join(usage(family) for family in shown) + "\n")
    if not args.family:
        sys.stdout.write(
            "\nother names: " + ", ".join(f"{a} = {s}" for a, s in families.ALIASES.items()) + "\n"
        )
    if args.json:
        write_json(args.json, {f.name: {p.name: vars(p) for p in f.parameters} for f in shown})
    return 0


def _export(args: argparse.Namespace) -> int:
    template, out = load_template(args.template), Path(args.out).expanduser()
    if out.suffix.lower() in POINT_SUFFIXES:
        write_points(template.points, out)
    else:
        write_mesh(template.mesh, out)
    sys.stdout.write(
        f"{out}: {template.label}, {len(template.mesh.faces)} faces, origin at the template centre\n"
    )
    if args.json:
        write_json(args.json, {"out": str(out), "template_id": template.template_id})
    return 0

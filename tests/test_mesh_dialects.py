"""Mesh files as people have them: what is no mesh is named, and so are parts that are not of the object."""

import gzip
import io
import json
import logging
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh, concatenate, extents, transformed
from scorehoi_ros.objects import families
from scorehoi_ros.objects.check import Finding, check_mesh, dropped
from scorehoi_ros.objects.family import default_parameters, sample_parameters
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.mesh_file import parse_mesh, parse_points, write_mesh
from scorehoi_ros.objects.solids import ball, box
from tests.test_template_check import own_cache as own_cache
from tests.test_template_check import run

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"
OFF = b"OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"
STRIPS = (
    b"ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    b"element tristrips 1\nproperty list int int vertex_indices\nend_header\n"
    b"0 0 0\n1 0 0\n0 1 0\n1 1 0\n5 0 1 2 3 -1\n"
)
BOM = b"\xef\xbb\xbf"
SHEET = Mesh(np.array([[-2.0, 0, -2], [2, 0, -2], [2, 0, 2], [-2, 0, 2]]), np.array([[0, 2, 1], [0, 3, 2]]))
MUG = families.FAMILIES["cup"].build(default_parameters(families.FAMILIES["cup"]))
LEANING = trimesh.transformations.rotation_matrix(0.5, [1, 0, 0])[:3, :3]


def glb(**changes: Any) -> bytes:
    """A binary glTF of a box with other keys at the top of its JSON."""
    whole = trimesh.Scene([trimesh.creation.box((0.4, 0.3, 0.2))]).export(file_type="glb")
    size = struct.unpack("<I", whole[12:16])[0]
    told = json.loads(whole[20 : 20 + size]) | changes
    for accessor in told["accessors"]:
        accessor["normalized"] = changes.get("normalized", False)
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + whole[20 + size :]
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mug.obj", OBJ)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "a.glb",
            glb(extensionsRequired=["KHR_draco_mesh_compression"]),
            "compressed by Draco.*without compr",
        ),
        ("a.glb", glb(extensionsRequired=["EXT_meshopt_compression"]), "compressed by meshopt"),
        ("a.glb", glb(buffers=[{"uri": "mug.bin", "byteLength": 9}]), r"another file \(mug.bin\).*one file"),
        ("a.glb", glb(normalized=True), "KHR_mesh_quantization"),
        ("a.glb", glb()[:300], "cut short: 300 of"),
        ("a.glb", b'{"asset": {"version": "2.0"}}', "glTF as text.*as .glb"),
        ("a.gltf", b'{"asset": {"version": "2.0"}}', "glTF as text.*as .glb"),
        ("a.obj", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "git lfs pull"),
        ("a.stl", b"<!DOCTYPE html><html><title>Sign in</title></html>", "HTML page.*download the file"),
        ("a.glb", b"<?xml version='1.0'?><Error>AccessDenied</Error>", "text in XML.*log in"),
        ("a.ply", STRIPS, "triangle strips.*MeshLab"),
        ("a.obj.gz", gzip.compress(OBJ), "compressed by gzip.*gunzip"),
        ("a.obj", gzip.compress(OBJ), "compressed by gzip.*gunzip"),
        ("a.zip", zipped(), "zip archive. Unpack it"),
        ("a.obj", zipped(), "zip archive. Unpack it"),
        ("a.usdz", zipped(), "USD.*Blender"),
        ("a.obj", b"BLENDER-v300" + bytes(90), "Blender project"),
        ("a.obj", b"Kaydara FBX Binary  \0" + bytes(90), "FBX"),
        ("a.stl", b"ISO-10303-21;\nHEADER;", "STEP.*CAD"),
        ("a.dae", b"<?xml version='1.0'?><COLLADA/>", "COLLADA"),
        ("a.obj", glb(), "format glb. Name it a.glb"),
        ("a.ply", OBJ, "format obj. Name it a.obj"),
        ("mug", OBJ, "format obj. Name it mug.obj"),
        ("a.stl", bytes(2000), "nothing but zero bytes"),
        ("a.off", b"", "is empty"),
    ],
)
def test_what_is_no_mesh_is_named(name: str, data: bytes, said: str) -> None:
    with pytest.raises(TemplateError, match=rf"^{name}.*{said}"):
        parse_mesh(data, Path(name).suffix, name)
    with pytest.raises(TemplateError, match=r"^points\.xyz"):
        parse_points(data, "points.xyz")


@pytest.mark.parametrize("suffix", [".obj", ".off", ".ply", ".stl"])
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_changes_nothing(suffix: str, mark: str) -> None:
    """Before the first vertex of an OBJ it would take that vertex with it."""
    mesh = parse_mesh(OBJ, ".obj", "a")
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces)
    kinds: dict[str, Any] = {
        ".obj": OBJ,
        ".off": OFF,
        ".ply": solid.export(file_type="ply", encoding="ascii"),
        ".stl": solid.export(file_type="stl_ascii"),
    }
    text = kinds[suffix] if isinstance(kinds[suffix], str) else kinds[suffix].decode()
    plain, marked = (parse_mesh(text.encode(code), suffix, "a") for code in ("utf-8", mark))
    np.testing.assert_array_equal(marked.vertices, plain.vertices)
    np.testing.assert_array_equal(marked.faces, plain.faces)
    assert len(plain.faces) == 4


def test_points_with_a_mark_and_semicolons() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 3))
    text = "\r\n".join(";".join(f"{value:.6f}" for value in row) for row in rows)
    np.testing.assert_allclose(parse_points(BOM + text.encode(), "a.xyz"), rows, atol=1e-6)


@pytest.mark.parametrize("far", [1e6, -3e7, 1e30])
def test_one_wrong_vertex_makes_all_others_one(far: float) -> None:
    """STL: only one triangle has it, and beside it the object is a point."""
    soup = trimesh.creation.box((0.3, 0.2, 0.1)).triangles.copy()
    soup[3, 1, 1] = far
    mesh = Mesh(soup.reshape(-1, 3), np.arange(36, dtype=np.int32).reshape(12, 3))
    (finding,) = check_mesh(mesh, "x.stl")
    assert (finding.level, finding.text) == ("unusable", "no face has an area.")


def told(mesh: Mesh, topic: str) -> list[Finding]:
    return [f for f in check_mesh(mesh, "scene.glb") if f.topic == topic and f.level != "ok"]


@pytest.mark.parametrize(
    ("more", "said", "numbers"),
    [
        ([transformed(SHEET, t=np.array([0, -0.06, 0]))], "is flat.*ground", "8"),
        ([transformed(SHEET, scale=0.1)], "is flat.*ground", "8"),
        ([transformed(SHEET, R=LEANING)], "is flat.*ground", "8"),
        ([box((3, 0.01, 3), (0, -0.06, 0))], "is flat.*ground", "8"),
        ([SHEET, box((4, 4, 0.01), (0, 2, -2))], "is flat.*ground", "8,9"),
        ([box((0.1, 0.1, 0.1), (1.5, 2, 0))], "lies 2.*m from the others", "8"),
        ([SHEET, box((0.1, 0.1, 0.1), (1.5, 2, 0))], "is flat.*ground", "8,9"),
        ([ball(2.0, 16)], "around the rest.*sky", "8"),
    ],
)
def test_parts_that_are_not_of_the_object(more: list[Mesh], said: str, numbers: str) -> None:
    """They are told, and the command that is told leaves the object alone."""
    scene = concatenate([MUG, *more])
    findings = told(scene, "parts")
    assert len(findings) == len(numbers.split(","))
    assert " ".join(f.text for f in findings).count("It spoils size") == len(findings)
    assert any(re.search(said, f.text) for f in findings)
    assert all(f"--drop {numbers} --out cut_scene.glb" in f.mend for f in findings)
    alone = dropped(scene, [int(n) for n in numbers.split(",")])
    np.testing.assert_allclose(extents(alone), extents(MUG))
    assert not told(alone, "parts") and not told(alone, "units")


def test_families_have_no_stray_parts() -> None:
    """Table tops, boards and phones are flat, too."""
    rng = np.random.default_rng(0)
    for family in families.FAMILIES.values():
        for values in (default_parameters(family), sample_parameters(family, rng)):
            mesh = family.build(values)
            assert not told(mesh, "parts") and not told(mesh, "units"), family.name


def test_a_ground_plane_is_dropped_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """`check` counts, `convert --drop` mends, and loading the spoilt one warns, also from the cache."""
    path, mended = tmp_path / "scene.glb", tmp_path / "cut_scene.glb"
    write_mesh(concatenate([transformed(SHEET, scale=0.25), box((0.2, 0.2, 0.1), (0, 0.11, 0))]), path)
    assert run("check", str(path)) == 0
    text = capsys.readouterr().out
    assert "parts       2 connected" in text and "part 1 of 2 is flat" in text
    assert run("convert", str(path), "--drop", "1", "--out", str(mended)) == 0
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            load_template(path)
        assert "is flat" in caplog.text and "--drop 1" in caplog.text
    caplog.clear()
    np.testing.assert_allclose(extents(load_template(mended).mesh), [0.2, 0.2, 0.1], atol=1e-6)
    assert not caplog.records
    for words in ("3", "0", "1,2"):
        with pytest.raises(TemplateError, match="has 2 parts"):
            run("convert", str(path), "--drop", words, "--out", str(mended))
    with pytest.raises(SystemExit):
        run("convert", str(path), "--drop", "one", "--out", str(mended))


@pytest.mark.parametrize(
    ("longest", "level", "first"),
    [
        (2.4, "ok", ""),
        (2.6, "note", "0.0254"),
        (4.0, "note", "0.0254"),
        (10, "unusable", "0.01"),
        (90, "unusable", "0.01"),
    ],
)
def test_large_things_are_asked_about(longest: float, level: str, first: str) -> None:
    finding = next(f for f in check_mesh(ball(longest / 2, 12), "mug.obj") if f.topic == "units")
    assert finding.level == level and (not first or f"--scale {first} " in finding.mend)
    assert (level == "ok") == ("inches" not in finding.text)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("sphere:0.2", r"Did you mean ball:0\.2\?"),
        ("Sphere 0.2", r"Did you mean ball:0\.2\?"),
        ("cube", r"Did you mean box\?"),
        ("mug:0.09x0.1", r"Did you mean cup:0\.09x0\.1\?"),
        ("box0.4x0.3", r"Did you mean box:0\.4x0\.3\?"),
        ("bottel:0.07", r"Did you mean bottle:0\.07"),
        ("box:40x30x25", r"in centimetres that is box:0\.4x0\.3x0\.25, .*in millimetres that is box:0\.04x"),
        ("box:400x300x250", r"in millimetres that is box:0\.4x0\.3x0\.25\."),
        ("racket:27", r"in inches that is racket:0\.6858"),
        ("box:width=40,depth=30", r"in centimetres that is box:width=0\.4,depth=0\.3"),
        ("box:40cmx30cm", r"without a unit: box:width=0\.4,height=0\.3\."),
        ("sphere.obj", "No such file"),
        ("mug2.stp", "No such file"),
    ],
)
def test_nearly_a_family(spec: str, said: str) -> None:
    for use in (load_template, lambda text: run("check", text)):
        with pytest.raises(TemplateError, match=said):
            use(spec)

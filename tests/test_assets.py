from pathlib import Path

import pytest

from scorehoi_ros.assets import model_file, model_folders
from scorehoi_ros.errors import InputError


def test_the_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "body_anny.npz").write_bytes(b"mine")
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    assert model_file("body_anny.npz") == tmp_path / "body_anny.npz"


def test_a_workspace_prefix_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "share" / "scorehoi_ros" / "models"
    folder.mkdir(parents=True)
    (folder / "only_here.bin").write_bytes(b"x")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path / 'other'}:{tmp_path}")
    assert model_file("only_here.bin") == folder / "only_here.bin"


def test_the_checkout_has_the_free_body() -> None:
    assert model_file("body_anny.npz").stat().st_size > 1_000_000


def test_missing_file_names_every_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCOREHOI_MODELS", str(tmp_path))
    with pytest.raises(InputError, match="no_such.bin") as caught:
        model_file("no_such.bin")
    assert all(str(folder) in str(caught.value) for folder in model_folders())
    assert "SCOREHOI_MODELS" in str(caught.value)

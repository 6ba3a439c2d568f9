"""`scorehoi train`: what it refuses, what it generates, and a run from shards to weights for a method."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from scorehoi_ros.body.load import free_body
from scorehoi_ros.cli import build_parser
from scorehoi_ros.commands import train as command
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.methods.registry import make_method
from scorehoi_ros.synth import produce
from scorehoi_ros.synth.storage import INDEX
from tests.tiny_networks import tiny_sizes, write_networks
from tests.train_views import write_views

WEIGHTS = ("live", "live-errors", "live-contact", "live-mesh")


def arguments(*words: str) -> argparse.Namespace:
    return build_parser("train").parse_args(["train", "stage1", *words])


@pytest.mark.parametrize(
    "name", ["scenes", "views", "workers", "batch", "later", "validate", "minutes", "lr"]
)
@pytest.mark.parametrize("value", ["0", "-3"])
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"--{name} must be a number above 0. Got {value}"):
        command.run(arguments("--out", str(tmp_path / "out"), f"--{name}", value))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_endless_training_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError, match="--minutes"):
        command.run(arguments("--out", str(tmp_path), "--minutes", value))


def test_unknown_sizes_stages_and_devices_are_refused(tmp_path: Path) -> None:
    for words in (["--size", "huge"], ["--batch", "many"]):
        with pytest.raises(SystemExit) as caught:
            arguments("--out", str(tmp_path), *words)
        assert caught.value.code == 2
    with pytest.raises(InputError, match="device 'tape' cannot be used"):
        command.run(arguments("--out", str(tmp_path), "--device", "tape"))


def test_every_size_can_be_asked_for() -> None:
    """The parser has them without importing the networks."""
    from scorehoi_ros.networks.sizes import SIZES

    assert tuple(SIZES) == command.SIZES


@pytest.mark.parametrize("size", ["live", "paper"])
def test_what_is_missing_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    asked: list[tuple[str, int, int, bool, list[produce.Job]]] = []

    def make(folder: Path, recipe: produce.ShardRecipe, jobs: list[produce.Job], workers: int) -> int:
        asked.append((recipe.split, recipe.views, recipe.size, recipe.pictures, jobs))
        for job in jobs:
            write_views(folder, 0, 2).rename(folder / job.name)
        return len(jobs)

    monkeypatch.setattr(command, "make_shards", make)
    args = arguments("--out", str(tmp_path), "--size", size, "--scenes", "70", "--views", "3")
    command._generate(tmp_path / "train", "train", 70, 3, args)
    command._generate(tmp_path / "train", "train", 70, 3, args)  # there already
    (one,) = asked
    assert one[:4] == ("train", 3, 256 if size == "paper" else 128, size == "paper")
    assert sum(job.count for job in one[4]) == 70
    assert json.loads((tmp_path / "train" / INDEX).read_text())["recipe"]["split"] == "train"
    with pytest.raises(InputError, match="other options"):
        command._generate(tmp_path / "train", "train", 70, 2, args)
    args.data = tmp_path
    command._generate(tmp_path / "train", "train", 70, 2, args)  # named: taken as it is


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Folders that are finished: six views for training, four of them for validation."""
    for split, last in (("train", 6), ("val", 4)):
        (tmp_path / "data" / split).mkdir(parents=True)
        path = write_views(tmp_path / "data" / split, 0, last)
        produce.write_index(path.parent, [produce.Job(path.name, 0, last)], {"split": split})
    return tmp_path / "data"


@pytest.mark.slow
def test_from_shards_to_a_method(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_sizes(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "weights"
    write_networks(out, "geometry")  # finished before
    words = ["--out", str(out), "--data", str(data), "--size", "live", "--minutes", "0.05", "--batch", "4"]
    args = arguments(*words, "--json", str(tmp_path / "told.json"))
    assert command.run(args) == 0
    told = json.loads(capsys.readouterr().out)
    assert (
        told
        == json.loads((tmp_path / "told.json").read_text())
        == json.loads((out / "metrics.json").read_text())
    )
    assert set(told) == set(WEIGHTS)
    assert all(np.isfinite(list(told[name].values())).all() for name in WEIGHTS)
    assert told["live"]["steps"] > 0 and "calibration_theta" in told["live"]
    files = {name: (out / f"{name}.safetensors") for name in WEIGHTS}
    before = {name: path.read_bytes() for name, path in files.items()}
    assert command.run(args) == 0 and json.loads(capsys.readouterr().out) == told
    assert before == {name: path.read_bytes() for name, path in files.items()}
    config = PipelineConfig(method="regress", regress=RegressConfig(size="live", weights=str(out)))
    assert make_method(free_body(), None, config).estimator is not None
    other = tmp_path / "again"
    write_networks(other, "geometry")
    start = ["--out", str(other), "--init", str(files["live"]), "--data", str(data), *words[4:]]
    assert command.run(arguments(*start)) == 0
    found, first = load_file(other / "live.safetensors"), load_file(files["live"])
    assert (found["queries"].float() - first["queries"].float()).abs().max() < 0.01  # drawn anew: 0.08


@pytest.mark.slow
def test_weights_to_start_from_must_be_weights(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_sizes(monkeypatch)
    write_networks(tmp_path, "geometry")
    (tmp_path / "start.safetensors").write_bytes(b"nothing")
    words = ["--data", str(data), "--size", "live", "--init", str(tmp_path / "start.safetensors")]
    with pytest.raises(InputError, match="start.safetensors cannot be read as weights"):
        command.run(arguments("--out", str(tmp_path), *words))

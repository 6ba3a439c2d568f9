"""`scorehoi synth`: same bytes twice, resuming, bad arguments; scenes here are made by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from scorehoi_ros import cli
from scorehoi_ros.errors import OutputError
from scorehoi_ros.synth import produce
from scorehoi_ros.synth.scene import generate
from scorehoi_ros.synth.storage import read_shard
from tests.synth_scenes import scene


@pytest.fixture
def quick(monkeypatch) -> list[int]:
    """Hand-made scenes in small shards; lists the numbers that were generated."""
    asked: list[int] = []

    def made(split, indices, source=None, views=1):
        asked.extend(indices)
        return [replace(scene(k), seed=views * k + v) for k in indices for v in range(views)]

    monkeypatch.setattr(generate, "generate", made)
    monkeypatch.setattr(produce, "SHARD", 3)
    return asked


def run(out: Path, *more: str) -> int:
    return cli.main(["synth", "--split", "test", "--out", str(out), "--size", "96", "--workers", "1", *more])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_twice_gives_identical_bytes(tmp_path: Path, quick: list[int], capsys) -> None:
    results = tmp_path / "results.json"
    assert run(tmp_path / "a", "--count", "5", "--json", str(results)) == 0
    assert run(tmp_path / "b", "--count", "5") == 0
    first, second = contents(tmp_path / "a"), contents(tmp_path / "b")
    names = ["card.json", "card.md", "index.json", "sheet.png", "test-00000.npz", "test-00001.npz"]
    assert sorted(first) == names
    assert first == second
    values = json.loads(results.read_text())
    assert values["made"] == 5 and values["scenes"] == 5 and values["scenes_per_second"] > 0
    assert "5 views in 2 shards" in capsys.readouterr().out


def test_resume_makes_only_what_is_missing_or_damaged(tmp_path: Path, quick: list[int]) -> None:
    out = tmp_path / "a"
    assert run(out, "--count", "8") == 0
    whole = contents(out)
    (out / "test-00001.npz").write_bytes(whole["test-00001.npz"][:2000])
    (out / "test-00002.npz").unlink()
    quick.clear()
    assert run(out, "--count", "8", "--resume") == 0
    assert sorted(quick) == [3, 4, 5, 6, 7]
    assert contents(out) == whole
    quick.clear()
    assert run(out, "--count", "8", "--resume") == 0
    assert quick == [] and contents(out) == whole


def test_further_views_without_pictures(tmp_path: Path, quick: list[int], capsys) -> None:
    out = tmp_path / "a"
    assert run(out, "--count", "4", "--views", "2", "--no-pictures") == 0
    assert "8 views in 2 shards" in capsys.readouterr().out
    shards = [read_shard(out / f"test-0000{k}.npz") for k in range(2)]
    assert [t.seed for s in shards for t in s.truths] == list(range(8))
    assert shards[0].recipe["views"] == 2 and shards[0].recipe["pictures"] is False
    assert shards[0].example(0).rgb is None
    quick.clear()
    assert run(out, "--count", "4", "--views", "2", "--no-pictures", "--resume") == 0
    assert quick == []
    assert run(out, "--count", "3", "--resume") == 0
    assert quick == [0, 1, 2] and not {"views", "pictures"} & set(read_shard(out / "test-00000.npz").recipe)


def test_resume_does_not_keep_shards_of_another_recipe(tmp_path: Path, quick: list[int]) -> None:
    assert run(tmp_path / "a", "--count", "3") == 0
    quick.clear()
    assert run(tmp_path / "a", "--count", "3", "--resume", "--size", "80") == 0
    assert quick == [0, 1, 2]


def test_a_full_disk_is_told_and_leaves_the_finished_shards(
    tmp_path: Path, quick: list[int], monkeypatch, capsys
) -> None:
    real = produce.write_shard

    def sometimes(path, scenes, recipe):
        if path.name == "test-00001.npz":
            raise OutputError(f"cannot write {path}: No space left on device.")
        real(path, scenes, recipe)

    monkeypatch.setattr(produce, "write_shard", sometimes)
    assert run(tmp_path / "a", "--count", "6") == 3
    assert "No space left" in capsys.readouterr().err
    assert sorted(contents(tmp_path / "a")) == ["test-00000.npz"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--count", "0"], "not both 0"),
        (["--count", "-1"], "0 or more"),
        (["--size", "7"], "64 to 1024"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--views", "0"], "--views must be at least 1"),
        (["--poses", "missing.npz"], "missing.npz does not exist"),
        (["--backgrounds", "missing"], "missing does not exist"),
        (["--meshes", "missing"], "missing does not exist"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, options: list[str], said: str, capsys) -> None:
    assert run(tmp_path / "a", *options) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_an_empty_folder_of_backgrounds_is_refused(tmp_path: Path, quick: list[int], capsys) -> None:
    assert run(tmp_path / "a", "--count", "2", "--backgrounds", str(tmp_path)) == 2
    assert "no pictures" in capsys.readouterr().err


@pytest.mark.slow
def test_two_workers_make_what_one_makes(tmp_path: Path) -> None:
    assert run(tmp_path / "a", "--count", "140") == 0
    assert run(tmp_path / "b", "--count", "140", "--workers", "2") == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")

"""Shards come back as they were written, byte for byte the same, and damage is told."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros import files
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.synth import card, produce, storage
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.produce import observed
from scorehoi_ros.synth.storage import read_shard, read_shards, shard_paths, write_shard
from tests.synth_scenes import body, scene, template

SIZE = 96
RECIPE = {"split": "test", "size": SIZE, "job": [0, 3]}


@pytest.fixture(scope="module")
def made() -> list[storage.Scene]:
    return [observed(scene(k), body(), template(), Style(), SIZE) for k in range(3)]


def test_a_scene_comes_back(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    shard = read_shard(tmp_path / "a.npz")
    assert len(shard) == 3 and shard.recipe == RECIPE
    for row, one in enumerate(made):
        back, seen = shard.example(row), one.seen
        assert back.truth.key == one.truth.key
        assert np.array_equal(back.truth.pose, one.truth.pose)
        assert np.array_equal(back.human_mask, seen.human_mask)
        assert np.array_equal(back.object_mask, seen.object_mask)
        assert (back.masks.object is None) == (seen.masks.object is None)
        if seen.masks.object is not None:
            assert np.array_equal(back.masks.object, seen.masks.object)
        assert np.abs(back.landmarks.pixels - seen.landmarks.pixels).max() < 1e-3
        assert np.abs(back.rgb.astype(int) - seen.rgb).mean() < 6
        assert np.array_equal(back.K_crop, seen.view.K)
        assert back.penetration_mm == pytest.approx(one.penetration_mm, rel=1e-6)


def test_without_pictures_a_shard_keeps_the_whole_outlines(tmp_path: Path, made: list[storage.Scene]) -> None:
    plain = [observed(scene(k), body(), template(), None, SIZE) for k in range(3)]
    write_shard(tmp_path / "a.npz", plain, RECIPE)
    for row, one in enumerate(made):
        back, seen = read_shard(tmp_path / "a.npz").example(row), one.seen
        assert back.rgb is None
        assert np.array_equal(back.human_mask, seen.human_mask)
        assert np.array_equal(back.masks.object, seen.masks.object)
        assert np.abs(back.landmarks.pixels - seen.landmarks.pixels).max() < 1e-3
        assert np.array_equal(back.human_whole, seen.human_whole)
        assert np.array_equal(back.object_whole, seen.object_whole)
        assert (back.human_whole | back.object_whole == back.human_mask | back.object_mask).all()
        assert back.human_whole.sum() > back.human_mask.sum()  # the box is before the belly
        shown = card.outlines(back)
        assert (shown[back.object_mask] == card.OBJECT_RGB).all() and shown[0, 0].sum() == 0
    assert card.write_sheet(tmp_path / "sheet.png", [tmp_path / "a.npz"]) == 3


def test_equal_scenes_give_equal_bytes(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    again = [observed(scene(k), body(), template(), Style(), SIZE) for k in range(3)]
    write_shard(tmp_path / "b.npz", again, RECIPE)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_nothing_in_a_shard_is_pickled(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype != object for name in archive.files)


def test_a_truncated_shard_is_refused(tmp_path: Path, made: list[storage.Scene]) -> None:
    path = tmp_path / "a.npz"
    write_shard(path, made, RECIPE)
    whole = path.read_bytes()
    for part in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:part])
        with pytest.raises(InputError, match="damaged or cut short"):
            read_shard(path)
    changed = bytearray(whole)
    changed[len(whole) // 3] ^= 0xFF
    path.write_bytes(bytes(changed))
    with pytest.raises(InputError):
        shard = read_shard(path)
        [shard.example(k) for k in range(3)]
    with pytest.raises(InputError, match="cannot be read"):
        read_shard(tmp_path / "none.npz")


def test_another_version_is_named(tmp_path: Path, monkeypatch, made: list[storage.Scene]) -> None:
    monkeypatch.setattr(storage, "FORMAT", "scorehoi-synth-9")
    write_shard(tmp_path / "a.npz", made, RECIPE)
    monkeypatch.undo()
    with pytest.raises(InputError, match="scorehoi-synth-9.*scorehoi-synth-1"):
        read_shard(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.txt", "hello")
    with pytest.raises(InputError, match="it has no 'format'"):
        read_shard(tmp_path / "b.npz")


def test_bad_shards_are_skipped_and_counted(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    (tmp_path / "b.npz").write_bytes(b"PK")
    skipped: list[str] = []
    shards = list(read_shards([tmp_path / "b.npz", tmp_path / "a.npz"], skipped=skipped))
    assert len(shards) == 1 and len(skipped) == 1 and "b.npz" in skipped[0]


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch, made: list[storage.Scene]) -> None:
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OutputError, match="No space left"):
        write_shard(tmp_path / "a.npz", made, RECIPE)
    assert list(tmp_path.iterdir()) == []


def test_the_index_lists_the_shards(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    assert produce.write_index(tmp_path, [produce.Job("a.npz", 0, 3)], RECIPE) == 3
    assert shard_paths(tmp_path) == [tmp_path / "a.npz"]
    files.write_json(tmp_path / "index.json", {"format": "scorehoi-synth-9", "shards": []})
    with pytest.raises(InputError, match="scorehoi-synth-9"):
        shard_paths(tmp_path)
    (tmp_path / "index.json").write_text("[")
    with pytest.raises(InputError, match="no usable"):
        shard_paths(tmp_path)


def test_shards_of_an_unfinished_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shard"):
        storage.finished_shards(tmp_path)
    for name in ("b.npz", "a.npz", ".c-123.npz", "sheet.png"):
        (tmp_path / name).write_bytes(b"")
    assert storage.finished_shards(tmp_path) == [tmp_path / "a.npz", tmp_path / "b.npz"]


def test_names_in_an_index_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    rows = [{"file": "../../etc/passwd", "count": 1}]
    files.write_json(tmp_path / "index.json", {"format": storage.FORMAT, "shards": rows})
    assert shard_paths(tmp_path) == [tmp_path / "passwd"]


def test_the_card_counts_what_is_there(tmp_path: Path, made: list[storage.Scene]) -> None:
    write_shard(tmp_path / "a.npz", made, RECIPE)
    figures = card.collect([tmp_path / "a.npz"])
    values = card.write_card(tmp_path, RECIPE, figures)
    assert values["scenes"] == 3 and values["objects"] == {"box": 3}
    assert values["interactions"]["carry_two_hands"] == 2 and values["interactions"]["hug"] == 0
    assert values["contact_share"] == 1.0
    tokens = values["histograms"]["human tokens in contact"]
    assert tokens["counts"][tokens["edges"].index(20)] == 2 and sum(tokens["counts"]) == 3
    assert values["penetration_mm_p95"] == pytest.approx(
        np.percentile([m.penetration_mm for m in made], 95), abs=0.01
    )
    assert json.loads((tmp_path / "card.json").read_text())["scenes"] == 3
    text = (tmp_path / "card.md").read_text()
    assert "carry_two_hands" in text and "Field of view" in text
    assert card.write_sheet(tmp_path / "sheet.png", [tmp_path / "a.npz"]) == 3


def test_histograms_keep_what_lies_outside() -> None:
    h = card.histogram([-5, 0, 1, 99], [0, 1, 2])
    assert h["counts"] == [2, 2]


def test_camera_figures() -> None:
    truth = scene()
    assert card.tilt_deg(truth) == pytest.approx(0.0)
    assert card.fov_deg(truth) == pytest.approx(np.degrees(2 * np.arctan(120 / 420)))


def test_penetration_is_the_deepest_vertex() -> None:
    deep = observed(scene(0, ahead=0.0), body(), template(), Style(), SIZE)
    clear = observed(scene(0, ahead=1.0), body(), template(), Style(), SIZE)
    assert deep.penetration_mm > 60 and clear.penetration_mm == 0.0


def test_jobs_cover_all_scenes_once() -> None:
    n = produce.SHARD
    jobs = produce.plan("val", 2 * n + 22, 2)
    assert [(j.first, j.count) for j in jobs] == [(0, n), (n, n), (2 * n, 22), (0, 0), (1, 0)]
    assert len({j.name for j in jobs}) == 5

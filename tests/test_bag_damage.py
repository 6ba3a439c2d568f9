"""Damaged bags: what is whole of them is used, the rest is told."""

import argparse
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from mcap.writer import CompressionType

from scorehoi_ros.commands import label as command
from scorehoi_ros.errors import InputError
from scorehoi_ros.io.bags.topics import find_image_topic
from tests.bag_files import EACH, cut, outcome, pictures, splits, spoil, storage_file, write_bag, write_mcap
from tests.fake_pipeline import FakePipeline
from tests.test_video_pictures import BT601, LIMITED
from tests.test_video_pictures import write as write_video


@pytest.mark.parametrize("name", ["/de\0\0h", "/cam\u2028x", "/x" * 3000])
def test_topics_with_damaged_names_are_listed_in_plain_letters(name: str) -> None:
    kinds = {name: "sensor_msgs/msg/Image", "/cam/image_raw": "sensor_msgs/msg/Image"}
    with pytest.raises(InputError, match="several image topics") as caught:
        find_image_topic("", kinds, dict.fromkeys(kinds, 4))
    assert str(caught.value).isprintable() and "/cam/image_raw (4)" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("fault", ["empty", "missing", "zeros"])
def test_a_file_of_a_bag_that_is_lost_hides_none_of_the_others(
    tmp_path: Path, storage: str, which: int, fault: str
) -> None:
    files = splits(tmp_path, storage)
    if fault == "missing":
        files[which].unlink()
    else:
        files[which].write_bytes(b"" if fault == "empty" else bytes(5000))
    numbers, lost = outcome(tmp_path)
    assert numbers == [i for i in range(3 * EACH) if i // EACH != which]
    assert files[which].name in lost
    assert {"empty": "0 bytes", "missing": "missing", "zeros": "not a readable bag"}[fault] in lost


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("metadata", [True, False])
def test_a_file_in_the_middle_that_was_cut(tmp_path: Path, storage: str, metadata: bool) -> None:
    files = splits(tmp_path, storage)
    cut(files[1], 0.7)
    if not metadata:
        (tmp_path / "metadata.yaml").unlink()
    numbers, lost = outcome(tmp_path)
    assert [*range(EACH + 2)] == numbers[: EACH + 2]
    assert numbers[-EACH:] == [*range(2 * EACH, 3 * EACH)]
    assert len(numbers) < 3 * EACH and files[1].name in lost


@pytest.mark.parametrize("compression", list(CompressionType))
@pytest.mark.parametrize("chunk_size", [1 << 24, 12_000])
def test_whole_messages_of_a_chunk_that_was_cut(
    tmp_path: Path, compression: CompressionType, chunk_size: int
) -> None:
    # Noise of one chunk; compressors keep it in blocks of up to 256 KiB, which are whole or not.
    count = 40
    file = write_mcap(tmp_path / "x.mcap", pictures(0, count, (150, 200)), compression, chunk_size)
    cut(file, 0.8)
    numbers, lost = outcome(file)
    assert numbers == [*range(len(numbers))]
    assert 28 <= len(numbers) <= 32
    assert "x.mcap" in lost


@pytest.mark.parametrize("compression", list(CompressionType))
@pytest.mark.parametrize("index", [True, False])
def test_a_spoilt_chunk_in_the_middle(tmp_path: Path, compression: CompressionType, index: bool) -> None:
    file = write_mcap(tmp_path / "x.mcap", pictures(0, 20), compression, 12_000)
    spoil(file, 0.5)
    if not index:
        with file.open("r+b") as stream:
            stream.truncate(file.stat().st_size - 40)
    numbers, lost = outcome(file)
    assert 15 <= len(numbers) < 20 and numbers == sorted(set(numbers))
    assert {0, 1, 2, 19} <= set(numbers)
    assert "x.mcap" in lost


def test_the_first_chunk_is_spoilt_but_the_index_knows_the_topics(tmp_path: Path) -> None:
    file = write_mcap(tmp_path / "x.mcap", pictures(0, 20), chunk_size=12_000)
    spoil(file, 0.02)
    numbers, lost = outcome(file)
    assert 15 <= len(numbers) < 20 and numbers[-1] == 19 and lost


def test_pages_of_a_database_are_spoilt(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", pictures(0, 200, (8, 8)), "sqlite3")
    file = storage_file(folder)
    content = bytearray(file.read_bytes())
    half = len(content) // 2 // 4096 * 4096
    content[half : half + 2 * 4096] = b"\xff" * 2 * 4096
    file.write_bytes(content)
    numbers, lost = outcome(folder)
    assert numbers == sorted(set(numbers)) and 150 < len(numbers) < 200
    assert numbers[-1] == 199 and file.name in lost


def test_what_a_killed_recorder_left_in_its_log(tmp_path: Path) -> None:
    file = storage_file(write_bag(tmp_path / "bag", pictures(0), "sqlite3"))
    base = sqlite3.connect(file)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA wal_autocheckpoint = 0")
    base.execute("DELETE FROM messages WHERE rowid <= 2")
    base.commit()
    killed = tmp_path / "killed"
    killed.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(file.with_name(file.name + ending), killed / (file.name + ending))
    base.close()
    before = {f.name: f.read_bytes() for f in killed.iterdir()}
    assert outcome(killed) == ([2, 3, 4, 5], "")
    assert {f.name: f.read_bytes() for f in killed.iterdir()} == before


@pytest.mark.parametrize("which", ["bag", "video"])
def test_a_damaged_input_is_labelled_in_part(tmp_path: Path, which: str, capsys: Any) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    path = tmp_path / "in"
    if which == "bag":
        path.mkdir()
        cut(splits(path)[1], 0.7)
    else:
        path = path.with_suffix(".mkv")
        write_video(path, (320, 240), BT601, LIMITED, True, count=30)
        cut(path, 0.7)
    args = parser.parse_args([str(path), "--out", str(tmp_path / "out"), "--no-overlay"])
    with pytest.raises(InputError, match=rf"{path.name} is labelled in part. .*(damaged|incomplete)"):
        command.run_with(args, FakePipeline, lambda rgb, *_: rgb)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert len(summary["losses"]) == 1 and summary["losses"][0] == summary["frames"][-1]["message"]
    whole = summary["frames_out"] - 1
    assert whole >= 2 and len(list((tmp_path / "out" / "frames").glob("*.npz"))) == whole + 1
    assert "BAD_INPUT 1" in capsys.readouterr().out and (tmp_path / "out" / "labels.mcap").exists()

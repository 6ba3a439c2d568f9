"""Bags that are not as their recorder meant them: damaged, packed, with wrong metadata, or of something else."""

import gzip
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
import pytest
import zstandard
from mcap.reader import make_reader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame
from tests.bag_files import START_NS, STEP_NS, STORE, image, storage_file, write_bag, write_mcap

TOPIC = "/cam/image_raw"
EACH = 6
"""Images in a file of a bag."""


def pictures(first: int, count: int = EACH, size: tuple[int, int] = (30, 40)) -> list[tuple[str, Any, int]]:
    rng = np.random.default_rng(first)
    times = [START_NS + i * STEP_NS for i in range(first, first + count)]
    return [(TOPIC, image(t, rng.integers(0, 255, (*size, 3), np.uint8)), t) for t in times]


def splits(folder: Path, storage: str = "mcap") -> list[Path]:
    """A bag of three files, with a metadata.yaml that lists them."""
    files = []
    for number in range(3):
        part = write_bag(folder / f"part{number}", pictures(number * EACH), storage)
        file = storage_file(part)
        files.append(file.rename(folder / f"bag_{number}{file.suffix}"))
    metadata = (folder / "part0" / "metadata.yaml").read_text()
    names = "\n".join(f"  - {file.name}" for file in files)
    listed = metadata.replace(f"  - part0{files[0].suffix}", names)
    assert listed != metadata
    (folder / "metadata.yaml").write_text(listed)
    for number in range(3):
        shutil.rmtree(folder / f"part{number}")
    return files


def outcome(path: Path) -> tuple[list[int], str]:
    """Numbers of the whole frames, and what is said to be lost."""
    frames = list(open_source(path).frames())
    lost = [f.reason for f in frames if isinstance(f, BadFrame) and f.is_loss]
    assert len(lost) + sum(isinstance(f, Frame) for f in frames) == len(frames)
    numbers = [(f.stamp_ns - START_NS) // STEP_NS for f in frames if isinstance(f, Frame)]
    return numbers, lost[0] if lost else ""


def cut(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def spoil(file: Path, share: float, length: int = 64) -> None:
    content = bytearray(file.read_bytes())
    start = int(len(content) * share)
    content[start : start + length] = bytes(b ^ 0x5A for b in content[start : start + length])
    file.write_bytes(content)


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


def packed(file: Path, suffix: str = ".zstd") -> Path:
    target = file.with_name(file.name + suffix)
    target.write_bytes(zstandard.ZstdCompressor().compress(file.read_bytes()))
    file.unlink()
    return target


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("form", ["folder", "no metadata", "file", "no suffix", "short suffix"])
def test_files_packed_by_zstd(tmp_path: Path, storage: str, form: str) -> None:
    files = splits(tmp_path, storage)
    there = [packed(file, ".zst" if form == "short suffix" else ".zstd") for file in files]
    if form in ("no metadata", "short suffix"):
        (tmp_path / "metadata.yaml").unlink()
    if form == "no suffix":
        there = [file.rename(file.with_suffix("")) for file in there]
    first = [*range(EACH)]
    if form in ("file", "no suffix"):
        assert outcome(there[0]) == (first, "")
    else:
        assert outcome(tmp_path) == ([*range(3 * EACH)], "")
    cut(there[0], 0.5)
    numbers, lost = outcome(there[0] if form in ("file", "no suffix") else tmp_path)
    assert numbers[:2] == first[:2] and "bag_0" in lost


@pytest.mark.parametrize("metadata", [True, False])
def test_messages_packed_by_zstd(tmp_path: Path, metadata: bool) -> None:
    folder = write_bag(tmp_path / "bag", pictures(0), "sqlite3")
    with sqlite3.connect(storage_file(folder)) as base:
        for number, data in base.execute("SELECT id, data FROM messages").fetchall():
            small = zstandard.ZstdCompressor().compress(data)
            base.execute("UPDATE messages SET data = ? WHERE id = ?", (small, number))
    base.close()
    yaml = folder / "metadata.yaml"
    text = yaml.read_text().replace("compression_format: ''", "compression_format: zstd")
    yaml.write_text(text.replace("compression_mode: ''", "compression_mode: MESSAGE"))
    if not metadata:
        yaml.unlink()
    assert outcome(folder) == ([*range(EACH)], "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("message_count: 6", "message_count: 0"),
        ("  - bag_1.mcap\n", ""),
        ("  - bag_1.mcap\n  - bag_2.mcap\n", ""),
        ("storage_identifier: mcap", "storage_identifier: sqlite3"),
        ("version: 9", "version: 12"),
        ("rosbag2_bagfile_information", "something"),
        ("  - bag_0.mcap\n", "  - /home/me/bag/bag_0.mcap\n"),
    ],
)
def test_metadata_that_does_not_tell_the_truth(tmp_path: Path, old: str, new: str) -> None:
    splits(tmp_path)
    yaml = tmp_path / "metadata.yaml"
    assert old in yaml.read_text()
    yaml.write_text(yaml.read_text().replace(old, new))
    assert outcome(tmp_path) == ([*range(3 * EACH)], "")


def test_a_copy_in_another_format_is_not_read_twice(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", pictures(0), "mcap")
    copy = storage_file(write_bag(tmp_path / "other", pictures(0), "sqlite3"))
    copy.rename(folder / "bag.db3")
    assert outcome(folder) == ([*range(EACH)], "")
    (folder / "bag.mcap.zstd").write_bytes(b"a packed copy that nobody has to open")
    assert outcome(folder) == ([*range(EACH)], "")


@pytest.mark.parametrize("profile", ["", "ros2", "other"])
def test_ros2_messages_in_an_mcap_of_any_profile_are_whole(tmp_path: Path, profile: str) -> None:
    file = write_mcap(tmp_path / "x.mcap", pictures(0), profile=profile)
    assert outcome(file) == ([*range(EACH)], "")


@pytest.mark.parametrize(
    ("encoding", "schema", "words"),
    [
        ("ros1", "sensor_msgs/Image", r"sensor_msgs/Image in ros1.*rosbags-convert --src"),
        (
            "protobuf",
            "foxglove.CompressedImage",
            r"foxglove.CompressedImage in protobuf.*export the pictures",
        ),
        ("json", "Image", r"Image in json.*Record the topics in ROS 2"),
        ("flatbuffer", "", r"no schema in flatbuffer"),
    ],
)
@pytest.mark.parametrize("profile", ["", "ros1", "ros2"])
def test_an_mcap_of_something_else_is_named(
    tmp_path: Path, encoding: str, schema: str, words: str, profile: str
) -> None:
    file = tmp_path / "x.mcap"
    with file.open("wb") as stream:
        writer = McapWriter(stream)
        writer.start(profile=profile)
        number = writer.register_schema(schema, encoding, b"") if schema else 0
        channel = writer.register_channel("/cam", encoding, number)
        writer.add_message(channel, START_NS, b"\x08\x01" * 50, START_NS)
        writer.finish()
    with pytest.raises(InputError, match=words):
        open_source(file)
    cut(file, 0.6)
    with pytest.raises(InputError, match="bag"):
        open_source(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#ROSBAG V2.0\n" + bytes(100), "ROS 1 bag.*rosbags-convert"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (gzip.compress(b"hello" * 100), "gunzip"),
        (lz4.frame.compress(b"hello" * 100), "lz4 -d"),
        (b"PK\x03\x04" + bytes(50), "zip"),
        (zstandard.ZstdCompressor().compress(b"hello" * 100), "not a readable bag"),
        (zstandard.ZstdCompressor().compress(b""), "empty"),
    ],
)
@pytest.mark.parametrize("name", ["x.mcap", "x.db3", "x.db3.zstd"])
def test_files_that_only_look_like_a_bag_are_named(
    tmp_path: Path, content: bytes, words: str, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        open_source(tmp_path / name)


def test_the_helper_writes_what_other_libraries_read(tmp_path: Path) -> None:
    file = write_mcap(tmp_path / "x.mcap", pictures(0), CompressionType.LZ4, 5_000)
    with file.open("rb") as stream:
        found = [STORE.deserialize_cdr(m.data, s.name) for s, _, m in make_reader(stream).iter_messages()]
    assert len(found) == EACH and all(m.width == 40 for m in found)

"""Files of bags: packed ones, metadata that is wrong, and what is no bag of ROS 2."""

import gzip
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from mcap.reader import make_reader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter

from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.source import open_source
from tests.bag_files import (
    EACH,
    START_NS,
    STORE,
    cut,
    outcome,
    pictures,
    splits,
    spoil,
    storage_file,
    write_bag,
    write_mcap,
)  # fmt: skip


def packed(file: Path, suffix: str = ".zstd") -> Path:
    target = file.with_name(file.name + suffix)
    target.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(file.read_bytes()))
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


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("fault", [cut, spoil])
def test_a_damaged_packed_file(tmp_path: Path, storage: str, fault: Callable[[Path, float], None]) -> None:
    file = packed(storage_file(write_bag(tmp_path / "bag", pictures(0, 20, (120, 160)), storage)))
    fault(file, 0.5)
    numbers, lost = outcome(tmp_path / "bag")
    assert numbers == [*range(len(numbers))] and "bag" in lost
    # Noise is stored as it is, so that only the checksum at the end tells of a spoilt byte.
    assert 6 <= len(numbers) <= 10 if fault is cut else len(numbers) > 15


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


def test_a_packed_message_that_claims_too_much_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorehoi_ros.io.bags.storage.MOST_BYTES", 100)
    folder = write_bag(tmp_path / "bag", pictures(0), "sqlite3")
    packers = {1: zstandard.ZstdCompressor(), 2: zstandard.ZstdCompressor(write_content_size=False)}
    with sqlite3.connect(storage_file(folder)) as base:
        for number, packer in packers.items():
            # Whole images: but for their size they could be read.
            (data,) = base.execute("SELECT data FROM messages WHERE id = ?", (number,)).fetchone()
            bomb = packer.compress(data)
            base.execute("UPDATE messages SET data = ? WHERE id = ?", (bomb, number))
    base.close()
    frames = list(open_source(folder).frames())
    assert [isinstance(f, BadFrame) for f in frames] == [True, True] + [False] * (EACH - 2)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("whole", [True, False])
def test_any_letters_in_the_path(tmp_path: Path, storage: str, whole: bool) -> None:
    bag = write_bag(tmp_path / "bag", pictures(0, 20, (120, 160)), storage)
    folder = bag.rename(tmp_path / "take#2 a?b 50%20")
    if not whole:
        cut(storage_file(folder), 0.6)
    numbers, lost = outcome(folder)
    assert numbers == [*range(len(numbers))] and bool(lost) != whole
    assert len(numbers) == 20 if whole else 10 <= len(numbers) < 20


def test_metadata_that_is_nested_without_end(tmp_path: Path) -> None:
    splits(tmp_path)
    (tmp_path / "metadata.yaml").write_text("[" * 3000)
    assert outcome(tmp_path) == ([*range(3 * EACH)], "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("message_count: 6", "message_count: 0"),
        ("  - bag_1.mcap\n", ""),
        ("  - bag_1.mcap\n  - bag_2.mcap\n", ""),
        ("storage_identifier: mcap", "storage_identifier: sqlite3"),
        ("version: 9", "version: 12"),
        ("rosbag2_bagfile_information", "something"),
        ("  - bag_0.mcap\n", "  - older/bag_0.mcap\n"),
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
        ("flatbuffer", "", r"without a schema, in flatbuffer"),
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
    with pytest.raises(InputError, match=r"bag|ROS 2"):
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
        (zstandard.ZstdCompressor().compress(b""), "nothing in it can be unpacked"),
        (zstandard.ZstdCompressor().compress(b"hello" * 100)[:9], "cut short"),
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
        found: list[Any] = [
            STORE.deserialize_cdr(m.data, s.name) for s, _, m in make_reader(stream).iter_messages()
        ]
    assert len(found) == EACH and all(m.width == 40 for m in found)


@pytest.mark.parametrize(
    "kind", ["foxglove_msgs/msg/CompressedVideo", "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"]
)
def test_streams_of_video_are_named(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x.mcap"
    with file.open("wb") as stream:
        writer = McapWriter(stream)
        writer.start(profile="ros2")
        channel = writer.register_channel("/cam/video", "cdr", writer.register_schema(kind, "ros2msg", b""))
        writer.add_message(channel, START_NS, bytes(50), START_NS)
        writer.finish()
    with pytest.raises(InputError, match=r"Video streams are not read: republish /cam/video as images"):
        open_source(file)

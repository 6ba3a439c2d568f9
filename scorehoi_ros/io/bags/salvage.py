"""What is whole of a damaged bag file, read record by record."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from scorehoi_ros.errors import InputError

CDR = "cdr"
"""Encoding of ROS 2 messages."""
SCHEMALESS = "__schemaless__"
"""What `rosbags` calls the type of a channel that has none."""
GIVE_UP = 1000
"""Lost rows in a row after which the rest of an sqlite3 file is taken for lost."""


@dataclass(frozen=True)
class RawMessage:
    """One serialised message: CDR, unless the name of its type says otherwise (`type_label`)."""

    topic: str
    type_name: str
    log_ns: int
    data: bytes


class BagDamageError(InputError):
    """Some of the bag cannot be read."""


def type_label(name: str, encoding: str) -> str:
    """Name of a message type, with its encoding where that is not the one of ROS 2."""
    if encoding in ("", CDR):
        return name
    return f"{name} in {encoding}" if name and name != SCHEMALESS else f"without a schema, in {encoding}"


def whole_messages(path: Path) -> Iterator[RawMessage]:
    """Every whole message of an .mcap or .db3 file in the order of the file.

    Then raises BagDamageError when something was lost.
    """
    return _mcap_messages(path) if path.suffix == ".mcap" else _sqlite_messages(path)


def words_of(error: Exception) -> str:
    """What an exception of a reader says."""
    return f"{error}".strip().rstrip(".") or type(error).__name__


@dataclass
class _Mcap:
    """Schemas and channels known so far, and what was lost."""

    schemas: dict[int, str] = field(default_factory=dict)
    channels: dict[int, Any] = field(default_factory=dict)
    damage: str = ""

    def messages(self, records: Iterator[Any]) -> Iterator[RawMessage]:
        """Messages among records; those of unknown channels are lost."""
        from mcap.records import Channel, Message, Schema

        for record in records:
            if isinstance(record, Schema):
                self.schemas[record.id] = record.name
            elif isinstance(record, Channel):
                self.channels[record.id] = record
            elif isinstance(record, Message):
                channel = self.channels.get(record.channel_id)
                if channel is None:
                    self.damage = self.damage or "the description of a topic is lost"
                    continue
                name = type_label(self.schemas.get(channel.schema_id, ""), channel.message_encoding)
                yield RawMessage(channel.topic, name, record.log_time, record.data)

    def of_chunk(self, chunk: Any) -> Iterator[RawMessage]:
        """Messages of a chunk in order of time; none of a damaged one."""
        from mcap.records import Message
        from mcap.stream_reader import breakup_chunk

        try:
            records = breakup_chunk(chunk, validate_crc=True)
        except Exception as error:  # decompressors meet untrusted bytes
            self.damage = self.damage or words_of(error)
            return
        order = sorted(records, key=lambda r: r.log_time if isinstance(r, Message) else -1)
        yield from self.messages(iter(order))


def _mcap_messages(path: Path) -> Iterator[RawMessage]:
    known = _Mcap()
    with path.open("rb") as file:
        summary = _summary(file)
        if summary is not None:
            known.schemas = {i: schema.name for i, schema in summary.schemas.items()}
            known.channels = dict(summary.channels)
        if summary is not None and summary.chunk_indexes:
            yield from _indexed(file, sorted(c.chunk_start_offset for c in summary.chunk_indexes), known)
        else:
            yield from _in_sequence(file, path.stat().st_size, known)
    if known.damage:
        raise BagDamageError(f"{path.name} is damaged or incomplete: {known.damage}.")


def _summary(file: BinaryIO) -> Any | None:
    from mcap.reader import SeekingReader

    try:
        return SeekingReader(file).get_summary()
    except Exception:  # no end, or a damaged one
        return None


def _indexed(file: BinaryIO, offsets: list[int], known: _Mcap) -> Iterator[RawMessage]:
    """Messages of the chunks at these places; a damaged one hides none of the others."""
    from mcap.records import Chunk
    from mcap.stream_reader import StreamReader

    for offset in offsets:
        file.seek(offset)
        try:
            chunk = next(iter(StreamReader(file, skip_magic=True, emit_chunks=True).records))
        except Exception as error:
            known.damage = known.damage or words_of(error)
            continue
        if isinstance(chunk, Chunk):
            yield from known.of_chunk(chunk)
        else:
            known.damage = known.damage or "the index points to no chunk"


def _in_sequence(file: BinaryIO, size: int, known: _Mcap) -> Iterator[RawMessage]:
    """Messages up to the damage, also those in a chunk that was not finished."""
    from mcap.records import Chunk
    from mcap.stream_reader import StreamReader

    file.seek(0)
    end = 0
    try:
        for record in StreamReader(file, emit_chunks=True, record_size_limit=size).records:
            end = file.tell()
            yield from known.of_chunk(record) if isinstance(record, Chunk) else known.messages(iter([record]))
    except Exception as error:
        known.damage = words_of(error)
    if known.damage and end:
        yield from known.messages(_unfinished(file, end))


def _unfinished(file: BinaryIO, start: int) -> Iterator[Any]:
    """Whole records of the chunk that starts here and is cut off."""
    from mcap.stream_reader import StreamReader

    try:
        yield from StreamReader(BytesIO(_cut_chunk(file, start)), skip_magic=True).records
    except Exception:  # where it was cut; that it was is known
        return


def _cut_chunk(file: BinaryIO, start: int) -> bytes:
    """The records in a chunk whose end is missing, as far as they can be decompressed."""
    import lz4.frame
    import zstandard
    from mcap.data_stream import ReadDataStream
    from mcap.opcode import Opcode

    file.seek(start)
    stream = ReadDataStream(file)
    if stream.read1() != Opcode.CHUNK:
        return b""
    stream.read(8 + 8 + 8 + 8 + 4)  # length of the record, first and last time, size, checksum
    compression = stream.read_prefixed_string()
    stream.read8()
    rest = file.read()
    if compression == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(rest)
    return bytes(lz4.frame.LZ4FrameDecompressor().decompress(rest)) if compression == "lz4" else rest


def _sqlite_messages(path: Path) -> Iterator[RawMessage]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as base:
        # SQLite refuses a file shorter than its header says unless the schema is writable; we write nothing.
        base.execute("PRAGMA writable_schema = ON")
        found = base.execute("SELECT id, name, type, serialization_format FROM topics")
        topics = {row[0]: (row[1], type_label(row[2], row[3])) for row in found}
        last, damage = 0, ""
        try:
            # By row number, which is the order of recording: needs no index, whose pages may be lost.
            for row in base.execute(f"{_ROWS} NOT INDEXED ORDER BY rowid"):
                last = row[0]
                yield from _message(topics, row)
        except sqlite3.Error as error:
            damage = words_of(error)
        if damage:
            for row in _rows_after(base, last):
                yield from _message(topics, row)
            raise BagDamageError(f"{path.name} is damaged or incomplete: {damage}.")


_ROWS = "SELECT rowid, topic_id, timestamp, data FROM messages"


def _rows_after(base: sqlite3.Connection, last: int) -> Iterator[tuple[Any, ...]]:
    """Rows beyond a damaged page, one by one."""
    missed, number = 0, last
    while missed < GIVE_UP:
        number += 1
        try:
            row = base.execute(f"{_ROWS} WHERE rowid = ?", (number,)).fetchone()
        except sqlite3.Error:
            row = None
        missed = missed + 1 if row is None else 0
        if row is not None:
            yield row


def _message(topics: dict[int, tuple[str, str]], row: tuple[Any, ...]) -> Iterator[RawMessage]:
    if row[1] in topics and isinstance(row[3], bytes):
        yield RawMessage(*topics[row[1]], int(row[2]), row[3])

"""Raw messages of a rosbag2 recording, whole or damaged, without ROS.

Intact files are read through `rosbags`.  A file without its end (the recorder died, the disk was full) has no
index; it is then read from its start, record by record, until the damage.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.images import natural_key

BAG_SUFFIXES = (".mcap", ".db3")
Types = dict[str, str]
"""Topic name -> message type."""


@dataclass(frozen=True)
class RawMessage:
    """One serialised (CDR) message."""

    topic: str
    type_name: str
    log_ns: int
    data: bytes


@dataclass(frozen=True)
class Storage:
    """The readable part of one bag."""

    types: Types
    counts: dict[str, int]
    """Messages for each topic."""
    read: Callable[[frozenset[str]], Iterator[RawMessage]]
    """Messages of some topics in recorded order; raises BagDamageError where the bag is damaged."""
    latched: frozenset[str] = frozenset()
    """Topics whose publishers offered transient local durability, as far as an intact bag tells."""


class BagDamageError(InputError):
    """The bag cannot be read beyond some point."""


def open_storage(path: Path) -> Storage:
    """Storage of a rosbag2 folder or a bare .mcap or .db3 file.

    A missing or broken metadata.yaml is no hindrance.  Raises InputError when nothing of it can be read.
    """
    if path.is_dir() and (path / "metadata.yaml").exists():
        try:
            return _intact(path)
        except BagDamageError:
            pass
    files = [path] if path.is_file() else list_storage_files(path)
    if not files:
        raise InputError(
            f"{path} holds no readable bag: no .mcap or .db3 file. A compressed bag needs its metadata.yaml."
        )
    return _joined([_open_file(file) for file in files])


def list_storage_files(folder: Path) -> list[Path]:
    """The .mcap or .db3 files of a bag folder in recorded order."""
    return sorted((f for f in folder.iterdir() if f.suffix in BAG_SUFFIXES and f.is_file()), key=natural_key)


def _open_file(path: Path) -> Storage:
    try:
        return _intact(path)
    except BagDamageError as error:
        salvage = _mcap_records if path.suffix == ".mcap" else _sqlite_records
        return _salvaged(path, salvage, error)


def _intact(path: Path) -> Storage:
    from rosbags.rosbag2 import Reader

    # The parser meets untrusted bytes: any exception of its own means a damaged bag.
    try:
        with Reader(path) as reader:
            types = {c.topic: c.msgtype for c in reader.connections}
            counts = {topic: info.msgcount for topic, info in reader.topics.items()}
            latched = frozenset(c.topic for c in reader.connections if _is_latched(c))
    except Exception as error:
        raise BagDamageError(f"{path.name}: {_words(error)}") from error

    def read(topics: frozenset[str]) -> Iterator[RawMessage]:
        try:
            with Reader(path) as reader:
                wanted = [c for c in reader.connections if c.topic in topics]
                for connection, log_ns, data in reader.messages(wanted) if wanted else ():
                    yield RawMessage(connection.topic, connection.msgtype, log_ns, bytes(data))
        except GeneratorExit:
            raise
        except Exception as error:
            raise BagDamageError(f"{path.name} is damaged: {_words(error)}") from error

    return Storage(types, counts, read, latched)


def _is_latched(connection: Any) -> bool:
    offers = getattr(connection.ext, "offered_qos_profiles", ())
    return any(offer.durability.name == "TRANSIENT_LOCAL" for offer in offers)


def _salvaged(path: Path, records: Callable[[Path], Iterator[RawMessage]], reason: BagDamageError) -> Storage:
    types: Types = {}
    counts: dict[str, int] = {}
    try:
        for message in records(path):
            types[message.topic] = message.type_name
            counts[message.topic] = counts.get(message.topic, 0) + 1
    except Exception as error:
        if not types:
            raise InputError(
                f"{path} is not a readable bag: {_words(error)}. "
                "Expected a rosbag2 recording (MCAP or sqlite3)."
            ) from error

    def read(topics: frozenset[str]) -> Iterator[RawMessage]:
        try:
            yield from (message for message in records(path) if message.topic in topics)
        except GeneratorExit:
            raise
        except Exception as error:
            raise BagDamageError(f"{path.name} is damaged: {_words(error)}") from error
        raise BagDamageError(f"{path.name} is incomplete: {reason}")

    return Storage(types, counts, read)


def _mcap_records(path: Path) -> Iterator[RawMessage]:
    from mcap.records import Channel, Message, Schema
    from mcap.stream_reader import StreamReader

    schemas: dict[int, str] = {}
    channels: dict[int, Any] = {}
    with path.open("rb") as file:
        for record in StreamReader(file, record_size_limit=path.stat().st_size).records:
            if isinstance(record, Schema):
                schemas[record.id] = record.name
            elif isinstance(record, Channel):
                channels[record.id] = record
            elif isinstance(record, Message):
                channel = channels[record.channel_id]
                yield RawMessage(channel.topic, schemas[channel.schema_id], record.log_time, record.data)


def _sqlite_records(path: Path) -> Iterator[RawMessage]:
    with closing(sqlite3.connect(f"file:{path.resolve()}?mode=ro&immutable=1", uri=True)) as base:
        # SQLite refuses a file shorter than its header says unless the schema is writable; we write nothing.
        base.execute("PRAGMA writable_schema = ON")
        topics = {row[0]: (row[1], row[2]) for row in base.execute("SELECT id, name, type FROM topics")}
        # By row number, which is the order of recording: needs no index, whose pages may be lost.
        rows = base.execute("SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY rowid")
        for topic_id, log_ns, data in rows:
            name, type_name = topics[topic_id]
            yield RawMessage(name, type_name, log_ns, data)


def _joined(parts: list[Storage]) -> Storage:
    types: Types = {}
    counts: dict[str, int] = {}
    for part in parts:
        types.update(part.types)
        for topic, count in part.counts.items():
            counts[topic] = counts.get(topic, 0) + count

    def read(topics: frozenset[str]) -> Iterator[RawMessage]:
        for part in parts:
            yield from part.read(topics)

    return Storage(types, counts, read, frozenset().union(*(part.latched for part in parts)))


def _words(error: Exception) -> str:
    return f"{error}".strip().rstrip(".") or type(error).__name__

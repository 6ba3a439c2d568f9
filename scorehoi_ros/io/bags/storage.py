"""Raw messages of a rosbag2 recording, whole or damaged, without ROS.

Its files are read one after the other, whatever metadata.yaml says of them: intact ones through `rosbags`,
what is whole of the others record by record (`io.bags.salvage`).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.bags.files import ZSTD, Workplace, bag_files, ready_file
from scorehoi_ros.io.bags.salvage import BagDamageError, RawMessage, type_label, whole_messages, words_of

MOST_BYTES = 2**28
"""A packed message that unpacks to more is damaged: a few kilobytes can claim any size."""

Types = dict[str, str]
"""Topic name -> message type."""
Read = Callable[[frozenset[str]], Iterator[RawMessage]]


@dataclass(frozen=True)
class Storage:
    """The readable part of one bag."""

    types: Types
    counts: dict[str, int]
    """Messages for each topic."""
    read: Read
    """Whole messages of some topics in recorded order; then raises BagDamageError when some were lost."""
    latched: frozenset[str] = frozenset()
    """Topics whose publishers offered transient local durability, as far as an intact bag tells."""


def open_storage(path: Path) -> Storage:
    """Storage of a rosbag2 folder or a bare .mcap or .db3 file, also packed by zstd.

    A missing or wrong metadata.yaml is no hindrance, nor are single files that cannot be read.  Raises
    InputError when nothing of it can be read, or none of it is of ROS 2.
    """
    files, missing = bag_files(path)
    if not files:
        raise InputError(f"{path} holds no readable bag: no .mcap or .db3 file.")
    lost = [f"{name} is missing, which metadata.yaml lists." for name in missing]
    workplace, parts = Workplace(), []
    for file in files:
        try:
            parts.append(_open_file(ready_file(file, workplace)))
        except InputError as error:
            if len(files) == 1:
                raise
            lost.append(str(error))
    if not parts:
        raise InputError(f"{path} holds no readable bag. {lost[0]}")
    storage = _joined(parts, lost + workplace.damage, workplace)
    _check_ros2(path, storage.types)
    return storage


def _open_file(path: Path) -> Storage:
    try:
        return _intact(path)
    except BagDamageError:
        return _salvaged(path)


def _intact(path: Path) -> Storage:
    from rosbags.rosbag2 import Reader

    # The parser meets untrusted bytes: any exception of its own means a damaged bag.
    try:
        with Reader(path) as reader:
            types = {c.topic: _type_of(c) for c in reader.connections}
            counts = {topic: info.msgcount for topic, info in reader.topics.items()}
            latched = frozenset(c.topic for c in reader.connections if _is_latched(c))
    except Exception as error:
        raise BagDamageError(f"{path.name}: {words_of(error)}.") from error

    def read(topics: frozenset[str]) -> Iterator[RawMessage]:
        given: Counter[str] = Counter()
        try:
            with Reader(path) as reader:
                wanted = [c for c in reader.connections if c.topic in topics]
                for connection, log_ns, data in reader.messages(wanted) if wanted else ():
                    given[connection.topic] += 1
                    yield RawMessage(connection.topic, _type_of(connection), log_ns, bytes(data))
            return
        except Exception as error:
            damage = BagDamageError(f"{path.name} is damaged: {words_of(error)}.")
            damage.__cause__ = error
        yield from _beyond(whole_messages(path), topics, given)
        raise damage

    return Storage(types, counts, read, latched)


def _beyond(
    messages: Iterator[RawMessage], topics: frozenset[str], given: Counter[str]
) -> Iterator[RawMessage]:
    """Those of the wanted messages that were not given yet."""
    try:
        for message in messages:
            if given[message.topic] > 0:
                given[message.topic] -= 1
            elif message.topic in topics:
                yield message
    except Exception:  # that the file is damaged is known
        return


def _type_of(connection: Any) -> str:
    return type_label(connection.msgtype, connection.ext.serialization_format)


def _is_latched(connection: Any) -> bool:
    offers = getattr(connection.ext, "offered_qos_profiles", ())
    return any(offer.durability.name == "TRANSIENT_LOCAL" for offer in offers)


def _salvaged(path: Path) -> Storage:
    types: Types = {}
    counts: Counter[str] = Counter()
    try:
        for message in whole_messages(path):
            types[message.topic] = message.type_name
            counts[message.topic] += 1
    except Exception as error:
        if not types:
            raise InputError(
                f"{path} is not a readable bag, it holds no whole message: {words_of(error)}."
            ) from error

    def read(topics: frozenset[str]) -> Iterator[RawMessage]:
        try:
            yield from (message for message in whole_messages(path) if message.topic in topics)
        except BagDamageError:
            raise
        except Exception as error:
            raise BagDamageError(f"{path.name} is damaged: {words_of(error)}.") from error

    return Storage(types, dict(counts), read)


def _joined(parts: list[Storage], lost: list[str], workplace: Workplace) -> Storage:
    """One storage of all files, which keeps the unpacked ones."""
    types: Types = {}
    counts: Counter[str] = Counter()
    for part in parts:
        types.update(part.types)
        counts.update(part.counts)

    def read(topics: frozenset[str], kept: Workplace = workplace) -> Iterator[RawMessage]:
        damage = list(lost)
        for part in parts:
            try:
                yield from map(_unpacked, part.read(topics))
            except BagDamageError as error:
                damage.append(str(error))
        if damage:
            raise BagDamageError(" ".join(damage))

    latched = frozenset().union(*(part.latched for part in parts))
    return Storage(types, dict(counts), read, latched)


def _unpacked(message: RawMessage) -> RawMessage:
    """A message of a recorder that compresses each one."""
    if not message.data.startswith(ZSTD):
        return message
    import zstandard

    try:
        if zstandard.frame_content_size(message.data) > MOST_BYTES:
            return message
        data = zstandard.ZstdDecompressor().decompress(message.data, max_output_size=MOST_BYTES)
    except zstandard.ZstdError:  # who deserialises it finds it damaged
        return message
    return replace(message, data=data)


def _check_ros2(path: Path, types: Types) -> None:
    """Raise InputError when no topic is of ROS 2, with what it is and how it is converted."""
    foreign = {topic: kind for topic, kind in types.items() if " in " in kind}
    if not foreign or len(foreign) < len(types):
        return
    listed = ", ".join(f"{topic} ({kind})" for topic, kind in sorted(foreign.items())[:5])
    if all(kind.endswith(" in ros1") for kind in foreign.values()):
        remedy = (
            "It was made from a bag of ROS 1. Convert that bag: rosbags-convert --src FILE.bag --dst FOLDER."
        )
    else:
        remedy = (
            "Only ROS 2 messages (cdr) are read. Record the topics in ROS 2, or export the pictures as a "
            "video or as images and give those."
        )
    raise InputError(f"{path} holds no messages of ROS 2: {listed}. {remedy}")

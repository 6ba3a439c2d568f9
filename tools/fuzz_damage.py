"""Ways to damage a sound input: bytes, archives packed anew, text and trees of values; seeded."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]
ENDS = 2048
"""Bytes at each end of a file, where formats describe themselves: half of the damage is there."""
ODD_NUMBERS = (0, 1, 2, 127, 255, 256, 32767, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
ODD_TEXTS = (
    "nan", ".nan", "NaN", ".inf", "-Infinity", "1e400", "-1", "0", "1e-300", "1e30", "9999999999999999999999",
    "0x1F", "1_000", "1:30", "2001-01-01", "null", "~", "true", "yes", "''", '"', "[]", "{}", "[[[[", "]}",
    "{a: 1}", "&a [*a]", "*a", "<<: *b", "!!python/object:os.system x", "!!binary aGk=", "!!set {a}",
    "!!float x", "!!opencv-matrix", "? :", ": :", "%TAG ! x", "|", ">", "#", "\0", "\ufeff", "\u2028",
    "\t", "--- ", "&amp;", "<!--", "]]>", "<x>", "ä", "\U0001f600", "x" * 5000, "[" * 3000, "9" * 5000,
)  # fmt: skip
"""Words that parsers and what comes after them take for something special."""


def few(rng: Rng) -> int:
    """How often something is damaged: mostly once, because the first fault hides the others."""
    return int(rng.choice([1, 2, 3, 5], p=[0.6, 0.2, 0.15, 0.05]))


def flipped(content: bytes, rng: Rng) -> bytes:
    """1 to 16 wrong bytes."""
    data = bytearray(content)
    for place in _places(len(data), 2 ** int(rng.integers(0, 5)), rng):
        data[place] = int(rng.integers(256))
    return bytes(data)


def renumbered(content: bytes, rng: Rng) -> bytes:
    """An odd number of 2, 4 or 8 bytes, of either byte order, where a length or a count may have been."""
    data = bytearray(content)
    for place in _places(len(data), few(rng), rng):
        form = rng.choice(["<H", ">H", "<I", ">I", "<Q", ">Q"])
        size = struct.calcsize(form)
        number = int(rng.choice(ODD_NUMBERS)) % 2 ** (8 * size)
        data[place : place + size] = struct.pack(form, number)
    return bytes(data)


def cut(content: bytes, rng: Rng) -> bytes:
    """Only the beginning."""
    return content[: int(rng.integers(len(content) + 1))]


def holed(content: bytes, rng: Rng) -> bytes:
    """A part that is missing, zero, or there twice, or something of another file at the end."""
    first, last = sorted(int(n) for n in rng.integers(0, len(content) + 1, 2))
    ways = (
        content[:first] + content[last:],
        content[:first] + bytes(last - first) + content[last:],
        content[:last] + content[first:],
        content + bytes(rng.integers(0, 256, 64, np.uint8)),
    )
    return ways[int(rng.integers(len(ways)))]


def something_else(content: bytes, rng: Rng) -> bytes:
    """Nothing, packed, a web page, or a pointer to a file."""
    ways = (
        b"", b"\0" * 4096, gzip.compress(content, 1), _zipped({"x": content}, zipfile.ZIP_DEFLATED),
        b"<!DOCTYPE html><html><body>404</body></html>", bytes(rng.integers(0, 256, 512, np.uint8)),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", b"\xef\xbb\xbf" + content,
    )  # fmt: skip
    return ways[int(rng.integers(len(ways)))]


def spoiled(content: bytes, rng: Rng) -> bytes:
    """One to three of the ways above."""
    ways = (flipped, flipped, renumbered, renumbered, cut, holed)
    if not content or rng.random() < 0.03:
        return something_else(content, rng)
    for _ in range(few(rng)):
        content = ways[int(rng.integers(len(ways)))](content, rng) or content
    return content


def rezipped(content: bytes, rng: Rng) -> bytes:
    """An archive with right checksums whose members are damaged, or packed in other ways; often."""
    if rng.random() < 0.4:
        return spoiled(content, rng)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    kind = int(
        rng.choice([zipfile.ZIP_DEFLATED] * 6 + [zipfile.ZIP_STORED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    )
    for name in rng.choice(sorted(parts), few(rng)):
        _spoil_member(parts, str(name), rng)
    return _zipped(parts, kind)


def _spoil_member(parts: dict[str, bytes], name: str, rng: Rng) -> None:
    way = rng.random()
    if way < 0.1:
        parts.pop(name, None)
    elif way < 0.3:
        parts[name] = spoiled(parts.get(name, b""), rng)
    elif way < 0.6:
        parts[name] = parts.get(name, b"")[:10] + spoiled(parts.get(name, b"")[10:], rng)
    else:
        parts[name] = _other_array(parts.get(name, b""), rng)


def _other_array(member: bytes, rng: Rng) -> bytes:
    """A sound .npy of another shape, type or value."""
    try:
        array = np.load(io.BytesIO(member), allow_pickle=False)
        with np.errstate(all="ignore"):
            changed = _ARRAYS[int(rng.integers(len(_ARRAYS)))](array)
        target = io.BytesIO()
        np.save(target, changed)
    except Exception:  # a member that was spoiled before, or a change that its type does not have
        return spoiled(member, rng)
    return target.getvalue()


_ARRAYS: Sequence[Callable[[Any], Any]] = (
    lambda a: a[None], lambda a: a.ravel(), lambda a: a[:0], lambda a: a[1:], lambda a: a[..., :-1],
    lambda a: a.T, lambda a: np.concatenate([a, a]), lambda a: a.astype(str), lambda a: a.astype("S"),
    lambda a: a.astype(object), lambda a: a.astype(np.float16), lambda a: a.astype(np.int8),
    lambda a: a.astype(np.complex64), lambda a: a.astype(a.dtype.newbyteorder()), lambda a: a * np.nan,
    lambda a: a * 0 - 1, lambda a: a * 0 + 1e30, lambda a: a * 0 + 2**31 - 1, lambda a: np.array(None),
    lambda a: np.array(5), lambda a: np.zeros((3, 0)), lambda a: np.full(a.shape, 10**9),
    lambda a: np.full(a.shape, "x" * 9),
)  # fmt: skip


def reworded(content: bytes, rng: Rng) -> bytes:
    """Text with other words, lines, indents or encoding; one time in four damaged as bytes."""
    if rng.random() < 0.25:
        return spoiled(content, rng)
    lines = content.decode("utf-8", "replace").split("\n")
    for _ in range(few(rng)):
        at, other = (int(n) for n in rng.integers(0, len(lines), 2))
        way = rng.random()
        if way < 0.6:
            lines[at] = _other_word(lines[at], rng)
        elif way < 0.7:
            lines[at] = lines[at].lstrip() if rng.random() < 0.5 else "   " + lines[at]
        elif way < 0.8:
            lines[at], lines[other] = lines[other], lines[at]
        elif way < 0.9:
            lines.insert(at, lines[other])
        else:
            lines[at] = ""
    encoding = "utf-16" if rng.random() < 0.02 else "utf-8"
    return "\n".join(lines).encode(encoding)


def _other_word(line: str, rng: Rng) -> str:
    """The line with one of its words replaced, taken out, or joined with an odd one."""
    words = line.split(" ")
    at = int(rng.integers(len(words)))
    odd = ODD_TEXTS[int(rng.integers(len(ODD_TEXTS)))]
    words[at] = (odd, "", words[at] + odd, odd + words[at])[int(rng.choice(4, p=[0.6, 0.1, 0.15, 0.15]))]
    return " ".join(words)


def regrown(content: bytes, rng: Rng) -> bytes:
    """JSON with other values in its tree; one time in three damaged as text."""
    if rng.random() < 0.33:
        return reworded(content, rng)
    value = json.loads(content)
    for _ in range(few(rng)):
        value = _grown(value, rng)
    return json.dumps(value).encode()


def _grown(value: Any, rng: Rng) -> Any:
    """The tree with one odd value at a random place."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return odd_value(value, rng)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(rng.integers(len(keys)))]
    if rng.random() < 0.08:
        value.pop(key)
    else:
        value[key] = _grown(value[key], rng)
    return value


def odd_value(value: Any, rng: Rng) -> Any:
    """Something else in the place of a plain value."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 1
    ways: tuple[Any, ...] = (
        None, True, "", "x", ODD_TEXTS[int(rng.integers(len(ODD_TEXTS)))], [], {}, [value], {"a": value},
        [[]], 0, -1, 0.5, -number, number * 1000, number + 0.5, 2**31, 2**63, 10**40, 1e30, 1e308, 1e-300,
        float("nan"), float("inf"), [value] * 1000, str(value),
    )  # fmt: skip
    return ways[int(rng.integers(len(ways)))]


def _places(size: int, count: int, rng: Rng) -> list[int]:
    """Places in a file, half of the time near one of its ends."""
    places = rng.integers(0, max(size, 1), count)
    if rng.random() < 0.5:
        near = int(rng.choice([0, max(size - ENDS, 0)]))
        places = near + rng.integers(0, ENDS, count)
    return [int(place) for place in places if place < size]


def _zipped(parts: dict[str, bytes], kind: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content, kind)
    return target.getvalue()

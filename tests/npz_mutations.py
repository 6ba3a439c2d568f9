"""Damaged npz files from sound ones: bytes flipped or cut, and archives packed anew with other arrays."""

import io
import struct
import zipfile
from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]


def packed(arrays: Arrays, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An npz of arrays, objects pickled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, np.asarray(array), allow_pickle=True)
            archive.writestr(f"{name}.npy", one.getvalue(), kind)
    return buffer.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    """The bytes of each member."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def arrays_in(content: bytes) -> Arrays:
    """All arrays of a sound npz."""
    with np.load(io.BytesIO(content), allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def _rezipped(parts: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data, kind)
    return buffer.getvalue()


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """1 to 20 wrong bytes, half of the time near an end of the file, where the archive describes itself."""
    data = np.frombuffer(content, np.uint8).copy()
    count = int(rng.integers(1, 21))
    places = rng.integers(0, len(data), count)
    if rng.random() < 0.5:
        places = rng.choice([0, len(data) - 4000]) + rng.integers(0, 4000, count)
    places = places[(places >= 0) & (places < len(data))]
    data[places] = rng.integers(0, 256, len(places))
    return data.tobytes()


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning of the file, a hole in it, or zeros in a part of it."""
    first, last = np.sort(rng.integers(0, len(content), 2))
    pieces = (
        content[:last],
        content[:first] + content[last:],
        content[:first] + bytes(int(last - first)) + content[last:],
        content + content[first:last],
    )
    return pieces[int(rng.integers(len(pieces)))]


def header_changed(content: bytes, rng: np.random.Generator) -> bytes:
    """A member whose header is wrong, in an archive whose checksums are right."""
    parts = members(content)
    name = str(rng.choice(sorted(parts)))
    data = bytearray(parts[name])
    size = 10 + struct.unpack("<H", data[8:10])[0]
    for at in rng.integers(0, size, int(rng.integers(1, 4))):
        data[at] = int(rng.integers(32, 127)) if rng.random() < 0.7 else int(rng.integers(256))
    return _rezipped(parts | {name: bytes(data)})


def header_claims(content: bytes, rng: np.random.Generator) -> bytes:
    """A header that claims a huge, negative, odd or nested shape or type."""
    parts = members(content)
    name = str(rng.choice(sorted(parts)))
    shape = str(
        rng.choice(["(10000000000000,)", "(-5,)", "(0, 99999999999999999999)", "(2,)*9", "((((", "(1e9,)"])
    )
    descr = str(rng.choice(["'<f8'", "'|O'", "'<U99999999999'", "[('a', '<f8')]", "'<m8[s]'", "'<c16'"]))
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return _rezipped(parts | {name: b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64)})


def array_changed(content: bytes, rng: np.random.Generator) -> bytes:
    """One array missing, renamed, or of another shape, type, order or value."""
    arrays = arrays_in(content)
    name = str(rng.choice(sorted(arrays)))
    array = arrays.pop(name)
    change: Callable[[np.ndarray], np.ndarray] = CHANGES[int(rng.integers(len(CHANGES)))]
    kind = rng.random()
    if kind < 0.1:
        return packed(arrays)
    if kind < 0.2:
        return packed(arrays | {f"{name}_": array})
    with np.errstate(all="ignore"):
        return packed(arrays | {name: change(array)})


def repacked(content: bytes, rng: np.random.Generator) -> bytes:
    """Packed in ways that numpy does not use, with a doubled or foreign member, or without any."""
    parts = members(content)
    name = str(rng.choice(sorted(parts)))
    ways = (
        lambda: _rezipped(parts, zipfile.ZIP_LZMA),
        lambda: _rezipped(parts, zipfile.ZIP_BZIP2),
        lambda: _rezipped({f"folder/{n}": data for n, data in parts.items()}),
        lambda: _rezipped({}),
        lambda: _rezipped(parts | {name: b""}),
        lambda: _rezipped(parts | {name: b"\x93NUMPY\x03\x00" + parts[name][8:]}),
        lambda: _rezipped(parts | {name: b"not an array"}),
        lambda: _rezipped(parts | {"notes.txt": b"hello"}),
        lambda: content.replace(b"PK\x03\x04", b"PK\x03\x05", 1),
    )
    return ways[int(rng.integers(len(ways)))]()


def _with(array: np.ndarray, value: object) -> np.ndarray:
    """The array with one entry changed, where its type can have the value."""
    changed = np.array(array)
    try:
        changed.reshape(-1)[changed.size // 2 :][:1] = value
    except (ValueError, OverflowError, TypeError):
        return changed.astype(object)
    return changed


CHANGES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda a: a[None],
    lambda a: a.reshape(-1)[:0],
    lambda a: a.reshape(-1),
    lambda a: np.concatenate([a.reshape(-1), a.reshape(-1)]),
    lambda a: a[1:] if a.ndim else a[None],
    lambda a: a[..., :-1] if a.ndim else a[None],
    lambda a: np.concatenate([a, a[:1]]) if a.ndim else a[None],
    lambda a: a.T,
    lambda a: np.asfortranarray(a),
    lambda a: a.astype(a.dtype.newbyteorder(">")),
    lambda a: a.astype(np.float16) if a.dtype.kind in "iufb" else a.astype("S"),
    lambda a: a.astype(np.int8) if a.dtype.kind in "iub" else a.astype(str),
    lambda a: a.astype(np.float64) if a.dtype.kind in "iufb" else a,
    lambda a: a.astype(np.complex128) if a.dtype.kind in "iufb" else a,
    lambda a: a.astype(object),
    lambda a: np.array([{"a": 1}, None], object),
    lambda a: _with(a, np.nan),
    lambda a: _with(a, np.inf),
    lambda a: _with(a, -1),
    lambda a: _with(a, 120),
    lambda a: _with(a, 2**31 - 1),
    lambda a: _with(a, 1e30),
    lambda a: np.zeros_like(a),
    lambda a: a - 1 if a.dtype.kind in "iu" else a,
    lambda a: np.full(a.shape, 1e30) if a.dtype.kind == "f" else a,
    lambda a: np.frombuffer(bytes(a.nbytes - 4) + b"\xff\xff\xff\x7f", a.dtype).reshape(a.shape)
    if a.dtype.kind == "U" and a.size
    else a,
)  # fmt: skip
"""What may be wrong with an array."""
MUTATIONS = (flipped, cut, header_changed, header_claims, array_changed, array_changed, repacked)


def mutated(content: bytes, seed: int) -> bytes:
    """The damaged file with this seed."""
    rng = np.random.default_rng(seed)
    return MUTATIONS[seed % len(MUTATIONS)](content, rng)

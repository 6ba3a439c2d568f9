"""The one reader of .npz files: bounded, without pickles, checked against a layout, one error for all damage.

numpy's own reader believes what a file says of itself: it allocates first, and a damaged file raises
whatever the library below it happened to meet.  Here the sizes are compared before anything is allocated,
every checksum is checked, and whoever reads says which arrays are expected.

numpy's own writer notes the time of day; `write_npz` does not.
"""

import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.contents import content_of
from scorehoi_ros.errors import InputError, ScorehoiError, plain
from scorehoi_ros.files import whole_file

DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the bytes of a damaged file may raise: in the zip archive, in the headers of arrays, in their use."""
MOST_MEMBERS = 100_000
LARGEST = 2 << 30
"""Bytes of all arrays that are read together."""
_KINDS = {"f": "numbers", "i": "whole numbers", "u": "whole numbers", "b": "bool", "U": "text"}
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_BEST_RATIO = 1100
"""Deflate never shrinks anything further than 1032 times."""
_PIECE = 1 << 20
_MOST_HEADER = 1 << 16
_LARGEST_CODE_POINT = 0x10FFFF
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can tell."""


@dataclass(frozen=True)
class Field:
    """What an array must be."""

    kinds: str
    """Kinds of dtype as numpy names them ("f", "iu", "U", "b")."""
    shape: tuple[int | str, ...] = ()
    """Lengths; a name stands for the same length in all fields, "*" for any."""
    finite: bool = True
    """Whether NaN and infinity are damage."""
    needed: bool = True


@dataclass(frozen=True)
class Layout:
    """What a kind of file must hold; arrays that it does not name are let through unchecked."""

    what: str
    """As in "is not a label file"."""
    mend: str
    """What to do when it is damaged: a sentence."""
    fields: Mapping[str, Field]
    version: tuple[str, str | int] | None = None
    """Name and value of the array that tells versions apart; looked at before everything else."""
    error: type[ScorehoiError] = InputError


def write_npz(
    path: Path, arrays: Mapping[str, NDArray[Any]], level: int, stored: Collection[str] = ()
) -> None:
    """Write arrays, deflated at `level` (0..9) or, those named in `stored`, as they are; never a pickle.

    Equal arrays give equal bytes.  Raises OutputError, leaving no file.
    """
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(arrays[name], order="C"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue(), kind, compresslevel=level)


def read_npz(
    path: Path, layout: Layout, only: Collection[str] | None = None, content: bytes | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, in native byte order and writable; no code in it is ever run.

    `only` names those that are wanted (None = all), and only these are needed then.  `content` are the bytes
    of the file where they are at hand.  Raises `layout.error` when the file is missing, damaged, too large,
    of another version, or not as the layout says.
    """
    with damage_told(path, layout), _opened(path, content) as (file, size), zipfile.ZipFile(file) as archive:
        members = _members(archive, size)
        version = layout.version
        if version is not None:
            _check_version(path, layout, _array(archive, members, version[0], size))
        names = [n for n in members if only is None or n in only]
        _check_total([members[n] for n in names])
        arrays = {name: _array(archive, members, name, size) for name in names}
        wanted = {n: f for n, f in layout.fields.items() if only is None or n in only}
        check_arrays(arrays, wanted)
    return arrays


@contextmanager
def damage_told(path: Path, layout: Layout) -> Iterator[None]:
    """Turn whatever damaged content raises inside the block into one `layout.error` that names the file."""
    try:
        yield
    except ScorehoiError as error:
        if isinstance(error, layout.error) and str(path) in str(error):
            raise
        raise layout.error(f"{path} cannot be read as {layout.what}: {error}") from error
    except DAMAGE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, MemoryError):
            reason = "there is not enough memory for what it claims to hold"
        elif isinstance(error, KeyError):
            reason = f"it lacks {reason}"
        reason = (reason or type(error).__name__).strip().rstrip(".")[:300]
        raise layout.error(f"{path} cannot be read as {layout.what}: {reason}. {layout.mend}") from error


def check_arrays(
    arrays: Mapping[str, NDArray[Any]], fields: Mapping[str, Field], lengths: dict[str, int] | None = None
) -> None:
    """Raise ValueError that names the first array which is missing or not as its field says.

    `lengths` are those of named lengths that are known already; the others are added to it.
    """
    lengths = {} if lengths is None else lengths
    for name, field in fields.items():
        if name in arrays:
            _check_array(name, arrays[name], field, lengths)
        elif field.needed:
            raise ValueError(f"it has no {name!r}; it has {', '.join(sorted(arrays)[:12]) or 'no arrays'}")


def _check_array(name: str, array: NDArray[Any], field: Field, lengths: dict[str, int]) -> None:
    if array.dtype.kind not in field.kinds:
        expected = " or ".join(dict.fromkeys(_KINDS[kind] for kind in field.kinds))
        raise ValueError(f"{name} is of type {array.dtype}, expected {expected}")
    expected_shape = tuple(
        got if length == "*" else lengths.setdefault(length, got) if isinstance(length, str) else length
        for length, got in zip(field.shape, array.shape, strict=False)
    )
    if len(field.shape) != array.ndim or expected_shape != array.shape:
        told = ", ".join(_told(length, lengths) for length in field.shape)
        raise ValueError(f"{name} has shape {array.shape}, expected ({told})")
    # a sum is quicker than isfinite on large arrays, and is not finite when any entry is not
    if field.finite and array.dtype.kind == "f":
        with np.errstate(all="ignore"):
            finite = np.isfinite(array.sum(dtype=np.float64))
        if not finite:
            raise ValueError(f"{name} has values that are not finite")
    if array.dtype.kind == "U" and array.size:
        points = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        if points.max() > _LARGEST_CODE_POINT or ((points >= 0xD800) & (points < 0xE000)).any():
            raise ValueError(f"{name} is not a text")


def _told(length: int | str, lengths: Mapping[str, int]) -> str:
    return "any" if length == "*" else str(lengths.get(str(length), length))


def _check_version(path: Path, layout: Layout, found: NDArray[Any]) -> None:
    assert layout.version is not None
    name, expected = layout.version
    if found.size != 1 or found.dtype.kind not in ("U" if isinstance(expected, str) else "iu"):
        raise ValueError(f"{name} is {found!r:.60}, expected {expected}")
    value = found.reshape(-1)[0]
    if value != expected:
        raise layout.error(
            f"{path} is {layout.what} of version {plain(str(value))}; this program reads version {expected}. "
            + layout.mend
        )


@contextmanager
def _opened(path: Path, content: bytes | None) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size; ValueError when it shows itself to be no zip archive."""
    stream: BinaryIO = path.open("rb") if content is None else io.BytesIO(content)
    with stream as file:
        start = file.read(1 << 16)
        seen = content_of(start)
        if not start.startswith(b"PK") and seen is not None:
            raise ValueError(f"it is {seen.what}. {seen.mend}")
        yield file, file.seek(0, io.SEEK_END)


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The arrays of an archive of `size` bytes by name."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ValueError(f"it has {len(infos)} members, expected at most {MOST_MEMBERS}")
    members = {plain(i.filename.removesuffix(".npy")): i for i in infos if i.filename.endswith(".npy")}
    if len(members) < sum(i.filename.endswith(".npy") for i in infos):
        raise ValueError("it has two arrays of one name")
    for name, info in members.items():
        if info.compress_type not in _PACKED or info.flag_bits & _ENCRYPTED:
            raise ValueError(f"{name} is encrypted or packed in a way that numpy does not use")
        if info.compress_size > size or info.file_size > _BEST_RATIO * info.compress_size:
            raise ValueError(f"{name} claims more bytes than can be in the file; it is damaged or cut short")
    return members


def _check_total(infos: list[zipfile.ZipInfo]) -> None:
    total = sum(info.file_size for info in infos)
    if total > LARGEST:
        raise ValueError(f"its arrays have {total >> 20} MiB, expected at most {LARGEST >> 20}")


def _array(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, size: int
) -> NDArray[Any]:
    """One array; its bytes are read to the end, so that the checksum is compared."""
    if name not in members:
        raise ValueError(f"it has no {name!r}; it has {', '.join(sorted(members)[:12]) or 'no arrays'}")
    info = members[name]
    _check_total([info])
    raw = np.empty(info.file_size, np.uint8)
    with archive.open(info) as file:
        at = 0
        while piece := file.read(_PIECE):
            if at + len(piece) > len(raw):
                raise ValueError(f"{name} has more than the {len(raw)} bytes that it claims")
            raw[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        if at != info.file_size:
            raise ValueError(f"{name} ends after {at} of {info.file_size} bytes; the file is cut short")
    return _parsed(name, raw)


def _parsed(name: str, raw: NDArray[np.uint8]) -> NDArray[Any]:
    """The array in the bytes of an .npy file."""
    head = io.BytesIO(raw[:_MOST_HEADER].tobytes())
    version = np.lib.format.read_magic(head)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} is an array of format {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(head)
    if dtype.hasobject or dtype.kind not in "biufUS":
        raise ValueError(
            f"{name} holds {dtype} values; objects are never loaded, expected plain numbers or text"
        )
    count = 1
    for length in shape:
        count *= length
    body = raw[head.tell() :]
    if min(shape, default=0) < 0 or count * dtype.itemsize != len(body):
        raise ValueError(f"{name} says shape {shape} of {dtype}, but has {len(body)} bytes")
    flat = body.view(dtype) if dtype.itemsize else np.zeros(count, dtype)
    array = flat.reshape(shape[::-1]).T if by_columns else flat.reshape(shape)
    return np.require(array.astype(dtype.newbyteorder("="), copy=False), requirements=["A", "W"])

"""Files that appear whole or not at all, folders with one writer, and where the cache is."""

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from scorehoi_ros.errors import OutputError

_TEMPORARY = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")
"""Names that `whole_file` gives."""


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends without an error.

    The temporary name keeps the suffix of ``path``, so writers that look at the suffix behave the same.
    Raises OutputError when the folder cannot be made or written.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
        os.close(fd)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}. Choose a writable folder with free space."
        ) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}. Choose a writable folder with free space."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def sole_writer(folder: str | Path) -> Iterator[Path]:
    """Make a folder of results, and keep other runs out of it until the block ends.

    What a killed run left half-written there and one folder deeper is removed.  Raises OutputError when the
    folder cannot be made or written, or another run is writing into it.
    """
    target = Path(folder)
    refuse_unwritable(target / "x")
    handle = os.open(target, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OutputError(
            f"another run is writing into {target}. Wait for it, or choose another folder."
        ) from None
    except OSError:
        pass  # a file system without locks
    try:
        _clear(target)
        yield target
    finally:
        _clear(target)  # of workers that were ended
        os.close(handle)


def _clear(folder: Path) -> None:
    for path in (*folder.glob(".*"), *folder.glob("*/.*")):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


class Spare:
    """Room on a disk that is held until it is needed: a file can then be closed although the disk is full.

    It is a file without a name, so that a killed process leaves nothing.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._file: IO[bytes] | None = None
        with suppress(OSError):  # no room to spare: whoever writes will say so
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115, it is open until released
            os.posix_fallocate(self._file.fileno(), 0, size)

    def release(self) -> bool:
        """Give the room back to the disk; False when that was done before."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
        return file is not None


class RoomyFile:
    """A file for writing, with a spare: the first write for which the disk is too full uses that room.

    It is then complete, and `full` says what happened; the next one fails as usual.
    """

    def __init__(self, path: Path, spare_bytes: int) -> None:
        self._file = path.open("wb", buffering=0)
        self._spare = Spare(path.parent, spare_bytes)
        self.full: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of `data`; raises OSError."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.full = self.full or error
                if not self._spare.release():
                    raise
        return size

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is held back."""

    def __enter__(self) -> "RoomyFile":
        return self

    def __exit__(self, *error: object) -> None:
        """Close it, and give the spare room back."""
        self._spare.release()
        self._file.close()


def refuse_unwritable(path: str | Path) -> None:
    """Raise OutputError when ``path`` cannot be written; asked before long work, not after it."""
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder. Give the name of a file.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=target.parent).close()
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}. Choose a writable folder with free space."
        ) from error


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity are refused, because other readers choke on them."""
    text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    with whole_file(path) as temporary:
        temporary.write_text(text)


def cache_folder(*parts: str) -> Path:
    """Folder for what can be made again: `parts` below XDG_CACHE_HOME, else ~/.cache; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base, "scorehoi_ros", *parts)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

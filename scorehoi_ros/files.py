"""Files that appear whole or not at all, and where the cache is."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import OutputError


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

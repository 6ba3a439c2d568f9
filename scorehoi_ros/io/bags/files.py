"""Which files make a bag, and each of them ready to be read: unpacked, and told from what is no bag."""

import logging
import shutil
import sqlite3
import tempfile
import weakref
from contextlib import closing
from pathlib import Path

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.images import natural_key

BAG_SUFFIXES = (".mcap", ".db3")
PACKED_SUFFIXES = (".zstd", ".zst")
"""Suffixes of compressed files, behind those of bags."""
ZSTD = b"\x28\xb5\x2f\xfd"
"""First bytes of a zstd frame: of a packed file, or of a packed message (CDR starts with a zero)."""
METADATA = "metadata.yaml"

_MAGICS = {b"\x89MCAP0\r\n": ".mcap", b"SQLite format 3\0": ".db3"}
_OTHERS = {
    b"#ROSBAG V": "a ROS 1 bag. Convert it: rosbags-convert --src FILE.bag --dst FOLDER",
    b"version https://git-lfs": "a pointer of git-lfs. Get the file itself: git lfs pull",
    b"<": "a web page or XML. The download went wrong: get it again",
    b"\x1f\x8b": "packed with gzip. Unpack it: gunzip FILE",
    b"\x04\x22\x4d\x18": "packed with lz4. Unpack it: lz4 -d FILE",
    b"BZh": "packed with bzip2. Unpack it: bunzip2 FILE",
    b"\xfd7zXZ": "packed with xz. Unpack it: unxz FILE",
    b"PK\x03\x04": "a zip archive. Unpack it: unzip FILE",
}
"""First bytes of what is taken for a bag -> what it is, and what to do."""

_SPECIAL = set("#?%")
"""Letters of a path that readers of sqlite3 files take for parts of an address."""

_log = logging.getLogger(__name__)


def is_bag_file(path: Path) -> bool:
    """Whether the name is that of an MCAP or sqlite3 file of rosbag2, also of a packed one (x.mcap.zstd)."""
    return Path(plain_name(path.name)).suffix.lower() in BAG_SUFFIXES


def plain_name(name: str) -> str:
    """The name without the suffix of its compression."""
    path = Path(name)
    return path.stem if path.suffix.lower() in PACKED_SUFFIXES else name


def list_storage_files(folder: Path) -> list[Path]:
    """The files of a bag folder in natural order of their names; packed ones only where no other is."""
    found = sorted((f for f in folder.iterdir() if f.is_file() and is_bag_file(f)), key=natural_key)
    names = {f.name for f in found}
    return [f for f in found if f.name == plain_name(f.name) or plain_name(f.name) not in names]


def bag_files(path: Path) -> tuple[list[Path], list[str]]:
    """The files to read of a bag (a file or a folder), and the names of those that are missing.

    A metadata.yaml that lists fewer files than lie there is not believed (a recorder that was killed writes
    none, and some tools an old one); only a copy of a listed file in another format is left out.
    """
    if path.is_file():
        return [path], []
    files, listed = list_storage_files(path), _listed(path)
    stems = {Path(plain_name(name)).stem for name in listed}
    here = {plain_name(f.name) for f in files}
    plain = {plain_name(name) for name in listed}
    used = [f for f in files if plain_name(f.name) in plain or Path(plain_name(f.name)).stem not in stems]
    if listed and len(used) > len(plain & here):
        _log.warning(
            "%s lists %d of the %d files of the bag; all are read", METADATA, len(plain & here), len(used)
        )
    return used, [name for name in listed if plain_name(name) not in here]


def _listed(folder: Path) -> list[str]:
    """Names of the files that metadata.yaml lists; none where it cannot be read."""
    import yaml

    try:
        content = yaml.safe_load((folder / METADATA).read_text())
        return [Path(name).name for name in content["rosbag2_bagfile_information"]["relative_file_paths"]]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, RecursionError):
        return []


class Workplace:
    """A temporary folder for unpacked files, made when it is needed; it goes with this object."""

    def __init__(self) -> None:
        self.damage: list[str] = []
        """What could not be unpacked to its end, in words."""
        self._folder: Path | None = None

    def file(self, name: str) -> Path:
        """Path of a new file, in a folder of its own."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="scorehoi_bag_"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return folder / name


def ready_file(path: Path, workplace: Workplace) -> Path:
    """A file that readers open, with the suffix of its kind: the file itself, or an unpacked copy.

    What of a damaged zstd file can be unpacked is used.  Raises InputError when it is empty or no bag.
    """
    try:
        start = _start(path)
        packed = path
        if start.startswith(ZSTD):
            path = _unpacked(path, workplace)
            start = _start(path)
        suffix = next((s for magic, s in _MAGICS.items() if start.startswith(magic)), None)
        if suffix is None:
            lost = path is not packed and not start
            reason = (
                "nothing in it can be unpacked; zstd data is damaged or cut short" if lost else _what(start)
            )
            raise InputError(f"{packed} is not a readable bag: {reason}.")
        if suffix == ".db3" and _has_log(path):
            return _with_log(path, workplace)
        if path.suffix != suffix or _SPECIAL & set(str(path)):
            link = workplace.file("bag" + suffix)
            link.symlink_to(path.resolve())
            return link
    except OSError as error:
        raise InputError(
            f"{path} cannot be read or unpacked: {error.strerror or error}. Packed bags are unpacked into "
            f"{tempfile.gettempdir()}; the variable TMPDIR names another place."
        ) from error
    return path


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(32)


def _what(start: bytes) -> str:
    if not start:
        return "it is empty (0 bytes); the recorder was stopped before it wrote anything"
    known = next((words for magic, words in _OTHERS.items() if start.lstrip().startswith(magic)), None)
    return f"it is {known}" if known else "expected a rosbag2 recording (MCAP or sqlite3)"


def _unpacked(path: Path, workplace: Workplace) -> Path:
    import zstandard

    target = workplace.file(plain_name(path.name))
    with path.open("rb") as packed, target.open("wb") as plain:
        try:
            reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
            shutil.copyfileobj(reader, plain, zstandard.DECOMPRESSION_RECOMMENDED_OUTPUT_SIZE)
        except zstandard.ZstdError as error:
            workplace.damage.append(f"{path.name} is damaged: {error}.")
    return target


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _with_log(path: Path, workplace: Workplace) -> Path:
    """A copy of an sqlite3 file with what a killed recorder left in its write-ahead log."""
    target = workplace.file(path.name)
    for ending in ("", "-wal"):
        shutil.copyfile(path.with_name(path.name + ending), target.with_name(target.name + ending))
    try:
        with closing(sqlite3.connect(target)) as base:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        workplace.damage.append(f"{path.name}-wal is damaged: {error}.")
        shutil.copyfile(path, target)
    return target

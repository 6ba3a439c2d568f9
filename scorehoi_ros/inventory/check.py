"""What is installed: every package and file that the software can use, and how to get the missing ones."""

import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from scorehoi_ros.assets import model_file, sha256, shipped_names, shipped_sha256
from scorehoi_ros.config.option import option_name
from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.files import cache_folder
from scorehoi_ros.inventory.parts import FILES, PACKAGES, FilePart, PackagePart, network_part

NETWORKS = ("stage1/", "stage2/")
"""Folders of the networks' weights under `models/`."""
FOUND, MISSING, BROKEN, OTHER_VERSION = "found", "missing", "broken", "other version"


@dataclass(frozen=True)
class Finding:
    """One row of the report; `sha256` is only known for files, `version` only for packages."""

    name: str
    state: str
    required: bool
    needed_for: str
    version: str
    licence: str
    source: str
    how: str
    path: str = ""
    sha256: str = ""
    note: str = ""

    @property
    def usable(self) -> bool:
        """Found in a state that can work."""
        return self.state in (FOUND, OTHER_VERSION)


def examine(files: Mapping[str, str]) -> list[Finding]:
    """Look at every part.  `files` maps an option name ("body_model", ...) to the path that the user gave."""
    return [
        *(examine_package(part) for part in PACKAGES),
        *(examine_file(part, files.get(part.option, "")) for part in (*FILES, *networks())),
    ]


def networks() -> list[FilePart]:
    """The networks' weights that the manifest names; none when it cannot be read, which other rows tell."""
    try:
        return [network_part(name) for folder in NETWORKS for name in shipped_names(folder)]
    except InputError:
        return []


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether everything is usable that `scorehoi label` cannot do without."""
    return all(finding.usable for finding in findings if finding.required)


def examine_package(part: PackagePart) -> Finding:
    """Import the package: a wheel can be there and still miss a system library."""
    version = installed_version(part.distribution)
    state, note = _try_import(part.module) if part.module else (FOUND if version else MISSING, "")
    wanted = wanted_version(part.distribution)
    if state == FOUND and version and wanted and version.split("+")[0] != wanted:
        state, note = OTHER_VERSION, f"tested with {wanted}"
    return Finding(
        part.distribution,
        state,
        part.required,
        part.needed_for,
        version,
        part.licence,
        part.source,
        part.how,
        note=note,
    )


def _try_import(module: str) -> tuple[str, str]:
    if not is_installed(module):
        return MISSING, ""
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever a foreign package raises while it is imported
        return BROKEN, f"{type(error).__name__}: {error}"
    return FOUND, ""


def examine_file(part: FilePart, given: str) -> Finding:
    """Find the file (the user's, else the one that comes with the package) and hash it."""
    path, digest, state, note = given, "", MISSING, ""
    try:
        if not given and part.shipped_as:
            path = str(model_file(part.shipped_as))
        if part.cached and cache_folder(part.cached).is_file():
            path = str(cache_folder(part.cached))
        if path:
            digest = sha256(Path(path))
            state, note = _judge(part, Path(path), digest)
    except InputError as error:
        note = str(error)
    except OSError as error:
        note = f"cannot be read: {error.strerror}"
    how = f"{option_name(part.option)} FILE" if part.option else part.how
    return Finding(
        part.name,
        state,
        part.required,
        part.needed_for,
        "",
        part.licence,
        part.source,
        how,
        path,
        digest,
        note,
    )


def is_installed(module: str) -> bool:
    """Whether Python would find the module; a bare folder of that name (a namespace) does not count."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.origin is not None


def installed_version(distribution: str) -> str:
    """Version of the installed distribution; empty when it has no metadata (as in a ROS distribution)."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def wanted_version(distribution: str) -> str:
    """The version that setup.py pins for this package; empty when it pins none or we are not installed."""
    try:
        requirements = importlib.metadata.requires("scorehoi_ros") or []
    except importlib.metadata.PackageNotFoundError:
        return ""
    for requirement in requirements:
        pin = re.match(r"([A-Za-z0-9_.-]+)==([^;\s]+)", requirement)
        if pin and pin.group(1).lower() == distribution.lower():
            return pin.group(2)
    return ""


def _judge(part: FilePart, path: Path, digest: str) -> tuple[str, str]:
    """State and note of a file that is there, from what its publisher or our manifest says of its hash."""
    promised = re.search(part.hash_in_name, path.name) if part.hash_in_name else None
    if promised and not digest.startswith(promised.group(1)):
        return BROKEN, f"damaged: the name promises sha256 {promised.group(1)}..., it has {digest[:8]}..."
    if part.sha256 and digest != part.sha256:
        return BROKEN, f"damaged: its sha256 must be {part.sha256[:16]}...; install it again"
    if part.shipped_as and digest != (shipped := shipped_sha256(part.shipped_as)):
        wrong = _why_unreadable(part, path)
        if wrong:
            return BROKEN, wrong
        note = f"not the file of this release: its sha256 is {shipped[:16]}..."
        if part.shipped_as.startswith(NETWORKS):
            note += "; it is used only from a folder that --regress-weights names"
        return OTHER_VERSION, note
    return FOUND, ""


def _why_unreadable(part: FilePart, path: Path) -> str:
    """Why a file that is not the shipped one cannot be used either; empty when it can."""
    try:
        if part.shipped_as.startswith(NETWORKS):
            importlib.import_module("scorehoi_ros.runtime.layouts").check_weights(path)
        elif part.shipped_as.endswith(".npz"):
            importlib.import_module("scorehoi_ros.body.load").load_body(path)
        else:
            importlib.import_module("scorehoi_ros.interaction.pose_prior").load_prior(path)
    except (ScorehoiError, ImportError) as error:
        return str(error)
    return ""


def table(findings: Iterable[Finding]) -> str:
    """The report as text: a line a part, more where there is more to say; lacking ones in capitals."""
    rows = [("", "PART", "VERSION, SHA256", "LICENCE", "NEEDED FOR", "HOW TO GET OR NAME IT")]
    details: list[tuple[str, ...]] = [()]
    for f in findings:
        state = f.state.upper() if f.required and not f.usable else f.state
        what = f.version or f.sha256[:16]
        rows.append((state, f.name, what, f.licence, f.needed_for, f"{f.how} ({f.source})"))
        details.append(tuple(filter(None, (f.path, f.note))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row, extra in zip(rows, details, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines += [" " * (widths[0] + 4) + line for line in extra]
    return "\n".join(lines) + "\n"

"""Where the files under `models/` are: in a checkout, in a virtual environment, in a ROS workspace."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import InputError

MODELS_VARIABLE = "SCOREHOI_MODELS"
_MANIFEST = "manifest.json"
_SHARE = Path("share", "scorehoi_ros", "models")


def model_folders() -> list[Path]:
    """Folders that are searched, first one first; they need not exist."""
    chosen = os.environ.get(MODELS_VARIABLE)
    prefixes = [sys.prefix, *filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))]
    return [
        *([Path(chosen)] if chosen else []),
        Path(__file__).parents[1] / "models",
        *(Path(prefix) / _SHARE for prefix in prefixes),
    ]


def model_file(name: str) -> Path:
    """Path of `models/<name>`, from the first folder that has it.

    Raises InputError when no folder has it; the message lists the folders that were searched.
    """
    folders = model_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(str(folder) for folder in folders)
    raise InputError(
        f"the model file {name} was not found; searched {searched}. "
        f"Install the package again, or set {MODELS_VARIABLE} to the folder that holds it."
    )


def message_file(name: str) -> Path:
    """Path of `msg/<name>`, which lies beside the folder `models` in a checkout and in every installation.

    Raises InputError when it is nowhere; the message lists the folders that were searched.
    """
    folders = [folder.parent / "msg" for folder in model_folders()]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(str(folder) for folder in folders)
    raise InputError(f"the message file {name} was not found; searched {searched}. Install it again.")


def shipped_sha256(name: str) -> str:
    """Hash of models/`name` in this release, from models/manifest.json.

    Raises InputError when the manifest is missing or does not know the file.
    """
    path = model_file(_MANIFEST)
    try:
        return str(_read(path)[name]["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} says nothing about {name} ({error!r}). Install the package again."
        ) from error


def shipped_names(folder: str) -> list[str]:
    """Names of the files of this release under models/`folder` ("stage1/"), as models/manifest.json has them.

    Raises InputError when the manifest is missing or cannot be read.
    """
    path = model_file(_MANIFEST)
    try:
        return sorted(name for name in _read(path) if name.startswith(folder))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error!r}). Install the package again.") from error


def _read(path: Path) -> dict[str, Any]:
    """The manifest."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def sha256(path: Path) -> str:
    """Hex digest of a file's content, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

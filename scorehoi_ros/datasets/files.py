"""Reading the files of published data sets: nothing in them is run, and every error names the file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros import npz
from scorehoi_ros.body.safe_pickle import load_array_pickle
from scorehoi_ros.errors import BodyError, InputError
from scorehoi_ros.io.masks.image import read_mask_file
from scorehoi_ros.io.pictures.codec import opencv_picture
from scorehoi_ros.perception.precomputed import resized
from scorehoi_ros.types import Bools, Floats, Masks


def demand_root(root: Path | None, dataset: str, layout: str, source: str) -> Path:
    """The folder of a data set; raises InputError that says where the data come from and how they lie."""
    if root is not None and root.is_dir():
        return root
    given = f"there is no folder {root}" if root is not None else "--root was not given"
    raise InputError(f"{dataset} needs --root DIR: {given}. Expected in it: {layout}. {source}")


def demand(path: Path, what: str, source: str) -> Path:
    """`path` when it exists; raises InputError naming it, what it is, and where it comes from."""
    if path.exists():
        return path
    raise InputError(f"missing {path}: {what}. {source}")


def read_json(path: Path, what: str, source: str = "") -> dict[str, Any]:
    """The mapping in a JSON file; raises InputError when it is missing, damaged or something else."""
    demand(path, what, source)
    try:
        value = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} ({what}) is not readable JSON: {error}. Get the file again.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} ({what}) holds a {type(value).__name__}, expected a mapping.")
    return value


def read_pickle(path: Path, what: str, source: str = "") -> dict[str, Any]:
    """The arrays in a pickle, read by an unpickler that knows arrays only; raises InputError."""
    demand(path, what, source)
    try:
        return load_array_pickle(path.read_bytes(), str(path))
    except (OSError, BodyError) as error:
        raise InputError(f"{what}: {error}") from error


def read_npz(
    path: Path, fields: Mapping[str, npz.Field], what: str, source: str = ""
) -> dict[str, NDArray[Any]]:
    """Some arrays of an .npz; raises InputError when the file is missing, damaged, or not as `fields` say."""
    demand(path, what, source)
    return npz.read_npz(path, npz.Layout(what, "Get the file again.", fields), only=fields)


def field(values: dict[str, Any], name: str, shape: tuple[int, ...], path: Path) -> Floats:
    """One float64 array of a file, checked: `shape` with -1 for any length; raises InputError."""
    if name not in values:
        raise InputError(f"{path} lacks {name!r}; it has {', '.join(sorted(values))}.")
    try:
        array = np.asarray(values[name], np.float64).reshape(shape)
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: {name} must be numbers of shape {shape}. Got {values[name]!r:.80}."
        ) from None
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {name} has values that are not finite. Leave the frame out.")
    return array


def read_image(path: Path, source: str = "") -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB; raises InputError when it is missing or damaged."""
    demand(path, "a colour image", source)
    bgr = opencv_picture(path.read_bytes(), cv2.IMREAD_COLOR)
    if bgr is None:
        raise InputError(f"{path} cannot be read as an image ({path.stat().st_size} bytes). Get it again.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_masks(human: Sequence[Path], thing: Sequence[Path], height: int, width: int) -> Masks:
    """Masks (height, width) of the person and the object: of each the first file that exists, else None."""
    return Masks(read_mask(human, height, width), read_mask(thing, height, width))


def read_mask(paths: Sequence[Path], height: int, width: int) -> Bools | None:
    """The first of these masks that exists, (height, width) bool; None without any or when it is empty."""
    for path in paths:
        if not path.is_file():
            continue
        mask = read_mask_file(path)
        if mask.shape != (height, width):
            mask = resized(mask, (height, width))
        return mask if mask.any() else None
    return None

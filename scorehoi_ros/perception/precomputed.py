"""Masks that were made elsewhere: files beside the frames, or masks from a topic."""

import logging
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Bools, Masks

SUFFIXES = (".png", ".jpg", ".jpeg")
THRESHOLD = 127
"""A pixel belongs to the mask above this grey level, so that JPEG noise does not."""
MAX_ASPECT_ERROR = 0.01
SAME_MASK_IOU = 0.9
"""Human and object masks that overlap more than this are one mask given twice."""

log = logging.getLogger(__name__)


def load_masks(directory: str | Path, stem: str, height: int, width: int) -> Masks:
    """Masks `<stem>_human.png|jpg|jpeg` and `<stem>_object.*` of a frame of this size, checked.

    A missing file gives None; a mask of another size is resized when its aspect ratio agrees within 1 %.
    Pixels above 127 belong to the mask; a file of only 0 and 1 is read as such.
    Raises InputError for unreadable files, several files for one mask, and what `check_masks` refuses.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise InputError(f"there is no folder of masks {folder}. Give the folder with <frame>_human.png.")
    human = _load(folder, f"{stem}_human", height, width)
    thing = _load(folder, f"{stem}_object", height, width)
    return check_masks(Masks(human, thing), height, width)


def check_masks(masks: Masks, height: int, width: int) -> Masks:
    """`masks` with empty ones taken out; scores are kept.

    Human and object may overlap: masks rendered from meshes do.  Raises InputError for masks of another
    shape or type than (height, width) bool, scores outside 0..1, and human and object masks that are
    nearly the same.
    """
    for name, mask in (("human", masks.human), ("object", masks.object)):
        if mask is not None and (mask.shape != (height, width) or mask.dtype != np.bool_):
            raise InputError(
                f"the {name} mask must be bool of the frame's size, {width}x{height} (width x height). "
                f"Got shape {mask.shape}, type {mask.dtype}."
            )
    for name, score in (("human", masks.human_score), ("object", masks.object_score)):
        if not 0.0 <= score <= 1.0:
            raise InputError(f"the score of the {name} mask must be between 0 and 1. Got {score}.")
    masks = _without_empty(masks)
    if masks.human is not None and masks.object is not None:
        _refuse_twins(masks.human, masks.object)
    return masks


def _without_empty(masks: Masks) -> Masks:
    if masks.human is None or not masks.human.any():
        _warn_empty("human", masks.human)
        masks = replace(masks, human=None)
    if masks.object is None or not masks.object.any():
        _warn_empty("object", masks.object)
        masks = replace(masks, object=None)
    return masks


def _warn_empty(name: str, mask: Bools | None) -> None:
    if mask is not None:
        log.warning("the %s mask is empty; it is treated as missing", name)


def _refuse_twins(human: Bools, thing: Bools) -> None:
    overlap = float((human & thing).sum()) / float((human | thing).sum())
    if overlap > SAME_MASK_IOU:
        raise InputError(
            f"the human and the object mask are nearly the same (overlap {overlap:.2f}, at most "
            f"{SAME_MASK_IOU} is possible). Give one mask of the person and one of the object."
        )


def _load(folder: Path, name: str, height: int, width: int) -> Bools | None:
    found = [folder / (name + suffix) for suffix in SUFFIXES if (folder / (name + suffix)).is_file()]
    if not found:
        return None
    if len(found) > 1:
        raise InputError(f"more than one file for a mask: {', '.join(map(str, found))}. Keep one.")
    grey = read_grey(found[0])
    if grey.max() == 1:  # written as 0 and 1 instead of 0 and 255
        grey = grey * np.uint8(255)
    got_height, got_width = grey.shape
    if (got_height, got_width) == (height, width):
        return grey > THRESHOLD
    if abs(got_width / got_height / (width / height) - 1.0) > MAX_ASPECT_ERROR:
        raise InputError(
            f"{found[0]} does not fit its frame: it is {got_width}x{got_height}, the frame is "
            f"{width}x{height}. Make the mask from the same image; only another scale is allowed."
        )
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR) > THRESHOLD


def read_grey(path: Path) -> NDArray[np.uint8]:
    """(h, w) uint8 of an image file, without its orientation tag; raises InputError when it is unreadable."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}.") from error
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        grey = cv2.imdecode(data, flags) if data.size else None
    except cv2.error:  # absurd sizes in the header
        grey = None
    if grey is None:
        raise InputError(
            f"{path} cannot be read as an image ({data.size} bytes). Expected a PNG or JPEG mask."
        )
    return np.asarray(grey, np.uint8)

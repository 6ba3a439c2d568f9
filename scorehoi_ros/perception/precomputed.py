"""Masks that were made elsewhere: what is checked, wherever they come from, and how they fit their frame."""

from dataclasses import replace

import cv2
import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import Bools, Masks

MAX_ASPECT_ERROR = 0.01
SAME_MASK_IOU = 0.9
"""Human and object masks that overlap more than this are one mask given twice."""


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
    """Those with pixels: who masks a whole recording gives empty ones where nothing is in view."""
    human, thing = (mask if mask is not None and mask.any() else None for mask in (masks.human, masks.object))
    return replace(masks, human=human, object=thing)


def _refuse_twins(human: Bools, thing: Bools) -> None:
    overlap = float((human & thing).sum()) / float((human | thing).sum())
    if overlap > SAME_MASK_IOU:
        raise InputError(
            f"the human and the object mask are nearly the same (overlap {overlap:.2f}, at most "
            f"{SAME_MASK_IOU} is possible). Give one mask of the person and one of the object."
        )


def fitted(mask: Bools, size: tuple[int, int], label: str) -> Bools:
    """`mask` in a frame's size (height, width); raises InputError when its aspect ratio is another."""
    if mask.shape == size:
        return mask
    (got_height, got_width), (height, width) = mask.shape, size
    if abs(got_width / got_height / (width / height) - 1.0) > MAX_ASPECT_ERROR:
        raise InputError(
            f"{label} does not fit its frame: it is {got_width}x{got_height}, the frame is "
            f"{width}x{height}. Make the mask from the same image; only another scale is allowed."
        )
    return resized(mask, size)


def resized(mask: Bools, size: tuple[int, int]) -> Bools:
    """(height, width) bool: the mask in another size."""
    soft = cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft > 0.5)

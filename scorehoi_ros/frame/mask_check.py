"""Masks that came with a frame, before they are believed: tidied, and moved to where they fit."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from scorehoi_ros.frame import mask_place, mask_tidy
from scorehoi_ros.frame.evidence import CROP_SIZE, bounding_box, inside_image, union_box
from scorehoi_ros.frame.mask_place import Place
from scorehoi_ros.geometry.camera import Crop, crop_image, square_crop
from scorehoi_ros.types import Bools, Frame, Masks

MOVED_SCORE = 0.7
"""What a mask is trusted at most that had to be moved."""
_MARGIN = 0.2


@dataclass(frozen=True)
class Checked:
    """Masks as they are used."""

    masks: Masks
    off_px: dict[str, float] = field(default_factory=dict)
    """human, object -> by how much the mask lay off, pixels at 256-pixel crop scale; only where it did."""


def checked(frame: Frame, own: Bools | None) -> Checked:
    """The masks of a frame without crumbs and slivers, each moved where it lay off.

    `own` (H, W) is the detector's mask of the person, None = it has none.  A person's mask is held against
    that and, without one, against the edges of the image, an object's against the edges.  2 ms for 640x480.
    """
    tidy = _tidied(frame.masks)
    crop = _crop_of(tidy, mask_place.SIDE)
    if crop is None:
        return Checked(tidy)
    rgb, inside = crop_image(frame.rgb, crop), inside_image(crop, frame.rgb.shape[:2], cv2.INTER_NEAREST)
    off, changed = {}, {}
    for name in ("human", "object"):
        mask = getattr(tidy, name)
        if mask is None:
            continue
        small = crop_image(mask, crop, cv2.INTER_AREA)
        if name == "human" and own is not None:
            place = mask_place.beside_mask(small, crop_image(own, crop, cv2.INTER_AREA))
        else:
            place = mask_place.on_edges(small, rgb, inside)
        if place.sure:
            off[name] = float(np.hypot(*place.shift))
            changed[name] = _moved(mask, place, crop)
            changed[f"{name}_score"] = min(MOVED_SCORE, getattr(tidy, f"{name}_score"))
    return Checked(replace(tidy, **changed), off)


def _crop_of(masks: Masks, size: int) -> Crop | None:
    box = union_box(bounding_box(masks.human), bounding_box(masks.object))
    return None if box is None else square_crop(box, np.eye(3), _MARGIN, size)


def _tidied(masks: Masks) -> Masks:
    crop = _crop_of(masks, mask_tidy.SIDE)
    if crop is None:
        return masks
    both = [None if m is None else crop_image(m, crop, cv2.INTER_AREA) for m in (masks.human, masks.object)]
    human, thing = (
        None if mine is None else mask_tidy.unwanted(mine, other)
        for mine, other in ((both[0], both[1]), (both[1], both[0]))
    )
    return replace(
        masks,
        human=_without(masks.human, human, crop),
        object=_without(masks.object, thing, crop),
    )


def _without(mask: Bools | None, unwanted: Bools | None, crop: Crop) -> Bools | None:
    """A mask (H, W) without what its crop has too much."""
    if mask is None or unwanted is None:
        return mask
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    size = mask.shape[1], mask.shape[0]
    lost = cv2.warpAffine(unwanted.view(np.uint8), crop.T_crop_image[:2], size, flags=flags)
    return np.asarray(mask & (lost == 0))


def _moved(mask: Bools, place: Place, crop: Crop) -> Bools:
    x, y = place.shift * (mask_place.SIDE / CROP_SIZE) / crop.T_crop_image[0, 0]
    by = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    size = mask.shape[1], mask.shape[0]
    moved = cv2.warpAffine(np.ascontiguousarray(mask).view(np.uint8), by, size, flags=cv2.INTER_NEAREST)
    return moved.view(bool)

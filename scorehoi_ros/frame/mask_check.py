"""Masks that came with a frame, before they are believed: tidied, and moved to where they fit."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from scorehoi_ros.frame import mask_place, mask_tidy
from scorehoi_ros.frame.evidence import bounding_box, inside_image, union_box
from scorehoi_ros.frame.mask_place import Place
from scorehoi_ros.geometry.camera import Crop, crop_image, square_crop
from scorehoi_ros.types import Bools, Frame, Masks

MOVED_SCORE = 0.7
"""What a mask is trusted at most that had to be moved."""
_MOST_LOST = 0.5
"""An object's mask does not lose a larger share than this to the person."""
_MARGIN = 0.2


@dataclass(frozen=True)
class Checked:
    """Masks as they are used."""

    masks: Masks
    off_px: dict[str, float] = field(default_factory=dict)
    """human, object -> by how much the mask lay off, pixels at 256-pixel crop scale; only where it did."""


@dataclass(frozen=True)
class _View:
    """The crop around both, and what of the masks is in it."""

    crop: Crop
    human: Bools | None
    """(S, S)"""
    object: Bools | None
    """(S, S)"""


def checked(frame: Frame, own: Bools | None) -> Checked:
    """The masks of a frame without crumbs and slivers, each moved where it lay off.

    `own` (H, W) is the detector's mask of the person, None = it has none.  A person's mask is held against
    that and, without one, against the edges of the image, an object's against the edges.
    """
    view = _look_at(frame.masks)
    if view is None:
        return Checked(frame.masks)
    tidy = _tidied(frame.masks, view)
    if tidy is not frame.masks:
        view = _look_at(tidy)
        if view is None:
            return Checked(tidy)
    return _disputed(_in_place(frame, tidy, view, own), own)


def _in_place(frame: Frame, tidy: Masks, view: _View, own: Bools | None) -> Checked:
    """Each mask moved to where it fits better, if it clearly does."""
    masks, off = tidy, {}
    for name, place in _places(frame, view, own).items():
        if place.sure:
            off[name] = float(np.hypot(*place.shift))
            masks = _with_moved(masks, name, place, view.crop)
    return Checked(masks, off)


def _with_moved(masks: Masks, name: str, place: Place, crop: Crop) -> Masks:
    if name == "human" and masks.human is not None:
        score = min(MOVED_SCORE, masks.human_score)
        return replace(masks, human=_moved(masks.human, place, crop), human_score=score)
    if name == "object" and masks.object is not None:
        score = min(MOVED_SCORE, masks.object_score)
        return replace(masks, object=_moved(masks.object, place, crop), object_score=score)
    return masks


def _disputed(found: Checked, own: Bools | None) -> Checked:
    """What both masks claim is the person's where the detector says so, too, else the object's.

    Either may be in front there, and what is taken from one of them is free for it: it may go on behind the
    other.  Without a detector's mask only the person's loses: of a person more is seen elsewhere.  So it is
    where the object would lose most of its mask.
    """
    human, thing = found.masks.human, found.masks.object
    if human is None or thing is None:
        return found
    both = human & thing
    if not both.any():
        return found
    hidden = np.zeros_like(both) if own is None else both & own
    human = human & ~(both & ~hidden)
    if np.count_nonzero(hidden) <= _MOST_LOST * np.count_nonzero(thing):
        thing = thing & ~hidden
    return replace(found, masks=replace(found.masks, human=human, object=thing))


def _look_at(masks: Masks) -> _View | None:
    """None without any mask."""
    box = union_box(bounding_box(masks.human), bounding_box(masks.object))
    if box is None:
        return None
    crop = square_crop(box, np.eye(3), _MARGIN, mask_tidy.SIDE)
    human, thing = (
        None if m is None else crop_image(m, crop, cv2.INTER_AREA) for m in (masks.human, masks.object)
    )
    return _View(crop, human, thing)


def _tidied(masks: Masks, view: _View) -> Masks:
    """The same masks when there is nothing to be taken away."""
    human = None if view.human is None else mask_tidy.unwanted(view.human, view.object)
    thing = None if view.object is None else mask_tidy.unwanted(view.object, view.human)
    if human is None and thing is None:
        return masks
    return replace(
        masks, human=_without(masks.human, human, view.crop), object=_without(masks.object, thing, view.crop)
    )


def _places(frame: Frame, view: _View, own: Bools | None) -> dict[str, Place]:
    """Where each mask would fit best."""
    step = mask_tidy.SIDE // mask_place.SIDE
    human, thing = (
        None if m is None else np.ascontiguousarray(m[::step, ::step]) for m in (view.human, view.object)
    )
    crop = Crop(np.diag([1 / step, 1 / step, 1.0]) @ view.crop.T_crop_image, np.eye(3), mask_place.SIDE)
    found: dict[str, Place] = {}
    if human is not None and own is not None:
        found["human"] = mask_place.beside_mask(human, crop_image(own, crop, cv2.INTER_NEAREST))
    by_edges = {"human": human if own is None else None, "object": thing}
    wanted = {name: mask for name, mask in by_edges.items() if mask is not None}
    if wanted:
        edges = mask_place.edges_of(crop_image(frame.rgb, crop))
        inside = inside_image(crop, frame.rgb.shape[:2], cv2.INTER_NEAREST)
        for name, mask in wanted.items():
            human_place = found.get("human")
            same = human_place.shift if human_place is not None and human_place.sure else None
            found[name] = mask_place.on_edges(mask, edges, inside, same)
    return found


def _without(mask: Bools | None, unwanted: Bools | None, crop: Crop) -> Bools | None:
    """A mask (H, W) without what its crop has too much."""
    if mask is None or unwanted is None:
        return mask
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    size = mask.shape[1], mask.shape[0]
    lost = cv2.warpAffine(unwanted.view(np.uint8), crop.T_crop_image[:2], size, flags=flags)
    return np.asarray(mask & (lost == 0))


def _moved(mask: Bools, place: Place, crop: Crop) -> Bools:
    x, y = place.shift / crop.T_crop_image[0, 0]
    by = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    size = mask.shape[1], mask.shape[0]
    moved = cv2.warpAffine(np.ascontiguousarray(mask).view(np.uint8), by, size, flags=cv2.INTER_NEAREST)
    return moved.view(bool)

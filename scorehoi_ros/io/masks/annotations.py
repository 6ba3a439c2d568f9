"""Who and what is outlined in a JSON file: COCO data sets, single annotations, labelme."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePath, PureWindowsPath
from typing import Any

import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.shapes import Size, checked_size, segmentation_mask
from scorehoi_ros.types import Bools

PEOPLE = ("person", "human", "people", "man", "woman")
"""Categories that mean the person; every other one is the object."""
MaskIds = Mapping[str, AbstractSet[int]]
"""By "human" and "object": values of a mask, or COCO's category ids, that are meant; empty = by the rule."""


@dataclass(frozen=True)
class Outline:
    """One annotation of an image, not drawn yet."""

    label: str
    """What it is of, for errors."""
    segmentation: Any
    size: Size | None
    """(height, width) of the image that it was made for; None = the frame's."""

    def mask(self, frame: Size) -> Bools:
        """(h, w) bool in its own size, or in that of the frame; raises InputError when it is damaged."""
        return segmentation_mask(self.segmentation, self.size or frame)


def outlines_of_file(value: Any) -> list[Outline]:
    """The annotations in a file that is of one person or one object; raises InputError when there are none.

    Run lengths, polygons, one annotation or a list of them, a COCO data set of one image, or labelme's file.
    """
    if isinstance(value, dict) and "shapes" in value:
        shapes = _labelme(value)
        return [Outline(shapes[0].label, [s.segmentation for s in shapes], shapes[0].size)]
    if isinstance(value, dict) and "annotations" in value:
        value = value["annotations"]
    if isinstance(value, dict):
        return [_annotation(value)]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_annotation(entry) for entry in value]
    return [Outline("polygons", value, None)]


def _annotation(value: Any) -> Outline:
    if not isinstance(value, dict) or ("segmentation" not in value and "counts" not in value):
        raise InputError("it holds no segmentation. Expected COCO run lengths, polygons or one annotation.")
    return Outline(
        f"annotation {value.get('id', '')}".strip(), value.get("segmentation", value), _size(value)
    )


def is_data_set(value: Any) -> bool:
    """True for a COCO file of many images."""
    return isinstance(value, dict) and isinstance(value.get("images"), list) and "annotations" in value


def is_labelme(value: Any) -> bool:
    """True for labelme's file of one image."""
    return isinstance(value, dict) and isinstance(value.get("shapes"), list)


def outlines_of_data_set(value: dict[str, Any], ids: MaskIds) -> dict[tuple[str, str], list[Outline]]:
    """Annotations by (stem of the image's file, "human" or "object"), without crowds and empty ones.

    `ids`: category ids that are the person or the object; without, a category called person is the person
    and every other one the object.  Raises InputError when images or categories are damaged or missing.
    """
    try:
        images = {entry["id"]: (_stem(entry["file_name"]), _size(entry)) for entry in value["images"]}
        names = {entry["id"]: str(entry["name"]) for entry in value.get("categories") or []}
        found: dict[tuple[str, str], list[Outline]] = {}
        for entry in value["annotations"]:
            if entry.get("iscrowd") or not entry.get("segmentation"):
                continue
            category = entry["category_id"]
            role = _role(category, names.get(category), ids)
            stem, size = images[entry["image_id"]]
            if role:
                label = f"{names.get(category, f'category {category}')} (annotation {entry.get('id')})"
                found.setdefault((stem, role), []).append(Outline(label, entry["segmentation"], size))
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"it is not a COCO file that can be read ({type(error).__name__}: {error}). Expected images "
            "(id, file_name), annotations (image_id, category_id, segmentation) and categories (id, name)."
        ) from error
    return found


def outlines_of_labelme(value: dict[str, Any]) -> dict[str, list[Outline]]:
    """The shapes of labelme's file by "human" or "object"; those of one label are one outline."""
    found: dict[str, dict[str, Outline]] = {}
    for shape in _labelme(value):
        role = "human" if shape.label.lower() in PEOPLE else "object"
        before = found.setdefault(role, {}).get(shape.label)
        parts = [*(before.segmentation if before else []), shape.segmentation]
        found[role][shape.label] = Outline(shape.label, parts, shape.size)
    return {role: list(labels.values()) for role, labels in found.items()}


def _labelme(value: dict[str, Any]) -> list[Outline]:
    try:
        shapes = [s for s in value["shapes"] if s.get("shape_type", "polygon") == "polygon"]
        height, width = value.get("imageHeight"), value.get("imageWidth")
        size = None if height is None or width is None else checked_size((height, width))
        outlines = [
            Outline(str(s["label"]), np.asarray(s["points"], float).ravel().tolist(), size) for s in shapes
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"its shapes cannot be read ({type(error).__name__}: {error}).") from error
    if not outlines:
        raise InputError("it holds no polygon.")
    return outlines


def _role(category: Any, name: str | None, ids: MaskIds) -> str:
    """Whose mask an annotation is; empty = nobody asked for it."""
    for role in ("human", "object"):
        if category in ids.get(role, ()):
            return role
    if name is None and not any(ids.values()):
        raise InputError(f"category {category} has no name in its categories: person or object?")
    role = "human" if name is not None and name.lower() in PEOPLE else "object"
    return "" if ids.get(role) else role


def _size(entry: dict[str, Any]) -> Size | None:
    if entry.get("height") is None or entry.get("width") is None:
        return None
    return checked_size((entry["height"], entry["width"]))


def _stem(file_name: Any) -> str:
    return PurePath(PureWindowsPath(file_name).as_posix()).stem

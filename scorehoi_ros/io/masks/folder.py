"""A folder of masks (or one COCO file) beside the frames: which file is whose, and what nothing used.

`<frame>_human.*` and `<frame>_object.*` are images or JSON; `<frame>.json` is labelme's; any other JSON with
images and annotations is a COCO data set; `<frame>.*` images with ids are read when the user says which
value is whom.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.annotations import (
    MaskIds,
    Outline,
    is_data_set,
    is_labelme,
    outlines_of_data_set,
    outlines_of_file,
    outlines_of_labelme,
)
from scorehoi_ros.io.masks.image import MASK_SUFFIXES, decode_pixels, read_mask_file
from scorehoi_ros.io.masks.names import FrameNames, paired_names
from scorehoi_ros.io.masks.pixels import found_values
from scorehoi_ros.io.masks.shapes import Size, read_json
from scorehoi_ros.perception.precomputed import check_masks, fitted
from scorehoi_ros.types import Bools, Masks

ROLES = ("human", "object")
MASK_NAME = re.compile(r"(.+)_(human|object)", re.IGNORECASE)
NO_IDS = "not named <frame>_human or <frame>_object, and no human_mask_ids or object_mask_ids are given"
NAMED = 5
"""Files that a line names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One mask that can be read."""

    label: str
    """Its file, and which part of it."""
    read: Callable[[Size], Bools]
    """(h, w) bool, for a frame of (height, width); raises InputError."""


Entries = dict[tuple[str, str], list[Entry]]
"""By (stem of the mask, "human" or "object")."""


@dataclass(frozen=True)
class MaskFolder:
    """The masks of a source's frames."""

    entries: Entries
    names: FrameNames
    """Which stem belongs to which frame."""

    def masks(self, frame: str, height: int, width: int) -> Masks:
        """Masks of one frame of this size, checked; a missing one is None.

        A mask of another size is resized when its aspect ratio agrees within 1 %.  Raises InputError for
        unreadable masks, several for one person or object, and what `check_masks` refuses.
        """
        stem = self.names.mask_stem(frame)
        human, thing = (self._mask(stem, role, (height, width)) for role in ROLES)
        return check_masks(Masks(human, thing), height, width)

    def _mask(self, stem: str, role: str, size: Size) -> Bools | None:
        found = self.entries.get((stem, role), [])
        if not found:
            return None
        if len(found) > 1:
            listed = ", ".join(entry.label for entry in found[:NAMED])
            raise InputError(f"more than one {role} mask for {stem} ({len(found)}): {listed}. Keep one.")
        return fitted(found[0].read(size), size, found[0].label)


def open_mask_folder(path: Path, frames: FrameNames, ids: MaskIds, others: Sequence[Path] = ()) -> MaskFolder:
    """The masks in a folder, or in one JSON file, for frames of these names.

    `ids`: see `MaskIds`; `others`: files there that are no masks (the frames).  Says in one line each which
    files nothing used, and how names were paired where they differ.  Raises InputError when no mask
    belongs to a frame, or a COCO file is damaged.
    """
    entries, left_out = _all_entries(path, ids, set(others))
    if not entries:
        _demand_ids(path, left_out)
    names = paired_names(frames, {stem for stem, _ in entries}, path, left_out)
    unused = dict.fromkeys(_labels_without_frame(entries, names), "no frame of this name")
    _say_left_out(path, left_out | unused)
    return MaskFolder(entries, names)


def load_masks(directory: Path, stem: str, height: int, width: int) -> Masks:
    """Masks of one frame of this size, in a folder of masks named by frames; raises as `MaskFolder.masks`."""
    return MaskFolder(_all_entries(directory, {})[0], FrameNames()).masks(stem, height, width)


def _all_entries(
    path: Path, ids: MaskIds, others: AbstractSet[Path] = frozenset()
) -> tuple[Entries, dict[str, str]]:
    """The masks in a folder or file, and by name why other files are none."""
    if not path.exists():
        raise InputError(f"there is no folder of masks {path}. Give the folder with <frame>_human.png.")
    files = [path] if path.is_file() else sorted(f for f in path.iterdir() if not f.name.startswith("."))
    entries: Entries = {}
    left_out: dict[str, str] = {}
    for file in files:
        if file in others:
            continue
        found, reason = _entries_of(file, ids)
        for key, new in found.items():
            entries.setdefault(key, []).extend(new)
        if not found:
            left_out[file.name] = reason
    return entries, left_out


def _entries_of(file: Path, ids: MaskIds) -> tuple[Entries, str]:
    """The masks in one file; without any, why there are none."""
    named = MASK_NAME.fullmatch(file.stem)
    suffix = file.suffix.lower()
    if file.is_dir():
        return {}, "a folder"
    if suffix == ".json":
        return _json_entries(
            file, named, ids
        ), "no COCO or labelme file, and not named <frame>_human or _object"
    if suffix not in MASK_SUFFIXES:
        return {}, f"{suffix or 'no suffix'} is not read as a mask"
    if named is not None:
        role = named[2].lower()
        return {(named[1], role): [_image(file, ids.get(role, frozenset()))]}, ""
    wanted = {(file.stem, role): [_image(file, ids[role])] for role in ROLES if ids.get(role)}
    return wanted, NO_IDS


def _demand_ids(path: Path, left_out: dict[str, str]) -> None:
    """Raise InputError where pictures are there, but not whose masks they are."""
    pictures = [name for name, why in left_out.items() if why == NO_IDS]
    if pictures:
        values = found_values(decode_pixels((path / pictures[0]).read_bytes()))
        raise InputError(
            f"{path / pictures[0]} does not say whose mask it is: it holds {values}. Say which are whom, for "
            "example with --human-mask-ids 1 --object-mask-ids 2, or call it <frame>_human or <frame>_object."
        )


def _image(file: Path, ids: Any) -> Entry:
    return Entry(file.name, lambda _: read_mask_file(file, ids))


def _json_entries(file: Path, named: re.Match[str] | None, ids: MaskIds) -> Entries:
    if named is not None:
        return {(named[1], named[2].lower()): [Entry(file.name, _OneOf(file))]}
    value = read_json(file)
    try:
        if is_data_set(value):
            found = outlines_of_data_set(value, ids)
        elif is_labelme(value):
            found = {(file.stem, role): outlines for role, outlines in outlines_of_labelme(value).items()}
        else:
            return {}
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return {key: [_entry(file, outline) for outline in outlines] for key, outlines in found.items()}


def _entry(file: Path, outline: Outline) -> Entry:
    label = f"{file.name}: {outline.label}"
    return Entry(label, lambda size: _drawn(outline, size, label))


def _drawn(outline: Outline, size: Size, label: str) -> Bools:
    try:
        return outline.mask(size)
    except InputError as error:
        raise InputError(f"{label}: {error}") from error


@dataclass(frozen=True)
class _OneOf:
    """Reads a JSON file of one person or object."""

    file: Path

    def __call__(self, size: Size) -> Bools:
        """(h, w) bool; raises InputError, which names the file."""
        value = read_json(self.file)
        try:
            outlines = outlines_of_file(value)
            if len(outlines) > 1:
                listed = ", ".join(outline.label for outline in outlines[:NAMED])
                raise InputError(f"it holds {len(outlines)} masks: {listed}. Keep the one of this name.")
            return outlines[0].mask(size)
        except InputError as error:
            raise InputError(f"{self.file}: {error}") from error


def _labels_without_frame(entries: Entries, names: FrameNames) -> list[str]:
    return sorted(
        {entry.label for (stem, _), found in entries.items() if not names.is_used(stem) for entry in found}
    )


def _say_left_out(path: Path, left_out: dict[str, str]) -> None:
    """One line about the files that nothing used, by reason."""
    reasons = Counter(left_out.values())
    parts = []
    for reason, count in reasons.items():
        files = [name for name, why in left_out.items() if why == reason]
        more = f" and {count - NAMED} more" if count > NAMED else ""
        parts.append(f"{', '.join(files[:NAMED])}{more} ({reason})")
    if parts:
        log.warning("not used in %s: %s", path, "; ".join(parts))

"""Which mask belongs to which frame, by their names."""

import dataclasses
import logging
import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path

from scorehoi_ros.errors import InputError

INDEXED = re.compile(r"\d{6}")
"""Frames of videos and bags are named by their index."""
LISTED = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameNames:
    """Names of the frames of a source, and how masks are named for them."""

    names: tuple[str, ...] | None = None
    """None = indices ("000000") of an unknown number of frames."""
    by_number: dict[int, str] = field(default_factory=dict)
    """Stem of the mask by number, when names differ in all but their last number."""

    @property
    def example(self) -> str:
        """The name of the first frame."""
        return self.names[0] if self.names else "000000"

    def mask_stem(self, frame: str) -> str:
        """What masks of a frame are called; the frame's own name where none fits."""
        return self.by_number.get(_number(frame), frame) if self.by_number else frame

    def is_used(self, stem: str) -> bool:
        """Whether a mask of this stem belongs to a frame."""
        if self.names is None:
            return stem in self.by_number.values() or INDEXED.fullmatch(stem) is not None
        return stem in {self.mask_stem(name) for name in self.names}


def paired_names(
    frames: FrameNames, stems: AbstractSet[str], path: Path, left_out: dict[str, str]
) -> FrameNames:
    """`frames` with how masks of these stems belong to them: by equal names, else by equal last numbers.

    Pairing by numbers is told, and so are masks that seem to be counted from another first number.
    `left_out`: file -> reason of what is no mask.  Raises InputError when nothing fits.
    """
    if any(frames.is_used(stem) for stem in stems):
        _say_shift(frames, stems)
        return frames
    numbers = {_number(stem): stem for stem in stems}
    unique = len(numbers) == len(stems) and -1 not in numbers
    own = None if frames.names is None else [_number(name) for name in frames.names]
    if unique and stems and (own is None or (len(set(own)) == len(own) and set(own) & set(numbers))):
        paired = dataclasses.replace(frames, by_number=numbers)
        log.warning(
            "masks in %s are paired with frames by their numbers, as their names differ: %s",
            path,
            _pair_in_words(paired, own),
        )
        _say_shift(paired, stems)
        return paired
    raise InputError(_no_mask(frames, stems, path, left_out))


def _number(name: str) -> int:
    """The last number in a name, -1 without one."""
    digits = re.findall(r"[0-9]+", name)
    return int(digits[-1][-9:]) if digits else -1


def _pair_in_words(frames: FrameNames, own: list[int] | None) -> str:
    both = sorted(set(frames.by_number) & set(own)) if own is not None else sorted(frames.by_number)
    frame = f"{both[0]:06d}" if own is None else (frames.names or ())[own.index(both[0])]
    return f"{frames.by_number[both[0]]} with {frame}"


def _say_shift(frames: FrameNames, stems: AbstractSet[str]) -> None:
    """Say that masks and frames, though paired by name, look like counted from different first numbers."""
    numbers = sorted({_number(stem) for stem in stems if frames.names or frames.is_used(stem)})
    own = sorted({_number(name) for name in frames.names or ("000000",)})
    begins_later = numbers[0] == own[0] + 1 and own[0] >= 0
    ends_later = numbers[-1] == own[-1] + 1 if frames.names else len(numbers) > 1
    if begins_later and ends_later:
        log.warning(
            "masks are numbered from %d, frames from %d, so the first frame has no mask: masks belong to the "
            "frame of the same name or number. Rename them if they were counted from another number.",
            numbers[0],
            own[0],
        )


def _no_mask(frames: FrameNames, stems: AbstractSet[str], path: Path, left_out: dict[str, str]) -> str:
    found = f"found masks for {', '.join(sorted(stems)[:LISTED])}" if stems else "found no mask"
    others = ", ".join(f"{name} ({why})" for name, why in list(left_out.items())[:LISTED])
    return (
        f"no mask in {path} belongs to a frame. Expected names like {frames.example}_human.png and "
        f"{frames.example}_object.png; {found}{'; not used: ' + others if others else ''}."
    )

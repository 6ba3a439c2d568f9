"""What a data set gives to whoever measures or trains: samples with their truth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scorehoi_ros.errors import ScorehoiError
from scorehoi_ros.types import Bools, Floats, Floor, Frame, HumanObservation, Ints

if TYPE_CHECKING:
    from scorehoi_ros.objects.template import ObjectTemplate


@dataclass(frozen=True)
class Human:
    """A posed body mesh with its joints, in metres, in the camera frame."""

    vertices: Floats
    """(V, 3)"""
    faces: Ints
    """(F, 3)"""
    joints: Floats
    """(52, 3) in the order of SMPL-H."""


@dataclass(frozen=True)
class Truth:
    """What is known to be true of one frame, in the camera optical frame."""

    human: Human
    T_cam_object: Floats
    """(4, 4) of `template`, whose origin is the mean of its 64 points."""
    template: "ObjectTemplate"
    floor: Floor | None = None
    human_mask: Bools | None = None
    """(H, W) visible pixels of the person."""
    object_mask: Bools | None = None
    """(H, W) visible pixels of the object."""


@dataclass(frozen=True)
class Sample:
    """One frame of a data set: what a method may see, and the truth that it may not."""

    key: str
    frame: Frame
    """Undistorted image, with the masks that every method is given."""
    truth: Truth
    seen: HumanObservation | None = None
    """Landmarks that come with the data; None = the detector has to find them."""
    group: str = ""
    """What the data set calls this kind of frame, such as the interaction; empty = it does not say."""


@dataclass(frozen=True)
class Skipped:
    """A frame that cannot be used, with the reason."""

    key: str
    reason: str


@dataclass(frozen=True)
class Item:
    """A frame that is loaded only when it is its turn."""

    key: str
    load: Callable[[], Sample]
    """May raise ScorehoiError: the frame is then skipped and counted."""

    def open(self) -> Sample | Skipped:
        """The sample, or why there is none."""
        try:
            return self.load()
        except ScorehoiError as error:
            return Skipped(self.key, str(error))


@dataclass(frozen=True)
class Dataset:
    """Frames to measure on: single ones, and sequences of consecutive ones."""

    name: str
    version: str
    """What makes two results comparable: version, split and views."""
    singles: Sequence[Item]
    sequences: Sequence[Sequence[Item]] = field(default_factory=list)
    overlapping: bool = False
    """The sequences hold the same frames as the singles."""

    def units(self, limit: int | None, sequences: int | None) -> list[Sequence[Item]]:
        """Lists of frames that belong together, to be worked on in order.

        `limit` single frames are spread evenly over all; `sequences` = how many sequences (None = all of
        them when nothing is limited and they hold other frames than the singles, else none).
        """
        if sequences is None:
            sequences = 0 if self.overlapping or limit is not None else len(self.sequences)
        chosen: list[Sequence[Item]] = [[item] for item in spread(self.singles, limit)]
        return chosen + list(self.sequences[:sequences])


@dataclass(frozen=True)
class Request:
    """Which part of which data set is wanted."""

    name: str
    root: Path | None = None
    split: str = "test"
    """"test", "train" or "all"."""
    body_models: Path | None = None
    """Folder with the licensed body models that the data set's truth needs."""
    cache: bool = True


def spread(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """`limit` of the items, evenly spread and in order; all of them without a limit."""
    if limit is None or limit >= len(items):
        return items
    places = np.linspace(0, len(items) - 1, limit).round().astype(int) if limit > 1 else [0]
    return [items[i] for i in places]


def walk(units: Sequence[Sequence[Item]]) -> Iterator[tuple[int, int, Sample | Skipped]]:
    """Unit number, place in the unit, and the frame or why it is left out."""
    for number, unit in enumerate(units):
        for place, item in enumerate(unit):
            yield number, place, item.open()

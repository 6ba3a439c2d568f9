#!/usr/bin/env python3
"""Measure the built-in object segmentation and human masks on photos and sequences with true masks.

Each FOLDER holds images/ and masks/<stem>_human.*, masks/<stem>_object.*.  The prompt is the box of the true
object mask grown by 5 %; the human mask given to the segmenters is the detector's.  Printed are overlaps
(IoU), the built-in segmenter's own score, and processor milliseconds.

A FILE of --sequences holds truths as those of the demo.  Each object is prompted by a box in its first frame,
then tracked: the prompt is the template where it truly was in the frame before, with the colours of the last
sure result.  Compared are looking at length, as for a box, and what the segmenter does; `r` is the
correlation of score and overlap.

example: tools/measure_segmenters.py ../shared/data/behave_photos --sequences models/demo/truth.npz
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from photo_folders import detected, overlap, photos_in, told_mask

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.frame.track import _SURE_IOU, SURE_SCORE
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.object.grabcut import FAR, PROMPTED, GrabCutSegmenter, segment_once
from scorehoi_ros.perception.object.search import follow
from scorehoi_ros.perception.object.segmenter import make_segmenter
from scorehoi_ros.perception.object.window import clip_box, look, mask_box, put_back, window_around
from scorehoi_ros.perception.protocols import Segmentation
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Bools, Box, Masks, Prompt

Image = NDArray[np.uint8]
T = TypeVar("T")
Segment = Callable[[Image, Prompt, Bools | None], Segmentation]
Found = tuple[float, float, float]
"""Overlap with the true mask, the segmenter's score, processor milliseconds."""


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


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and processor milliseconds of `work`."""
    start = time.process_time()
    result = work()
    return result, 1e3 * (time.process_time() - start)


def measure(rgb: Image, truth: Masks, detector: MediapipeHuman) -> list[float] | None:
    """One row of the table, or None when a mask is missing."""
    height, width = rgb.shape[:2]
    if truth.human is None or truth.object is None:
        return None
    box = mask_box(truth.object, 0.05)
    box = None if box is None else clip_box(box, height, width)
    if box is None:
        return None
    segmenter = make_segmenter(PipelineConfig(segmenter="grabcut"))
    assert segmenter is not None
    found, human_ms = timed(lambda: detector.detect(rgb))
    human = told_mask(found, rgb)
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
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--sequences", nargs="+", type=Path, default=[], metavar="FILE")
    args = parser.parse_args()
    with MediapipeHuman() as detector:
        measure_photos(args.folders, detector)
        measure_sequences(args.sequences, detector)
    return 0


def measure_photos(folders: list[Path], detector: MediapipeHuman) -> None:
    """One row for each photo."""
    names = ("human", "hands", "ms", "plain", "ms", "ours", "score", "ms")
    rows = []
    write_names(names if folders else ())
    for folder in folders:
        for stem, rgb, truth in photos_in(folder):
            row = measure(rgb, truth, detector)
            if row is not None:
                rows.append(row)
                write_row(f"{folder.name}/{stem}", row)
    if rows:
        write_row("mean", list(np.mean(rows, axis=0)))


def measure_sequences(files: list[Path], detector: MediapipeHuman) -> None:
    """One row for each sequence: looking at length, then tracking."""
    write_names(("frames", "long", "r", "ms", "tracked", "r", "ms") if files else ())
    ways = (at_length, GrabCutSegmenter().segment)
    everything: tuple[list[Found], ...] = ([], [])
    for file in files:
        for number, items in enumerate(open_dataset("synhoi-test", file).sequences):
            samples = [item.load() for item in items]
            humans = [detected(detector, sample.frame.rgb) for sample in samples]
            for way, found in zip(ways, everything, strict=True):
                found += tracked(way, samples, humans)
            count = len(samples)
            write_tracked(f"{file.stem}/{number}", [found[-count + 1 :] for found in everything])
    if files:
        write_tracked("all", list(everything))


def write_tracked(name: str, found: list[list[Found]]) -> None:
    """Frames, then overlap, its correlation with the score and the median time of each way."""
    row = [float(len(found[0]))]
    for frames in found:
        overlaps, scores, ms = np.array(frames).T
        row += [overlaps.mean(), np.corrcoef(overlaps, scores)[0, 1], float(np.median(ms))]
    write_row(name, row)


def at_length(rgb: Image, prompt: Prompt, exclude: Bools | None) -> Segmentation:
    """With the effort for a box, where the object was and where its colours are."""
    prompts = [prompt]
    if prompt.mask is not None and prompt.appearance is not None:
        prompts.append(replace(prompt, mask=follow(rgb, prompt.mask, prompt.appearance, FAR)))
    return max((segment_once(rgb, p, exclude, PROMPTED) for p in prompts), key=lambda found: found.score)


def tracked(segment: Segment, samples: list[Sample], humans: list[Bools]) -> list[Found]:
    """Overlap, score and milliseconds of every frame but the first."""
    mask = samples[0].truth.object_mask
    assert mask is not None
    appearance = segment(samples[0].frame.rgb, Prompt(box=mask_box(mask, 0.05)), humans[0]).appearance
    rows = []
    for before, sample, human in zip(samples, samples[1:], humans[1:], strict=False):
        assert sample.truth.object_mask is not None
        prompt = Prompt(mask=template_mask(before), appearance=appearance)
        found, ms = timed(partial(segment, sample.frame.rgb, prompt, human))
        rows.append((overlap(found.mask, sample.truth.object_mask), found.score, ms))
        if found.score >= SURE_SCORE and overlap(found.mask, template_mask(sample)) >= _SURE_IOU:
            appearance = found.appearance
    return rows


def template_mask(sample: Sample) -> Bools:
    """Pixels of the template at its true pose, as if nothing hid it."""
    camera, mesh = sample.frame.camera, sample.truth.template.mesh
    vertices = transform_points(sample.truth.T_cam_object, mesh.vertices)
    return silhouette(vertices, mesh.faces, camera.K, camera.width, camera.height)


def write_names(names: tuple[str, ...]) -> None:
    """The head of a table, if it has any columns."""
    if names:
        sys.stdout.write(f"{'':28}" + "".join(f"{name:>8}" for name in names) + "\n")


def write_row(name: str, row: list[float]) -> None:
    """Overlaps with two decimals, milliseconds whole."""
    sys.stdout.write(f"{name:28}" + "".join(f"{v:8.2f}" if v < 3 else f"{v:8.0f}" for v in row) + "\n")


if __name__ == "__main__":
    sys.exit(main())

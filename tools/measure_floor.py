#!/usr/bin/env python3
"""Measure the floor that is estimated where gravity is not known, on synthetic scenes.

FOLDER holds shards of `scorehoi synth` of the split val.  Printed are the angle between the estimated and the
true normal, how far the true floor is above or below the estimated one under the person, and which share of
both lies within one and two of the standard deviations that are told (0.68 and 0.95 are right; the angle is
taken apart into two axes).  The same for a camera that is taken to be level.

example: tools/measure_floor.py data/val --every 16
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.synth.scene.kinds import template_of
from scorehoi_ros.synth.storage import Example, read_shards, shard_paths
from scorehoi_ros.types import Bools, Camera, Floats, Floor, Frame, HumanObservation, Masks

LEVEL = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Found:
    """One frame."""

    estimated: Floor
    truth: Floor
    root: Floats
    """(3,) metres, the true pelvis."""
    furniture: bool
    """The template has an up axis."""

    def tilt(self, normal: Floats) -> Floats:
        """(2,) radians from a normal to the true one, about two axes across it."""
        right = np.cross(normal, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(normal, right)])
        across = axes @ self.truth.normal
        sine = np.linalg.norm(across)
        return np.asarray(across / max(sine, 1e-9) * np.arctan2(sine, normal @ self.truth.normal))

    def gap(self) -> float:
        """Metres from the estimated to the true floor straight under the pelvis."""
        mine = self.estimated.normal @ self.root - self.estimated.offset
        return float(mine - (self.truth.normal @ self.root - self.truth.offset))


def frame_of(example: Example) -> Frame:
    """The frame of a scene as the pipeline takes it: masks as told, no picture (regress looks at none)."""
    truth, T = example.truth, example.T_crop_image[:2]

    def whole(mask: Bools | None) -> Bools | None:
        if mask is None:
            return None
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(mask.astype(np.uint8), T, (truth.width, truth.height), flags=flags) > 0

    told = example.masks
    scores = float(told.human_score), float(told.object_score)
    rgb = np.zeros((truth.height, truth.width, 3), np.uint8)
    masks = Masks(whole(told.human), whole(told.object), *scores)
    return Frame(rgb, Camera(truth.K, truth.width, truth.height), 0, name=truth.key, masks=masks)


def measured(folder: Path, every: int, method: str) -> Iterator[Found]:
    """One of `every` scenes, each by itself."""
    pipeline = load_pipeline(method=method)
    for shard in read_shards(shard_paths(folder)):
        for row in range(0, len(shard), every):
            example = shard.example(row)
            truth, template = example.truth, template_of(example.truth.object_spec)
            if pipeline.template is not template:
                pipeline = pipeline.for_template(template)
            eyes = replace(pipeline.eyes, detector=GivenLandmarks(HumanObservation(example.landmarks, None)))
            result, _ = replace(pipeline, eyes=eyes).step(frame_of(example), None)
            if result.floor is not None:
                floor = Floor(truth.floor_normal, truth.floor_offset)
                yield Found(result.floor, floor, truth.root, template.up is not None)


def line(name: str, found: list[Found]) -> str:
    """Angles, gaps and calibration of some frames."""
    tilts = np.stack([f.tilt(f.estimated.normal) for f in found])
    level = np.degrees([np.linalg.norm(f.tilt(LEVEL)) for f in found])
    sigma = np.array([f.estimated.tilt_sigma for f in found])
    gaps, spread = (np.array([v(f) for f in found]) for v in (Found.gap, lambda f: f.estimated.offset_sigma))
    angle = np.degrees(np.linalg.norm(tilts, axis=1))
    return (
        f"{name:<10}{len(found):>6}   "
        f"{_spread(angle)}   {_spread(level)}   {np.degrees(np.median(sigma)):4.1f}   "
        f"{_shares(tilts / sigma[:, None])}   {_spread(100 * np.abs(gaps))}   {_shares(gaps / spread)}"
    )


def _spread(values: Floats) -> str:
    return "{:5.1f} {:5.1f}".format(*np.percentile(values, [50, 90]))


def _shares(values: Floats) -> str:
    return " ".join(f"{(np.abs(values) < k).mean():.2f}" for k in (1, 2))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--every", metavar="N", type=int, default=16, help="one of N scenes (default 16)")
    parser.add_argument("--method", default="regress", help="method of reconstruction (default regress)")
    args = parser.parse_args()
    found = list(measured(args.folder, args.every, args.method))
    print("          frames   angle, deg    level, deg    sigma  within 1, 2   gap, cm       within 1, 2")
    print("                   p50   p90     p50   p90                          p50   p90")
    print(line("all", found))
    for name, kind in (("furniture", True), ("others", False)):
        if some := [f for f in found if f.furniture is kind]:
            print(line(name, some))


if __name__ == "__main__":
    main()

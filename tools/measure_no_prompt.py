#!/usr/bin/env python3
"""What is found without masks and without a prompt: only balls are proposed (`perception/object/propose.py`).

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_no_prompt.py VAL

Each validation scene with a ball is drawn twice, with the ball and without it, and looked at as a first
frame is.  The detector's mask of the person and its landmarks are simulated.  A row is a segmenter: the share
of visible balls for which something is found, of those for which it is the ball (IoU of a half with the true
mask), and the share of pictures without a ball in which one is invented; processor milliseconds of a look.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from calibrate_status import truths_in
from measure_least_score import AWAY_M, RIGHT_IOU
from photo_folders import overlap
from tqdm import tqdm

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.human.placing import place_person
from scorehoi_ros.perception.object.segmenter import make_segmenter
from scorehoi_ros.perception.observe import ObjectMemory, head_of, see_object
from scorehoi_ros.perception.protocols import Segmenter
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.sensor.mask_noise import HUMAN, disturb
from scorehoi_ros.synth.sensor.observe import Observation, observe
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Bools, Camera, Frame, Masks

LEAST_VISIBLE, LEAST_PX = 0.3, 60
"""Of a ball that counts as visible: share of its outline, and pixels."""


@dataclass(frozen=True)
class Pair:
    """A scene with its ball and without it."""

    truth: SceneTruth
    template: ObjectTemplate
    shown: Observation
    bare: Observation


def pair(truth: SceneTruth, template: ObjectTemplate) -> Pair:
    """Both pictures."""
    aside = truth.T_cam_object.copy()
    aside[0, 3] += AWAY_M
    shown, bare = (
        observe(t, free_body(), template, Style()) for t in (truth, replace(truth, T_cam_object=aside))
    )
    return Pair(truth, template, shown, bare)


def found(p: Pair, seen: Observation, segmenter: Segmenter, posed: PosedBody) -> Bools | None:
    """The object's mask in one of the pictures; None = nothing is found."""
    assert seen.rgb is not None
    K = np.asarray(p.truth.K)
    own = disturb(seen.human_mask, seen.object_mask, HUMAN, np.random.default_rng([p.truth.seed, 42]))
    frame = Frame(seen.rgb, Camera(K, p.truth.width, p.truth.height), 0)
    person = place_person(posed, seen.landmarks, K, None)
    head = head_of(seen.landmarks)
    sighting = see_object(frame, Masks(human=own), segmenter, None, p.template, person, ObjectMemory(), head)
    return sighting.masks.object


def row(name: str, pairs: list[Pair]) -> str:
    """One segmenter."""
    segmenter, posed = make_segmenter(PipelineConfig(segmenter=name)), PosedBody(free_body())
    assert segmenter is not None
    start = time.process_time()
    there = [(found(p, p.shown, segmenter, posed), p.shown.object_mask) for p in pairs]
    invented = [found(p, p.bare, segmenter, posed) is not None for p in pairs]
    ms = 1e3 * (time.process_time() - start) / (2 * len(pairs))
    right = [m is not None and overlap(m, true) > RIGHT_IOU for m, true in there]
    shares = np.mean([m is not None for m, _ in there]), np.mean(right), np.mean(invented)
    return f"{name:10}" + "".join(f"{share:10.2f}" for share in shares) + f"{ms:8.0f}\n"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--count", type=int, default=60, help="balls at most (default 60)")
    parser.add_argument("--segmenters", nargs="+", default=["grabcut", "sam"], metavar="NAME")
    args = parser.parse_args()
    pairs: list[Pair] = []
    for truth in tqdm(truths_in(args.folder), unit="scene"):
        template = load_template(truth.object_spec)
        if template.symmetry.sphere and len(pairs) < args.count:
            drawn = pair(truth, template)
            if drawn.shown.object_visible > LEAST_VISIBLE and drawn.shown.object_mask.sum() > LEAST_PX:
                pairs.append(drawn)
    sys.stdout.write(f"{len(pairs)} balls\n{'':10}     found     right  invented      ms\n")
    for name in args.segmenters:
        sys.stdout.write(row(name, pairs))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

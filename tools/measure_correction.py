#!/usr/bin/env python3
"""Measure what the correction after the alignment is worth, and how tightly the steps after it should hold.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_correction.py VAL --count 200

Refines one view of each validation scene, with the landmarks and masks that come with it and without a
picture, and corrects the answer in several ways: not at all; with so many steps of the alignment after it,
each held by so much of the network's uncertainty (0 steps: as the corrector says it).
"""

import sys
from dataclasses import replace
from itertools import islice, product

import numpy as np
from refinement_scenes import ERRORS, arguments, errors, evidence_of, samples_in, table, told
from tqdm import tqdm

from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.correct import HOLD, Correction
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import AlignRefiner, in_camera
from scorehoi_ros.methods.regress.start import Known
from scorehoi_ros.types import Floats

Way = tuple[int, float]
"""Steps, and share of the uncertainty that holds them."""


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, 200)
    parser.add_argument("--weights", default="", metavar="DIR", help="folder of weights (default: shipped)")
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 10], help="after it (default 0 10)")
    parser.add_argument("--hold", type=float, nargs="+", default=[HOLD], help=f"default {HOLD}")
    args = parser.parse_args()
    pipeline = load_pipeline(method="regress", regress=RegressConfig(weights=args.weights))
    ways = [(s, h) for s, h in product(args.steps, args.hold) if s or h == args.hold[0]]
    names = ["aligned", *(f"{steps} steps, {hold:g}" if steps else "corrected" for steps, hold in ways)]
    scenes = islice(samples_in(args.folder), args.first, args.first + args.count)
    rows = [scores(sample, pipeline, ways) for sample in tqdm(scenes, total=args.count, unit="scene")]
    sys.stdout.write("\n".join(table(np.array(rows), "", names, ERRORS.values())) + "\n")
    return 0


def scores(sample: Sample, pipeline: Pipeline, ways: list[Way]) -> Floats:
    """(1 + ways, metrics) of one scene."""
    pipeline = told(pipeline, sample)
    refiner, evidence = pipeline.method.refiner, evidence_of(sample)
    proposal = pipeline.method.estimator(evidence, None)
    said = proposal.features
    assert isinstance(refiner, AlignRefiner) and isinstance(said, Said) and refiner.correction is not None
    evidence, answers = proposal.evidence or evidence, []
    aligned = refiner.aligned(said, proposal, evidence, None, Known())
    for correction in (None, *(way_of(refiner.correction, way) for way in ways)):
        found, _ = replace(refiner, correction=correction).corrected(aligned, said, evidence, Known())
        estimate = in_camera(found.aligned.state, found.best, said.view, None, thing=True)
        answers.append(errors(sample, pipeline, estimate))
    return np.array([[answer[name] for name in ERRORS] for answer in answers])


def way_of(correction: Correction, way: Way) -> Correction:
    """The same with other steps."""
    return replace(correction, steps=way[0], hold=way[1])


if __name__ == "__main__":
    sys.exit(main())

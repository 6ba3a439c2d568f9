#!/usr/bin/env python3
"""Measure what the correction after the alignment is worth, and what the steps after it should be.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_correction.py VAL --count 200

Refines one view of each validation scene, with the landmarks and masks that come with it and without a
picture, and corrects the answer in several ways: not at all; with so many steps of the alignment after it,
each so long, held by so much of the network's uncertainty, with such a weight of penetration (0 steps: as the
corrector says it).
"""

import sys
from dataclasses import replace
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from refinement_scenes import ERRORS, arguments, errors, evidence_of, samples_in, table, told
from tqdm import tqdm

from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.correct import HOLD, PUSHED, RATE, Correction
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import AlignRefiner, in_camera
from scorehoi_ros.methods.regress.start import Known
from scorehoi_ros.types import Floats


class Way(NamedTuple):
    """The steps after the correction."""

    steps: int
    rate: float
    """Standard deviations a step, of what holds."""
    hold: float
    """Share of the uncertainty that holds them."""
    penetration: float
    """Its weight."""

    def __str__(self) -> str:
        told = f"{self.steps} steps of {self.rate:g}, held by {self.hold:g}, penetration {self.penetration:g}"
        return told if self.steps else "corrected"


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, 200)
    parser.add_argument("--weights", default="", metavar="DIR", help="folder of weights (default: shipped)")
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 30], help="after it (default 0 30)")
    parser.add_argument("--rate", type=float, nargs="+", default=[RATE], help=f"default {RATE}")
    parser.add_argument("--hold", type=float, nargs="+", default=[HOLD], help=f"default {HOLD}")
    weight = PUSHED.penetration
    parser.add_argument("--penetration", type=float, nargs="+", default=[weight], help=f"default {weight}")
    args = parser.parse_args()
    pipeline = load_pipeline(method="regress", regress=RegressConfig(weights=args.weights))
    every = product(args.steps, args.rate, args.hold, args.penetration)
    ways = list({str(way): way for way in (Way(*values) for values in every)}.values())
    names = ["aligned", *map(str, ways)]
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
    weights = replace(correction.weights, penetration=way.penetration)
    return replace(correction, steps=way.steps, rate=way.rate, hold=way.hold, weights=weights)


if __name__ == "__main__":
    sys.exit(main())

"""What ending rounds of guided sampling early saves and costs, on validation scenes.

    scorehoi synth --split val --count 160 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_early_stop.py VAL --tolerances 0 0.02 0.03

Every frame is refined with each tolerance in turn, from the same proposal, in an order that changes from
frame to frame.  CPU milliseconds of the refinement alone, of this process; means, and differences from the
first tolerance with their standard errors.  Evaluations are those of the denoiser.
"""

import sys
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from refinement_scenes import ERRORS, arguments, errors, evidence_of, samples_in, table, told
from torch import Tensor
from tqdm import tqdm

from scorehoi_ros.config.methods import RECIPE_NAMES
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.diffusion.ddim import Denoise, Float64
from scorehoi_ros.diffusion.unknowns import Gaussian
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.score.method import Sampling
from scorehoi_ros.networks.denoiser import Conditions
from scorehoi_ros.runtime.denoiser import Prior

COLUMNS = {"ms": "CPU ms", "evaluations": "evaluations", **ERRORS}


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, 100)
    parser.add_argument("--method", choices=RECIPE_NAMES, default="score", help="default score")
    parser.add_argument("--rounds", type=int, default=0, help="N; default that of the method")
    parser.add_argument("--tolerances", type=float, nargs="+", default=[0.0, 0.02, 0.03])
    args = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = load_pipeline(method=args.method)
    config = replace(pipeline.config, score=replace(pipeline.config.score, rounds=args.rounds))
    pipeline = replace(pipeline, config=config)
    scenes = islice(samples_in(args.folder), args.first, args.first + args.count)
    rows = []
    for number, sample in enumerate(tqdm(scenes, unit="scene", total=args.count)):
        order = np.roll(args.tolerances, number).tolist()
        found = dict(zip(order, measure(sample, told(pipeline, sample), order), strict=True))
        rows.append([[found[t][name] for name in COLUMNS] for t in args.tolerances])
    names = [f"{tolerance:g}" for tolerance in args.tolerances]
    sys.stdout.write("\n".join(table(np.array(rows), "tolerance", names, COLUMNS.values())) + "\n")
    return 0


def measure(sample: Sample, pipeline: Pipeline, tolerances: list[float]) -> list[dict[str, float]]:
    """Time, steps and errors of one frame with each tolerance, in this order."""
    refiner = pipeline.method.refiner
    assert isinstance(refiner, AlignRefiner) and isinstance(refiner.descent, Sampling)
    evidence = evidence_of(sample)
    proposal = pipeline.method.estimator(evidence, None)
    # What is done once for a template or a process is no part of a refinement.
    once = replace(refiner.descent, recipe=replace(refiner.descent.recipe, rounds=1))
    replace(refiner, descent=once)(proposal, evidence, None, None)
    rows = []
    for tolerance in tolerances:
        levels: list[int] = []
        descent = replace(
            refiner.descent,
            recipe=replace(refiner.descent.recipe, tolerance=tolerance),
            prior=counted(refiner.descent.prior, levels),
        )
        start = time.process_time()
        refined = replace(refiner, descent=descent, correction=None)(proposal, evidence, None, None)
        ms = 1e3 * (time.process_time() - start)
        rows.append(errors(sample, pipeline, refined.estimate) | {"ms": ms, "evaluations": len(levels)})
    return rows


def counted(prior: Prior | None, levels: list[int]) -> Prior:
    """The prior, keeping the levels that it is asked at."""
    assert prior is not None

    def count(conditions: Conditions, told: Gaussian, kept: Tensor) -> Denoise[Float64]:
        denoise = prior(conditions, told, kept)

        def ask(x: Float64, t: int) -> Float64:
            levels.append(t)
            return denoise(x, t)

        return ask

    return count


if __name__ == "__main__":
    sys.exit(main())

"""Adam, as optimisers of poses use it, on the energy of `score`, against its guided sampling.

    scorehoi synth --split val --count 160 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_adam.py VAL --first 70 --count 30 --steps 30 100 300 1000

The same energy (all terms of the alignment and the regressor's Gaussian), start and hypotheses, by torch
with autograd, every unknown in its own unit: radians, metres, half sides of the crop.  What is kept of the
hypotheses is chosen in the same way.  Nothing is corrected afterwards but in the row that says so.  CPU
milliseconds of the refinement alone, of this process; means, and differences from the first row with their
standard errors.
"""

import sys
import time
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from refinement_scenes import ERRORS, arguments, errors, evidence_of, samples_in, table, told
from tqdm import tqdm

from scorehoi_ros.alignment.align import Aligned, Energy
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.target import Shape, Target, pack
from scorehoi_ros.alignment.terms import TorchEnergy
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.regress.refine import Descend
from scorehoi_ros.methods.regress.start import Pace
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.types import Floats

COLUMNS = {"ms": "CPU ms", **ERRORS}


@dataclass(frozen=True)
class PlainAdam:
    """A `regress.method.Descent` by torch's Adam."""

    rig: Rig
    posed: PosedBody
    steps: int
    rate: float

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """The same for all frames."""
        return self._descend

    def _descend(self, target: Target, shape: Shape | None, belief: Belief, pace: Pace) -> Aligned:
        frame, weights = pack(target, shape, Weights()), Weights()
        cost = TorchEnergy(self.posed, self.rig, frame, weights, belief.precision)
        energy = Energy(self.rig, target, shape, belief)
        means, sigma, R_o = (
            torch.as_tensor(x, dtype=self.posed.dtype) for x in (energy.mean, energy.sigma, energy.rotations)
        )
        moved = torch.zeros_like(means, requires_grad=True)
        adam = torch.optim.Adam([moved], lr=self.rate)
        for _ in range(self.steps):
            adam.zero_grad()
            cost(moved / sigma, means, sigma, R_o).sum().backward()
            adam.step()
        u = (moved / sigma).detach().double().numpy()
        return Aligned(energy.state(u), u, energy(u)[0], energy(np.zeros_like(u))[0].sum(1))


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__, 30)
    parser.add_argument("--steps", type=int, nargs="+", default=[30, 100, 300, 1000])
    parser.add_argument("--rate", type=float, default=0.01, help="of Adam, default 0.01")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = load_pipeline(method="score")
    names = ["score, corrected", "score", *(f"Adam, {steps} steps" for steps in args.steps)]
    scenes = islice(samples_in(args.folder), args.first, args.first + args.count)
    rows = [
        measure(sample, told(pipeline, sample), args.steps, args.rate)
        for sample in tqdm(scenes, unit="scene", total=args.count)
    ]
    sys.stdout.write("\n".join(table(np.array(rows), "refined by", names, COLUMNS.values())) + "\n")
    return 0


def measure(sample: Sample, pipeline: Pipeline, steps: list[int], rate: float) -> list[list[float]]:
    """Time and errors of one frame refined in each way."""
    refiner = pipeline.method.refiner
    assert isinstance(refiner, AlignRefiner)
    evidence = evidence_of(sample)
    proposal = pipeline.method.estimator(evidence, None)
    # What is done once for a template or a process is no part of a refinement.
    refiner(proposal, evidence, None, None)
    posed, rig = refiner.estimator.posed, refiner.descent.rig
    left = replace(refiner, correction=None)
    ways = [refiner, left, *(replace(left, descent=PlainAdam(rig, posed, n, rate)) for n in steps)]
    rows = []
    for way in ways:
        start = time.process_time()
        refined = way(proposal, evidence, None, None)
        ms = 1e3 * (time.process_time() - start)
        found = errors(sample, pipeline, refined.estimate) | {"ms": ms}
        rows.append([found[name] for name in COLUMNS])
    return rows


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""What smoothing over time is worth: the sequences of a test set, each answer smoothed over several windows.

    python tools/measure_smoothing.py --windows 0,0.1,0.2,0.3
    python tools/measure_smoothing.py --root VAL.npz --sequences 16     # of other sequences

The pipeline goes through the sequences once, each frame from the one before; its answers leave it as those
of the node and of `scorehoi label` do (`frame/smoothing.py`).  Printed are the tables of `scorehoi eval` with
a row for each window, in seconds.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from scorehoi_ros.config.methods import AUTO, METHOD_NAMES
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.dataset import Dataset, Sample, Skipped, walk
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.evaluate.methods import PipelineMethod, Setting, answer_from, blind_human, body_of
from scorehoi_ros.evaluate.run import Progress, evaluate
from scorehoi_ros.evaluate.scores import Answer
from scorehoi_ros.evaluate.tables import readable
from scorehoi_ros.frame.smoothing import MeshOf, Smoother
from scorehoi_ros.types import Reconstruction

SINGLE = 1
"""Single frames that are scored with the sequences: the least that can be asked for."""


@dataclass(frozen=True)
class Told:
    """A method that says what is known already, frame after frame."""

    answers: Iterator[Answer]

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        """The next one."""
        return next(self.answers), None

    def close(self) -> None:
        """Nothing to free."""


def results_of(
    dataset: Dataset, method: PipelineMethod, limits: tuple[int | None, ...], progress: Progress
) -> Iterator[tuple[int, Reconstruction]]:
    """Number of the sequence and what is said of a frame, for each frame."""
    units, state, at = dataset.units(*limits), None, -1
    for number, _, sample in progress(walk(units), sum(map(len, units))):
        if isinstance(sample, Skipped):
            state = None
            continue
        r, state, _ = method.step(sample, state if number == at else None)
        at = number
        yield number, replace(r, track_ns=r.stamp_ns, flat=None)


def smoothed(
    results: Sequence[tuple[int, Reconstruction]], window_s: float, mesh_of: MeshOf
) -> Iterator[Reconstruction]:
    """The answers as they leave."""
    smoother: Smoother[None] = Smoother(window_s)
    at = -1
    for number, r in results:
        if number != at:
            yield from (done for done, _ in smoother.rest(mesh_of))
        at = number
        yield from (done for done, _ in smoother.take(r, None, mesh_of))
    yield from (done for done, _ in smoother.rest(mesh_of))


def main(argv: Sequence[str]) -> int:
    """Print the tables; 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", help="a test set of `tools/build_test_set.py` (default: the shipped one)")
    parser.add_argument("--sequences", type=int, default=20, help="so many (default 20)")
    parser.add_argument("--method", default=AUTO, choices=(AUTO, *METHOD_NAMES))
    parser.add_argument("--windows", default="0,0.1,0.2,0.3", help="seconds, separated by commas")
    args = parser.parse_args(argv)
    windows = [float(text) for text in args.windows.split(",")]
    dataset = open_dataset("synhoi-test", args.root)
    config = PipelineConfig()
    setting = Setting(config, body_of(config))
    method = PipelineMethod(args.method, setting)
    results = list(
        results_of(dataset, method, (SINGLE, args.sequences), lambda items, n: tqdm(items, total=n))
    )
    methods = {
        f"{window:g} s": Told(
            answer_from(r, setting.body.faces, sum(r.stage_ms.values()))
            for r in smoothed(results, window, method.mesh_of)
        )
        for window in windows
    }
    report = evaluate(dataset, methods, blind_human(setting.body), limit=SINGLE, sequences=args.sequences)
    sys.stdout.write(readable(report) + "\n")
    method.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""Exchanges left and right of the landmarks on purpose, and shows how often the regressor notices.

    python tools/build_sequences.py --numbers 3000 3016 --out val.npz
    python tools/measure_sides.py val.npz

For each kind of exchange, in a first frame and in one that follows a frame with right labels: share of the
frames in which it was noticed, and mean error of the proposed joints (22 of the body, about the pelvis) if
the labels are taken as they are, and with the mending.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.frame import track
from scorehoi_ros.frame.evidence import build_evidence
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.stages import Prediction
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.proposal import RegressEstimator
from scorehoi_ros.methods.regress.sides import EXCHANGES
from scorehoi_ros.methods.regress.view import estimates_of, view_of
from scorehoi_ros.perception.observe import human_mask
from scorehoi_ros.types import Estimate, Landmarks

BODY_JOINTS = 22
WHEN = ("first", "next")
Row = tuple[bool, float, float]
KINDS = dict(zip(("none", "all", "arms", "legs"), (np.arange(75), *EXCHANGES), strict=True))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("truths", type=Path, metavar="FILE", help="truths of validation sequences (.npz)")
    parser.add_argument("--every", type=int, default=16, help="frames from one to the next (default 16)")
    args = parser.parse_args()
    rows: dict[tuple[str, str], list[Row]] = {(kind, when): [] for when in WHEN for kind in KINDS}
    pipeline = load_pipeline(method="regress")
    pairs = [
        pair
        for seq in open_dataset("synhoi-test", args.truths).sequences
        for pair in zip(seq[:: args.every], seq[1 :: args.every], strict=False)
    ]
    for first, second in tqdm(pairs, unit="pair"):
        before, sample = first.load(), second.load()
        now = pipeline.for_template(sample.truth.template)
        for when, prediction in zip(WHEN, (None, predicted(before, sample, now)), strict=True):
            for kind, row in measure(sample, now, prediction):
                rows[kind, when].append(row)
    for (kind, when), found in rows.items():
        noticed, told, mended = np.mean(found, axis=0)
        sys.stdout.write(
            f"{when:5s} {kind:5s} {len(found)} frames, noticed {noticed:.2f}, "
            f"MPJPE {told:.1f} -> {mended:.1f} mm\n"
        )
    return 0


def predicted(before: Sample, sample: Sample, pipeline: Pipeline) -> Prediction | None:
    """What a frame with right labels says about the next one."""
    if before.seen is None:
        return None
    eyes = replace(pipeline.eyes, detector=GivenLandmarks(before.seen))
    _, state = replace(pipeline, eyes=eyes).step(before.frame, None)
    known = track.current(state, sample.frame, pipeline.config.max_gap_s)
    return track.predict(known, sample.frame.stamp_ns)


def measure(sample: Sample, pipeline: Pipeline, prediction: Prediction | None) -> Iterator[tuple[str, Row]]:
    """For each kind: whether it was noticed, and the error as told and with the mending, mm."""
    estimator, true = pipeline.method.estimator, sample.truth.human.joints[:BODY_JOINTS]
    assert isinstance(estimator, RegressEstimator)
    if sample.seen is None:
        return

    def error(estimate: Estimate) -> float:
        assert estimate.human is not None
        return metrics.mpjpe_mm(human_mesh(pipeline.layer, estimate.human)[1][:BODY_JOINTS], true)

    for kind, order in KINDS.items():
        seen = sample.seen.landmarks
        told = Landmarks(seen.pixels[order], seen.world[order], seen.confidence[order])
        masks = human_mask(sample.frame, replace(sample.seen, landmarks=told))
        evidence = build_evidence(sample.frame, masks, told, None)
        if evidence is None:
            continue
        view, proposal = view_of(evidence), estimator(evidence, prediction)
        alone = estimates_of(estimator.network(evidence, view), view, [0], None, thing=False)[0]
        yield kind, (proposal.evidence is not None, error(alone), error(proposal.best))


if __name__ == "__main__":
    sys.exit(main())

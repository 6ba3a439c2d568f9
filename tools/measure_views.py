"""What a second calibrated camera is worth to the method `score`, on validation scenes that two cameras see.

    scorehoi synth --split val --count 160 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_views.py VAL

Each frame is refined as the first camera sees it, and with what the second sees besides; errors are those in
the first camera's frame: means, and the change with its standard error.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
from refinement_scenes import ERRORS, errors, evidence_of, sample_without_picture, table, told
from tqdm import tqdm

from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.metrics import translation_error_cm
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.rigid import invert_transform
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.regress.view import view_of
from scorehoi_ros.methods.score.method import Sampling
from scorehoi_ros.methods.score.views import beside_of
from scorehoi_ros.synth.storage import read_shard, shard_paths

COLUMNS = {**ERRORS, "human_cm": "pelvis cm"}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards with two views a scene")
    parser.add_argument("--count", type=int, default=40, help="scenes (default 40)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pipeline, rows = load_pipeline(method="score"), []
    for first, second in tqdm(islice(pairs_in(args.folder), args.count), unit="scene", total=args.count):
        found = measure(first, second, told(pipeline, first))
        rows.append([[row[name] for name in COLUMNS] for row in found])
    sys.stdout.write("\n".join(table(np.array(rows), "cameras", ("1", "2"), COLUMNS.values())) + "\n")
    return 0


def pairs_in(folder: Path) -> Iterator[tuple[Sample, Sample]]:
    """Both views of each scene that shows person and object in both; raises InputError for another split."""
    for path in shard_paths(folder):
        shard = read_shard(path, only=())
        if shard.recipe.get("split") != "val" or shard.recipe.get("views") != 2:
            raise InputError(f"{path} is not of split val with two views. See --help for the command.")
        for first, second in pairwise(shard.truths):
            if second.key != f"{first.key}-v1":
                continue
            both = sample_without_picture(first), sample_without_picture(second)
            masks = [s.frame.masks for s in both]
            if all(m is not None and m.human is not None and m.object is not None for m in masks):
                yield both


def measure(first: Sample, second: Sample, pipeline: Pipeline) -> list[dict[str, float]]:
    """Errors with the first camera alone, and with both."""
    refiner = pipeline.method.refiner
    assert isinstance(refiner, AlignRefiner) and isinstance(refiner.descent, Sampling)
    evidence = evidence_of(first)
    T = second.truth.T_cam_object @ invert_transform(first.truth.T_cam_object)
    beside = beside_of(evidence_of(second), T, view_of(evidence))
    proposal, rows = pipeline.method.estimator(evidence, None), []
    for further in ((), (beside,)):
        descent = replace(refiner.descent, beside=further)
        # A correction would know of the first camera alone.
        estimate = replace(refiner, descent=descent, correction=None)(proposal, evidence, None, None).estimate
        assert estimate.human is not None
        pelvis = translation_error_cm(estimate.human.t_cam, first.truth.human.joints[0])
        rows.append(errors(first, pipeline, estimate) | {"human_cm": pelvis})
    return rows


if __name__ == "__main__":
    sys.exit(main())

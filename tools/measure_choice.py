#!/usr/bin/env python3
"""Measure what the search and the shading inside the mask are worth when one of several rotations is chosen.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_choice.py VAL --count 300

Draws one view of each validation scene with a picture, aligns all hypotheses of the network, and prints the
errors of the one that is chosen for several weights of the shading, and those of the nearest one, none
of them corrected afterwards.  Balls are left out.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from calibrate_status import truths_in
from refinement_scenes import drawn, evidence_of, told
from tqdm import tqdm

from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.choice import LATE
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.regress.start import Known
from scorehoi_ros.objects.equivalents import smallest_turns
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.types import Floats

RIGHT_DEG = 20.0


@dataclass(frozen=True)
class Hypotheses:
    """The aligned hypotheses of one scene, the most promising first."""

    score: Floats
    """(H,) log probabilities without the shading."""
    shading: Floats
    """(H,)"""
    turn_deg: Floats
    """(H,) from the true rotation."""
    place_cm: Floats
    """(H,) of the object's origin seen from the pelvis."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--count", type=int, default=300, help="scenes to draw (default 300)")
    parser.add_argument("--hypotheses", type=int, nargs="+", default=[3, 12], help="aligned (default 3 12)")
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 5, 10, 15, 20], help="of the shading")
    steps = RegressConfig().search_steps
    parser.add_argument(
        "--search-steps", type=int, default=steps, help=f"before the choice (default {steps})"
    )
    args = parser.parse_args()
    pipeline = load_pipeline(method="regress", regress=RegressConfig(search_steps=args.search_steps))
    scenes = []
    for truth in tqdm(islice(truths_in(args.folder), args.count), total=args.count, unit="scene"):
        found = aligned(drawn(truth, Style()), pipeline, max(args.hypotheses))
        if found is not None:
            scenes.append(found)
    sys.stdout.write("\n".join(lines(scenes, args.hypotheses, args.weights)) + "\n")
    return 0


def aligned(sample: Sample, pipeline: Pipeline, count: int) -> Hypotheses | None:
    """`count` hypotheses of one scene; None where it has no mask, or a ball."""
    masks = sample.frame.masks
    pipeline = told(pipeline, sample)
    symmetry = sample.truth.template.symmetry
    if masks is None or masks.human is None or masks.object is None or symmetry.sphere:
        return None
    refiner, evidence = pipeline.method.refiner, evidence_of(sample)
    proposal = pipeline.method.estimator(evidence, None)
    assert isinstance(refiner, AlignRefiner) and isinstance(proposal.features, Said)
    refiner = replace(refiner, effort=replace(refiner.effort, hypotheses=count))
    found = refiner.aligned(proposal.features, proposal, evidence, None, Known()).found
    if found.seen is None:
        return None
    T, R = sample.truth.T_cam_object, proposal.features.view.R_cam_view
    state = found.aligned.state
    turns = smallest_turns((R.T @ T[:3, :3])[None], state.R_o.numpy(), symmetry)[0]
    place = R.T @ (T[:3, 3] - sample.truth.human.joints[0])
    return Hypotheses(
        found.start.log_share - found.aligned.energy + LATE[0] * found.seen.overlap,
        found.seen.shading,
        np.degrees(np.linalg.norm(turns, axis=1)),
        100 * np.linalg.norm((state.origin - state.root).numpy() - place, axis=1),
    )


def lines(scenes: Sequence[Hypotheses], counts: Sequence[int], weights: Sequence[float]) -> list[str]:
    """The table in Markdown."""
    head = f"mean / median, degrees | under {RIGHT_DEG:.0f} | place cm"
    table = [f"{len(scenes)} scenes", f"| hypotheses | shading | {head} |", "|---|---|---|---|---|"]
    for count in counts:
        for weight in weights:
            chosen = [int((s.score + weight * s.shading)[:count].argmax()) for s in scenes]
            table.append(row(scenes, chosen, f"{count} | {weight:g}"))
        nearest = [int(s.turn_deg[:count].argmin()) for s in scenes]
        table.append(row(scenes, nearest, f"{count} | nearest"))
    return table


def row(scenes: Sequence[Hypotheses], chosen: Sequence[int], name: str) -> str:
    """Errors of one hypothesis of each scene."""
    turn = np.array([s.turn_deg[k] for s, k in zip(scenes, chosen, strict=True)])
    place = np.mean([s.place_cm[k] for s, k in zip(scenes, chosen, strict=True)])
    right = np.mean(turn < RIGHT_DEG)
    return f"| {name} | {turn.mean():.1f} / {np.median(turn):.1f} | {right:.2f} | {place:.1f} |"


if __name__ == "__main__":
    sys.exit(main())

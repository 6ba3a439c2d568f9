#!/usr/bin/env python3
"""Measure what keeps `regress` from the truth: the choice of a rotation, the descent, or what an image says.

    scorehoi synth --split val --count 1024 --views 2 --size 128 --no-pictures --out VAL
    python tools/measure_limits.py VAL --count 200

Prints the errors of the answer, and of the one of its aligned hypotheses whose rotation is nearest to the
truth; and what answer and truth cost in the energy that is minimised.  Where the truth costs more than the
answer, a better search would not find it: landmarks, masks and the network's answer say something else.
"""

import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from refinement_scenes import ERRORS, arguments, errors, evidence_of, scenes_in, table, told
from tqdm import tqdm

from scorehoi_ros.alignment.align import Energy
from scorehoi_ros.alignment.state import BETAS, CAMERA, NUM_UNKNOWNS, PLACE, THETA, TURN, Belief, Float64
from scorehoi_ros.alignment.weights import TERMS
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.turns import matrix_of_vector, six_of_matrix
from scorehoi_ros.geometry.view import camera_of, place_of
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.method import AlignRefiner, in_camera
from scorehoi_ros.methods.regress.refine import AlignedFrame
from scorehoi_ros.methods.regress.start import Known
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Floats


def main() -> int:
    """Measure and print."""
    args = arguments(__doc__, 200).parse_args()
    pipeline = load_pipeline(method="regress")
    scenes = islice(scenes_in(args.folder), args.first, args.first + args.count)
    found = [limits(*scene, pipeline) for scene in tqdm(scenes, total=args.count, unit="scene")]
    rows, costs = (np.array(values) for values in zip(*(f for f in found if f is not None), strict=True))
    lines = table(rows, "", ["answer", "right hypothesis"], ERRORS.values())
    dearer = float((costs[:, 1].sum(1) > costs[:, 0].sum(1)).mean())
    lines += ["", "| mean energy | " + " | ".join((*TERMS, "sum")) + " |", "|---" * (len(TERMS) + 2) + "|"]
    for name, terms in zip(("answer", "truth"), costs.mean(0), strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{t:.1f}" for t in (*terms, terms.sum())) + " |")
    lines.append(f"the truth costs more than the answer in {dearer:.2f} of the frames")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def limits(truth: SceneTruth, sample: Sample, pipeline: Pipeline) -> tuple[Floats, Floats] | None:
    """Errors (2, metrics) of answer and right hypothesis, and terms (2, 12) of answer and truth.

    None where the object is not in the crop.
    """
    pipeline = told(pipeline, sample)
    refiner, evidence = pipeline.method.refiner, evidence_of(sample)
    proposal = pipeline.method.estimator(evidence, None)
    evidence, said = proposal.evidence or evidence, proposal.features
    assert isinstance(refiner, AlignRefiner) and isinstance(said, Said)
    aligned = refiner.aligned(said, proposal, evidence, None, Known())
    found = aligned.found
    if aligned.thing is None or found.seen is None:
        return None
    each = [
        errors(sample, pipeline, in_camera(found.aligned.state, h, said.view, None, thing=True))
        for h in range(len(found.start.belief.rotations))
    ]
    right = int(np.argmin([e["object_rot_deg"] for e in each]))
    answers = []
    for best in (found.best, right):
        frame = aligned._replace(found=replace(found, best=best))
        done, _ = refiner.corrected(frame, said, evidence, Known())
        estimate = in_camera(done.aligned.state, best, said.view, None, thing=True)
        answers.append(errors(sample, pipeline, estimate))
    rows = np.array([[answer[name] for name in ERRORS] for answer in answers])
    terms = found.aligned.terms[found.best]
    return rows, np.stack((terms, cost_of(truth, refiner, aligned, said.view)))


def cost_of(truth: SceneTruth, refiner: AlignRefiner, frame: AlignedFrame, view: View) -> Float64:
    """(12,) terms of the energy at the truth; its rotation costs no turn."""
    assert frame.thing is not None
    into, focal = view.R_cam_view.T, torch.tensor([view.focal], dtype=torch.float64)
    rotations = np.stack([matrix_of_vector(turn) for turn in truth.pose])
    rotations[0] = into @ rotations[0]
    pelvis, origin = (torch.as_tensor(into @ p)[None] for p in (truth.root, truth.T_cam_object[:3, 3]))
    belief: Belief = replace(frame.found.start.belief, rotations=(into @ truth.T_cam_object[:3, :3])[None])
    values = np.zeros((1, NUM_UNKNOWNS))
    values[0, THETA], values[0, BETAS] = six_of_matrix(rotations).ravel(), truth.betas
    values[0, CAMERA] = camera_of(pelvis, focal)[0]
    values[0, PLACE] = place_of(origin, pelvis, focal)[0]
    u = (values - belief.means()) / belief.sigma.flat()
    u[:, TURN] = 0
    terms, _ = Energy(refiner.descent.rig, frame.target, frame.thing.shape, belief)(u)
    return np.asarray(terms[0], np.float64)


if __name__ == "__main__":
    sys.exit(main())

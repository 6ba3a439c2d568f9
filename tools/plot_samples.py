"""Draw what the denoiser makes of noise, without guidance, with its conditions and without them.

    scorehoi synth --split val --count 160 --views 2 --size 128 --no-pictures --out VAL
    python tools/plot_samples.py VAL --scene 23 --count 24

The figure is of one validation scene (ScoreHOI, Figure A): a column for each noise level tau that the walk
down begins at, a row for each choice of conditions; each person and object from the camera and from the side.
At tau = T the walk begins at noise alone, below at the regressor's proposal with that much noise on it.  The
pelvis, which is no part of x, is the proposal's.  Printed are the errors of such samples of --count scenes.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from refinement_scenes import ERRORS, arguments, drawn, errors, evidence_of, samples_in, scenes_in, told
from tqdm import tqdm

from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.diffusion.ddim import STEPS, Float64, alpha, ddim, upwards
from scorehoi_ros.diffusion.unknowns import unpack
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.rigid import object_transform, transform_points
from scorehoi_ros.geometry.turns import matrix_of_6d, six_of_matrix
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.methods.regress.memory import Said
from scorehoi_ros.methods.regress.proposal import RegressEstimator
from scorehoi_ros.methods.regress.start import belief_of
from scorehoi_ros.methods.score.prior import FramePrior, frame_prior
from scorehoi_ros.networks.denoiser import conditions_of
from scorehoi_ros.render.labels import caption
from scorehoi_ros.render.overlay import HUMAN, OBJECT, Image, sheet
from scorehoi_ros.render.shading import Surface, composite, draw, to_bytes
from scorehoi_ros.render.views import BACKGROUND_TOP, side_view, world_axes
from scorehoi_ros.runtime.denoiser import load_prior
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.types import Estimate, HumanPose, ObjectPose

DEFAULT = Path(__file__).parents[1] / "docs" / "images" / "samples.png"
LEVELS = {"T": STEPS, "0.5 T": STEPS // 2, "0.25 T": STEPS // 4, "0.05 T": STEPS // 20}
CONDITIONS = {
    "c_I and c_G": (True, True),
    "c_G alone": (False, True),
    "c_I alone": (True, False),
    "neither": (False, False),
}
"""Name -> which of c_I, c_G are kept."""
DT = 10
SHARE = 0.75
"""Of its pixels a side that the figure keeps."""


def main() -> int:
    """Sample, print the errors, and draw."""
    parser = arguments(__doc__, 24)
    parser.add_argument("--scene", type=int, default=0, help="number of the scene to draw (default 0)")
    parser.add_argument("--out", type=Path, default=DEFAULT, help="PNG to write (default docs/images/...)")
    args = parser.parse_args()
    pipeline = load_pipeline(method="regress-proposal")
    shown = next(islice(scenes_in(args.folder), args.scene, None), None)
    if shown is None:
        raise InputError(f"{args.folder} holds fewer than {args.scene + 1} scenes that show both actors.")
    scenes = islice(samples_in(args.folder), args.first, args.first + args.count)
    rows = np.array([measured(s, told(pipeline, s)) for s in tqdm(scenes, total=args.count, unit="scene")])
    sys.stdout.write("\n".join(table(rows)) + "\n")
    truth, sample = shown
    picture = figure(drawn(truth, Style()), sample, told(pipeline, sample))
    with whole_file(args.out) as temporary:
        cv2.imwrite(str(temporary), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return 0


def measured(sample: Sample, pipeline: Pipeline) -> list[list[list[float]]]:
    """Errors for each choice of conditions and level; last, in place of a choice, those of the proposal."""
    evidence, proposed = evidence_of(sample), proposal_of(sample, pipeline)
    found = [
        [
            list(errors(sample, pipeline, sampled(evidence, pipeline, proposed, tau, kept)).values())
            for tau in LEVELS.values()
        ]
        for kept in CONDITIONS.values()
    ]
    return [*found, [list(errors(sample, pipeline, proposed[1]).values())] * len(LEVELS)]


def proposal_of(sample: Sample, pipeline: Pipeline) -> tuple[Said, Estimate]:
    """What the network says of a sample, and its likeliest hypothesis."""
    proposal = pipeline.method.estimator(evidence_of(sample), None)
    assert isinstance(proposal.features, Said)
    return proposal.features, proposal.best


def sampled(
    evidence: Evidence,
    pipeline: Pipeline,
    proposed: tuple[Said, Estimate],
    tau: int,
    kept: tuple[bool, bool],
) -> Estimate:
    """One sample that begins at level `tau`, camera frame; the same noise for the same level."""
    said, best = proposed
    prior = prior_of(pipeline, said, kept)
    noise = np.random.default_rng(tau).normal(size=prior.gaussian.mean.shape)
    a = alpha(tau)
    start = a**0.5 * prior.gaussian.mean.numpy() + (1 - a) ** 0.5 * noise
    x = ddim(prior.denoise, start if tau < STEPS else noise, upwards(tau, DT)[::-1])
    return estimate_of(x[0], said, best)


def prior_of(pipeline: Pipeline, said: Said, kept: tuple[bool, bool]) -> FramePrior:
    """The denoiser about the likeliest hypothesis, with some of its conditions."""
    estimator, settings = pipeline.method.estimator, pipeline.config.regress
    assert isinstance(estimator, RegressEstimator)
    network, belief = estimator.network, belief_of(said.guess)
    likeliest = matrix_of_6d(said.guess.rotations[0, said.order[:1]].cpu().numpy())
    belief = replace(belief, rotations=likeliest)
    conditions = conditions_of(said.guess, network.points, network.shapes)
    net = load_prior(settings.size, settings.weights)
    return frame_prior(belief, said.view.focal, net, conditions, torch.tensor([kept]))


def estimate_of(x: Float64, said: Said, best: Estimate) -> Estimate:
    """Unknowns x (331,) in the camera frame, the pelvis where it is proposed."""
    assert best.human is not None
    R = said.view.R_cam_view
    theta, betas, R_o, t_o = (part.numpy() for part in unpack(torch.from_numpy(x)))
    rotations = matrix_of_6d(theta)
    rotations[0] = R @ rotations[0]
    human = HumanPose(six_of_matrix(rotations), betas, best.human.t_cam)
    return Estimate(human, ObjectPose(six_of_matrix(R @ matrix_of_6d(R_o)), best.human.t_cam + R @ t_o))


def table(rows: np.ndarray) -> list[str]:
    """Lines in Markdown of (n, choices, levels, metrics): means."""
    heads = list(ERRORS.values())
    lines = [f"{len(rows)} scenes", "| conditions | tau | " + " | ".join(heads) + " |"]
    lines.append("|---" * (len(heads) + 2) + "|")
    means = np.nanmean(rows, axis=0)
    for name, levels in zip(CONDITIONS, means, strict=False):
        for level, values in zip(LEVELS, levels, strict=True):
            lines.append(f"| {name} | {level} | " + " | ".join(f"{v:.2f}" for v in values) + " |")
    lines.append("| the proposal | - | " + " | ".join(f"{v:.2f}" for v in means[-1, 0]) + " |")
    return lines


def figure(seen: Sample, sample: Sample, pipeline: Pipeline) -> Image:
    """The picture with the truth, then a row for each choice of conditions."""
    evidence, proposed = evidence_of(seen), proposal_of(sample, pipeline)
    images = [
        caption(evidence.image.numpy(), "input", size=13),
        *pair(evidence, pipeline, proposed[1], "proposal"),
    ]
    images += [np.full_like(images[0], 255)] * (2 * len(LEVELS) - 3)
    for name, kept in CONDITIONS.items():
        for level, tau in LEVELS.items():
            estimate = sampled(evidence, pipeline, proposed, tau, kept)
            images += pair(evidence, pipeline, estimate, f"{level}, {name}")
    page = sheet(images, 2 * len(LEVELS))
    return np.asarray(cv2.resize(page, None, fx=SHARE, fy=SHARE, interpolation=cv2.INTER_AREA), np.uint8)


def pair(evidence: Evidence, pipeline: Pipeline, estimate: Estimate, title: str) -> Sequence[Image]:
    """An estimate from the camera and from the side."""
    assert estimate.human is not None and estimate.object is not None and pipeline.template is not None
    vertices, _ = human_mesh(pipeline.layer, estimate.human)
    mesh = pipeline.template.mesh
    placed = transform_points(object_transform(estimate.object), mesh.vertices)
    surfaces = [
        Surface(np.asarray(vertices, np.float64), pipeline.body.faces, np.tile(HUMAN, (len(vertices), 1))),
        Surface(placed, mesh.faces, np.tile(OBJECT, (len(placed), 1)), smooth=False),
    ]
    points = np.concatenate([s.vertices for s in surfaces])
    size, crop = (evidence.crop.size,) * 2, evidence.crop
    blank = np.full((*size, 3), BACKGROUND_TOP, np.float32)
    front = to_bytes(composite(blank, draw(surfaces, crop.K_crop, *size)))
    side = side_view(surfaces, world_axes(None, points), points.mean(0), *size)
    return caption(front, title, size=13), side


if __name__ == "__main__":
    sys.exit(main())

"""Training of the corrector on refined answers, and what it is measured by."""

from pathlib import Path

import torch
from torch import Tensor

from scorehoi_ros.body.points import HumanPoints, PosedBody
from scorehoi_ros.geometry.rotation import (
    axis_angle_to_matrix,
    matrix_to_rotation_6d,
    orthonormal_6d,
    rotation_6d_to_matrix,
)
from scorehoi_ros.geometry.view import camera_of, origin_of, pelvis_of
from scorehoi_ros.networks.corrector import UNKNOWNS, Corrector, Refined
from scorehoi_ros.networks.regressor import NUM_BODY
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.refined import Answers
from scorehoi_ros.train.states import States
from scorehoi_ros.train.templates import degrees
from scorehoi_ros.types import NUM_JOINTS

_NEAR = 4 * (1 - 0.7071)
"""Squared distance of rotations (see `templates.degrees`) up to which one is corrected: 45 degrees."""
_KEPT = 0.5
"""Share of a batch that the method would keep; the rest are the hypotheses that it rejects, too."""
_MEASURED_BATCH = 64


def train_corrector(
    net: Corrector,
    training: Answers,
    validation: Answers,
    posed: PosedBody,
    schedule: Schedule,
    folder: Path,
) -> dict[str, float]:
    """Train in place, see `train_net`; returns the figures on the kept answers of the validation views."""
    kept, every = training.kept.nonzero()[:, 0], len(training)

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        mine = torch.rand(len(rows), generator=generator, device=rows.device) < _KEPT
        rows = torch.where(mine, kept[rows % len(kept)], rows)
        return losses(net, training, rows, posed)

    return train_net(net, terms, every, lambda: measure(net, validation, posed), schedule, folder)


def moved(refined: Refined, steps: Tensor) -> States:
    """Answers after steps (B, 331) in standard deviations."""
    theta, betas, camera, place, turn = (steps * refined.log_sigma.exp()).split(UNKNOWNS, 1)
    before = refined.values.split(UNKNOWNS[:-1], 1)
    pelvis = pelvis_of(before[2] + camera, refined.focal)
    R_o = axis_angle_to_matrix(turn) @ rotation_6d_to_matrix(refined.R_o)
    return States(
        orthonormal_6d((before[0] + theta).unflatten(1, (NUM_JOINTS, 6))),
        before[1] + betas,
        pelvis,
        matrix_to_rotation_6d(R_o),
        origin_of(before[3] + place, pelvis, refined.focal),
    )


def losses(net: Corrector, answers: Answers, rows: Tensor, posed: PosedBody) -> dict[str, Tensor]:
    """Weighted terms of some answers; their sum is minimised."""
    refined = answers.told(rows)
    state = moved(refined, net(refined))
    return terms_of(state, refined, answers, rows, posed)


def terms_of(
    state: States, refined: Refined, answers: Answers, rows: Tensor, posed: PosedBody
) -> dict[str, Tensor]:
    """How far states are from the truth of some answers."""
    body, true = _body(state, posed), _body(answers.truth.rows(rows), posed)
    spin = (rotation_6d_to_matrix(state.theta) - rotation_6d_to_matrix(answers.truth.theta[rows])).square()
    spin = spin.sum((-1, -2))
    camera, true_camera = (camera_of(s, refined.focal) for s in (state.pelvis, answers.truth.pelvis[rows]))
    turn = _turned(state.R_o, answers, rows)
    # What is turned quite wrongly is not corrected: another hypothesis would be.
    turning = _turned(refined.R_o, answers, rows) < _NEAR
    return {
        "rotations": spin[:, :NUM_BODY].mean() + 0.3 * spin[:, NUM_BODY:].mean(),
        "joints": 6 * (body.joints - true.joints).norm(dim=-1).mean(),
        "tokens": 6 * (body.tokens - true.tokens).norm(dim=-1).mean(),
        "betas": 0.03 * (state.betas - answers.truth.betas[rows]).square().mean(),
        "pixels": 0.5 * (camera - true_camera)[:, :2].abs().mean(),
        "depth": 2 * (camera - true_camera)[:, 2].abs().mean(),
        "offset": 6 * _offset(state, answers.truth.rows(rows)).clamp_max(1).mean(),
        "turn": 0.7 * (turn * turning).mean(),
    }


@torch.no_grad()
def measure(net: Corrector, answers: Answers, posed: PosedBody) -> dict[str, float]:
    """Means over answers, before and after their correction; a ball is turned right in any way."""
    parts = []
    for rows in torch.arange(len(answers), device=answers.frame.device).split(_MEASURED_BATCH):
        refined, true = answers.told(rows), answers.truth.rows(rows)
        after = moved(refined, net(refined))
        figures = {"loss": torch.stack(list(terms_of(after, refined, answers, rows, posed).values())).sum()}
        for name, state in (("_before", moved(refined, torch.zeros_like(refined.steps))), ("", after)):
            joints, there = _body(state, posed).joints[:, :NUM_BODY], _body(true, posed).joints[:, :NUM_BODY]
            figures |= {
                f"mpjpe_mm{name}": 1e3 * (joints - there).norm(dim=-1).mean(),
                f"offset_cm{name}": 1e2 * _offset(state, true).mean(),
                f"pelvis_cm{name}": 1e2 * (state.pelvis - true.pelvis).norm(dim=-1).mean(),
                f"turn_deg{name}": degrees(_turned(state.R_o, answers, rows)).mean(),
            }
        parts.append((len(rows), figures))
    return {name: float(sum(n * f[name] for n, f in parts)) / len(answers) for name in parts[0][1]}


def _body(state: States, posed: PosedBody) -> HumanPoints:
    return posed(state.theta, state.betas, torch.zeros_like(state.pelvis))


def _offset(state: States, true: States) -> Tensor:
    """(B,) metres by which the object's origin is off, seen from the pelvis."""
    return ((state.origin - state.pelvis) - (true.origin - true.pelvis)).norm(dim=-1)


def _turned(R_o: Tensor, answers: Answers, rows: Tensor) -> Tensor:
    """(B,) squared distance of rotations (B, 6) to the look-alikes nearest to the answers; 0 for balls."""
    true = rotation_6d_to_matrix(answers.truth.R_o[rows])
    return (rotation_6d_to_matrix(R_o) - true).square().sum((-1, -2)) * ~answers.sphere[rows]

"""What the regressor is asked for: poses, places, hypotheses, contacts, and to know its own error."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from scorehoi_ros.body.points import HumanPoints, PosedBody
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.geometry.view import camera_of, crop_units, origin_of, pelvis_of, place_of
from scorehoi_ros.networks.regressor import NUM_BODY, Guess
from scorehoi_ros.train.templates import TemplateTable, degrees, squared_distance
from scorehoi_ros.train.views import Views

_OUTLIER = 3.0
"""Errors beyond this many standard deviations count linearly: one flipped person widens nothing."""


@dataclass(frozen=True)
class Answer:
    """A guess as bodies and places, beside the truth."""

    human: HumanPoints
    """About the pelvis at its own place."""
    true: HumanPoints
    pelvis: Tensor
    """(B, 3)"""
    offset: Tensor
    """(B, 3) object origin from the pelvis."""
    true_offset: Tensor
    """(B, 3)"""
    turns: Tensor
    """(B, k) squared distance of each hypothesis, see `squared_distance`."""


def answer_of(guess: Guess, views: Views, table: TemplateTable, posed: PosedBody) -> Answer:
    """Pose the guess and the truth."""
    zero = torch.zeros_like(guess.camera)
    with torch.no_grad():
        true = posed(matrix_to_rotation_6d(views.rotations), views.betas, zero)
    pelvis = pelvis_of(guess.camera, views.focal)
    return Answer(
        human=posed(guess.theta, guess.betas, zero),
        true=true,
        pelvis=pelvis,
        offset=origin_of(guess.place, pelvis, views.focal) - pelvis,
        true_offset=views.origin - views.pelvis,
        turns=squared_distance(rotation_6d_to_matrix(guess.rotations), views.R_object, table, views.template),
    )


def losses(guess: Guess, views: Views, table: TemplateTable, posed: PosedBody) -> dict[str, Tensor]:
    """Weighted terms; their sum is minimised."""
    a = answer_of(guess, views, table, posed)
    turning = (~table.sphere[views.template]).float()
    best = a.turns.amin(1)
    soft = torch.softmax(-4 * a.turns.detach(), 1)
    choice = cross_entropy(guess.logits, soft, reduction="none")
    spin = (rotation_6d_to_matrix(guess.theta) - views.rotations).square().sum((-1, -2))
    mine = in_crop(a.human.joints + a.pelvis[:, None], views)
    true = in_crop(a.true.joints + views.pelvis[:, None], views)
    depth = guess.camera[:, 2] - (views.pelvis[:, 2] / views.focal).log()
    reach = a.pelvis + a.offset - views.origin
    return {
        "rotations": spin[:, :NUM_BODY].mean() + 0.3 * spin[:, NUM_BODY:].mean(),
        "joints": 6 * _distance(a.human.joints, a.true.joints).mean(),
        "tokens": 6 * _distance(a.human.tokens, a.true.tokens).mean(),
        "betas": 0.03 * (guess.betas - views.betas).square().mean(),
        "pixels": 2 * (mine - true).abs().clamp_max(1).mean(),
        "depth": 2 * depth.abs().mean(),
        # Winner takes all, and a little of the rest, so that no hypothesis dies.
        "turn": 0.7 * (turning * (best + 0.03 * a.turns.mean(1))).mean(),
        "choice": 0.15 * (turning * choice).mean(),
        "offset": 4 * _distance(a.offset, a.true_offset).clamp_max(2).mean(),
        "origin": 1.5 * reach.norm(dim=-1).clamp_max(3).mean(),
        "contact": _contact_loss(guess, views),
        "certainty": 0.1 * sum(term.mean() for term in surprise(guess, views, a).values()),
    }


def surprise(guess: Guess, views: Views, a: Answer) -> dict[str, Tensor]:
    """Negative log likelihood of the errors; only the uncertainties learn from it."""
    turn = torch.deg2rad(degrees(a.turns.detach().amin(1)))
    log_turn = guess.log_turn.gather(1, a.turns.argmin(1, keepdim=True))[:, 0]
    standard = standardised(guess, views)
    return {
        "theta": (_huber(standard["theta"]) + guess.log_theta).mean((1, 2)),
        "betas": (_huber(standard["betas"]) + guess.log_betas).mean(1),
        "camera": (_huber(standard["camera"]) + guess.log_camera).mean(1),
        "place": (_huber(standard["place"]) + guess.log_place).mean(1),
        # An angle about an unknown axis: three numbers with this standard deviation each.
        "turn": _huber(turn * (-log_turn).exp()) + 3 * log_turn,
    }


def standardised(guess: Guess, views: Views) -> dict[str, Tensor]:
    """Errors in units of the standard deviations that the network gives; no gradient to the errors."""
    errors = {
        "theta": guess.theta - matrix_to_rotation_6d(views.rotations),
        "betas": guess.betas - views.betas,
        "camera": guess.camera - camera_of(views.pelvis, views.focal),
        "place": guess.place - place_of(views.origin, views.pelvis, views.focal),
    }
    logs = guess._asdict()
    return {name: error.detach() * (-logs[f"log_{name}"]).exp() for name, error in errors.items()}


def _huber(error: Tensor) -> Tensor:
    size = error.abs()
    return torch.where(size < _OUTLIER, 0.5 * size.square(), _OUTLIER * (size - 0.5 * _OUTLIER))


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).norm(dim=-1)


def in_crop(points: Tensor, views: Views) -> Tensor:
    """Points (B, n, 3) in the view frame to the crop, -1..1."""
    seen = points @ views.K_view.mT
    return crop_units(seen[..., :2] / seen[..., 2:].clamp_min(0.1), views.side)


def _contact_loss(guess: Guess, views: Views) -> Tensor:
    terms = (
        (1.0, guess.human_contact, views.human_contact),
        (0.5, guess.object_contact, views.object_contact),
        (0.3, guess.floor_contact, views.floor_contact),
    )
    parts = [weight * binary_cross_entropy_with_logits(a, b.float()) for weight, a, b in terms]
    return torch.stack(parts).sum()

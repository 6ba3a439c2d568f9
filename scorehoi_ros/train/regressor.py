"""The regressor's training: batches with faults, and what it is measured by."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.regressor import NUM_BODY, Guess, Regressor
from scorehoi_ros.train.augment import FaultRates, with_faults
from scorehoi_ros.train.augment import Seen as Shown
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.regressor_loss import answer_of, in_crop, losses
from scorehoi_ros.train.steady_world import TruePoints
from scorehoi_ros.train.templates import degrees
from scorehoi_ros.train.views import FAR, TrainingSet, Views, seen_of

TRUE, TOLD, WHOLE = slice(0, 2), slice(2, 4), slice(4, 6)
"""Planes of `Views.masks`: true masks, those that a segmenter tells, whole outlines."""
HIPS = (23, 24)
_MEASURED_BATCH = 128


@dataclass(frozen=True)
class Material:
    """Views with the shape features of their templates."""

    data: TrainingSet
    shapes: Tensor
    """(m, 64, POINT_FEATURES), rows as in the table of templates."""

    def __len__(self) -> int:
        return len(self.data.views)


def train_regressor(
    net: Regressor,
    training: Material,
    validation: Material,
    posed: PosedBody,
    rates: FaultRates,
    schedule: Schedule,
    folder: Path,
) -> dict[str, float]:
    """Train in place, see `train_net`; returns the figures on validation data."""

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        views, masks = faulty(training.data.views.rows(rows), posed, rates, generator)
        guess = guess_of(net, training, views, masks)
        return losses(guess, views, training.data.table, posed)

    return train_net(net, terms, len(training), lambda: measure(net, validation, posed), schedule, folder)


def faulty(
    views: Views, posed: PosedBody, rates: FaultRates, generator: torch.Generator
) -> tuple[Views, Tensor]:
    """Views with faults in their landmarks, and the faulty masks (B, 2, S, S)."""
    planes = views.masks()
    shown = Shown(planes[:, TOLD], views.landmarks, views.world, views.confidence)
    hidden = (planes[:, WHOLE] - planes[:, TRUE]).clamp_min(0)
    with torch.no_grad():
        points = posed(matrix_to_rotation_6d(views.rotations), views.betas, views.pelvis).landmarks
    true = TruePoints(in_crop(points, views), points - points[:, HIPS].mean(1, keepdim=True))
    shown = with_faults(shown, hidden, true, rates, generator)
    landmarks = shown.landmarks.clamp(-FAR, FAR)
    return replace(views, landmarks=landmarks, world=shown.world, confidence=shown.confidence), shown.masks


def guess_of(net: Regressor, material: Material, views: Views, masks: Tensor) -> Guess:
    """The network's guess at some views with masks (B, 2, S, S); inside in half precision on a GPU."""
    table = material.data.table
    points, shapes = table.points[views.template], material.shapes[views.template]
    seen = seen_of(views, masks, points, shapes, net.size.pixels)
    picture = views.pictures.float() / 255 if views.pictures.ndim == 4 else None
    with torch.autocast(masks.device.type, torch.bfloat16, enabled=masks.device.type == "cuda"):
        guess = net(seen, picture)
    return Guess(*(value.float() for value in guess))


@torch.no_grad()
def measure(net: Regressor, material: Material, posed: PosedBody) -> dict[str, float]:
    """Means over validation views; `turn_deg` of the likeliest hypothesis, `best_turn_deg` of the nearest."""
    parts = []
    for first in range(0, len(material), _MEASURED_BATCH):
        rows = torch.arange(first, min(first + _MEASURED_BATCH, len(material)), device=material.shapes.device)
        views = material.data.views.rows(rows)
        guess = guess_of(net, material, views, views.masks()[:, TOLD])
        parts.append((len(rows), _figures(guess, views, material, posed)))
    total = sum(count for count, _ in parts)
    return {name: sum(c * f[name] for c, f in parts) / total for name in parts[0][1]}


def _figures(guess: Guess, views: Views, material: Material, posed: PosedBody) -> dict[str, float]:
    table = material.data.table
    a = answer_of(guess, views, table, posed)
    turn = degrees(a.turns)
    chosen = turn.gather(1, guess.logits.argmax(1, keepdim=True))
    values = {
        "loss": torch.stack(list(losses(guess, views, table, posed).values())).sum(),
        "mpjpe_mm": 1e3 * (a.human.joints - a.true.joints)[:, :NUM_BODY].norm(dim=-1).mean(),
        "turn_deg": chosen.mean(),
        "best_turn_deg": turn.amin(1).mean(),
        "offset_cm": 1e2 * (a.offset - a.true_offset).norm(dim=-1).mean(),
        "pelvis_cm": 1e2 * (a.pelvis - views.pelvis).norm(dim=-1).mean(),
        "contact_f": _f1(guess.human_contact > 0, views.human_contact),
    }
    return {name: float(value) for name, value in values.items()}


def _f1(told: Tensor, true: Tensor) -> Tensor:
    both = (told & true).sum().float()
    return 2 * both / (told.sum() + true.sum()).clamp_min(1)

"""Pretraining of the geometry encoder on shape classes, in place of ModelNet40 that the paper uses."""

import logging
import math
import time

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

from scorehoi_ros.networks.pointnext import DESCRIPTOR, POINT_FEATURES, PointNeXt
from scorehoi_ros.synth.scene.kinds import INSTANCES, KIND_NAMES
from scorehoi_ros.train.shapes import FAMILY_OF_KIND, Shapes, augmented, family_shapes, kind_rows

_EACH = 2
"""Shapes of every kind in a batch."""
_RATE = 2e-3
_SMOOTHING = 0.1
_TEMPERATURE = 0.1
_LOG_EVERY = 50
_WARM_UP = 50

_log = logging.getLogger(__name__)


class ShapeHeads(nn.Module):
    """What the encoder must answer while it is trained; thrown away afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = nn.Linear(DESCRIPTOR, len(KIND_NAMES))
        self.point_kind = nn.Linear(POINT_FEATURES, len(KIND_NAMES))
        self.normal = nn.Linear(POINT_FEATURES, 3)

    def loss(self, features: Tensor, descriptor: Tensor, shapes: Shapes) -> Tensor:
        """Kind of the shape and of each point alone, normals, and descriptors close within a kind."""
        target = shapes.kinds
        whole = cross_entropy(self.kind(descriptor), target, label_smoothing=_SMOOTHING)
        each = self.point_kind(features).flatten(0, 1)
        point = cross_entropy(each, target.repeat_interleave(features.shape[1]), label_smoothing=_SMOOTHING)
        normal = 1 - cosine_similarity(self.normal(features), shapes.normals, dim=-1).mean()
        return whole + 0.5 * point + 0.5 * normal + 0.3 * contrastive(descriptor, target)


def contrastive(descriptors: Tensor, labels: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020) of descriptors (n, d) with labels (n,)."""
    x = normalize(descriptors, dim=-1)
    itself = torch.eye(len(x), dtype=torch.bool)
    logits = (x @ x.T / _TEMPERATURE).masked_fill(itself, -torch.inf)
    alike = (labels[:, None] == labels) & ~itself
    shares = logits.log_softmax(-1).masked_fill(~alike, 0.0)
    return -(shares.sum(-1) / alike.sum(-1).clamp_min(1)).mean()


def train_geometry(
    encoder: PointNeXt, seed: int = 0, steps: int = 500, instances: int = 40
) -> dict[str, float]:
    """Pretrain in place on `instances` of each kind of split train; equal for equal seeds.

    13 minutes of wall time were measured for it on a share of a busy core.
    Returns the metrics of `evaluate_geometry` on the instances of splits val and test.
    """
    generator = torch.Generator().manual_seed(seed)
    shapes = family_shapes("train", range(instances), draws=2)
    heads = ShapeHeads()
    _fit(encoder, heads, shapes, steps, generator)
    encoder.eval()
    return evaluate_geometry(encoder, heads, shapes)


def _fit(
    encoder: PointNeXt, heads: ShapeHeads, shapes: Shapes, steps: int, generator: torch.Generator
) -> None:
    """AdamW with a short warm-up and a cosine."""
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=0.05)
    encoder.train()
    start = time.monotonic()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1, (step + 1) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))
        batch = augmented(shapes, kind_rows(shapes, _EACH, generator), generator)
        features, descriptor = encoder(batch.points)
        loss = heads.loss(features, descriptor, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % _LOG_EVERY == 0:
            left = (time.monotonic() - start) / (step + 1) * (steps - step - 1)
            _log.info("step %d of %d, loss %.3f, %.0f s left", step, steps, float(loss.detach()), left)


@torch.no_grad()
def evaluate_geometry(encoder: PointNeXt, heads: ShapeHeads, known: Shapes) -> dict[str, float]:
    """Classification and retrieval of unseen instances against the known ones, beside chance; 0..1."""
    report = retrieval(encoder, known)
    for split in ("val", "test"):
        unseen = family_shapes(split, range(INSTANCES[split]))
        features, descriptor = encoder(unseen.points)
        guess = heads.kind(descriptor).argmax(-1)
        report[f"{split}_accuracy"] = _share(guess == unseen.kinds)
        report[f"{split}_family_accuracy"] = _share(FAMILY_OF_KIND[guess] == FAMILY_OF_KIND[unseen.kinds])
        normals = cosine_similarity(heads.normal(features), unseen.normals, dim=-1).clamp(-1, 1)
        report[f"{split}_normal_deg"] = float(normals.acos().rad2deg().median())
    return report


@torch.no_grad()
def retrieval(encoder: PointNeXt, known: Shapes) -> dict[str, float]:
    """How well descriptors of unseen instances find known ones of their kind, beside chance; 0..1."""
    gallery = normalize(encoder(known.points)[1], dim=-1)
    report = {"chance": 1 / len(KIND_NAMES)}
    for split in ("val", "test"):
        unseen = family_shapes(split, range(INSTANCES[split]))
        alike = unseen.kinds[:, None] == known.kinds
        similarity = normalize(encoder(unseen.points)[1], dim=-1) @ gallery.T
        report[f"{split}_top1"] = _share(alike.gather(1, similarity.argmax(-1, keepdim=True)))
        report[f"{split}_map"] = float(average_precision(similarity, alike).mean())
        by_chance = torch.rand(similarity.shape, generator=torch.Generator().manual_seed(0))
        report[f"{split}_chance_map"] = float(average_precision(by_chance, alike).mean())
    return report


def average_precision(scores: Tensor, relevant: Tensor) -> Tensor:
    """(n,) mean precision at each relevant item, for scores (n, m) and truth (n, m) bool."""
    hits = relevant.gather(1, scores.argsort(dim=-1, descending=True)).float()
    precision = hits.cumsum(-1) / torch.arange(1, hits.shape[1] + 1)
    return (precision * hits).sum(-1) / hits.sum(-1).clamp_min(1)


def _share(right: Tensor) -> float:
    return float(right.float().mean())

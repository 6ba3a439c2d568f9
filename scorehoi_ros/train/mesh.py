"""Training of the mesh regressor: from states with errors and their predicted contacts towards the truth."""

from pathlib import Path

import torch
from torch import Tensor

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.mesh import MeshRegressor, Offsets, moved_object
from scorehoi_ros.networks.pair import Contacts, Pair
from scorehoi_ros.train.contact import believed_floor
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.pairs import ContactSamples, pair_of, place
from scorehoi_ros.train.states import States, perturbed
from scorehoi_ros.train.templates import degrees

_NEIGHBOURS = 5
_MEASURED_BATCH = 32


def train_mesh(
    net: MeshRegressor,
    contact: ContactPredictor,
    training: ContactSamples,
    validation: ContactSamples,
    posed: PosedBody,
    schedule: Schedule,
    folder: Path,
) -> dict[str, float]:
    """Train in place with a frozen contact predictor, see `train_net`; returns the validation figures."""
    contact.eval()
    edges = skin_edges(posed)

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        with torch.no_grad():
            states = perturbed(training.truth.rows(rows), training.estimate.rows(rows), generator)
            pair = pair_of(training, rows, states, posed, *believed_floor(training.floor[rows], generator))
            contacts, true = contacts_of(contact, pair), true_points(training, rows, posed)
        return losses(net(pair, contacts), pair, true, edges)

    return train_net(
        net, terms, len(training), lambda: measure(net, contact, validation, posed), schedule, folder
    )


def losses(offsets: Offsets, pair: Pair, true: tuple[Tensor, Tensor], edges: Tensor) -> dict[str, Tensor]:
    """Distances in decimetres to the true points (B, 431, 3) and (B, 64, 3), with the pelvis as origin.

    Lengths of edges (e, 2) of the skin and all distances within the object keep it in shape.
    """
    human, thing = pair.human + offsets.human, pair.thing + offsets.thing
    return {
        "human": 10 * (human - true[0]).norm(dim=-1).mean(),
        "thing": 10 * (thing - true[1]).norm(dim=-1).mean(),
        "edges": 10 * (_lengths(human, edges) - _lengths(true[0], edges)).abs().mean(),
        "rigid": 5 * (torch.cdist(thing, thing) - torch.cdist(pair.template, pair.template)).abs().mean(),
    }


def contacts_of(net: ContactPredictor, pair: Pair) -> Contacts:
    """Predicted probabilities."""
    return Contacts(*(logits.sigmoid() for logits in net(pair)))


def true_points(samples: ContactSamples, rows: Tensor, posed: PosedBody) -> tuple[Tensor, Tensor]:
    """True body tokens (B, 431, 3) and object points (B, 64, 3), view axes, pelvis as origin."""
    truth = samples.truth.rows(rows)
    tokens = posed(truth.theta, truth.betas, torch.zeros_like(truth.pelvis)).tokens
    return tokens, place(samples.table.points[samples.template[rows]], truth) - truth.pelvis[:, None]


def skin_edges(posed: PosedBody) -> Tensor:
    """(e, 2) pairs of tokens that are neighbours on the body at rest."""
    theta = torch.tensor([1.0, 0, 0, 0, 1, 0]).expand(52, 6)
    tokens = posed(theta, torch.zeros(10), torch.zeros(3)).tokens
    near = torch.cdist(tokens, tokens).topk(_NEIGHBOURS + 1, largest=False).indices[:, 1:]
    start = torch.arange(len(tokens)).repeat_interleave(_NEIGHBOURS)
    return torch.stack((start, near.flatten()), 1).sort(1).values.unique(dim=0)


@torch.no_grad()
def measure(
    net: MeshRegressor, contact: ContactPredictor, samples: ContactSamples, posed: PosedBody
) -> dict[str, float]:
    """Mean errors about the pelvis before and after, at estimates; the object's after its rigid fit."""
    edges, parts = skin_edges(posed), []
    for rows in torch.arange(len(samples)).split(_MEASURED_BATCH):
        states = samples.estimate.rows(rows)
        pair = pair_of(samples, rows, states, posed, samples.floor[rows], torch.ones(len(rows)))
        offsets, true = net(pair, contacts_of(contact, pair)), true_points(samples, rows, posed)
        figures = _errors(offsets, pair, states, samples.truth.rows(rows), true)
        figures["loss"] = torch.stack(list(losses(offsets, pair, true, edges).values())).sum()
        parts.append((len(rows), figures))
    return {name: float(sum(n * f[name] for n, f in parts)) / len(samples) for name in parts[0][1]}


def _errors(
    offsets: Offsets, pair: Pair, states: States, truth: States, true: tuple[Tensor, Tensor]
) -> dict[str, Tensor]:
    R, true_R = rotation_6d_to_matrix(states.R_o), rotation_6d_to_matrix(truth.R_o)
    t, true_t = states.origin - states.pelvis, truth.origin - truth.pelvis
    new_R, new_t = moved_object(pair.thing, offsets.thing, R, t)
    moved = pair.template @ new_R.mT + new_t[:, None]
    return {
        "human_mm_before": 1e3 * (pair.human - true[0]).norm(dim=-1).mean(),
        "human_mm": 1e3 * (pair.human + offsets.human - true[0]).norm(dim=-1).mean(),
        "thing_mm_before": 1e3 * (pair.thing - true[1]).norm(dim=-1).mean(),
        "thing_mm": 1e3 * (moved - true[1]).norm(dim=-1).mean(),
        "turn_deg_before": degrees((R - true_R).square().sum((1, 2))).mean(),
        "turn_deg": degrees((new_R - true_R).square().sum((1, 2))).mean(),
        "offset_cm_before": 1e2 * (t - true_t).norm(dim=-1).mean(),
        "offset_cm": 1e2 * (new_t - true_t).norm(dim=-1).mean(),
    }


def _lengths(points: Tensor, edges: Tensor) -> Tensor:
    """Of edges (e, 2) of points (B, n, 3): (B, e)."""
    return (points[:, edges[:, 0]] - points[:, edges[:, 1]]).norm(dim=-1)

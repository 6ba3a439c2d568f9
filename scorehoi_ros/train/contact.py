"""Training of the contact predictor on states with errors, so that it can be asked between refinements."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.pair import Contacts, Pair
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.pairs import ContactSamples, pair_of
from scorehoi_ros.train.states import States, perturbed

_POSITIVE = (2.0, 2.0, 1.5)
"""What a missed contact costs more than an invented one, for M_h, M_o and M_f: contacts are rare."""
_WEIGHT = (1.0, 0.5, 0.3)
_FLOOR_KNOWN = 0.8
_OPINION = 0.8
_FLOOR_TILT, _FLOOR_OFFSET_M = 0.03, 0.02
"""Standard deviations of the believed floor."""
_MEASURED_BATCH = 32


def train_contact(
    net: ContactPredictor,
    training: ContactSamples,
    validation: ContactSamples,
    posed: PosedBody,
    schedule: Schedule,
    folder: Path,
) -> dict[str, float]:
    """Train in place, see `train_net`; returns the figures on validation samples."""

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        truth, estimate = training.truth.rows(rows), training.estimate.rows(rows)
        with torch.no_grad():
            states = perturbed(truth, estimate, generator)
            pair = pair_of(training, rows, states, posed, *believed_floor(training.floor[rows], generator))
        return losses(net(without_opinion(pair, generator)), training, rows)

    return train_net(net, terms, len(training), lambda: measure(net, validation, posed), schedule, folder)


def losses(logits: Contacts, samples: ContactSamples, rows: Tensor) -> dict[str, Tensor]:
    """Weighted cross entropies of the three masks against the truth, whatever state was shown."""
    true = (samples.human_contact, samples.object_contact, samples.floor_contact)
    parts = zip(logits._fields, logits, true, _WEIGHT, _POSITIVE, strict=True)
    return {
        name: weight
        * binary_cross_entropy_with_logits(said, bits[rows].float(), pos_weight=said.new_tensor(positive))
        for name, said, bits, weight, positive in parts
    }


def without_opinion(pair: Pair, generator: torch.Generator) -> Pair:
    """Some of the pairs without what the regressor's heads say: geometry and features must do alone too."""
    kept = (torch.rand(len(pair.human), 1, generator=generator) < _OPINION).float()
    names = ("said_human", "said_thing", "said_floor")
    return pair._replace(**{name: getattr(pair, name) * kept for name in names})


def believed_floor(floor: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Floors (B, 4) with errors, and for each 1 or 0 (B,): whether one is known at all."""
    noise = torch.randn(floor.shape, generator=generator)
    normal = torch.nn.functional.normalize(floor[:, :3] + _FLOOR_TILT * noise[:, :3], dim=-1)
    offset = floor[:, 3:] + _FLOOR_OFFSET_M * noise[:, 3:]
    known = (torch.rand(len(floor), generator=generator) < _FLOOR_KNOWN).float()
    return torch.cat((normal, offset), 1), known


@torch.no_grad()
def measure(net: ContactPredictor, samples: ContactSamples, posed: PosedBody) -> dict[str, float]:
    """F of M_h, M_o and M_f at true, estimated and perturbed states; `loss` is that at perturbed ones."""
    generator = torch.Generator().manual_seed(0)
    figures: dict[str, float] = {}
    wrong = perturbed(samples.truth, samples.estimate, generator)
    for name, states in (("true", samples.truth), ("estimate", samples.estimate), ("perturbed", wrong)):
        logits = predicted(net, samples, states, posed)
        figures |= {f"{name}_{mask}_f": f for mask, f in contact_f(logits, samples).items()}
    everything = torch.arange(len(samples))
    return {"loss": float(sum(losses(logits, samples, everything).values()))} | figures


def predicted(net: ContactPredictor, samples: ContactSamples, states: States, posed: PosedBody) -> Contacts:
    """Logits for one state of each sample, with the true floor."""
    parts = []
    for rows in torch.arange(len(samples)).split(_MEASURED_BATCH):
        floor = samples.floor[rows]
        parts.append(net(pair_of(samples, rows, states.rows(rows), posed, floor, torch.ones(len(rows)))))
    return Contacts(*(torch.cat(column) for column in zip(*parts, strict=True)))


def contact_f(logits: Contacts, samples: ContactSamples) -> dict[str, float]:
    """F at probability 1/2 of each mask."""
    true = (samples.human_contact, samples.object_contact, samples.floor_contact)
    parts = zip(logits._fields, logits, true, strict=True)
    return {name: mean_f(said > 0, bits) for name, said, bits in parts}


def mean_f(said: Tensor, true: Tensor) -> float:
    """F of the mean precision and the mean recall over the frames that have them (CONTHO's protocol).

    `said` and `true` (n, k) bool; 0 where nothing was hit.
    """
    hits = (said & true).sum(1)
    precision = (hits / said.sum(1))[said.any(1)].mean()
    recall = (hits / true.sum(1))[true.any(1)].mean()
    return float((2 * precision * recall / (precision + recall)).nan_to_num(0.0))

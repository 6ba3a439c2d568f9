"""How sure the regressor is: heads trained on its errors, calibrated on views it has not seen."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.files import whole_file
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.regressor import CertaintyHeads, Guess, Regressor
from scorehoi_ros.train.guesses import rows_of
from scorehoi_ros.train.loop import Schedule, train_net
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.regressor_loss import answer_of, standardised, surprise

_ONE_SIGMA = 0.6827
"""Share of a Gaussian within one standard deviation."""
_LEAST_USUAL = 0.01


def train_certainty(
    net: Regressor,
    training: tuple[Material, Guess],
    validation: tuple[Material, Guess],
    posed: PosedBody,
    schedule: Schedule,
    folder: Path,
) -> dict[str, float]:
    """Train the heads of uncertainty in place, on guesses of the finished network; returns their measures."""
    material, guesses = training
    errors = guesses.theta - matrix_to_rotation_6d(material.data.views.rotations)
    net.usual.copy_(errors.std(0).clamp_min(_LEAST_USUAL).log())
    net.requires_grad_(False)
    net.certainty.requires_grad_(True)

    def terms(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {name: value.mean() for name, value in _surprise(net, material, guesses, posed, rows).items()}

    def figures() -> dict[str, float]:
        rows = torch.arange(len(validation[0]), device=validation[0].shapes.device)
        with torch.no_grad():
            found = _surprise(net, *validation, posed, rows)
        values = {name: float(value.mean()) for name, value in found.items()}
        return {"loss": sum(values.values())} | values

    done = train_net(net.certainty, terms, len(material), figures, schedule, folder)
    net.requires_grad_(True)
    return done


@torch.no_grad()
def calibrate(net: Regressor, validation: tuple[Material, Guess], posed: PosedBody) -> dict[str, float]:
    """Scale each group so that 68 % of the errors on validation views lie within one standard deviation.

    Returns the factors; in place.
    """
    factors = {}
    for name, z in deviations(net, validation, posed).items():
        factors[name] = float(torch.quantile(z.abs().flatten()[:: _stride(z)], _ONE_SIGMA))
        for head in _heads(net.certainty, name):
            head.bias.add_(math.log(factors[name]))
    return factors


def _heads(certainty: CertaintyHeads, group: str) -> list[nn.Linear]:
    return [certainty.body, certainty.hand] if group == "theta" else [getattr(certainty, group)]


@torch.no_grad()
def deviations(net: Regressor, held_out: tuple[Material, Guess], posed: PosedBody) -> dict[str, Tensor]:
    """Errors of guesses in the standard deviations that the network gives, by group (n, ...).

    Of a turn: the angle of the best hypothesis over sqrt(3) deviations, as if spread evenly over three axes.
    """
    material, guesses = held_out
    guess, views = _with_certainty(net, rows_of(guesses, torch.arange(len(material)))), material.data.views
    a = answer_of(guess, views, material.data.table, posed)
    best = a.turns.argmin(1, keepdim=True)
    angle = torch.arccos((1 - a.turns.gather(1, best) / 4).clamp(-1, 1))
    turning = ~material.data.table.sphere[views.template]
    turn = angle * (-guess.log_turn.gather(1, best)).exp() / 3**0.5
    return standardised(guess, views) | {"turn": turn[turning]}


def draw_reliability(path: Path, z: dict[str, Tensor]) -> None:
    """How many errors lie within k deviations, against what a Gaussian says, one panel a group."""
    try:
        from matplotlib.figure import Figure
    except ImportError:  # as in `loop.Curve`
        return
    k = torch.linspace(0, 3, 61)
    expected = torch.erf(k / 2**0.5)
    figure = Figure(figsize=(2.6 * len(z), 2.8), layout="constrained")
    for axes, (name, values) in zip(figure.subplots(1, len(z), squeeze=False)[0], z.items(), strict=True):
        sizes = values.abs().flatten().sort()[0]
        found = torch.searchsorted(sizes, k) / len(sizes)
        axes.plot([0, 1], [0, 1], color="0.7")
        axes.plot(expected, found)
        axes.set(title=name, xlabel="expected share", aspect="equal")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _surprise(
    net: Regressor, material: Material, guesses: Guess, posed: PosedBody, rows: Tensor
) -> dict[str, Tensor]:
    guess, views = _with_certainty(net, rows_of(guesses, rows)), material.data.views.rows(rows)
    return surprise(guess, views, answer_of(guess, views, material.data.table, posed))


def _with_certainty(net: Regressor, guess: Guess) -> Guess:
    logs = net.certainty(guess.queries)
    logs["log_theta"] = logs["log_theta"][..., None] + net.usual
    return guess._replace(**logs)


def _stride(values: Tensor) -> int:
    """`torch.quantile` takes no more than 16 million numbers."""
    return -(-values.numel() // 10_000_000)

"""A plain Adam loop over named tensors, with its convergence on record."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Values = dict[str, Tensor]
Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Descent:
    """Where an optimisation ended and how it got there."""

    values: Values
    terms: dict[str, float]
    """Weighted terms at the end."""
    first: float
    """Total energy at the start."""
    last: float
    """Total energy at the end."""
    steps: int


def descend(
    values: Values, rates: dict[str, float], energy: Callable[[Values], Terms], steps: int
) -> Descent:
    """Minimise the sum of `energy(values)` over the tensors named in `rates`.

    Adam, with a cosine decay of all rates to a tenth of the smallest.  Returns the best point met: Adam may
    step past a minimum, and a step into NaN ends the loop there.
    """
    free = {name: values[name].clone().requires_grad_(True) for name in rates}
    current = {**values, **free}
    groups = [{"params": [free[name]], "lr": rate} for name, rate in rates.items()]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, max(steps, 1), eta_min=0.1 * min(rates.values())
    )
    best, first, best_total = dict(values), float("nan"), float("inf")
    best_terms: dict[str, float] = {}
    for step in range(steps + 1):
        optimiser.zero_grad()
        terms = energy(current)
        total = torch.stack(list(terms.values())).sum()
        value = float(total.detach())
        first = value if step == 0 else first
        if value < best_total:
            best_total, best_terms = value, {name: float(term.detach()) for name, term in terms.items()}
            best = {name: tensor.detach().clone() for name, tensor in current.items()}
        if step == steps or value != value:
            break
        total.backward()
        optimiser.step()
        schedule.step()
    return Descent(best, best_terms, first, best_total, steps)

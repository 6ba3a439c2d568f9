"""Measuring how the errors of a trained regressor's pose go together."""

import torch
from torch import Tensor

from scorehoi_ros.networks.errors import PoseErrors, together
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.regressor_loss import standardised

_MOST = 5.0
"""Errors, in standard deviations, that are cut: a few people taken the wrong way round would decide alone."""


def measure_errors(
    errors: PoseErrors, training: tuple[Material, Guess], validation: tuple[Material, Guess]
) -> dict[str, float]:
    """Fill in the correlation in place, from a regressor's guesses of some views.

    Returns how much likelier it makes the errors on validation views than if they were independent, in nats
    a view, with equal standard deviations.
    """
    z = _deviations(*training)
    covariance = z.T @ z / len(z)
    spread = covariance.diagonal().sqrt()
    errors.correlation.copy_(covariance / torch.outer(spread, spread))
    unseen = _deviations(*validation) / spread
    believed = together(errors.correlation.double())
    return {"gain_nats": _nats(unseen, torch.eye(len(believed)).double()) - _nats(unseen, believed)}


def _deviations(material: Material, guess: Guess) -> Tensor:
    z = standardised(guess, material.data.views)["theta"]
    return z.flatten(1).double().clamp(-_MOST, _MOST)


def _nats(z: Tensor, covariance: Tensor) -> float:
    """Mean of minus the log density, up to a constant."""
    root = torch.linalg.cholesky(covariance)
    white = torch.linalg.solve_triangular(root, z.T, upper=False)
    return float(0.5 * white.square().sum(0).mean() + root.diagonal().log().sum())

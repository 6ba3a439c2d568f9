"""How the errors of a network's pose go together, and that they hold an alignment."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scorehoi_ros.alignment.align import Schedule, align
from scorehoi_ros.alignment.prior import Prior
from scorehoi_ros.alignment.state import THETA
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.networks.errors import NUM_THETA, PoseErrors
from scorehoi_ros.runtime.errors import load_precision
from scorehoi_ros.runtime.weights import has_weights
from scorehoi_ros.train import errors as training
from tests import alignment_scenes as scenes


def some_correlation(seed: int) -> torch.Tensor:
    """(312, 312) of numbers that a dozen common causes move."""
    factors = torch.randn(NUM_THETA, 12, generator=torch.Generator().manual_seed(seed)).double()
    covariance = factors @ factors.T / 12 + torch.eye(NUM_THETA).double()
    spread = covariance.diagonal().sqrt()
    return covariance / torch.outer(spread, spread)


def errors_of(correlation: torch.Tensor) -> PoseErrors:
    errors = PoseErrors()
    errors.correlation.copy_(correlation)
    return errors


def test_errors_that_nobody_measured_are_independent() -> None:
    torch.testing.assert_close(PoseErrors().precision, torch.eye(NUM_THETA).double())


def test_the_gradient_of_the_prior_is_that_of_differences() -> None:
    belief = scenes.wrong(scenes.truth(), 5, 2)
    belief = replace(belief, precision=errors_of(some_correlation(1)).precision.numpy())
    prior, u = Prior.of(belief), np.random.default_rng(0).normal(size=(2, 331))
    _, gradient = prior(u)
    for k in (0, 100, 311, 312, 330):
        step = np.zeros(331)
        step[k] = 1e-5
        slope = (prior(u + step)[0] - prior(u - step)[0]) / 2e-5
        np.testing.assert_allclose(gradient[:, k], slope, rtol=1e-6, atol=1e-8)


def test_independent_errors_are_what_no_precision_says() -> None:
    belief, u = scenes.wrong(scenes.truth(), 5, 2), np.random.default_rng(0).normal(size=(2, 331))
    told = replace(belief, precision=PoseErrors().precision.numpy())
    for one, other in zip(Prior.of(belief)(u), Prior.of(told, Weights())(u), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_an_error_takes_what_goes_with_it_along() -> None:
    """An elbow that the image moves takes a finger along whose errors are the same."""
    seen, same = slice(6 * 18, 6 * 19), slice(6 * 40, 6 * 41)
    correlation = torch.eye(NUM_THETA).double()
    correlation[seen, same] = correlation[same, seen] = 0.9 * torch.eye(6).double()
    belief = scenes.wrong(scenes.truth(), 5, 1)
    apart, along = (
        align(scenes.RIG, scenes.target_of(scenes.truth()), scenes.SHAPE, told, schedule=Schedule(15)).u[0]
        for told in (belief, replace(belief, precision=errors_of(correlation).precision.numpy()))
    )
    agreement = [float(u[THETA][seen] @ u[THETA][same]) for u in (apart, along)]
    assert agreement[1] > agreement[0] + 0.1


def test_a_correlation_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    true = some_correlation(2)
    dice = torch.Generator().manual_seed(0)
    z = torch.randn(6000, NUM_THETA, generator=dice).double() @ torch.linalg.cholesky(true).T
    # Errors in the network's units, which are off by a factor for each number.
    monkeypatch.setattr(training, "_deviations", lambda rows: 0.7 * z[rows])
    errors = PoseErrors()
    found = training.measure_errors(errors, (slice(0, 5000),), (slice(5000, 6000),))  # type: ignore[arg-type]
    assert (errors.correlation - true).abs().max() < 0.08
    assert found["gain_nats"] > 10


@pytest.mark.parametrize("size", ["full", "live"])
def test_the_shipped_errors_hold(size: str) -> None:
    assert has_weights(f"{size}-errors")
    precision = load_precision(size)
    assert precision is not None and precision.shape == (NUM_THETA, NUM_THETA)
    least, most = np.linalg.eigvalsh(precision)[[0, -1]]
    assert 0.01 < least < 1 < most < 3

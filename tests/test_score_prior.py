"""The prior of one frame in the method `score`: the regressor's Gaussian, and what the network adds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from scorehoi_ros.alignment.state import Belief
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.diffusion.ddim import Denoise, alpha
from scorehoi_ros.diffusion.unknowns import PLACE, Gaussian
from scorehoi_ros.methods.score.guide import Follow, Values, values_of, x_of
from scorehoi_ros.methods.score.prior import frame_prior, gaussian_of
from scorehoi_ros.networks.denoiser import Conditions
from tests import alignment_scenes as scenes

FOCAL = scenes.FOCAL
NOTHING = Conditions(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
KEPT = torch.ones(1, 2, dtype=torch.bool)


@pytest.fixture(scope="module")
def wrong() -> Belief:
    return scenes.wrong(scenes.truth(), 5, 2)


def aside(wrong: Belief) -> Belief:
    """Its object lies to the side, its distance is unsure."""
    sigma = replace(wrong.sigma, place=np.array([0.05, 0.05, 0.3]))
    return replace(wrong, place=wrong.place + np.array([0.6, 0.3, 0.0]), sigma=sigma)


def object_density(belief: Belief, a: float) -> torch.distributions.MultivariateNormal:
    """Of t_o at a_t, for one who is sure of the object's ray and less of its distance."""
    gaussian = gaussian_of(belief, FOCAL)
    mean, spread = gaussian.mean[0, PLACE], gaussian.sigma[0, PLACE]
    ray = scenes.state_of(belief).origin[0]
    along = torch.eye(3, dtype=torch.float64)
    along[:2, 2] = ray[:2] / ray[2]
    covariance = a * along @ torch.diag(spread**2) @ along.T + (1 - a) * torch.eye(3, dtype=torch.float64)
    return torch.distributions.MultivariateNormal(a**0.5 * mean, covariance)


@pytest.mark.parametrize("t", [2, 50, 600])
def test_the_gaussian_prior_holds_an_object_on_its_ray(wrong: Belief, t: int) -> None:
    belief, a = aside(wrong), alpha(t)
    prior = frame_prior(belief, FOCAL, None, NOTHING, KEPT)
    x = prior.gaussian.mean.numpy() + np.random.default_rng(t).normal(0, 0.2, (2, 331))
    place = torch.tensor(x[0, PLACE], requires_grad=True)
    (gradient,) = torch.autograd.grad(object_density(belief, a).log_prob(place), place)
    np.testing.assert_allclose(prior.denoise(x, t)[0, PLACE], -((1 - a) ** 0.5) * gradient, rtol=1e-9)


def test_the_prior_pulls_a_place_in_the_image_along_its_ray(wrong: Belief) -> None:
    """The slope of the density by the depth of an object that stays at its pixel, near the middle."""
    belief, t, step = aside(wrong), 2, 1e-6
    prior = frame_prior(belief, FOCAL, None, NOTHING, KEPT)
    follow = Follow(belief, prior, FOCAL, Weights(), np.ones((1, 1)))
    x = prior.gaussian.mean.numpy() + np.random.default_rng(0).normal(0, 0.03, (2, 331))
    near = values_of(x, follow.camera, FOCAL)
    held = follow._held(prior.denoise(x_of(near, FOCAL), t) / (1 - alpha(t)) ** 0.5, near)
    away = near.values.copy()
    away[:, 327] += step
    density = object_density(belief, alpha(t))
    cost = [
        -density.log_prob(torch.from_numpy(x_of(Values(v, near.R_o), FOCAL)[0, PLACE]))
        for v in (near.values, away)
    ]
    slope = float(cost[1] - cost[0]) / step
    assert held[0, 327] == pytest.approx(slope * belief.sigma.place[2], rel=0.2)


def test_the_learned_part_of_the_noise_counts_by_its_share(wrong: Belief) -> None:
    def prior(conditions: Conditions, known: Gaussian, kept: torch.Tensor) -> Denoise:
        return lambda x, t: np.full_like(x, 7.0)

    x = gaussian_of(wrong, FOCAL).mean.numpy() + 0.1
    said = {
        share: frame_prior(wrong, FOCAL, prior, NOTHING, KEPT, share).denoise(x, 50)
        for share in (0.0, 0.25, 1.0)
    }
    np.testing.assert_allclose(said[0.0], frame_prior(wrong, FOCAL, None, NOTHING, KEPT).denoise(x, 50))
    np.testing.assert_allclose(said[0.25], 0.75 * said[0.0] + 0.25 * 7, rtol=1e-12)
    assert (said[1.0] == 7).all()

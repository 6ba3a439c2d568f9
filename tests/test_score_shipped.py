"""The shipped denoiser: its conditions matter, and it explains more noise than the regressor's Gaussian."""

import numpy as np
import pytest
import torch

from scorehoi_ros.diffusion.ddim import alphas, ddim, upwards
from scorehoi_ros.diffusion.unknowns import Gaussian
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.denoiser import Conditions, Denoiser, explained
from scorehoi_ros.networks.pair import Pair
from scorehoi_ros.runtime.contact import blank_pair, onnx_touch, torch_touch
from scorehoi_ros.runtime.denoiser import load_prior, torch_prior
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.regressor import load_networks
from scorehoi_ros.train.denoiser import Frames, frames_of
from scorehoi_ros.train.guesses import gather
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.views import load_views
from tests.train_views import write_views

LEVEL = 50


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    """Six simple scenes that no training has seen."""
    networks = load_networks("full")
    data = load_views([write_views(tmp_path_factory.mktemp("views"), side=128)])
    with torch.no_grad():
        known = Material(data, networks.encoder(data.table.points)[0])
    return frames_of(gather(networks.net, known), known)


@pytest.fixture(scope="module")
def net() -> Denoiser:
    return load_network("full-denoiser", Denoiser)[0]


def noised(frames: Frames) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """a_t, eps and x_t of all scenes with eight noises each."""
    a, dice = alphas()[LEVEL].float(), torch.Generator().manual_seed(0)
    eps = torch.randn(len(frames), 8, 331, generator=dice)
    return a, eps, a.sqrt() * frames.x[:, None] + (1 - a).sqrt() * eps


def error(net: Denoiser, frames: Frames, conditions: Conditions, kept: torch.Tensor | None = None) -> float:
    """Mean squared error of eps over the scenes and eight noises each."""
    rows = torch.arange(len(frames))
    a, eps = (
        alphas()[LEVEL].float(),
        torch.randn(len(rows), 8, 331, generator=torch.Generator().manual_seed(0)),
    )
    x = a.sqrt() * frames.x[:, None] + (1 - a).sqrt() * eps
    believed = net.believed(frames.believed(rows), kept)
    found = net(x, torch.full(x.shape[:2], LEVEL), believed, net.remember(conditions, kept))
    return float((found - eps).square().mean())


def test_it_explains_more_noise_than_the_gaussian(net: Denoiser, frames: Frames) -> None:
    rows = torch.arange(len(frames))
    a, eps = (
        alphas()[LEVEL].float(),
        torch.randn(len(rows), 8, 331, generator=torch.Generator().manual_seed(0)),
    )
    x = a.sqrt() * frames.x[:, None] + (1 - a).sqrt() * eps
    plain = float((explained(x, a, frames.believed(rows)).eps - eps).square().mean())
    assert error(net, frames, frames.conditions(rows)) < 0.8 * plain


def test_a_wrong_or_missing_image_makes_it_worse(net: Denoiser, frames: Frames) -> None:
    rows = torch.arange(len(frames))
    right = frames.conditions(rows)
    usual = error(net, frames, right)
    assert error(net, frames, right._replace(image=right.image.flip(0))) > usual
    assert error(net, frames, right, torch.tensor([[False, True]] * len(frames))) > 1.02 * usual


def test_onnx_and_torch_agree_and_the_round_trip_returns_the_start(net: Denoiser, frames: Frames) -> None:
    rows, kept = torch.arange(1), torch.ones(1, 2, dtype=torch.bool)
    given, start = frames.conditions(rows), frames.told.mean[:1].double()
    believed = Gaussian(start, frames.told.sigma[:1].double())
    exported = load_prior("full")(given, believed, kept)
    direct = torch_prior(net)(given, believed, kept)
    noisy = start.numpy() + 0.05 * np.random.default_rng(1).normal(size=start.shape)
    np.testing.assert_allclose(exported(noisy, LEVEL), direct(noisy, LEVEL), atol=2e-5, rtol=1e-4)
    levels = upwards(LEVEL, 2)
    back = ddim(exported, ddim(exported, start.numpy(), levels), levels[::-1])
    assert np.abs(back - start.numpy()).mean() < 0.05 * float(believed.sigma.mean())


def test_contacts_by_onnx_and_by_torch_agree_for_any_number_of_states() -> None:
    predictor, weights = load_network("live-contact", ContactPredictor)
    by_onnx, by_torch = onnx_touch(predictor, weights, "live"), torch_touch(predictor)
    dice = torch.Generator().manual_seed(0)
    for count in (1, 3):
        blank = blank_pair("live")
        pair = Pair(*(0.3 * torch.randn(count, *v.shape[1:], generator=dice) for v in blank))
        torch.testing.assert_close(by_onnx(pair), by_torch(pair), atol=2e-5, rtol=1e-4)

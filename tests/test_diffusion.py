"""Noise levels, x and its gradient, the walk between levels, the denoiser and its conditions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from scorehoi_ros.diffusion.ddim import alphas, ddim, denoised, upwards
from scorehoi_ros.diffusion.unknowns import NUM_X, ROTATION, Gaussian, pack, told, unpack
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.methods.score.guide import by_unknowns, values_of
from scorehoi_ros.networks.denoiser import Conditions, Denoiser, DenoiserSize, explained

TINY = DenoiserSize(16, 3)
IMAGE, FEATURES, GEOMETRY = 20, 12, 5


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lively() -> Denoiser:
    """A small denoiser that says something, though it has learned nothing."""
    torch.manual_seed(0)
    net = Denoiser(TINY, FEATURES, IMAGE, GEOMETRY).eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.copy_(0.4 * torch.randn_like(parameter))
    return net


def conditions(frames: int = 2) -> Conditions:
    return Conditions(draws(frames, IMAGE, FEATURES), draws(frames, 64, 3 + GEOMETRY, seed=1))


def prior(*shape: int) -> Gaussian:
    return Gaussian(0.3 * draws(*shape, NUM_X, seed=2), torch.full((*shape, NUM_X), 0.2))


def ask(net: Denoiser, given: Conditions, kept: Tensor | None = None) -> Tensor:
    x, t = draws(2, 3, NUM_X, seed=3), torch.tensor([[5, 50, 500], [900, 30, 1]])
    return net(x, t, net.believed(prior(2, 1), kept), net.remember(given, kept))


def test_the_cosine_schedule_falls_from_one_to_nearly_nothing() -> None:
    a = alphas()
    assert a[0] == 1 and (a.diff() <= 0).all() and 0 < a[-1] < 1e-3
    assert float((1 - a[50]).sqrt()) == pytest.approx(0.09, abs=0.01), "as the paper's tau = 50 is known"


def test_packing_and_unpacking_are_inverse() -> None:
    parts = draws(4, 52, 6), draws(4, 10), draws(4, 6), draws(4, 3)
    for before, after in zip(parts, unpack(pack(*parts)), strict=True):
        torch.testing.assert_close(after, before)


def test_levels_of_an_inversion() -> None:
    assert upwards(6, 2) == [0, 2, 4, 6] and upwards(5, 2) == [0, 2, 4, 5]


def test_inversion_then_sampling_returns_the_start_and_a_real_guide_does_not() -> None:
    net, given = lively(), conditions(1)
    memory, believed = net.remember(given), prior(1, 1)

    def denoise(x: Tensor, t: int) -> Tensor:
        return net(x[None].float(), torch.full((1, len(x)), t), believed, memory)[0].to(x)

    start = believed.mean[0].expand(3, -1) + 0.1 * draws(3, NUM_X)
    levels = upwards(50, 2)
    back = ddim(denoise, ddim(denoise, start, levels), levels[::-1])
    assert float((back - start).abs().mean()) < 0.05 * 0.1
    moved = ddim(
        denoise, ddim(denoise, start, levels), levels[::-1], lambda x, x_0, eps, t: (x_0 + 0.01, eps)
    )
    assert float((moved - start).mean()) > 0.05


def test_an_untrained_denoiser_says_what_the_gaussian_says() -> None:
    net = Denoiser(TINY, FEATURES, IMAGE, GEOMETRY)
    x, t, believed = draws(2, 3, NUM_X, seed=3), torch.full((2, 3), 50), prior(2, 3)
    eps = net(x, t, believed, net.remember(conditions()))
    torch.testing.assert_close(eps, explained(x, alphas()[50].float(), believed).eps)


def test_the_gaussian_is_the_best_guess_of_gaussian_data() -> None:
    """No other multiple of its answer is nearer to the noise, and what is left is as large as it says."""
    believed, a = Gaussian(torch.full((1,), 0.3), torch.full((1,), 0.2)), alphas()[200].float()
    eps = draws(200_000, 1, seed=4)
    x = a.sqrt() * (0.3 + 0.2 * draws(200_000, 1, seed=5)) + (1 - a).sqrt() * eps
    told_ = explained(x, a, believed)
    errors = [float((eps - share * told_.eps).square().mean()) for share in (0.9, 1.0, 1.1)]
    assert errors[1] == min(errors)
    assert errors[1] ** 0.5 == pytest.approx(float(told_.left), rel=0.02)
    torch.testing.assert_close(denoised(x, told_.eps, 200), told_.x_0, atol=1e-4, rtol=1e-4)


def test_each_condition_changes_the_answer_and_can_be_dropped() -> None:
    net, given = lively(), conditions()
    usual = ask(net, given)
    image = ask(net, given._replace(image=draws(2, IMAGE, FEATURES, seed=9)))
    geometry = ask(net, given._replace(geometry=draws(2, 64, 3 + GEOMETRY, seed=9)))
    assert float((usual - image).abs().mean()) > 1e-3 and float((usual - geometry).abs().mean()) > 1e-3
    without = torch.tensor([[False, True], [True, False]])
    dropped = ask(net, given, without)
    other = given._replace(image=torch.cat((draws(1, IMAGE, FEATURES, seed=8), given.image[1:])))
    torch.testing.assert_close(ask(net, other, without), dropped)


def test_states_of_a_frame_do_not_see_each_other() -> None:
    net, given = lively(), conditions(1)
    x, t, believed, memory = draws(1, 4, NUM_X), torch.full((1, 4), 40), prior(1, 1), net.remember(given)
    together = net(x, t, believed, memory)
    alone = torch.cat([net(x[:, k : k + 1], t[:, :1], believed, memory) for k in range(4)], 1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_what_a_regressor_says_is_told_in_units_of_x() -> None:
    """Monte Carlo: drawing the regressor's unknowns scatters x as the Gaussian says."""
    focal, count = torch.tensor(1.4).double(), 40_000
    theta, betas = draws(52, 6).double(), draws(10).double()
    camera, place = torch.tensor([0.1, -0.2, 0.9]).double(), torch.tensor([0.3, 0.1, 0.4]).double()
    sigma = torch.cat(
        (torch.full((322,), 0.1), torch.tensor([0.02, 0.02, 1e-6, 0.03, 0.03, 0.2, 0.1, 0.1, 0.1]))
    )
    R = axis_angle_to_matrix(torch.tensor([0.3, 0.2, -0.5]).double())
    said = told(theta, betas, camera, place, matrix_to_rotation_6d(R), sigma.double(), focal)
    noise = sigma.double() * torch.randn(count, 331, generator=torch.Generator().manual_seed(1)).double()
    turned = matrix_to_rotation_6d(axis_angle_to_matrix(noise[:, -3:]) @ R)
    many = told(
        theta + noise[:, :312].unflatten(1, (52, 6)),
        betas + noise[:, 312:322],
        camera + noise[:, 322:325],
        place + noise[:, 325:328],
        turned,
        sigma.double().expand(count, -1),
        focal.expand(count),
    ).mean
    spread = many.std(0)
    torch.testing.assert_close(spread[:322], said.sigma[:322], rtol=0.05, atol=0)
    torch.testing.assert_close(spread[328:], said.sigma[328:], rtol=0.25, atol=0)
    assert float(spread[ROTATION].square().mean().sqrt()) == pytest.approx(float(said.sigma[322]), rel=0.1)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_a_torque_becomes_the_gradient_by_the_six_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    six = torch.tensor(rng.normal(size=(2, 6)), requires_grad=True)
    weight = torch.tensor(rng.normal(size=(2, 3, 3)))
    R = rotation_6d_to_matrix(six)
    (wanted,) = torch.autograd.grad((weight * R).sum(), six)
    columns, pull = R.detach().mT, weight.mT
    x, gradient = np.ones((2, NUM_X)), np.zeros((2, NUM_X))
    x[:, ROTATION] = six.detach()
    gradient[:, -3:] = torch.linalg.cross(columns, pull).sum(1)
    by_x = by_unknowns(gradient, x, values_of(x, np.zeros((2, 3)), 1.0), 1.0)
    torch.testing.assert_close(torch.from_numpy(by_x[:, ROTATION]), wanted)

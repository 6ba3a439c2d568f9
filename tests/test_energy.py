"""Every energy term has a gradient, and a step along it lowers the term."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from scorehoi_ros.energy import image, physical
from scorehoi_ros.frame.evidence import Silhouette, distance_outside, outline_of, thin_points
from scorehoi_ros.geometry.sdf import build_grid
from scorehoi_ros.interaction.depth_order import find_order, order_loss
from scorehoi_ros.interaction.pose_prior import load_prior
from scorehoi_ros.objects.load import load_template

K = torch.tensor([[200.0, 0, 63.5], [0, 200, 63.5], [0, 0, 1]])
DISC = np.hypot(*(np.mgrid[:128, :128] - 63.5)) < 30
OUTLINE = outline_of(DISC, np.zeros_like(DISC))


@pytest.fixture(scope="module")
def box() -> physical.ObjectField:
    grid = load_template("box:0.4x0.4x0.4", cache=False).sdf
    return physical.ObjectField(
        torch.as_tensor(grid.values), torch.as_tensor(grid.origin).float(), float(grid.spacing)
    )


def cloud(count: int, scale: float, centre: tuple[float, float, float], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, 3, generator=generator) + torch.tensor(centre)


def check_descends(term: Callable[[Tensor], Tensor], x: Tensor, step: float) -> None:
    """Gradient finite and not zero; a normalised step against it lowers the term."""
    x = x.clone().requires_grad_(True)
    value = term(x)
    (gradient,) = torch.autograd.grad(value, x)
    assert torch.isfinite(gradient).all()
    assert float(gradient.norm()) > 0
    lower = term(x.detach() - step * gradient / gradient.norm())
    assert float(lower) < float(value.detach())


def test_reprojection() -> None:
    target, confidence = torch.full((75, 2), 60.0), torch.ones(75)
    points = cloud(75, 0.1, (0.2, 0.0, 2.0))
    check_descends(lambda p: image.reprojection_loss(image.project(p, K), target, confidence), points, 0.01)


def test_unseen_landmarks_do_not_pull() -> None:
    confidence = torch.zeros(75)
    confidence[0] = 1.0
    points = cloud(75, 0.1, (0.2, 0.0, 2.0)).requires_grad_(True)
    image.reprojection_loss(image.project(points, K), torch.full((75, 2), 60.0), confidence).backward()
    assert points.grad is not None
    assert float(points.grad[1:].abs().max()) == 0
    assert float(points.grad[0].abs().max()) > 0


def test_directions() -> None:
    edges = torch.tensor([[0, 1], [1, 2]])
    target = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])
    check_descends(
        lambda p: image.direction_loss(p, target, edges, torch.ones(2)), cloud(3, 1.0, (0, 0, 2)), 0.01
    )


def test_directions_ignore_size() -> None:
    edges = torch.tensor([[0, 1], [1, 2]])
    target = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])
    assert float(image.direction_loss(3 * target, target, edges, torch.ones(2))) == pytest.approx(0, abs=1e-6)


def test_outside() -> None:
    field = torch.as_tensor(distance_outside(DISC))
    check_descends(
        lambda p: image.outside_loss(image.project(p, K), field), cloud(50, 0.1, (0.5, 0.0, 2.0)), 0.01
    )


def test_outside_is_zero_inside() -> None:
    field = torch.as_tensor(distance_outside(DISC))
    assert float(image.outside_loss(torch.full((5, 2), 63.0), field)) == 0


def test_uncovered() -> None:
    wanted = torch.as_tensor(thin_points(DISC, 200)).float()
    check_descends(
        lambda p: image.uncovered_loss(image.project(p, K), wanted, torch.tensor(2.0)),
        cloud(50, 0.05, (0.4, 0, 2)),
        0.01,
    )


def test_outline() -> None:
    check_descends(
        lambda p: image.outline_loss(image.project(p, K), OUTLINE), cloud(50, 0.05, (0.2, 0.1, 2.0)), 0.005
    )


def test_outline_measures_size_to_a_fraction_of_a_pixel() -> None:
    circle = torch.as_tensor([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 256)]).float()
    errors = [float(image.outline_loss(63.5 + r * circle, OUTLINE)) for r in (28.0, 30.0, 32.0)]
    assert errors[1] < 0.3 < 2 < min(errors[0], errors[2])


def test_hidden_border_only_demands_a_minimum() -> None:
    right = np.zeros_like(DISC)
    right[:, 90:] = True
    outline = outline_of(DISC & ~right, right)
    circle = torch.as_tensor([[np.cos(a), np.sin(a)] for a in np.linspace(0, 2 * np.pi, 256)]).float()
    assert float(image.outline_loss(63.5 + 30 * circle, outline)) < 0.3


def test_contact(box: physical.ObjectField) -> None:
    points, weights = cloud(40, 0.05, (0.35, 0.0, 2.0)), torch.ones(40)
    eye, origin = torch.eye(3), torch.tensor([0.0, 0.0, 2.0])
    term = lambda t: physical.contact_loss(physical.signed_distances(points, box, eye, t), weights)  # noqa: E731
    check_descends(term, origin, 0.005)
    check_descends(
        lambda p: physical.contact_loss(physical.signed_distances(p, box, eye, origin), weights),
        points,
        0.005,
    )


def test_object_contact() -> None:
    human, weights = cloud(40, 0.05, (0.35, 0.0, 2.0)), torch.ones(64)
    check_descends(
        lambda p: physical.object_contact_loss(p, weights, human), cloud(64, 0.1, (0, 0, 2)), 0.005
    )


def test_floor() -> None:
    normal, offset = torch.tensor([0.0, -1.0, 0.0]), torch.tensor(-1.0)
    points = cloud(64, 0.1, (0.0, 0.8, 2.0))
    check_descends(lambda p: physical.floor_loss(p, torch.ones(64), normal, offset), points, 0.005)
    sunk = points + torch.tensor([0.0, 0.5, 0.0])
    check_descends(lambda p: physical.below_floor_loss(p, normal, offset), sunk, 0.005)


def test_penetration_has_a_gradient_that_moves_the_object_out(box: physical.ObjectField) -> None:
    inside = cloud(40, 0.03, (0.15, 0.0, 2.0))
    eye = torch.eye(3)
    term = lambda t: physical.penetration_loss(physical.signed_distances(inside, box, eye, t))  # noqa: E731
    origin = torch.tensor([0.0, 0.0, 2.0])
    check_descends(term, origin, 0.005)
    (gradient,) = torch.autograd.grad(term(origin.requires_grad_(True)), origin)
    assert float(gradient[0]) > 0, "the object must move away from points near its +x face"


def test_no_penetration_outside(box: physical.ObjectField) -> None:
    far = cloud(40, 0.01, (0.5, 0.0, 2.0))
    distance = physical.signed_distances(far, box, torch.eye(3), torch.tensor([0.0, 0.0, 2.0]))
    assert float(physical.penetration_loss(distance)) == 0


def test_depth_order_pushes_the_hidden_body_behind_the_seen_object() -> None:
    surface = torch.cat(
        (
            torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) * 0.5 - 0.25,
            torch.full((200, 1), 2.1),
        ),
        1,
    )
    tokens = torch.cat(
        (
            torch.rand(431, 2, generator=torch.Generator().manual_seed(1)) * 0.5 - 0.25,
            torch.full((431, 1), 2.0),
        ),
        1,
    )
    target = Silhouette(K, DISC, np.zeros_like(DISC), 1.0, np.zeros_like(DISC))
    order = find_order(tokens, surface, target, spacing=0.05)
    assert order.tokens.hidden.any()
    check_descends(lambda p: order_loss(p, surface, order), tokens, 0.01)
    assert float(order_loss(tokens + torch.tensor([0.0, 0, 0.2]), surface, order)) == 0


def test_pose_prior_prefers_people_to_knots() -> None:
    prior = load_prior()
    identity = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(52, 1)
    mean = identity.clone()
    mean[1:22] = prior.mean.reshape(21, 6)
    knot = identity + 0.8 * torch.randn(52, 6, generator=torch.Generator().manual_seed(0))
    assert float(prior.loss(mean)) < float(prior.loss(identity)) < 0.5 * float(prior.loss(knot))
    check_descends(prior.loss, knot, 0.05)


def test_sphere_distance_is_right() -> None:
    template = load_template("ball:0.3", cache=False)
    grid = build_grid(template.mesh)
    field = physical.ObjectField(
        torch.as_tensor(grid.values), torch.as_tensor(grid.origin).float(), float(grid.spacing)
    )
    points = torch.tensor([[0.0, 0.0, 0.0], [0.2, 0.0, 0.0], [0.0, 0.1, 0.0]])
    distance = physical.signed_distances(points, field, torch.eye(3), torch.zeros(3))
    np.testing.assert_allclose(distance, [-0.15, 0.05, -0.05], atol=0.006)

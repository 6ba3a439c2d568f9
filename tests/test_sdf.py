"""Signed distance grids against analytic shapes, and the gradient of their sampling."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import Mesh, concatenate, transformed
from scorehoi_ros.geometry.sdf import SignedDistanceGrid, build_grid, sample, sample_torch
from scorehoi_ros.objects.solids import ball, box, cylinder
from tests.sdf_oracle import corners, gradient

RADIUS = 0.2
HALF = np.array([0.2, 0.15, 0.1])


def box_distance(points: np.ndarray, half: np.ndarray = HALF) -> np.ndarray:
    """Analytic signed distance of an axis-aligned box about the origin."""
    q = np.abs(points) - half
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)


@pytest.fixture(scope="module")
def box_grid() -> SignedDistanceGrid:
    """Grid of the box."""
    return build_grid(box(2.0 * HALF))


@pytest.fixture(scope="module")
def ball_grid() -> SignedDistanceGrid:
    """Grid of the ball."""
    return build_grid(ball(RADIUS))


def random_points(n: int = 4000, reach: float = 0.24) -> np.ndarray:
    """Points all through the grid."""
    return np.random.default_rng(1).uniform(-reach, reach, (n, 3))


def test_box_distance(box_grid: SignedDistanceGrid) -> None:
    """Values agree with the analytic distance, better than half a node spacing, with the right sign."""
    points = random_points() * np.array([1, 0.8, 0.6])
    error = np.abs(sample(box_grid, points) - box_distance(points))
    assert error.max() < 0.5 * box_grid.spacing
    assert error.mean() < 0.05 * box_grid.spacing


def test_ball_distance(ball_grid: SignedDistanceGrid) -> None:
    """The faceted ball is within half a spacing of the sphere, and the gradient is the radius vector."""
    points = random_points()
    r = np.linalg.norm(points, axis=1)
    assert np.abs(sample(ball_grid, points) - (r - RADIUS)).max() < 0.5 * ball_grid.spacing
    near = np.abs(r - RADIUS) < 0.05
    g = gradient(ball_grid, points[near])
    np.testing.assert_allclose(np.linalg.norm(g, axis=1), 1.0, atol=0.08)
    cosine = (g * points[near] / r[near, None]).sum(axis=1) / np.linalg.norm(g, axis=1)
    assert cosine.min() > 0.995


def test_all_nodes_signed(box_grid: SignedDistanceGrid) -> None:
    """No node is wrong in sign or beyond the distance of its nearest surface."""
    nodes = np.stack(np.meshgrid(*map(np.arange, box_grid.values.shape), indexing="ij"), -1).reshape(-1, 3)
    expected = box_distance(box_grid.origin + box_grid.spacing * nodes)
    np.testing.assert_allclose(box_grid.values.ravel(), expected, atol=1e-6)


def test_overlapping_parts_form_a_union() -> None:
    """A hidden face between two closed parts does not make a hole."""
    parts = [transformed(box(np.full(3, 0.2)), t=np.array([s * 0.07, 0, 0])) for s in (-1, 1)]
    grid = build_grid(concatenate(parts))
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (3000, 3))
    expected = box_distance(points, np.array([0.17, 0.1, 0.1]))
    clear = np.abs(expected) > grid.spacing
    assert (np.sign(sample(grid, points)) == np.sign(expected))[clear].all()


def test_holes_are_accepted() -> None:
    """A ball with a tenth of its faces missing still has an inside and an outside."""
    mesh = ball(RADIUS)
    keep = np.random.default_rng(3).random(len(mesh.faces)) > 0.1
    grid = build_grid(Mesh(mesh.vertices, mesh.faces[keep]))
    points = random_points()
    expected = np.linalg.norm(points, axis=1) - RADIUS
    clear = np.abs(expected) > 2 * grid.spacing
    assert (np.sign(sample(grid, points)) == np.sign(expected))[clear].mean() > 0.995


def test_rotated_cylinder_volume() -> None:
    """The share of nodes inside a tilted cylinder matches its volume."""
    R = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    R *= np.sign(np.linalg.det(R))
    grid = build_grid(transformed(cylinder(0.1, 0.4), R))
    volume = float((grid.values < 0).sum()) * grid.spacing**3
    assert volume == pytest.approx(np.pi * 0.1**2 * 0.4, rel=0.03)


def test_grid_budget_for_flat_objects() -> None:
    """Flat things get finer nodes, not fewer."""
    grid = build_grid(box(np.array([0.45, 0.02, 0.15])))
    assert 0.7 * 64**3 < grid.values.size < 1.5 * 64**3
    assert grid.spacing < 0.006


@settings(max_examples=50)
@given(st.lists(st.floats(-0.6, 0.6), min_size=3, max_size=3))
def test_outside_distance_grows(box_grid: SignedDistanceGrid, point: list[float]) -> None:
    """Anywhere, also outside the grid: an upper bound of the distance that is never too small by a voxel."""
    p = np.array([point])
    expected = box_distance(p)[0]
    value = sample(box_grid, p)[0]
    assert value > expected - 0.5 * box_grid.spacing
    assert value < 1.5 * abs(expected) + box_grid.spacing


def test_torch_matches_numpy(box_grid: SignedDistanceGrid) -> None:
    """Both samplers and both gradients agree, inside and outside the grid."""
    points = random_points(500, 0.6)
    p = torch.tensor(points, requires_grad=True)
    values = torch.tensor(box_grid.values, dtype=torch.float64)
    result = sample_torch(values, torch.tensor(box_grid.origin), box_grid.spacing, p)
    np.testing.assert_allclose(result.detach(), sample(box_grid, points), atol=1e-9)
    (g,) = torch.autograd.grad(result.sum(), p)
    np.testing.assert_allclose(g, gradient(box_grid, points), atol=1e-6)
    assert (g.norm(dim=-1) > 0.3).all()


def test_the_kernel_equals_the_plain_sum_overcorners() -> None:
    """In the grid, on its nodes and faces, and outside."""
    grid = SignedDistanceGrid(
        np.random.default_rng(2).normal(size=(5, 4, 6)).astype(np.float32), np.array([0.1, -0.2, 0.3]), 0.05
    )
    points = np.concatenate(
        (
            np.random.default_rng(3).uniform(-0.5, 0.8, (3000, 3)),
            grid.origin + grid.spacing * np.argwhere(grid.values < 9),
        )
    )
    values, fraction, beyond = corners(grid, points)
    x, y, z = (np.stack([1 - fraction[:, c], fraction[:, c]], axis=1) for c in range(3))
    expected = np.einsum("nijk,ni,nj,nk->n", values, x, y, z) + np.linalg.norm(beyond, axis=1)
    np.testing.assert_allclose(sample(grid, points), expected, atol=1e-12)


def test_torch_gradcheck(box_grid: SignedDistanceGrid) -> None:
    """Autograd equals finite differences in float64, also at a point exactly on the box of the grid."""
    values = torch.tensor(box_grid.values, dtype=torch.float64)
    origin = torch.tensor(box_grid.origin)
    points = torch.tensor(random_points(20, 0.5), requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: sample_torch(values, origin, box_grid.spacing, p), (points,))
    corner = origin.clone().requires_grad_()
    sample_torch(values, origin, box_grid.spacing, corner).backward()
    assert corner.grad is not None and torch.isfinite(corner.grad).all()


def test_no_faces_is_an_error() -> None:
    """A mesh without faces has no inside."""
    with pytest.raises(TemplateError, match="faces"):
        build_grid(Mesh(np.zeros((3, 3)), np.zeros((0, 3), int)))

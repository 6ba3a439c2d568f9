"""Geometry encoder: shapes, order of points, and that training it works."""

import pytest
import torch

from scorehoi_ros.networks.pointnext import (
    DESCRIPTOR,
    POINT_FEATURES,
    PointNeXt,
    farthest,
    interpolated,
    neighbourhood,
)
from scorehoi_ros.synth.scene.kinds import KIND_NAMES
from scorehoi_ros.threads import limited_threads
from scorehoi_ros.train.geometry import ShapeHeads, average_precision, contrastive
from scorehoi_ros.train.shapes import Shapes, augmented, family_shapes, kind_rows


@pytest.fixture(scope="module")
def shapes() -> Shapes:
    with limited_threads(1):
        return family_shapes("train", range(1))


@pytest.fixture
def clouds() -> torch.Tensor:
    return 0.3 * torch.randn(3, 64, 3, generator=torch.Generator().manual_seed(1))


def test_features_of_points_follow_their_order(clouds: torch.Tensor) -> None:
    torch.manual_seed(0)
    encoder = PointNeXt().eval()
    order = torch.randperm(64)
    with torch.no_grad():
        features, descriptor = encoder(clouds)
        shuffled, same = encoder(clouds[:, order])
    assert features.shape == (3, 64, POINT_FEATURES)
    assert descriptor.shape == (3, DESCRIPTOR)
    torch.testing.assert_close(shuffled, features[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(same, descriptor, atol=1e-4, rtol=1e-4)


def test_size_matters(clouds: torch.Tensor) -> None:
    torch.manual_seed(0)
    encoder = PointNeXt().eval()
    with torch.no_grad():
        assert (encoder(clouds)[1] - encoder(0.3 * clouds)[1]).abs().max() > 1e-3


def test_farthest_points_are_spread(clouds: torch.Tensor) -> None:
    chosen = farthest(clouds, 16)
    assert all(len(set(row.tolist())) == 16 for row in chosen)
    picked = clouds[0, chosen[0]]
    gap = torch.cdist(picked, picked).fill_diagonal_(torch.inf).min()
    hole = torch.cdist(clouds[0], picked).amin(1).max()
    assert hole <= gap + 1e-6


def test_neighbourhoods_have_no_scale(clouds: torch.Tensor) -> None:
    around, index = neighbourhood(clouds, clouds, 8)
    larger, same = neighbourhood(5 * clouds, 5 * clouds, 8)
    assert torch.equal(index[:, :, 0], torch.arange(64).expand(3, -1))
    assert torch.equal(index, same)
    torch.testing.assert_close(around, larger)


def test_interpolation_keeps_known_points(clouds: torch.Tensor) -> None:
    features = torch.randn(3, 64, 5)
    torch.testing.assert_close(interpolated(clouds, clouds, features), features, atol=0.05, rtol=0.05)


def test_shapes_are_centred_with_outward_normals(shapes: Shapes) -> None:
    assert shapes.points.shape == shapes.normals.shape == (len(KIND_NAMES), 64, 3)
    assert shapes.points.mean(1).abs().max() < 1e-6
    balls = [KIND_NAMES.index(name) for name in ("basketball", "yogaball")]
    outward = torch.nn.functional.normalize(shapes.points[balls], dim=-1)
    assert (outward * shapes.normals[balls]).sum(-1).min() > 0.95


def test_augmentation_keeps_shapes_within_its_bounds(shapes: Shapes) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = kind_rows(shapes, 2, generator)
    assert torch.equal(shapes.kinds[rows], torch.arange(len(KIND_NAMES)).repeat(2))
    turned = augmented(shapes, rows, generator)
    ratio = turned.points.norm(dim=-1).mean(1) / shapes.points[rows].norm(dim=-1).mean(1)
    assert ratio.min() > 0.88 and ratio.max() < 1.13
    torch.testing.assert_close(turned.normals.norm(dim=-1), torch.ones(len(rows), 64))


def test_contrast_and_precision() -> None:
    apart = torch.eye(4).repeat_interleave(2, 0)
    labels = torch.arange(4).repeat_interleave(2)
    assert contrastive(apart, labels) < contrastive(apart, labels.roll(1))
    scores, relevant = torch.tensor([[0.9, 0.5, 0.1]]), torch.tensor([[True, False, True]])
    assert average_precision(scores, relevant).item() == pytest.approx((1 + 2 / 3) / 2)


def test_training_lowers_the_loss(shapes: Shapes) -> None:
    torch.manual_seed(0)
    encoder, heads = PointNeXt(), ShapeHeads()
    optimiser = torch.optim.AdamW([*encoder.parameters(), *heads.parameters()], lr=2e-3)
    losses = []
    with limited_threads(1):
        for _ in range(8):
            features, descriptor = encoder(shapes.points)
            loss = heads.loss(features, descriptor, shapes)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.3

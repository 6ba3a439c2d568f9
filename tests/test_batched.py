"""Everything that methods share works on batches: each sample gives what it gives alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.energy import image, physical
from scorehoi_ros.energy.image import Outline
from scorehoi_ros.frame.evidence import Silhouette, distance_outside, outline_of, thin_points
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction import contact_guess
from scorehoi_ros.interaction.depth_order import find_order, order_loss
from scorehoi_ros.interaction.object_tensors import object_tensors, place
from scorehoi_ros.interaction.pose_prior import load_prior
from scorehoi_ros.objects.load import load_template

BATCH = 3
K = torch.tensor([[200.0, 0, 63.5], [0, 200, 63.5], [0, 0, 1]])
DISC = np.hypot(*(np.mgrid[:128, :128] - 63.5)) < 30
FREE = np.zeros_like(DISC)
FREE[:, 100:] = True
TENSORS = object_tensors(load_template("box:0.4x0.3x0.3"))
EDGES = torch.tensor([[0, 1], [1, 2], [5, 9]])

# Random arguments of one sample by name; no two samples of a batch are alike in any of them.
DRAW: dict[str, Callable[[], Tensor]] = {
    "tokens": lambda: 0.3 * torch.randn(431, 3) + torch.tensor([0.1, 0.0, 2.0]),
    "points": lambda: 0.2 * torch.randn(64, 3) + torch.tensor([0.0, 0.1, 2.0]),
    "surface": lambda: 0.2 * torch.randn(400, 3) + torch.tensor([0.0, 0.1, 2.0]),
    "pixels": lambda: 128 * torch.rand(75, 2),
    "target": lambda: 128 * torch.rand(75, 2),
    "bones": lambda: torch.randn(75, 3),
    "wanted": lambda: torch.randn(75, 3),
    "confidence": lambda: torch.rand(75),
    "edge_confidence": lambda: torch.rand(3),
    "distance": lambda: 0.2 * torch.randn(431),
    "M_h": lambda: torch.rand(431) * torch.rand(()),
    "M_o": lambda: torch.rand(64) * torch.rand(()),
    "M_f": lambda: torch.rand(64) * torch.rand(()),
    "normal": lambda: torch.nn.functional.normalize(torch.randn(3), dim=0),
    "offset": lambda: torch.randn(()),
    "R_o": lambda: matrix_to_rotation_6d(rotation_6d_to_matrix(torch.randn(6))),
    "origin": lambda: 0.1 * torch.randn(3) + torch.tensor([0.0, 0.0, 2.0]),
    "tolerance": lambda: 3 * torch.rand(()),
    "gradient": lambda: torch.nn.functional.normalize(torch.randn(431, 3), dim=-1),
    "normals": lambda: torch.nn.functional.normalize(torch.randn(431, 3), dim=-1),
    "theta": lambda: torch.tensor([1.0, 0, 0, 0, 1, 0]) + 0.3 * torch.randn(52, 6),
    "betas": lambda: torch.randn(10),
    "t_cam": lambda: torch.randn(3),
}
FIELD = torch.as_tensor(distance_outside(DISC))
WANTED = torch.as_tensor(thin_points(DISC, 200)).float()
OUTLINE: Outline = outline_of(DISC, FREE)
TARGET = Silhouette(K, DISC, FREE, 1.0, np.zeros_like(DISC))
AFFINITY = contact_guess.region_affinity(free_body())
POSED = PosedBody(free_body())
PRIOR = load_prior()


def signed(tokens: Tensor, R_o: Tensor, origin: Tensor) -> Tensor:
    return physical.signed_distances(tokens, TENSORS.field, rotation_6d_to_matrix(R_o), origin)


def gradient_of(tokens: Tensor, R_o: Tensor, origin: Tensor) -> Tensor:
    R = rotation_6d_to_matrix(R_o)
    return physical.distances_and_gradients(tokens, TENSORS.field, R, origin)[1]


def depth_order(tokens: Tensor, surface: Tensor) -> Tensor:
    return order_loss(tokens, surface, find_order(tokens, surface, TARGET, 0.05))


SHARED: dict[str, tuple[Callable[..., Tensor], tuple[str, ...]]] = {
    "L_ho human": (physical.contact_loss, ("distance", "M_h")),
    "L_ho object": (physical.object_contact_loss, ("points", "M_o", "tokens")),
    "L_of": (physical.floor_loss, ("points", "M_f", "normal", "offset")),
    "L_pt": (physical.penetration_loss, ("distance",)),
    "below floor": (physical.below_floor_loss, ("points", "normal", "offset")),
    "signed distance": (signed, ("tokens", "R_o", "origin")),
    "its gradient": (gradient_of, ("tokens", "R_o", "origin")),
    "reprojection": (image.reprojection_loss, ("pixels", "target", "confidence")),
    "directions": (
        lambda bones, wanted, c: image.direction_loss(bones, wanted, EDGES, c),
        ("bones", "wanted", "edge_confidence"),
    ),
    "outside": (lambda pixels: image.outside_loss(pixels, FIELD), ("pixels",)),
    "uncovered": (lambda pixels, t: image.uncovered_loss(pixels, WANTED, t), ("pixels", "tolerance")),
    "outline": (lambda pixels: image.outline_loss(pixels, OUTLINE), ("pixels",)),
    "depth order": (depth_order, ("tokens", "surface")),
    "contact gate": (
        lambda M_h, d, g, n: contact_guess.gate(M_h, d, g, n, 0.3),
        ("M_h", "distance", "gradient", "normals"),
    ),
    "object contacts": (contact_guess.object_contacts, ("points", "tokens")),
    "floor contacts": (contact_guess.floor_contacts, ("points", "normal", "offset")),
    "placed object": (lambda R_o, origin: place(TENSORS.points, R_o, origin), ("R_o", "origin")),
    "tokens": (lambda *x: POSED(*x).tokens, ("theta", "betas", "t_cam")),
    "landmarks": (lambda *x: POSED(*x).landmarks, ("theta", "betas", "t_cam")),
    "token normals": (POSED.token_normals, ("theta", "betas", "t_cam")),
    "stature": (POSED.stature, ("betas",)),
    "pose prior": (PRIOR.loss, ("theta",)),
}


@pytest.mark.parametrize("name", SHARED)
def test_a_batch_gives_what_each_sample_gives_alone(name: str) -> None:
    function, names = SHARED[name]
    torch.manual_seed(0)
    samples = [[DRAW[argument]() for argument in names] for _ in range(BATCH)]
    alone = torch.stack([function(*sample) for sample in samples])
    assert not torch.allclose(alone[0], alone[1]), "the samples must differ, or the test shows nothing"
    batched = function(*(torch.stack(column) for column in zip(*samples, strict=True)))
    torch.testing.assert_close(batched, alone, rtol=1e-5, atol=1e-6)


def test_guess_in_the_image_works_on_batches() -> None:
    from tests.test_seams import evidence_of

    evidence = evidence_of(with_object=True)
    torch.manual_seed(0)
    tokens = torch.stack([0.3 * torch.randn(431, 3) + torch.tensor([0.0, 0.0, 3.0]) for _ in range(BATCH)])
    alone = torch.stack([contact_guess.image_contacts(t, AFFINITY, evidence) for t in tokens])
    assert alone.max() > 0
    torch.testing.assert_close(contact_guess.image_contacts(tokens, AFFINITY, evidence), alone)


def test_gradient_of_one_sample_does_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    distance = (0.2 * torch.randn(BATCH, 431)).requires_grad_(True)
    weights = torch.rand(BATCH, 431)
    (batched,) = torch.autograd.grad(physical.contact_loss(distance, weights).sum(), distance)
    (alone,) = torch.autograd.grad(physical.contact_loss(distance[1], weights[1]), distance)
    torch.testing.assert_close(batched[1], alone[1])

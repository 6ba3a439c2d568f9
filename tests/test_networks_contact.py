"""Contact predictor, mesh regressor and what they are trained on; no shards and no regressor are needed."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.evaluate.metrics import contact_score, mean_contact
from scorehoi_ros.geometry.procrustes import fit_rigid
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.mesh import MeshRegressor, moved_object
from scorehoi_ros.networks.pair import Contacts, Pair, _shares, nearness
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.threads import limited_threads
from scorehoi_ros.train import contact as contact_training
from scorehoi_ros.train import mesh as mesh_training
from scorehoi_ros.train.pairs import ContactSamples, pair_of, signed_distances
from scorehoi_ros.train.states import States, between, nearest_equivalent, perturbed, with_noise
from scorehoi_ros.train.templates import make_table

WIDTH, GEOMETRY, COUNT = 16, 8, 4
SPECS = ("box:0.4x0.3x0.3", "ball:0.22", "cup", "chair")
TEMPLATES = [load_template(spec) for spec in SPECS]
TABLE = make_table(TEMPLATES)


@pytest.fixture(autouse=True)
def one_thread():
    torch.manual_seed(0)
    with limited_threads(1):
        yield


@pytest.fixture(scope="module")
def posed() -> PosedBody:
    return PosedBody(free_body())


def states(seed: int) -> States:
    g = torch.Generator().manual_seed(seed)
    theta = torch.tensor([1.0, 0, 0, 0, 1, 0]).expand(COUNT, 52, 6) + 0.1 * torch.randn(
        COUNT, 52, 6, generator=g
    )
    pelvis = torch.tensor([0.0, 0.0, 3.0]) + 0.1 * torch.randn(COUNT, 3, generator=g)
    R_o = matrix_to_rotation_6d(axis_angle_to_matrix(torch.randn(COUNT, 3, generator=g)))
    return States(theta, torch.randn(COUNT, 10, generator=g), pelvis, R_o, pelvis + torch.tensor([0.3, 0, 0]))


@pytest.fixture(scope="module")
def samples(posed: PosedBody) -> ContactSamples:
    truth = states(0)
    rows = torch.arange(COUNT)
    g = torch.Generator().manual_seed(3)
    made = ContactSamples(
        truth=truth,
        estimate=with_noise(truth, torch.ones(COUNT), g),
        template=rows % len(SPECS),
        K_view=torch.tensor([[200.0, 0, 63.5], [0, 200, 63.5], [0, 0, 1]]).expand(COUNT, 3, 3),
        side=128,
        floor=torch.tensor([0.0, -1.0, 0.0, -0.1]).expand(COUNT, 4),
        human_contact=torch.zeros(COUNT, 431, dtype=torch.bool),
        object_contact=torch.rand(COUNT, 64, generator=g) < 0.2,
        floor_contact=torch.rand(COUNT, 64, generator=g) < 0.1,
        image=torch.randn(COUNT, WIDTH, 8, 8, generator=g).half(),
        landmarks=torch.randn(COUNT, 75, WIDTH, generator=g).half(),
        said=Contacts(*(torch.randn(COUNT, n, generator=g) for n in (431, 64, 64))),
        table=TABLE,
        shapes=torch.randn(len(SPECS), 64, GEOMETRY, generator=g),
    )
    pair = pair_of(made, rows, truth, posed, made.floor, torch.ones(COUNT))
    made.human_contact[:] = pair.distance < 0.05
    return made


@pytest.fixture
def pair(samples: ContactSamples, posed: PosedBody) -> Pair:
    return pair_of(
        samples, torch.arange(COUNT), samples.estimate, posed, samples.floor, torch.tensor([1.0, 1, 0, 0])
    )


def shuffled(pair: Pair, order: Tensor) -> Pair:
    names = ("thing", "template", "thing_xy", "height", "geometry", "said_thing", "said_floor")
    return pair._replace(**{name: getattr(pair, name)[:, order] for name in names})


def test_pairs_are_about_the_pelvis_and_in_the_crop(pair: Pair, samples: ContactSamples) -> None:
    assert pair.human.shape == (COUNT, 431, 3) and pair.thing.shape == (COUNT, 64, 3)
    assert pair.human.mean((0, 1)).norm() < 0.5
    offset = samples.estimate.origin - samples.estimate.pelvis
    torch.testing.assert_close(pair.thing.mean(1), offset, atol=5e-3, rtol=0)
    back = pair.thing + samples.estimate.pelvis[:, None]
    torch.testing.assert_close(pair.thing_xy, 200 * back[..., :2] / back[..., 2:] / 64)
    assert not pair.height[2:].any() and pair.height[:2].any()


def test_shares_of_cells_sample_a_map_as_torch_does_beyond_its_border_too() -> None:
    xy, cells = 2.6 * torch.rand(2, 50, 2) - 1.3, torch.randn(2, 5, 4, 4)
    wanted = grid_sample(cells, xy[:, None], padding_mode="border", align_corners=False)[:, :, 0].mT
    torch.testing.assert_close(_shares(xy, 4) @ cells.flatten(2).mT, wanted)


def test_compiled_tokens_are_those_of_the_layer(posed: PosedBody, samples: ContactSamples) -> None:
    truth = samples.truth
    wanted = posed(truth.theta, truth.betas, truth.pelvis).tokens
    torch.testing.assert_close(posed.tokens(truth.theta, truth.betas, truth.pelvis), wanted)


def test_contact_logits_follow_the_order_of_object_points(pair: Pair) -> None:
    net, order = ContactPredictor(WIDTH, GEOMETRY).eval(), torch.randperm(64)
    with torch.no_grad():
        a, b = net(pair), net(shuffled(pair, order))
    assert [tuple(x.shape) for x in a] == [(COUNT, 431), (COUNT, 64), (COUNT, 64)]
    torch.testing.assert_close(a.human, b.human, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(a.thing[:, order], b.thing, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(a.floor[:, order], b.floor, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in Pair._fields if name != "floor"])
def test_every_input_counts(pair: Pair, name: str) -> None:
    net = ContactPredictor(WIDTH, GEOMETRY).eval()
    with torch.no_grad():
        here = net(pair)
        there = net(pair._replace(**{name: getattr(pair, name) + 0.1}))
    assert max((a - b).abs().max().item() for a, b in zip(here, there, strict=True)) > 1e-4


def test_unknown_floors_do_not_count(pair: Pair) -> None:
    net = ContactPredictor(WIDTH, GEOMETRY).eval()
    with torch.no_grad():
        higher = net(pair._replace(height=pair.height + 1)).floor
        assert torch.equal(net(pair).floor[2:], higher[2:])


def test_the_mesh_regressor_starts_at_rest_and_follows_the_order(pair: Pair) -> None:
    net, order = MeshRegressor(WIDTH, GEOMETRY).eval(), torch.randperm(64)
    contacts = Contacts(torch.rand(COUNT, 431), torch.rand(COUNT, 64), torch.rand(COUNT, 64))
    with torch.no_grad():
        assert not any(offset.any() for offset in net(pair, contacts))
        for name, weight in net.named_parameters():
            if name.endswith("head.1.weight"):
                weight.normal_()
        a = net(pair, contacts)
        turned = Contacts(contacts.human, contacts.thing[:, order], contacts.floor[:, order])
        b = net(shuffled(pair, order), turned)
        c = net(pair, contacts._replace(human=1 - contacts.human))
    torch.testing.assert_close(a.thing[:, order], b.thing, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(a.human, b.human, atol=1e-4, rtol=1e-3)
    assert (a.thing - c.thing).abs().max() > 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_rigid_fits_find_the_motion(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    points = torch.randn(8, 30, 3, generator=g) * torch.tensor([0.5, 0.2, 0.0 if seed % 2 else 0.1])
    R, t = axis_angle_to_matrix(torch.randn(8, 3, generator=g)), torch.randn(8, 3, generator=g)
    weights = torch.rand(8, 30, generator=g)
    found_R, found_t = fit_rigid(points, points @ R.mT + t[:, None], weights)
    torch.testing.assert_close(found_R, R, atol=2e-3, rtol=0)
    torch.testing.assert_close(found_t, t, atol=2e-3, rtol=0)


def test_points_without_weight_do_not_count() -> None:
    points, R = torch.randn(2, 20, 3), axis_angle_to_matrix(torch.randn(2, 3))
    target = points @ R.mT
    target[:, 10:] += torch.randn(2, 10, 3)
    weights = (torch.arange(20) < 10).float().expand(2, -1)
    torch.testing.assert_close(fit_rigid(points, target, weights)[0], R, atol=1e-3, rtol=0)


@pytest.mark.parametrize("case", ["line", "place", "mirror", "nothing"])
def test_degenerate_fits_are_rotations(case: str) -> None:
    points = torch.randn(1, 20, 3)
    target, weights = points.clone(), torch.ones(1, 20)
    if case == "line":
        points = points[..., :1] * torch.tensor([1.0, 0, 0])
        target = points @ axis_angle_to_matrix(torch.tensor([[0.0, 0, 0.5]])).mT
    elif case == "place":
        points, target = torch.ones(1, 20, 3), 2 * torch.ones(1, 20, 3)
    elif case == "mirror":
        target = points * torch.tensor([-1.0, 1, 1])
    else:
        weights = torch.zeros(1, 20)
        target = target + 1
    R, t = fit_rigid(points, target, weights)
    torch.testing.assert_close(R @ R.mT, torch.eye(3)[None], atol=1e-5, rtol=0)
    assert torch.linalg.det(R).item() == pytest.approx(1, abs=1e-5)
    if case == "line":
        smallest = axis_angle_to_matrix(torch.tensor([[0.0, 0, 0.5]]))
        torch.testing.assert_close(R, smallest, atol=1e-3, rtol=0)
    if case in ("place", "nothing"):
        torch.testing.assert_close(R, torch.eye(3)[None])
        torch.testing.assert_close(t, torch.full((1, 3), 1.0 if case == "place" else 0.0))


def test_offsets_move_the_object(pair: Pair, samples: ContactSamples) -> None:
    R = axis_angle_to_matrix(torch.randn(COUNT, 3))
    t = torch.randn(COUNT, 3)
    thing = pair.template @ R.mT + t[:, None]
    turn, shift = axis_angle_to_matrix(0.2 * torch.randn(COUNT, 3)), 0.1 * torch.randn(COUNT, 3)
    moved = thing @ turn.mT + shift[:, None]
    new_R, new_t = moved_object(thing, moved - thing, R, t)
    torch.testing.assert_close(pair.template @ new_R.mT + new_t[:, None], moved, atol=1e-3, rtol=0)


def test_distances_of_the_table_agree_with_the_grids() -> None:
    points = 0.3 * torch.randn(len(SPECS), 200, 3)
    found = signed_distances(TABLE, torch.arange(len(SPECS)), points)
    for row, template in enumerate(TEMPLATES):
        exact = sample(template.sdf, points[row].numpy())
        assert np.abs(found[row].numpy() - exact).mean() < 4e-3


def test_equivalents_show_the_same_object_and_are_nearest() -> None:
    true, R = axis_angle_to_matrix(torch.randn(4, 3)), axis_angle_to_matrix(torch.randn(4, 3))
    near = nearest_equivalent(true, R, TABLE, torch.arange(4))
    assert ((near - R).norm(dim=(1, 2)) <= (true - R).norm(dim=(1, 2)) + 1e-5).all()
    torch.testing.assert_close(near[1], R[1])
    torch.testing.assert_close(near[3], true[3])
    for row in (0, 2):
        points = torch.as_tensor(TEMPLATES[row].mesh.vertices[:500], dtype=torch.float32)
        there = points @ near[row].T @ true[row]
        assert np.abs(sample(TEMPLATES[row].sdf, there.numpy())).max() < 0.02


def test_perturbed_states_span_truth_and_estimate(samples: ContactSamples) -> None:
    middle = between(samples.truth, samples.estimate, torch.full((COUNT,), 0.5))
    torch.testing.assert_close(middle.pelvis, (samples.truth.pelvis + samples.estimate.pelvis) / 2)
    generator = torch.Generator().manual_seed(0)
    many = torch.arange(COUNT).repeat(200)
    wrong = perturbed(samples.truth.rows(many), samples.estimate.rows(many), generator)
    error = (wrong.origin - samples.truth.rows(many).origin).norm(dim=-1)
    assert 0.03 < (error < 1e-6).float().mean() < 0.2
    assert error.max() < 1.5


@pytest.mark.parametrize("kind", ["contact", "mesh"])
def test_training_lowers_the_loss(kind: str, samples: ContactSamples, posed: PosedBody, pair: Pair) -> None:
    rows = torch.arange(COUNT)
    predictor, regressor = ContactPredictor(WIDTH, GEOMETRY, 16, 2), MeshRegressor(WIDTH, GEOMETRY, 16, 2)
    edges, true = mesh_training.skin_edges(posed), mesh_training.true_points(samples, rows, posed)
    contacts = Contacts(*(bits.float() for bits in (samples.human_contact, *[samples.object_contact] * 2)))

    def loss() -> Tensor:
        if kind == "contact":
            terms = contact_training.losses(predictor(pair), samples, rows)
        else:
            terms = mesh_training.losses(regressor(pair, contacts), pair, true, edges)
        return torch.stack(list(terms.values())).sum()

    net = predictor if kind == "contact" else regressor
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    before = loss().item()
    for _ in range(10):
        optimiser.zero_grad()
        value = loss()
        value.backward()
        optimiser.step()
    assert loss().item() < 0.9 * before


def test_figures_of_both(samples: ContactSamples, posed: PosedBody) -> None:
    predictor, regressor = ContactPredictor(WIDTH, GEOMETRY, 16, 1), MeshRegressor(WIDTH, GEOMETRY, 16, 1)
    figures = contact_training.measure(predictor, samples, posed)
    assert {"loss", "true_human_f", "estimate_thing_f", "perturbed_floor_f"} <= set(figures)
    figures = mesh_training.measure(regressor, predictor, samples, posed)
    assert figures["human_mm"] == pytest.approx(figures["human_mm_before"])
    assert figures["turn_deg"] == pytest.approx(figures["turn_deg_before"], abs=0.1)


def test_f_is_that_of_the_metrics() -> None:
    said, true = torch.rand(30, 20) < 0.1, torch.rand(30, 20) < 0.1
    scores = [contact_score(a, b) for a, b in zip(said.numpy(), true.numpy(), strict=True)]
    assert contact_training.mean_f(said, true) == pytest.approx(mean_contact(scores).f)
    assert contact_training.mean_f(torch.zeros_like(true), true) == 0


def test_nearness_tells_the_threshold() -> None:
    inside, outside = nearness(torch.tensor([0.045, 0.055])).unbind(0)
    assert inside[2] < 0 < outside[2]

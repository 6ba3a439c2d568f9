"""The regressor's training on a handful of views: what is loaded, what is asked for, where it starts."""

from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d
from scorehoi_ros.geometry.view import camera_of, place_of
from scorehoi_ros.networks.regressor import Guess, Regressor
from scorehoi_ros.synth.storage import write_shard
from scorehoi_ros.train import loop
from scorehoi_ros.train.augment import FaultRates
from scorehoi_ros.train.certainty import calibrate, deviations
from scorehoi_ros.train.guesses import gather, limited, rows_of
from scorehoi_ros.train.loop import Schedule
from scorehoi_ros.train.regressor import TOLD, Material, faulty, guess_of, measure, train_regressor
from scorehoi_ros.train.regressor_loss import losses
from scorehoi_ros.train.start import from_nothing
from scorehoi_ros.train.views import Views, load_views, seen_of
from tests.synth_scenes import body
from tests.tiny_networks import TINY
from tests.train_views import BALL, COUNT, SIDE, material, scenes, small_regressor, write_views

NO_FAULTS = FaultRates(**{field.name: 0.0 for field in fields(FaultRates)})
POSED = PosedBody(body())


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return material(tmp_path_factory.mktemp("views"))


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def total(net: Regressor, known: Material) -> Tensor:
    views, masks = faulty(known.data.views, POSED, NO_FAULTS, dice())
    terms = losses(guess_of(net, known, views, masks), views, known.data.table, POSED)
    return torch.stack(list(terms.values())).sum()


def pixels(points: np.ndarray, K: np.ndarray) -> np.ndarray:
    seen = points @ K.T
    return seen[..., :2] / seen[..., 2:]


def test_views_are_the_scenes_in_the_view_frame(known: Material) -> None:
    views = known.data.views
    assert len(views) == len(known) == COUNT and views.side == SIDE
    assert known.data.interactions[:2] == ("carry_two_hands", "none")
    for row, made in enumerate(scenes()):
        K_view, truth = views.K_view[row].double().numpy(), made.truth
        T = truth.T_cam_object
        for here, there in ((views.pelvis, truth.root), (views.origin, T[:3, 3])):
            seen = pixels(here[row].double().numpy(), K_view)
            assert np.allclose(seen, pixels(there, made.seen.view.K), atol=1e-2)
            assert np.linalg.norm(here[row]) == pytest.approx(np.linalg.norm(there), rel=1e-5)
        distance = (views.pelvis - views.origin)[row].norm()
        assert float(distance) == pytest.approx(np.linalg.norm(truth.root - T[:3, 3]), rel=1e-4)
        normal, offset = views.floor[row, :3], views.floor[row, 3]
        true_height = truth.floor_normal @ truth.root - truth.floor_offset
        assert float(normal @ views.pelvis[row] - offset) == pytest.approx(true_height, abs=1e-4)
        masks = views.masks()[row].bool().numpy()
        assert np.array_equal(masks[0], made.seen.human_mask) and np.array_equal(
            masks[1], made.seen.object_mask
        )
        assert np.array_equal(views.human_contact[row].numpy(), truth.human_contact)
        local = axis_angle_to_matrix(torch.as_tensor(truth.pose[1:])).float()
        assert torch.allclose(views.rotations[row, 1:], local, atol=1e-5)


def test_templates_are_loaded_once(known: Material) -> None:
    table = known.data.table
    assert len(table.points) == 2 and table.sphere.sum() == 1
    ball = known.data.views.template[-1]
    assert table.sphere[ball] and scenes()[-1].truth.object_spec == BALL
    assert not table.sphere[known.data.views.template[:-1]].any()


def test_bad_shards_are_left_out_and_none_is_refused(tmp_path: Path) -> None:
    good, bad = write_views(tmp_path, 0, 2), tmp_path / "bad.npz"
    bad.write_bytes(good.read_bytes()[:3000])
    assert len(load_views([bad, good]).views) == 2
    more = write_views(tmp_path, 2, 4)
    assert len(load_views([good, more]).views) == 4 and len(load_views([good, more], limit=1).views) == 2
    for paths in ([], [bad]):
        with pytest.raises(InputError, match="no shard.*scorehoi synth"):
            load_views(paths)
    with pytest.raises(InputError, match="no pictures.*--no-pictures"):
        load_views([good], pictures=True)


def test_pictures_are_read_for_networks_that_look_at_them(tmp_path: Path) -> None:
    plain = np.full((SIDE, SIDE, 3), (200, 120, 40), np.uint8)
    drawn = [
        replace(one, seen=replace(one.seen, rgb=plain + np.uint8(10 * k)))
        for k, one in enumerate(scenes()[:2])
    ]
    write_shard(tmp_path / "a.npz", drawn, {"split": "test", "size": SIDE, "job": [0, 2]})
    views = load_views([tmp_path / "a.npz"], pictures=True).views
    assert views.pictures.shape == (2, 3, SIDE, SIDE) and views.pictures.dtype == torch.uint8
    for row, one in enumerate(drawn):
        assert np.abs(views.pictures[row].permute(1, 2, 0).int().numpy() - one.seen.rgb).mean() < 8
    assert torch.equal(views.masks()[:, 4:], views.masks()[:, :2])  # these shards have no whole outlines


def test_what_the_network_is_given(known: Material) -> None:
    views = known.data.views
    seen = seen_of(views, views.masks()[:, TOLD], views.floor, views.floor, SIDE // 2)
    assert seen.masks.shape == (COUNT, 2, SIDE // 2, SIDE // 2)
    assert torch.allclose(seen.masks.mean((2, 3)), views.masks()[:, TOLD].mean((2, 3)), atol=1e-5)
    assert seen.landmarks.abs().max() <= 3 and ((seen.scores >= 0) & (seen.scores <= 1)).all()


def test_guesses_and_losses_are_finite(known: Material) -> None:
    net = small_regressor(known)
    views, masks = faulty(known.data.views, POSED, FaultRates(), dice())
    guess = guess_of(net, known, views, masks)
    terms = losses(guess, views, known.data.table, POSED)
    assert all(value.isfinite().all() for value in guess) and all(v.isfinite() for v in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    without = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()}
    assert not without


def true_guess(views: Views, like: Guess) -> Guess:
    """The answer that is right, as sure of itself as a beginner."""
    R_o = matrix_to_rotation_6d(views.R_object)
    k = like.rotations.shape[1]
    masks = ("human_contact", "object_contact", "floor_contact")
    told = {name: getattr(views, name).float() * 20 - 10 for name in masks}
    return like._replace(
        theta=matrix_to_rotation_6d(views.rotations),
        betas=views.betas,
        camera=camera_of(views.pelvis, views.focal),
        place=place_of(views.origin, views.pelvis, views.focal),
        rotations=R_o[:, None].expand(-1, k, 6),
        **told,
    )


def test_the_truth_costs_nothing_but_doubt(known: Material) -> None:
    views = known.data.views
    guess = guess_of(small_regressor(known), known, views, views.masks()[:, TOLD])
    terms = losses(true_guess(views, guess), views, known.data.table, POSED)
    free = {name: value for name, value in terms.items() if name not in ("choice", "certainty")}
    assert all(abs(float(value)) < 2e-3 for value in free.values()), free


def test_one_step_lowers_the_loss(known: Material) -> None:
    net = small_regressor(known).eval()
    before = total(net, known)
    before.backward()
    with torch.no_grad():
        size = torch.stack([p.grad.norm() for p in net.parameters()]).norm()
        for parameter in net.parameters():
            parameter.sub_(1e-2 * parameter.grad / size)
    assert total(net, known).item() < before.item()


def test_training_gets_better(known: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1_000_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(now)))
    monkeypatch.setattr(loop.Curve, "_draw", lambda self: None)
    net = small_regressor(known)
    before = measure(net.eval(), known, POSED)
    net.train()
    schedule = Schedule(10.0, COUNT, 2e-3, warmup=2, measure_every=5.0)
    done = train_regressor(net, known, known, POSED, FaultRates(), schedule, tmp_path)
    assert done["loss"] < before["loss"] and done["steps"] == 10
    assert {"mpjpe_mm", "turn_deg", "best_turn_deg", "contact_f"} <= done.keys()
    assert done["best_turn_deg"] <= done["turn_deg"] and 0 <= done["contact_f"] <= 1


def test_from_nothing_the_hypotheses_are_spread(known: Material) -> None:
    net = Regressor(TINY)
    from_nothing(net, known.data)
    rows = net.mean_rotations
    apart = (rows[:, None] - rows[None]).norm(dim=-1) + 9 * torch.eye(len(rows))
    assert apart.min() > 0.05 and torch.allclose(
        rows.norm(dim=-1), torch.full((len(rows),), 2**0.5), atol=1e-5
    )
    assert net.mean_theta.abs().max() <= 1 + 1e-5


def test_limited_keeps_some_of_everything(known: Material) -> None:
    some = limited(known, 3)
    assert len(some) == len(some.data.interactions) == 3
    assert torch.equal(some.data.views.pelvis, known.data.views.pelvis[::2])
    assert len(limited(known, 100)) == COUNT


def test_calibration_brings_the_errors_to_one_sigma(known: Material) -> None:
    net = small_regressor(known).eval()
    guesses = gather(net, known)
    assert guesses.features.dtype == torch.float16
    assert rows_of(guesses, torch.tensor([1])).queries.dtype == torch.float32
    factors = calibrate(net, (known, guesses), POSED)
    assert set(factors) == {"theta", "betas", "camera", "place", "turn"}
    assert max(abs(np.log(list(factors.values())))) > 0.2  # it had something to do
    z = deviations(net, (known, guesses), POSED)
    within = partial(torch.quantile, q=0.6827)
    for name, values in z.items():
        assert float(within(values.abs().flatten())) == pytest.approx(1.0, abs=2e-3), name
    assert len(z["turn"]) == COUNT - 1  # a ball has no turn
    again = calibrate(net, (known, guesses), POSED)
    assert all(value == pytest.approx(1.0, abs=2e-3) for value in again.values())


def test_answers_do_not_depend_on_calibration(known: Material) -> None:
    net = small_regressor(known).eval()
    views = known.data.views
    before = guess_of(net, known, views, views.masks()[:, TOLD])
    calibrate(net, (known, gather(net, known)), POSED)
    after = guess_of(net, known, views, views.masks()[:, TOLD])
    for name in ("theta", "betas", "camera", "rotations", "place"):
        assert torch.equal(getattr(before, name), getattr(after, name))
    assert not torch.equal(before.log_theta, after.log_theta)

"""Training of the denoiser on a few views: what it is given, and that it learns."""

import argparse
from pathlib import Path

import pytest
import torch

from scorehoi_ros.cli import build_parser
from scorehoi_ros.commands import train as command
from scorehoi_ros.diffusion.unknowns import unpack
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.networks.denoiser import Denoiser, DenoiserSize
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.regressor import NUM_QUERIES
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.train import denoiser, loop
from scorehoi_ros.train.denoiser import Frames, frames_of, measure, residual, set_usual, train_denoiser
from scorehoi_ros.train.guesses import gather
from scorehoi_ros.train.loop import Schedule
from scorehoi_ros.train.templates import squared_distance
from tests.tiny_networks import tiny_sizes, write_networks
from tests.train_views import material, small_regressor, write_views


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Frames:
    known = material(tmp_path_factory.mktemp("views"))
    return frames_of(gather(small_regressor(known), known), known)


def small(frames: Frames) -> Denoiser:
    torch.manual_seed(0)
    tokens = NUM_QUERIES + 75 + frames.guess.features.shape[-1] ** 2
    net = Denoiser(DenoiserSize(16, 3), frames.guess.queries.shape[-1], tokens, POINT_FEATURES)
    set_usual(net, frames)
    return net


def test_the_truth_is_told_by_the_look_alike_nearest_to_the_hypothesis(
    frames: Frames, tmp_path: Path
) -> None:
    known = material(tmp_path)
    views, table = known.data.views, known.data.table
    theta, betas, R_o, t_o = unpack(frames.x)
    torch.testing.assert_close(rotation_6d_to_matrix(theta), views.rotations, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(betas, views.betas)
    torch.testing.assert_close(t_o, views.origin - views.pelvis)
    same = squared_distance(rotation_6d_to_matrix(R_o)[:, None], views.R_object, table, views.template)
    assert float(same.max()) < 1e-3
    told = rotation_6d_to_matrix(unpack(frames.told.mean)[2])
    as_told = squared_distance(told[:, None], views.R_object, table, views.template)[:, 0]
    apart = (rotation_6d_to_matrix(R_o) - told).square().sum((-1, -2))
    torch.testing.assert_close(apart, as_told, atol=1e-3, rtol=1e-3)


def test_an_untrained_denoiser_is_as_good_as_the_gaussian(frames: Frames) -> None:
    figures = measure(small(frames), frames)
    assert all(figures[f"gain_{level}"] == pytest.approx(1.0) for level in denoiser.LEVELS)
    assert all(0 < figures[f"eps_{level}"] <= 1.5 for level in denoiser.LEVELS)


def test_it_learns_and_the_running_average_is_what_is_left(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1_000_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(now)))
    monkeypatch.setattr(loop.Curve, "_draw", lambda self: None)
    net = small(frames)
    before = measure(net, frames)["loss"]
    schedule = Schedule(20.0, 6, 3e-3, warmup=5, measure_every=10.0, average=0.9)
    done = train_denoiser(net, frames, frames, schedule, tmp_path)
    assert done["loss"] < 0.97 * before and measure(net, frames)["loss"] == pytest.approx(done["loss"])


def test_a_dropped_image_leaves_what_is_usual(frames: Frames) -> None:
    """Without c_I what the regressor says of a frame has no influence."""
    net, rows = small(frames), torch.arange(2)
    dice = torch.Generator().manual_seed(0)
    t, eps = denoiser.noise(2, dice)
    dropped = torch.tensor([[False, True]] * 2)
    other = Frames(**vars(frames) | {"told": frames.told._replace(mean=frames.told.mean + 1)})
    a, b = (residual(net, f, rows, t, eps, dropped) for f in (frames, other))
    c, d = (residual(net, f, rows, t, eps) for f in (frames, other))
    assert torch.equal(a, b) and not torch.equal(c, d)


def test_from_shards_to_weights_and_on_from_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_sizes(monkeypatch)
    for split in ("train", "val"):
        (tmp_path / "data" / split).mkdir(parents=True)
        write_views(tmp_path / "data" / split).rename(tmp_path / "data" / split / f"{split}-00000.npz")
        (tmp_path / "data" / split / "index.json").write_text('{"recipe": {}}')
    weights = write_networks(tmp_path / "first", "geometry", "live")
    words = ["train", "stage2", "--size", "live", "--weights", weights, "--out", str(tmp_path / "out")]
    words += ["--data", str(tmp_path / "data"), "--minutes", "0.02", "--batch", "3"]
    args: argparse.Namespace = build_parser("train").parse_args(words)
    assert command.run(args) == 0
    net, _ = load_network("live-denoiser", Denoiser, str(tmp_path / "out"))
    kept = sorted((tmp_path / "out" / "work" / "live-answers").iterdir())
    assert len(kept) == 2 and float(net.usual_sigma.min()) > 0
    kept[0].write_bytes(b"cut off")
    assert command.run(args) == 0
    assert kept[0].stat().st_size > 1000

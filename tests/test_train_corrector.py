"""Training of the corrector on a few views: what it is given, and that it learns."""

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.cli import build_parser
from scorehoi_ros.commands import train as command
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.evidence import MIN_MASK_PX
from scorehoi_ros.networks.corrector import Corrector
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.synth.storage import read_shard
from scorehoi_ros.train import loop
from scorehoi_ros.train.corrector import losses, measure, moved, train_corrector
from scorehoi_ros.train.loop import Schedule
from scorehoi_ros.train.refined import Answers, joined, refine_views
from scorehoi_ros.train.regressor import TOLD, Material
from scorehoi_ros.train.stage1 import start_from
from scorehoi_ros.train.states import true_states
from scorehoi_ros.train.views import load_views
from tests.tiny_networks import TINY, tiny_sizes, write_networks
from tests.train_views import COUNT, small_regressor, write_views

HYPOTHESES, SIDE = 3, 128
POSED = PosedBody(free_body())


def wide(folder: Path) -> Material:
    """All scenes in crops as the method works with them."""
    data = load_views([write_views(folder, side=SIDE)])
    dice = torch.Generator().manual_seed(0)
    return Material(data, torch.randn(len(data.table.points), 64, POINT_FEATURES, generator=dice))


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("views")
    known = wide(folder)
    shard = read_shard(write_views(folder, side=SIDE), only=("T_crop_image", "K_crop"))
    parts = refine_views(small_regressor(known), known, shard, torch.Generator().manual_seed(0))
    return joined([parts, parts])


def small() -> Corrector:
    torch.manual_seed(0)
    cells = (TINY.pixels // 16) ** 2
    return Corrector(TINY.width, cells, POINT_FEATURES, 16, 2)


def test_frames_that_show_both_have_their_hypotheses_and_their_truth(
    answers: Answers, tmp_path: Path
) -> None:
    views = wide(tmp_path).data.views
    both = views.masks()[:, TOLD].sum((2, 3)).amin(1) >= MIN_MASK_PX
    shown = int(both.sum())
    assert 2 < shown < COUNT
    assert len(answers) == 2 * shown * HYPOTHESES and int(answers.kept.sum()) == 2 * shown
    assert torch.equal(answers.frame, torch.arange(2 * shown).repeat_interleave(HYPOTHESES))
    assert int(answers.sphere.sum()) == 2 * HYPOTHESES
    torch.testing.assert_close(answers.truth.origin[::HYPOTHESES][:shown], true_states(views).origin[both])
    told = answers.told(torch.tensor([0, 1, HYPOTHESES]))
    assert torch.equal(told.queries[0], told.queries[1]) and not torch.equal(told.queries[0], told.queries[2])
    assert not torch.equal(told.R_o[0], told.R_o[1]) and told.queries.dtype == torch.float32


def test_only_kept_answers_are_measured(answers: Answers) -> None:
    few = answers.limited(3)
    assert len(few) == 3 and few.kept.all()
    assert torch.equal(few.frame, torch.tensor([0, 4, 8]))


def test_no_steps_leave_an_answer_where_it_is(answers: Answers) -> None:
    told = answers.told(torch.arange(5))
    state = moved(told, torch.zeros(5, 331))
    torch.testing.assert_close(state.R_o, told.R_o, atol=1e-5, rtol=1e-5)
    body = POSED(state.theta, state.betas, torch.zeros_like(state.pelvis))
    torch.testing.assert_close(body.joints, told.joints, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(body.landmarks + state.pelvis[:, None], told.points, atol=1e-3, rtol=1e-3)


def test_what_is_measured_is_what_is_minimised(answers: Answers) -> None:
    rows = answers.kept.nonzero()[:, 0]
    figures = measure(small(), answers.limited(len(rows)), POSED)
    assert figures["mpjpe_mm"] == figures["mpjpe_mm_before"] > 1
    with torch.no_grad():
        terms = losses(small(), answers, rows, POSED)
    assert figures["loss"] == pytest.approx(float(sum(terms.values())), rel=1e-4)


def test_it_learns(answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(1_000_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(now)))
    monkeypatch.setattr(loop.Curve, "_draw", lambda self: None)
    net, kept = small(), answers.limited(100)
    before = measure(net, kept, POSED)["loss"]
    schedule = Schedule(30.0, 12, 3e-3, warmup=5, measure_every=15.0, average=0.5)
    done = train_corrector(net, answers, kept, POSED, schedule, tmp_path)
    assert done["loss"] < 0.95 * before
    assert done["offset_cm"] < done["offset_cm_before"]


def test_from_shards_to_weights_and_on_from_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_sizes(monkeypatch)
    data, out = tmp_path / "data", tmp_path / "out"
    for split in ("train", "val"):
        (data / split).mkdir(parents=True)
        write_views(data / split, side=SIDE).rename(data / split / f"{split}-00000.npz")
        (data / split / "index.json").write_text('{"recipe": {}}')
    weights = write_networks(tmp_path / "first", "geometry", "live")
    words = ["train", "correction", "--size", "live", "--weights", weights, "--out", str(out)]
    words += ["--data", str(data), "--minutes", "0.02", "--batch", "3", "--workers", "1"]
    args: argparse.Namespace = build_parser("train").parse_args(words)
    assert SIZES["live"] is TINY and command.run(args) == 0
    load_network("live-corrector", Corrector, str(out))
    kept = sorted((out / "work" / "live-refined").iterdir())
    kept[0].write_bytes(b"cut off")
    assert command.run(args) == 0
    assert len(kept) == 2 and kept[0].stat().st_size > 1000
    trained, other = out / "live-corrector.safetensors", tmp_path / "other"
    words[words.index("--out") + 1] = str(other)
    more = ["--init", str(trained), "--lr", "1e-12"]
    assert command.run(build_parser("train").parse_args(words + more)) == 0
    for one, again in zip(*(load_file(f / trained.name).values() for f in (out, other)), strict=True):
        torch.testing.assert_close(one, again)
    with pytest.raises(InputError, match=r"geometry.safetensors holds another network"):
        start_from(Corrector(1, 1, 1), tmp_path / "first" / "geometry.safetensors")

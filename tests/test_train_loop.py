"""The training loop on a line through points, with a clock that ticks once a look."""

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from scorehoi_ros.errors import InputError
from scorehoi_ros.train import loop
from scorehoi_ros.train.loop import Schedule, train_net

X = torch.linspace(-1, 1, 64)[:, None]
Y = 2 * X - 0.5
SCHEDULE = Schedule(seconds=60.0, batch=16, lr=0.05, warmup=5, measure_every=10.0)


DRAW = loop.Curve._draw


class PowerFailureError(Exception):
    """Stands for whatever ends a process."""


class Line:
    """A net that learns Y, and its losses and figures; `cut` is the step at which the power fails."""

    def __init__(self, cut: int | None = None) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
        self.cut, self.steps, self.measured = cut, 0, list[bool]()

    def losses(self, rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        self.steps += 1
        if self.steps == self.cut:
            raise PowerFailureError
        noise = 0.01 * torch.randn(len(rows), 1, generator=generator)
        error = self.net(X[rows]) - Y[rows] + noise
        return {"square": error.square().mean(), "size": 0.1 * error.abs().mean()}

    def measure(self) -> dict[str, float]:
        self.measured.append(self.net.training)
        with torch.no_grad():
            return {"loss": float((self.net(X) - Y).square().mean()), "size": float(self.net(X).abs().mean())}

    def train(self, folder: Path, schedule: Schedule = SCHEDULE) -> dict[str, float]:
        return train_net(self.net, self.losses, len(X), self.measure, schedule, folder)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a second later: a step takes one."""
    now = iter(range(1_000_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(now)))
    monkeypatch.setattr(loop.Curve, "_draw", lambda self: None)  # it costs more than the training


def test_the_curve_is_drawn(tmp_path: Path) -> None:
    curve = loop.Curve(tmp_path)
    for steps in (1, 2):
        curve.add(loop.Progress(steps), {"a": 1.0}, {"loss": 2.0, "b": 1.0})
    DRAW(curve)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(line: Line) -> list[Tensor]:
    return list(line.net.state_dict().values())


def test_the_loss_falls_and_is_told(tmp_path: Path) -> None:
    line = Line()
    before = line.measure()["loss"]
    done = line.train(tmp_path)
    assert done["loss"] < 0.1 * before and done["loss"] == line.measure()["loss"]
    assert done["steps"] == line.steps == 60 and done["samples"] == 60 * 16 and done["seconds"] == 60.0
    assert not line.net.training and not any(line.measured[1:])  # measured in eval mode
    rows = curve(tmp_path)
    assert [int(row["steps"]) for row in rows] == [10, 20, 30, 40, 50, 60]
    assert set(rows[0]) == {"steps", "seconds", "train_square", "train_size", "val_loss", "val_size"}


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path) -> None:
    line = Line()
    figures = iter([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0])
    seen: list[list[Tensor]] = []

    def measure() -> dict[str, float]:
        seen.append([w.clone() for w in weights(line)])
        return {"loss": next(figures)}

    train_net(line.net, line.losses, len(X), measure, SCHEDULE, tmp_path)
    assert len(seen) == 7
    assert all(torch.equal(a, b) for a, b in zip(weights(line), seen[1], strict=True))
    assert not torch.equal(seen[1][0], seen[5][0])


@pytest.mark.parametrize("cut", [15, 31, 59])
def test_a_training_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path, cut: int) -> None:
    whole = Line()
    done = whole.train(tmp_path / "whole")
    first = Line(cut)
    with pytest.raises(PowerFailureError):
        first.train(tmp_path / "parts")
    second = Line()
    with torch.no_grad():
        next(second.net.parameters()).add_(1.0)  # what it starts from does not matter any more
    resumed = second.train(tmp_path / "parts")
    assert resumed == done
    assert second.steps == 60 - 10 * ((cut - 1) // 10)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    assert curve(tmp_path / "whole") == curve(tmp_path / "parts")
    text = (tmp_path / "parts" / "curve.csv").read_text()
    assert text.count("val_loss") == 1 and not list((tmp_path / "parts").glob(".*"))


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    done = Line().train(tmp_path)
    again = Line()
    assert again.train(tmp_path) == done and again.steps == 0


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other net"])
def test_a_damaged_checkpoint_is_told(tmp_path: Path, damage: str) -> None:
    Line().train(tmp_path)
    path = tmp_path / "checkpoint.pt"
    if damage == "other net":
        other = Line()
        other.net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    else:
        other = Line()
        path.write_bytes({"cut": path.read_bytes()[:500], "text": b"not a checkpoint", "empty": b""}[damage])
    with pytest.raises(InputError, match=r"checkpoint\.pt cannot be resumed.*Remove it to start afresh"):
        other.train(tmp_path)


def test_a_checkpoint_is_never_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    torch.save({"net": Trap()}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="cannot be resumed"):
        Line().train(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_it_ends_when_nothing_gets_better(tmp_path: Path) -> None:
    line = Line()
    figures = iter([2.0, 1.0, *[1.5] * 9])
    schedule = Schedule(1000.0, 16, measure_every=10.0, patience=3)
    done = train_net(line.net, line.losses, len(X), lambda: {"loss": next(figures)}, schedule, tmp_path)
    assert done["steps"] == 50 and len(curve(tmp_path)) == 5


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    line, before = Line(), weights(Line())

    def losses(rows: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"square": (line.net(X[rows]) * math.inf).mean()}

    train_net(line.net, losses, len(X), line.measure, Schedule(3.0, 4, measure_every=10.0), tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(weights(line), before, strict=True))


def test_the_rate_warms_up_and_falls() -> None:
    optimiser = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    rates = []
    for step in range(100):
        loop._set_rate(optimiser, Schedule(100.0, lr=0.1, warmup=10), loop.Progress(step, float(step)))
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.01) and max(rates) < 0.1
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.001 <= rates[-1] < 0.0013

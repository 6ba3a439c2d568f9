"""One training loop for all networks: resumable, with a time budget, curves and an early end."""

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file

LossTerms = Callable[[Tensor, torch.Generator], dict[str, Tensor]]
"""(rows of the batch, randomness) -> weighted terms whose sum is minimised."""
Measure = Callable[[], dict[str, float]]
"""Figures on validation data; `loss` among them decides which weights are kept."""
_BETAS = (0.9, 0.98)
_WEIGHT_DECAY = 0.02
_CLIP = 1.0
_LAST_LR = 0.01
"""Share of the learning rate that is left at the end of the cosine."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    seconds: float
    batch: int = 512
    lr: float = 6e-4
    warmup: int = 300
    """Steps."""
    measure_every: float = 60.0
    """Seconds."""
    patience: int = 12
    """Measurements without a better validation loss after which it ends."""
    seed: int = 0
    average: float = 0.0
    """Share that a running average of the weights keeps at a step; it is what is measured and left."""


@dataclass
class Progress:
    """Where a training stands."""

    steps: int = 0
    seconds: float = 0.0
    best: float = math.inf
    waited: int = 0


def train_net(
    net: nn.Module, losses: LossTerms, count: int, measure: Measure, schedule: Schedule, folder: Path
) -> dict[str, float]:
    """Train `net` in place on `count` rows until its time is over or nothing gets better.

    `folder` gets checkpoint.pt, curve.csv and curve.png; a training that was cut off goes on from its
    checkpoint.  The net ends with the weights of its best measurement.  Returns that measurement with steps,
    samples and seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(net.parameters()).device
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.lr, weight_decay=_WEIGHT_DECAY, betas=_BETAS)
    progress, best, average = Progress(), _weights(net), _weights(net)
    generator = torch.Generator(device).manual_seed(schedule.seed)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        progress, best, average = _resume(checkpoint, net, optimiser, generator)
    curve = Curve(folder)
    begun, measured = time.perf_counter() - progress.seconds, progress.seconds
    while progress.seconds < schedule.seconds and progress.waited < schedule.patience:
        _set_rate(optimiser, schedule, progress)
        rows = torch.randint(count, (schedule.batch,), generator=generator, device=device)
        terms = _step(net, optimiser, losses(rows, generator))
        progress.steps += 1
        _follow(average, net, min(schedule.average, progress.steps / (10 + progress.steps)))
        progress.seconds = time.perf_counter() - begun
        if progress.seconds - measured < schedule.measure_every and progress.seconds < schedule.seconds:
            continue
        with _wearing(net, average):
            figures = measure()
        better = figures["loss"] < progress.best
        progress.waited = 0 if better else progress.waited + 1
        if better:
            progress.best, best = figures["loss"], {name: value.clone() for name, value in average.items()}
        curve.add(progress, terms, figures)
        _keep(checkpoint, net, optimiser, generator, progress, best, average)
        _log.info("%s", _told(schedule, progress, figures))
        # Measuring is not training: the clock stands still meanwhile.
        begun = time.perf_counter() - progress.seconds
        measured = progress.seconds
    net.load_state_dict(best)
    net.eval()
    figures = measure()
    done = {"steps": progress.steps, "samples": progress.steps * schedule.batch}
    return figures | done | {"seconds": round(progress.seconds, 1)}


class Curve:
    """Terms and figures over time, as CSV that grows by lines and a picture of it."""

    def __init__(self, folder: Path) -> None:
        self._csv, self._png = folder / "curve.csv", folder / "curve.png"

    def add(self, progress: Progress, terms: dict[str, float], figures: dict[str, float]) -> None:
        """One more measurement."""
        row = {"steps": progress.steps, "seconds": round(progress.seconds, 1)}
        row |= {f"train_{name}": round(value, 5) for name, value in terms.items()}
        row |= {f"val_{name}": round(value, 5) for name, value in figures.items()}
        new = not self._csv.is_file()
        with self._csv.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row)
            if new:
                writer.writeheader()
            writer.writerow(row)
        self._draw()

    def _draw(self) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError:  # bare machines for training have no plots; the numbers are in the CSV
            return
        with self._csv.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = [name for name in rows[0] if name.startswith("val_")]
        figure = Figure(figsize=(3.2 * len(names), 2.6), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            axes.plot([float(r["seconds"]) / 60 for r in rows], [float(r[name]) for r in rows])
            axes.set(title=name.removeprefix("val_"), xlabel="minutes")
        with whole_file(self._png) as temporary:
            figure.savefig(temporary)


def _step(net: nn.Module, optimiser: torch.optim.Optimizer, terms: dict[str, Tensor]) -> dict[str, float]:
    total = torch.stack(list(terms.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()
    size = nn.utils.clip_grad_norm_(net.parameters(), _CLIP)
    if torch.isfinite(size):
        optimiser.step()
    return {name: float(value.detach()) for name, value in terms.items()}


def _set_rate(optimiser: torch.optim.Optimizer, schedule: Schedule, progress: Progress) -> None:
    share = min(progress.seconds / schedule.seconds, 1.0)
    cosine = 0.5 * (1 + math.cos(math.pi * share)) * (1 - _LAST_LR) + _LAST_LR
    for group in optimiser.param_groups:
        group["lr"] = schedule.lr * min(1.0, (progress.steps + 1) / schedule.warmup) * cosine


def _weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


@torch.no_grad()
def _follow(average: dict[str, Tensor], net: nn.Module, kept: float) -> None:
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - kept)
        else:
            average[name].copy_(value)


@contextmanager
def _wearing(net: nn.Module, weights: dict[str, Tensor]) -> Iterator[None]:
    """The network with other weights, and not in training."""
    own = _weights(net)
    net.load_state_dict(weights)
    net.eval()
    yield
    net.load_state_dict(own)
    net.train()


def _keep(
    path: Path,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    progress: Progress,
    best: dict[str, Tensor],
    average: dict[str, Tensor],
) -> None:
    state: dict[str, Any] = {
        "net": net.state_dict(),
        "best": best,
        "average": average,
        "optimiser": optimiser.state_dict(),
        "generator": generator.get_state().cpu(),
        "progress": vars(progress),
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def _resume(
    path: Path, net: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> tuple[Progress, dict[str, Tensor], dict[str, Tensor]]:
    device = next(net.parameters()).device
    try:
        # Tensors and numbers alone: a checkpoint is never executed.
        state = torch.load(path, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        generator.set_state(state["generator"].cpu())
        return Progress(**state["progress"]), state["best"], state["average"]
    except Exception as error:  # torch raises many kinds for damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path} cannot be resumed ({reason}). Remove it to start afresh, or use the "
            "settings that it was made with."
        ) from error


def _told(schedule: Schedule, progress: Progress, figures: dict[str, float]) -> str:
    left = max(schedule.seconds - progress.seconds, 0.0)
    rate = progress.steps * schedule.batch / max(progress.seconds, 1e-9)
    shown = " ".join(f"{name} {value:.4g}" for name, value in figures.items())
    return f"step {progress.steps}, {rate:.0f} samples/s, {left / 60:.1f} min left: {shown}"

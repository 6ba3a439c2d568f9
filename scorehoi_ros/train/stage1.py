"""The first stage from shards to files of weights: geometry, regressor, contact predictor, mesh regressor.

Each phase leaves its weights in the folder and is not done again; one that was cut off goes on from its
checkpoint.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.errors import PoseErrors
from scorehoi_ros.networks.mesh import MeshRegressor
from scorehoi_ros.networks.pointnext import POINT_FEATURES, PointNeXt
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.shrink import shrunk
from scorehoi_ros.networks.sizes import regressor_size
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.weights import ERRORS, write_weights
from scorehoi_ros.synth.storage import finished_shards
from scorehoi_ros.train.augment import FaultRates
from scorehoi_ros.train.certainty import calibrate, deviations, draw_reliability, train_certainty
from scorehoi_ros.train.contact import train_contact
from scorehoi_ros.train.errors import measure_errors
from scorehoi_ros.train.geometry import train_geometry
from scorehoi_ros.train.guesses import gather, halves, limited
from scorehoi_ros.train.loop import Schedule
from scorehoi_ros.train.mesh import train_mesh
from scorehoi_ros.train.pairs import ContactSamples, contact_samples
from scorehoi_ros.train.regressor import Material, train_regressor
from scorehoi_ros.train.start import from_nothing
from scorehoi_ros.train.views import TrainingSet, load_views

METRICS = "metrics.json"
Samples = tuple[ContactSamples, ContactSamples]
"""For training and for validation."""
_AT_ONCE = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out, besides the data."""

    size: str
    """One of `networks.sizes.SIZES`."""
    seconds: dict[str, float]
    """Of the phases regressor, certainty, contact, mesh."""
    batch: int = 512
    lr: float = 6e-4
    seed: int = 0
    device: str = "cpu"
    later: int = 12000
    """Views that certainty, contact and mesh are trained on."""
    validation: int = 2000
    """Views that everything is measured on."""
    start: Path | None = None
    """Weights (safetensors) of a regressor to start from."""
    rates: FaultRates = field(default_factory=FaultRates)

    def schedule(self, phase: str) -> Schedule:
        """How a phase goes."""
        seconds = self.seconds[phase]
        every = max(seconds / 20, 15.0)
        regressor = Schedule(seconds, self.batch, self.lr, seed=self.seed, measure_every=every)
        small = replace(regressor, batch=min(self.batch, 64), lr=1e-3, warmup=100)
        certainty = replace(regressor, batch=256, lr=1e-3, warmup=20)
        return {"regressor": regressor, "certainty": certainty, "contact": small, "mesh": small}[phase]


@dataclass(frozen=True)
class Work:
    """What the phases share."""

    out: Path
    recipe: Recipe
    training: Material
    validation: Material
    posed: PosedBody

    def folder(self, name: str) -> Path:
        """Where a phase keeps its checkpoint and its curve."""
        return self.out / "work" / f"{self.recipe.size}-{name}"

    def regressor(self, net: Regressor) -> dict[str, float]:
        """Train the regressor, then what it says of its own errors."""
        if self.recipe.start is None:
            from_nothing(net, self.training.data)
        else:
            net.load_state_dict(shrunk(read_start(self.recipe.start), net))
        done = train_regressor(
            net,
            self.training,
            self.validation,
            self.posed,
            self.recipe.rates,
            self.recipe.schedule("regressor"),
            self.folder("regressor"),
        )
        # Calibrated on one half of the validation views, drawn on the other.
        sets = (self._later(), *halves(self.validation))
        known = [(material, gather(net, material)) for material in sets]
        schedule = self.recipe.schedule("certainty")
        sure = train_certainty(net, known[0], known[1], self.posed, schedule, self.folder("certainty"))
        factors = calibrate(net, known[1], self.posed)
        plot = self.out / f"{self.recipe.size}-reliability.png"
        draw_reliability(plot, deviations(net, known[2], self.posed))
        return done | _named("certainty", sure) | _named("calibration", factors)

    def errors(self, net: Regressor, errors: PoseErrors) -> dict[str, float]:
        """Measure how the errors of the regressor's pose go together."""
        first, second = ((material, gather(net, material)) for material in (self._later(), self.validation))
        return measure_errors(errors, first, second)

    def contact(self, net: ContactPredictor, samples: Samples) -> dict[str, float]:
        """Train the contact predictor."""
        return train_contact(
            net, *samples, self.posed, self.recipe.schedule("contact"), self.folder("contact")
        )

    def mesh(self, net: MeshRegressor, contact: ContactPredictor, samples: Samples) -> dict[str, float]:
        """Train the mesh regressor on what the contact predictor says."""
        schedule = self.recipe.schedule("mesh")
        return train_mesh(net, contact, *samples, self.posed, schedule, self.folder("mesh"))

    def samples(self, net: Regressor) -> Samples:
        """What contact predictor and mesh regressor learn from and are measured on."""
        dice = torch.Generator().manual_seed(self.recipe.seed)
        sets = (self._later(), self.validation)
        first, second = (contact_samples(gather(net, m), m, self.posed.body, dice) for m in sets)
        return first, second

    def _later(self) -> Material:
        return limited(self.training, self.recipe.later)


def train_stage1(data: Path, out: Path, recipe: Recipe) -> dict[str, Any]:
    """All phases, from the shards in `data`/train and `data`/val to weights, curves and measures in `out`.

    Returns the measures of each phase, which are in metrics.json too.  Raises InputError without usable data.
    """
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    encoder, net = PointNeXt(), Regressor(regressor_size(recipe.size)).to(recipe.device)
    run(out, "geometry", encoder, lambda: train_geometry(encoder, recipe.seed))
    work = Work(out, recipe, *_read(data, encoder.to(recipe.device), recipe))
    run(out, recipe.size, net, lambda: work.regressor(net))
    errors = PoseErrors()
    run(out, f"{recipe.size}-{ERRORS}", errors, lambda: work.errors(net, errors))
    contact = ContactPredictor(net.size.width, POINT_FEATURES).to(recipe.device)
    mesh = MeshRegressor(net.size.width, POINT_FEATURES).to(recipe.device)
    samples = cache(lambda: work.samples(net))
    run(out, f"{recipe.size}-contact", contact, lambda: work.contact(contact, samples()))
    run(out, f"{recipe.size}-mesh", mesh, lambda: work.mesh(mesh, contact, samples()))
    return measures(out)


def run(out: Path, name: str, net: nn.Module, train: Callable[[], dict[str, float]]) -> None:
    """One phase: train, write the weights, note the measures; weights that are there already are read."""
    if (out / f"{name}.safetensors").is_file():
        trained, _ = load_network(name, type(net), str(out))
        net.load_state_dict(trained.state_dict())
        net.eval().requires_grad_(False)
        return
    _log.info("phase %s", name)
    done = train()
    net.eval().requires_grad_(False)
    write_json(out / METRICS, measures(out) | {name: done})
    write_weights(out / f"{name}.safetensors", net.state_dict(), {"kind": name})


def measures(out: Path) -> dict[str, Any]:
    """What the finished phases noted."""
    path = out / METRICS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def read_start(path: Path) -> dict[str, Tensor]:
    """Weights to start from, float32; raises InputError when they cannot be read."""
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as weights ({error}). Give a .safetensors file.") from error


def start_from(net: nn.Module, path: Path | None) -> None:
    """Fill a network with weights to start from; None = it stays as it was made.  Raises InputError."""
    if path is None:
        return
    try:
        net.load_state_dict(read_start(path))
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise InputError(f"{path} holds another network ({reason}). Start without it.") from error


def _read(data: Path, encoder: PointNeXt, recipe: Recipe) -> tuple[Material, Material, PosedBody]:
    pictures = regressor_size(recipe.size).image == "paper"
    training, validation = (
        material_of(load_views(finished_shards(data / split), pictures).to(recipe.device), encoder)
        for split in ("train", "val")
    )
    validation = limited(validation, recipe.validation)
    _log.info("%d views for training, %d for validation", len(training), len(validation))
    return training, validation, PosedBody(free_body(), recipe.device)


def material_of(data: TrainingSet, encoder: PointNeXt) -> Material:
    """The views with what the encoder says of their templates."""
    with torch.no_grad():
        shapes = torch.cat([encoder(points)[0] for points in data.table.points.split(_AT_ONCE)])
    return Material(data, shapes)


def _named(group: str, values: dict[str, float]) -> dict[str, float]:
    return {f"{group}_{name}": value for name, value in values.items()}

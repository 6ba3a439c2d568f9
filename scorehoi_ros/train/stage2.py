"""The second stage: the denoiser, on the answers of a frozen first stage."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from scorehoi_ros.files import whole_file, write_json
from scorehoi_ros.networks.pointnext import PointNeXt
from scorehoi_ros.networks.regressor import Guess, Regressor
from scorehoi_ros.runtime.layouts import GEOMETRY, denoiser_of, load_network
from scorehoi_ros.runtime.weights import DENOISER, write_weights
from scorehoi_ros.synth.storage import finished_shards
from scorehoi_ros.train.denoiser import Frames, frames_of, set_usual, train_denoiser
from scorehoi_ros.train.guesses import gather
from scorehoi_ros.train.recipe import Recipe
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.stage1 import METRICS, material_of, measures, start_from
from scorehoi_ros.train.views import load_views

EMA = 0.995
"""As published."""

_log = logging.getLogger(__name__)


def train_stage2(data: Path, out: Path, recipe: Recipe) -> dict[str, Any]:
    """From the shards in `data`/train and `data`/val to weights, curve and measures in `out`.

    What the first stage says of them is kept there, so that a run that was cut off goes on.  Returns the
    measures.  Raises InputError without usable data, WeightsError without a first stage.
    """
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    regressor, _ = load_network(recipe.size, Regressor, recipe.weights)
    encoder, _ = load_network(GEOMETRY, PointNeXt, recipe.weights)
    regressor, encoder = regressor.to(recipe.device), encoder.to(recipe.device)
    kept = out / "work" / f"{recipe.size}-answers"
    training, validation = (
        answered(regressor, encoder, finished_shards(data / split), kept) for split in ("train", "val")
    )
    _log.info("%d frames for training, %d for validation", len(training), len(validation))
    kind = f"{recipe.size}-{DENOISER}"
    net = denoiser_of(recipe.size).to(recipe.device)
    set_usual(net, training)
    start_from(net, recipe.start)
    folder = out / "work" / kind
    done = train_denoiser(net, training, validation.some(recipe.validation), recipe.schedule(EMA), folder)
    write_json(out / METRICS, measures(out) | {kind: done})
    write_weights(out / f"{kind}.safetensors", net.state_dict(), {"kind": kind})
    return measures(out)


def answered(net: Regressor, encoder: PointNeXt, shards: Sequence[Path], folder: Path) -> Frames:
    """What the regressor says of the views of some shards, each kept in `folder` once it is known."""
    folder.mkdir(parents=True, exist_ok=True)
    guesses = [_guess(net, encoder, shard, folder / f"{shard.stem}.safetensors") for shard in shards]
    guess = Guess(*(torch.cat([g[name] for g in guesses]) for name in Guess._fields))
    device = net.queries.device
    return frames_of(guess, material_of(load_views(shards).to(device), encoder))


def _guess(net: Regressor, encoder: PointNeXt, shard: Path, path: Path) -> dict[str, torch.Tensor]:
    device = net.queries.device
    if path.is_file():
        try:
            return load_file(path, str(device))
        except (OSError, SafetensorError) as error:
            _log.warning("%s is made again: %s", path, error)
    material: Material = material_of(load_views([shard]).to(device), encoder)
    guess = {name: value.cpu() for name, value in gather(net, material)._asdict().items()}
    with whole_file(path) as temporary:
        save_file(guess, temporary)
    _log.info("%s: %d views answered", shard.stem, len(material))
    return {name: value.to(device) for name, value in guess.items()}

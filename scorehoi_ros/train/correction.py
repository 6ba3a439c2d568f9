"""The correction after both: the corrector, on the refined answers of a first stage that stays as it is."""

import logging
from pathlib import Path
from typing import Any

import torch

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.files import write_json
from scorehoi_ros.runtime.layouts import corrector_of
from scorehoi_ros.runtime.weights import CORRECTOR, write_weights
from scorehoi_ros.synth.storage import finished_shards
from scorehoi_ros.train.corrector import train_corrector
from scorehoi_ros.train.recipe import Recipe
from scorehoi_ros.train.refined import refined_answers
from scorehoi_ros.train.stage1 import METRICS, measures, start_from

EMA = 0.998

_log = logging.getLogger(__name__)


def train_correction(data: Path, out: Path, recipe: Recipe, workers: int) -> dict[str, Any]:
    """From the shards in `data`/train and `data`/val to weights, curve and measures in `out`.

    `workers` processes refine the views; what they answer is kept there, so that a run that was cut off goes
    on.  Returns the measures.  Raises InputError without usable data, WeightsError without a first stage.
    """
    torch.manual_seed(recipe.seed)
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "work" / f"{recipe.size}-refined"
    training, validation = (
        refined_answers(
            finished_shards(data / split), kept, recipe.size, recipe.weights, workers, recipe.seed
        ).to(recipe.device)
        for split in ("train", "val")
    )
    validation = validation.limited(recipe.validation)
    _log.info("%d answers for training, %d kept ones for validation", len(training), len(validation))
    kind = f"{recipe.size}-{CORRECTOR}"
    net, posed = corrector_of(recipe.size).to(recipe.device), PosedBody(free_body(), recipe.device)
    start_from(net, recipe.start)
    folder = out / "work" / kind
    done = train_corrector(net, training, validation, posed, recipe.schedule(EMA), folder)
    write_json(out / METRICS, measures(out) | {kind: done})
    write_weights(out / f"{kind}.safetensors", net.state_dict(), {"kind": kind})
    return measures(out)

"""The one place where a pipeline is put together from its configuration."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.look import Eyes
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.methods.registry import make_method, recipe_of
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.human.detector import MediapipeHuman
from scorehoi_ros.perception.object.segmenter import make_segmenter


def load_pipeline(
    config: PipelineConfig | None = None, *, changes: Mapping[str, Any] | None = None, **settings: Any
) -> Pipeline:
    """Load everything that a configuration names.

    `settings` are single ones on top of `config` (None = the defaults): `load_pipeline(object="ball:0.22")`.
    `changes` are values of the method's recipe that are to be others than its own, for ablations: see
    `methods.registry.recipe_of`.
    Raises ScorehoiError with what is missing or wrong.
    """
    names = {field.name for field in dataclasses.fields(PipelineConfig)}
    unknown = sorted(settings.keys() - names)
    if unknown:
        raise InputError(f"there is no setting {unknown[0]!r}. Settings: {', '.join(sorted(names))}.")
    config = dataclasses.replace(config or PipelineConfig(), **settings)
    check_device(config.device)
    body = load_body(config.body_model or None)
    template = load_template(config.object, up=config.object_up) if config.object else None
    segmenter = make_segmenter(config)
    make = partial(make_method, changes=changes) if changes else make_method
    method = make(body, template, config)
    eyes = Eyes(MediapipeHuman(), segmenter, PosedBody(body))
    return Pipeline(config, body, template, eyes, BodyLayer(body), make, method)


def recipe_values(method: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """The recipe of a method with some values changed, by name; None for a method that has none."""
    recipe = recipe_of(method, changes)
    return None if recipe is None else dataclasses.asdict(recipe)


def check_device(name: str) -> None:
    """Raise InputError unless torch knows the device and this machine has it."""
    try:
        torch.zeros(1, device=torch.device(name))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {name!r} cannot be used ({reason}). Use cpu, or cuda with a GPU.") from None

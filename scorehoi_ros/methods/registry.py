"""The methods by name; the only place that imports them, and only the one that is asked for."""

import importlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.methods import AUTO, RECIPE_NAMES
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, WeightsError
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.objects.template import ObjectTemplate

METHODS = {
    **dict.fromkeys(RECIPE_NAMES, "scorehoi_ros.methods.score.method"),
    "regress": "scorehoi_ros.methods.regress.method",
    "regress-proposal": "scorehoi_ros.methods.regress.proposal",
    "fit": "scorehoi_ros.methods.fit.method",
}
"""Value of the setting `method` -> module with `build(body, template, config) -> Method`, or, for one with a
recipe, `build_recipe(body, template, config, recipe) -> Method`."""
RECIPES = "scorehoi_ros.methods.score.recipe"
"""Module with `RECIPES`: method -> recipe, a frozen dataclass."""
LEARNED, FALLBACK = "regress", "fit"
"""What `auto` means."""

_log = logging.getLogger(__name__)


def make_method(
    body: BodyModel,
    template: ObjectTemplate | None,
    config: PipelineConfig,
    changes: Mapping[str, Any] | None = None,
) -> Method:
    """The method that `config.method` names, for one body and one template (None = human only).

    `changes` are values of its recipe that are to be others (`recipe_of`).  Raises InputError when the name
    is unknown or a method without recipe is to be changed, WeightsError when a method is named whose weights
    are missing or damaged, MissingExtraError when it needs something that is not installed.
    """
    recipe = recipe_of(config.method, changes)
    if config.method != AUTO:
        return _build(config.method, body, template, config, recipe)
    try:
        return _build(LEARNED, body, template, config)
    except WeightsError as error:
        _say_once(f"{error} Now {FALLBACK!r} does the work, which is slower and less exact.")
        return _build(FALLBACK, body, template, config)


def recipe_of(name: str, changes: Mapping[str, Any] | None = None) -> Any:
    """The recipe of a method, a frozen dataclass, with some values changed; None for a method that has none.

    A mapping in `changes` changes a part of the recipe: `{"weights": {"floor": 0.0}}`.  Raises InputError
    when a method without recipe is to be changed.
    """
    if name in RECIPE_NAMES:
        return _changed(importlib.import_module(RECIPES).RECIPES[name], changes or {})
    if changes:
        raise InputError(
            f"the method {name!r} has no recipe to change. Methods that have: {', '.join(RECIPE_NAMES)}."
        )
    return None


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    parts = {
        name: _changed(getattr(value, name), new) if isinstance(new, Mapping) else new
        for name, new in changes.items()
    }
    return replace(value, **parts)


def _build(
    name: str,
    body: BodyModel,
    template: ObjectTemplate | None,
    config: PipelineConfig,
    recipe: Any = None,
) -> Method:
    if name not in METHODS:
        raise InputError(f"there is no method {name!r}. Choose one of {', '.join((AUTO, *METHODS))}.")
    module = importlib.import_module(METHODS[name])
    method: Method = (
        module.build(body, template, config)
        if recipe is None
        else module.build_recipe(body, template, config, recipe)
    )
    return method


@cache
def _say_once(message: str) -> None:
    _log.warning("%s", message)

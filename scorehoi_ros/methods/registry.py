"""The methods by name; the only place that imports them, and only the one that is asked for."""

import importlib
import logging
from functools import cache

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.methods import AUTO
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, WeightsError
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.objects.template import ObjectTemplate

METHODS = {
    "score": "scorehoi_ros.methods.score.method",
    "score-n2": "scorehoi_ros.methods.score.method",
    "score-paper": "scorehoi_ros.methods.score.method",
    "regress": "scorehoi_ros.methods.regress.method",
    "regress-proposal": "scorehoi_ros.methods.regress.proposal",
    "fit": "scorehoi_ros.methods.fit.method",
}
"""Value of the setting `method` -> module with `build(body, template, config) -> Method`."""
LEARNED, FALLBACK = "regress", "fit"
"""What `auto` means."""

_log = logging.getLogger(__name__)


def make_method(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method that `config.method` names, for one body and one template (None = human only).

    Raises InputError when the name is unknown, WeightsError when a method is named whose weights are missing
    or damaged, MissingExtraError when it needs something that is not installed.
    """
    if config.method != AUTO:
        return _build(config.method, body, template, config)
    try:
        return _build(LEARNED, body, template, config)
    except WeightsError as error:
        _say_once(f"{error} Now {FALLBACK!r} does the work, which is slower and less exact.")
        return _build(FALLBACK, body, template, config)


def _build(name: str, body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    if name not in METHODS:
        raise InputError(f"there is no method {name!r}. Choose one of {', '.join((AUTO, *METHODS))}.")
    method: Method = importlib.import_module(METHODS[name]).build(body, template, config)
    return method


@cache
def _say_once(message: str) -> None:
    _log.warning("%s", message)

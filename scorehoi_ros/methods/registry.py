"""The methods by name; the only place that imports them, and only the one that is asked for."""

import importlib

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.objects.template import ObjectTemplate

METHODS = {
    "regress": "scorehoi_ros.methods.regress.method",
    "regress-proposal": "scorehoi_ros.methods.regress.proposal",
    "fit": "scorehoi_ros.methods.fit.method",
}
"""Value of the setting `method` -> module with `build(body, template, config) -> Method`."""


def make_method(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method that `config.method` names, for one body and one template (None = human only).

    Raises InputError when the name is unknown, MissingExtraError when the method needs something that is
    not installed.
    """
    if config.method not in METHODS:
        raise InputError(f"there is no method {config.method!r}. Choose one of {', '.join(METHODS)}.")
    method: Method = importlib.import_module(METHODS[config.method]).build(body, template, config)
    return method

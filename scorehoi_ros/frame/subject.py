"""Whom and what the pipeline looks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class Subject:
    """A person of this body model with an object of this template."""

    config: PipelineConfig
    body: BodyModel
    layer: BodyLayer
    template: ObjectTemplate | None
    gravity: Sequence[float] | Floats
    """(3,) in the camera frame; empty = not known."""

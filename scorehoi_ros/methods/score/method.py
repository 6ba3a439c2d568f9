"""The method `score` (stand-in until the method itself is merged: does what `regress` does)."""

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.methods.regress.method import build as build_regress
from scorehoi_ros.methods.score.recipe import Recipe
from scorehoi_ros.objects.template import ObjectTemplate


def build_recipe(
    body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig, recipe: Recipe
) -> Method:
    """The method for one body and one template, whatever the recipe; raises WeightsError."""
    return build_regress(body, template, config)

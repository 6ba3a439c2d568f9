"""The methods `score`, `score-n2` and `score-paper`: the network proposes, guided sampling decides.

All but the descent is that of `regress`: what is proposed, which hypotheses are tried and kept, what is known
of the scale, what is published.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from scorehoi_ros.alignment.align import Aligned, warm_up
from scorehoi_ros.alignment.rig import Rig, make_rig
from scorehoi_ros.alignment.state import Belief, State
from scorehoi_ros.alignment.target import Contacts, Shape, Target
from scorehoi_ros.alignment.views import Beside
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.method import with_descent
from scorehoi_ros.methods.regress.proposal import NO_OBJECT
from scorehoi_ros.methods.regress.refine import Descend
from scorehoi_ros.methods.regress.start import Pace
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.methods.score import guide
from scorehoi_ros.methods.score.prior import frame_prior
from scorehoi_ros.methods.score.recipe import Recipe
from scorehoi_ros.methods.score.sampling import Ask, Scene, Trace, sample
from scorehoi_ros.networks.denoiser import conditions_of
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.runtime.denoiser import Prior, load_prior
from scorehoi_ros.runtime.regressor import load_networks, template_tokens
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class Sampling:
    """The descent by guided sampling."""

    rig: Rig
    recipe: Recipe
    prior: Prior | None
    """None = the regressor's Gaussian."""
    points: Tensor
    """(1, 64, 3) of the template."""
    shapes: Tensor
    """(1, 64, g)"""
    trace: Trace | None = None
    beside: Sequence[Beside] = ()
    """What further cameras see of this frame, see `views.beside_of`."""

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """See `regress.method.Descent`."""
        ask = None
        if contact is not None and self.recipe.recontact:
            ask = partial(_asked, contact, guess=guess, view=view, floor=floor)
        return partial(self._descend, guess, ask)

    def _descend(
        self, guess: Guess, ask: Ask | None, target: Target, shape: Shape | None, belief: Belief, pace: Pace
    ) -> Aligned:
        recipe = self.recipe if pace == "cold" else self.recipe.tracking
        kept = torch.tensor([[recipe.image, recipe.geometry]])
        conditions = conditions_of(guess, self.points, self.shapes)
        prior = frame_prior(belief, target.focal, self.prior, conditions, kept, recipe.learned)
        scene = Scene(self.rig, target, shape, belief, prior, ask, self.beside)
        return sample(scene, recipe, self.trace)


def build_recipe(
    body: BodyModel,
    template: ObjectTemplate | None,
    config: PipelineConfig,
    recipe: Recipe,
    trace: Trace | None = None,
) -> Method:
    """The method for one body and one template; raises WeightsError without the weights of both stages.

    `trace` is told each step of all hypotheses, see `sampling.sample`.
    """
    if config.score.rounds:
        recipe = replace(recipe, rounds=config.score.rounds)
    chosen = config.regress.size, config.regress.weights, config.device
    rig = make_rig(body)
    warm_up(rig)
    guide.warm_up()
    points, shapes, _ = template_tokens(load_networks(*chosen), (template or load_template(NO_OBJECT)).points)
    prior = load_prior(*chosen) if recipe.learned else None
    sampling = Sampling(rig, recipe, prior, points, shapes, trace)
    return with_descent(body, template, config, sampling, recipe.corrected)


def _asked(
    contact: ContactAsker, state: State, guess: Guess, view: View, floor: Floats | None
) -> list[Contacts]:
    masks = contact(state, guess, view, floor)
    rows = (m.double().cpu().numpy() for m in (masks.human, masks.object, masks.floor))
    return [Contacts(*row) for row in zip(*rows, strict=True)]

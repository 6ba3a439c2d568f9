"""The network alone as a method (`regress-proposal`), and the estimator of `regress`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import ContactMasks, Method, Prediction, Proposal, Refined
from scorehoi_ros.methods.fit.method import build as build_fit
from scorehoi_ros.methods.regress.memory import Memory, Said, followed
from scorehoi_ros.methods.regress.sides import (
    ASKED_CLEARLY,
    FOLLOWED_CLEARLY,
    doubted,
    misfit,
    relabelled,
)
from scorehoi_ros.methods.regress.view import View, estimates_of, picture_of, seen_of, view_of
from scorehoi_ros.networks.regressor import Guess, Seen
from scorehoi_ros.networks.sizes import RegressorSize
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.runtime.errors import load_precision
from scorehoi_ros.runtime.human import HumanAnswer, load_human
from scorehoi_ros.runtime.regressor import Answer, load_networks, template_tokens
from scorehoi_ros.types import Estimate, Floats, Floor

RECENT_S = 0.25
"""For so long nobody turns round: the body of the frame before says which limb is the left one."""
NO_OBJECT = "ball:0.22"
"""What the network is told to look for where no object is: it always wants a template."""


@dataclass(frozen=True)
class Network:
    """The regressor with one template."""

    answer: Answer
    size: RegressorSize
    points: Tensor
    """(1, 64, 3)"""
    shapes: Tensor
    """(1, 64, POINT_FEATURES)"""
    tokens: Tensor
    """(1, 64, width)"""
    precision: Floats | None = None
    """How the errors of its poses go together, see `Belief`; None = not known."""
    human: HumanAnswer | None = None
    """The user's network for the human half."""

    def __call__(self, evidence: Evidence, view: View) -> Guess:
        """The guess of one frame."""
        seen = self.seen(evidence, view)
        picture = picture_of(evidence, self.size.pixels) if self.size.in_colour else None
        guess = self.answer(seen, self.tokens, picture)
        return guess if self.human is None else self.human(evidence.image.cpu().numpy(), seen, guess)

    def seen(self, evidence: Evidence, view: View) -> Seen:
        """What the network is given of one frame."""
        return seen_of(evidence, view, self.points, self.shapes, self.size.pixels)


@dataclass(frozen=True)
class RegressEstimator:
    """Human and object by the network; an object without a person by the optimiser.

    A frame that goes on from an answer that agreed with its image may do without the network.
    """

    network: Network
    posed: PosedBody
    alone: Callable[[], Method]
    """Makes, once, the method for frames that show no person."""
    looking: bool
    """Whether there is an object to look for."""
    period_s: float
    """Longest time for which the network is not asked."""

    def __call__(self, evidence: Evidence, prediction: Prediction | None) -> Proposal:
        """All hypotheses of the object's rotation, likeliest first."""
        if evidence.landmarks is None:
            return self.alone().estimator(evidence, prediction)
        view, memory = view_of(evidence), followed(prediction)
        thing = self.looking and evidence.object is not None
        if prediction is not None and memory is not None and memory.lasts(prediction, thing, self.period_s):
            proposal = _carried_on(memory, prediction, view)
            if relabelled(evidence, self._landmarks(proposal.best)) is None:
                return proposal
            # Either the labels are wrong, or what is carried was begun by wrong ones: the network must say.
        before = None
        if prediction is not None and memory is not None and prediction.elapsed_s <= RECENT_S:
            before = self._landmarks(prediction.moved)
        guess, mended = self._asked(evidence, view, before)
        shares = torch.softmax(guess.logits[0].double(), 0)
        order = tuple(shares.argsort(descending=True).tolist()) if thing else (0,)
        betas = None if prediction is None else prediction.betas
        return Proposal(
            estimates=tuple(estimates_of(guess, view, list(order), betas, thing)),
            probabilities=tuple(float(shares[k]) for k in order) if thing else (1.0,),
            contacts=contacts_said(guess) if thing else None,
            features=Said(guess, view, order),
            evidence=mended,
        )

    def _asked(self, evidence: Evidence, view: View, before: Floats | None) -> tuple[Guess, Evidence | None]:
        """What the network says, and for which evidence, if left and right had to be exchanged back in it.

        Another evidence is taken where the network, given that, comes nearer to it than to what it was told.

        `before` = landmarks (75, 3) of the body of the frame before.
        """
        guess = self.network(evidence, view)
        body = self._said(guess, view)
        others, share = doubted(evidence, body), ASKED_CLEARLY
        if before is not None:
            other = relabelled(evidence, before) or relabelled(evidence, body)
            others, share = [] if other is None else [other], FOLLOWED_CLEARLY
        guesses = [self.network(other, view) for other in others]
        misfits = [misfit(o, self._said(g, view)) for o, g in zip(others, guesses, strict=True)]
        if not misfits or not min(misfits) < share * misfit(evidence, body):
            return guess, None
        best = misfits.index(min(misfits))
        return guesses[best], others[best]

    def _said(self, guess: Guess, view: View) -> Floats:
        return self._landmarks(estimates_of(guess, view, [0], None, False)[0])

    def _landmarks(self, estimate: Estimate) -> Floats:
        assert estimate.human is not None
        return self.posed.landmarks_of(estimate.human)


def _carried_on(memory: Memory, prediction: Prediction, view: View) -> Proposal:
    """The answer to the frame before, moved on, with what the network said last."""
    said = replace(memory.said, view=view, age_s=memory.said.age_s + prediction.elapsed_s)
    moved = prediction.moved if memory.modes is not None else Estimate(prediction.moved.human)
    contacts = None if memory.modes is None else contacts_said(said.guess)
    return Proposal((moved,), contacts=contacts, features=said)


def contacts_said(guess: Guess) -> ContactMasks:
    """M_h, M_o, M_f as the regressor says them of one frame."""
    touch = (guess.human_contact, guess.object_contact, guess.floor_contact)
    return ContactMasks(*(torch.sigmoid(logits[0]) for logits in touch))


@dataclass(frozen=True)
class AsProposed:
    """A refiner that changes nothing."""

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """The likeliest hypothesis, with the contacts that the network predicts."""
        return Refined(proposal.best, proposal.contacts)


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The network alone for one body and one template; raises WeightsError without its weights."""
    return Method(make_estimator(body, template, config), AsProposed())


def make_estimator(
    body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig
) -> RegressEstimator:
    """The estimator of both methods; raises WeightsError, InputError for a bad `regress.human_network`."""
    loaded = load_networks(config.regress.size, config.regress.weights, config.device)
    points = (template or load_template(NO_OBJECT)).points
    own = config.regress.human_network
    human = load_human(Path(own).expanduser()) if own else None
    precision = None if human else load_precision(config.regress.size, config.regress.weights)
    tokens = template_tokens(loaded, points)
    network = Network(loaded.answer, loaded.net.size, *tokens, precision, human)
    alone = cache(partial(build_fit, body, template, config))
    period_s = config.regress.network_period_s if config.regress.start == "warm" else 0.0
    return RegressEstimator(network, PosedBody(body, config.device), alone, template is not None, period_s)

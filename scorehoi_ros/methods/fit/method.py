"""The optimiser as a method: propose human and object from the image, then descend on both together."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence, SeenLandmarks
from scorehoi_ros.frame.stages import Method, Prediction, Proposal, Refined
from scorehoi_ros.geometry.rigid import object_transform
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d
from scorehoi_ros.interaction.contact_guess import ContactGuess
from scorehoi_ros.interaction.object_tensors import ObjectTensors, object_tensors
from scorehoi_ros.interaction.pose_prior import load_prior
from scorehoi_ros.methods.fit.human import (
    HumanPriors,
    HumanProblem,
    fit_human,
    human_terms,
    points_of,
    values_of,
)
from scorehoi_ros.methods.fit.joint import JointProblem, fit_joint
from scorehoi_ros.methods.fit.object_search import (
    Candidate,
    HumanContext,
    SearchScene,
    evaluate,
    follow_object,
    search_object,
)
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.human.placing import solve_translation
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import Estimate, Floor, HumanPose, ObjectPose

_GOOD_START_IOU = 0.6
"""A predicted object pose that overlaps the mask this well is followed; otherwise a search starts."""


@dataclass(frozen=True)
class Thing:
    """A template with what is made from it for one body."""

    template: ObjectTemplate
    tensors: ObjectTensors
    guess: ContactGuess


@dataclass(frozen=True)
class Model:
    """Constants of body, template and configuration."""

    posed: PosedBody
    layer: BodyLayer
    thing: Thing | None
    priors: HumanPriors
    config: FitConfig

    def steps(self, tracked: bool) -> int:
        """How long to descend."""
        return self.config.track_iterations if tracked else self.config.first_iterations


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The optimiser for one body and one template."""
    posed = PosedBody(body, config.device)
    thing = None
    if template is not None:
        tensors = object_tensors(template, config.device)
        thing = Thing(template, tensors, ContactGuess(posed, tensors))
    hand_mean = matrix_to_rotation_6d(axis_angle_to_matrix(torch.as_tensor(body.hand_mean).float()))
    prior = load_prior().to(config.device)
    priors = HumanPriors(prior, hand_mean.to(config.device), config.height_m)
    model = Model(posed, BodyLayer(body), thing, priors, config.fit)
    return Method(FitEstimator(model), FitRefiner(model))


@dataclass(frozen=True)
class FitEstimator:
    """Human from landmarks and mask, then the object by search beside it."""

    model: Model

    def __call__(self, evidence: Evidence, prediction: Prediction | None) -> Proposal:
        """One hypothesis with the parts that the evidence shows."""
        human = thing = None
        if evidence.landmarks is not None and evidence.person is not None:
            human = propose_human(self.model, evidence, evidence.landmarks, evidence.person, prediction)
        if evidence.object is not None and self.model.thing is not None:
            thing = propose_object(self.model, self.model.thing, evidence, human, prediction)
        return Proposal((Estimate(human, thing),))


@dataclass(frozen=True)
class FitRefiner:
    """Joint descent on image and physics."""

    model: Model

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """Joint optimisation of human and object; one of them alone is already done."""
        start, thing, seen = proposal.best, self.model.thing, evidence.landmarks
        if start.human is None or start.object is None or thing is None or seen is None or floor is None:
            return Refined(start)
        human, previous = _smoothed(prediction, start)
        problem = JointProblem(
            human=HumanProblem(self.model.posed, evidence, seen, replace(self.model.priors, previous=human)),
            tensors=thing.tensors,
            predictor=thing.guess,
            floor=floor,
            features=proposal.features,
            previous=previous,
        )
        steps = self.model.steps(prediction is not None and prediction.moved.human is not None)
        estimate, descent = fit_joint(problem, start, steps, _free_betas(prediction))
        return Refined(estimate, energy={"first": descent.first, "last": descent.last} | descent.terms)


def propose_human(
    model: Model,
    evidence: Evidence,
    seen: SeenLandmarks,
    start: HumanPose,
    prediction: Prediction | None,
) -> HumanPose:
    """Fit the human alone, from the better of the landmark start and the predicted pose."""
    problem = HumanProblem(model.posed, evidence, seen, model.priors)
    steps = model.steps(tracked=False)
    before = prediction.moved.human if prediction is not None else None
    if before is not None:
        # Walking towards the camera, depth lags behind unless the landmarks set it afresh.
        warm = replace(before, betas=start.betas)
        warm = replace(warm, t_cam=_translation(model.posed, warm, evidence, seen))
        if _energy(problem, warm) < _energy(problem, start):
            start, steps = warm, model.steps(tracked=True)
        problem = replace(problem, priors=replace(model.priors, previous=warm))
    return fit_human(problem, start, steps, _free_betas(prediction))


def propose_object(
    model: Model, thing: Thing, evidence: Evidence, human: HumanPose | None, prediction: Prediction | None
) -> ObjectPose:
    """Follow the predicted pose when the mask supports it, else search."""
    assert evidence.object is not None
    context = _human_context(model, thing, evidence, human) if human is not None else None
    scene = SearchScene(thing.template, thing.tensors, evidence.object, context, evidence.object_depth)
    seeds = []
    if prediction is not None and prediction.object_tracked:
        moved = [_candidate(scene, pose) for pose in prediction.object_hypotheses(human)]
        warm = follow_object(moved, scene)
        if warm.iou >= _GOOD_START_IOU:
            return warm.pose
        seeds = [warm.R]
    return search_object(scene, seeds).pose


def _free_betas(prediction: Prediction | None) -> bool:
    return prediction is None or prediction.betas is None


def _translation(posed: PosedBody, human: HumanPose, evidence: Evidence, seen: SeenLandmarks) -> np.ndarray:
    pixels, confidence, K = (
        x.double().cpu().numpy() for x in (seen.pixels, seen.confidence, evidence.K_crop)
    )
    return solve_translation(posed, human, pixels, confidence, K)


def _energy(problem: HumanProblem, human: HumanPose) -> float:
    with torch.no_grad():
        values = values_of(problem.posed, human)
        terms = human_terms(points_of(problem.posed, values), values, problem)
    return float(torch.stack(list(terms.values())).sum())


def _human_context(model: Model, thing: Thing, evidence: Evidence, human: HumanPose) -> HumanContext:
    target = evidence.object
    assert target is not None
    with torch.no_grad():
        tokens = model.posed(*model.posed.tensors(human)).tokens
        contacts = thing.guess.in_image(tokens, evidence)
    vertices, K = human_mesh(model.layer, human)[0], target.K.double().cpu().numpy()
    depth, _ = rasterise(vertices, model.posed.body.faces, K, target.size, target.size)
    return HumanContext(float(human.t_cam[2]), tokens, contacts, depth)


def _candidate(scene: SearchScene, pose: ObjectPose) -> Candidate:
    T = object_transform(pose)
    return evaluate(scene, T[:3, :3], T[:3, 3])


def _smoothed(prediction: Prediction | None, now: Estimate) -> tuple[HumanPose | None, ObjectPose | None]:
    """What the joint fit stays near: the predicted pose, at the place where this frame puts the person."""
    if prediction is None or prediction.moved.human is None or now.human is None:
        return None, None
    human = replace(prediction.moved.human, t_cam=now.human.t_cam)
    # The object's start is already this frame's; an old pose would only hold it back.
    return human, now.object if prediction.object_tracked else None

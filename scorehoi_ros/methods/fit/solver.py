"""The optimiser baseline as the pipeline's estimator and refiner."""

from dataclasses import replace

import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import Prediction, Refined
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction import contact_guess
from scorehoi_ros.interaction.pose_prior import load_prior
from scorehoi_ros.interaction.tensors import PosedBody, object_tensors
from scorehoi_ros.methods.fit.human import (
    HumanPriors,
    fit_human,
    human_terms,
    solve_translation,
    start_human,
    theta_of,
    values_of,
)
from scorehoi_ros.methods.fit.joint import fit_joint, human_estimate, with_object
from scorehoi_ros.methods.fit.object_search import (
    HumanContext,
    ObjectPose,
    evaluate,
    follow_object,
    search_object,
)
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import NUM_HUMAN_TOKENS, Estimate, Floats, Floor

_GOOD_START_IOU = 0.6
"""A predicted object pose that overlaps the mask this well is followed; otherwise a search starts."""


class FitSolver:
    """Estimator and Refiner by optimisation; holds only constants of body, template and configuration."""

    def __init__(self, body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> None:
        self._body = body
        self._template = template
        self._config = config
        self._posed = PosedBody(body)
        self._layer = BodyLayer(body)
        self._tensors = object_tensors(template) if template is not None else None
        self._affinity = contact_guess.region_affinity(body)
        hand_mean = torch.as_tensor(body.hand_mean, dtype=torch.float32)
        self._priors = HumanPriors(
            load_prior(), matrix_to_rotation_6d(axis_angle_to_matrix(hand_mean)), config.height_m
        )

    def human(self, evidence: Evidence, prediction: Prediction | None, betas: Floats | None) -> Estimate:
        """Fit the human alone, from the better of the landmark start and the predicted one."""
        start = start_human(self._body, evidence, betas)
        priors = self._priors
        steps = self._config.fit.first_iterations
        if prediction is not None:
            before = prediction.estimate
            # Walking towards the camera, depth lags behind unless the landmarks set it afresh.
            t_cam = solve_translation(self._posed, evidence, before.theta, start.betas)
            warm = Estimate(before.theta, start.betas, None, None, t_cam)
            priors = replace(priors, previous=warm)
            if self._human_energy(warm, evidence, priors) < self._human_energy(start, evidence, priors):
                start = warm
                steps = self._config.fit.track_iterations
        return human_estimate(fit_human(self._posed, start, evidence, priors, steps, betas is None).values)

    def object(self, estimate: Estimate, evidence: Evidence, prediction: Prediction | None) -> Estimate:
        """Follow the predicted pose when the mask supports it, else search."""
        assert self._template is not None and self._tensors is not None and evidence.object is not None
        human = self._human_context(estimate, evidence)
        seeds: list[Floats] = []
        if prediction is not None and prediction.object_tracked:
            moved = [self._evaluate(e, evidence, human) for e in prediction.object_hypotheses(estimate)]
            warm = follow_object(
                moved, self._template, self._tensors, evidence.object, human, evidence.object_depth
            )
            if warm.iou >= _GOOD_START_IOU:
                return with_object(estimate, warm.R_o, warm.origin)
            seeds = [warm.R_o]
        found = search_object(
            self._template, self._tensors, evidence.object, human, seeds, evidence.object_depth
        )
        return with_object(estimate, found.R_o, found.origin)

    def __call__(
        self,
        estimate: Estimate,
        evidence: Evidence,
        floor: Floor,
        prediction: Prediction | None,
        betas_locked: bool,
    ) -> Refined:
        """Joint optimisation of human and object; a human alone is already done."""
        if self._tensors is None or estimate.R_o is None:
            return Refined(estimate, torch.zeros(NUM_HUMAN_TOKENS), {})
        tracked = prediction is not None
        priors = replace(self._priors, previous=_smoothed(prediction, estimate))
        steps = self._config.fit.track_iterations if tracked else self._config.fit.first_iterations
        fit = fit_joint(
            self._posed,
            self._tensors,
            self._affinity,
            estimate,
            evidence,
            priors,
            floor,
            steps,
            not betas_locked,
        )
        energy = {"first": fit.descent.first, "last": fit.descent.last} | fit.descent.terms
        return Refined(fit.estimate, fit.contacts.human, energy)

    def _human_energy(self, estimate: Estimate, evidence: Evidence, priors: HumanPriors) -> float:
        with torch.no_grad():
            values = values_of(estimate)
            points = self._posed(theta_of(values), values["betas"], values["t_cam"])
            terms = human_terms(points, values, evidence, replace(priors, previous=None), self._posed)
        return float(torch.stack(list(terms.values())).sum())

    def _human_context(self, estimate: Estimate, evidence: Evidence) -> HumanContext:
        with torch.no_grad():
            values = values_of(estimate)
            tokens = self._posed(theta_of(values), values["betas"], values["t_cam"]).tokens
            contacts = contact_guess.image_contacts(tokens, self._affinity, evidence)
        assert evidence.object is not None
        target = evidence.object
        vertices = human_mesh(self._layer, estimate)[0]
        K = target.K.double().numpy()
        depth, _ = rasterise(vertices, self._body.faces, K, target.size, target.size)
        return HumanContext(float(estimate.t_cam[2]), tokens, contacts, depth)

    def _evaluate(self, estimate: Estimate, evidence: Evidence, human: HumanContext) -> ObjectPose:
        assert self._template is not None and self._tensors is not None and evidence.object is not None
        R = rotation_6d_to_matrix(torch.as_tensor(estimate.R_o)).numpy()
        return evaluate(self._template, self._tensors, evidence.object, human, R, estimate.object_origin)


def _smoothed(prediction: Prediction | None, now: Estimate) -> Estimate | None:
    """What the joint fit stays near: the predicted pose, at the place where this frame puts the person."""
    if prediction is None:
        return None
    near = replace(prediction.estimate, t_cam=now.t_cam)
    # The object's start is already this frame's; an old pose would only hold it back.
    return (
        replace(near, R_o=now.R_o, t_o=now.t_o)
        if prediction.object_tracked
        else replace(near, R_o=None, t_o=None)
    )

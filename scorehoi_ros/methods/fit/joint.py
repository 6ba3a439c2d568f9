"""Human and object together: Adam on image evidence and the physical energy of ScoreHOI."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from scorehoi_ros.energy import physical
from scorehoi_ros.frame.stages import ContactMasks, ContactPredictor
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.interaction import contact_guess
from scorehoi_ros.interaction.depth_order import DepthOrder, find_order, order_loss
from scorehoi_ros.interaction.object_tensors import ObjectTensors, place, pose_tensors
from scorehoi_ros.methods.fit.descent import Descent, Terms, Values, descend
from scorehoi_ros.methods.fit.human import (
    RATES,
    HumanProblem,
    human_terms,
    outline_term,
    points_of,
    pose_of,
    sees_hands,
    silhouette_terms,
    sum_of_means,
    theta_of,
    values_of,
)
from scorehoi_ros.types import Estimate, Floor, ObjectPose

_OBJECT_RATES = {"R_o": 0.015, "origin": 0.005}
_CONTACT_REACH_M = (0.3, 0.12)
"""One round of descent each, with contacts asked for anew, as in the paper's contact-driven refinement
(N = 2): first contacts that the image suggests may pull from afar, then only those that have come close."""
_SOFT_TISSUE_M = 0.005


@dataclass(frozen=True)
class JointWeights:
    """Weights of the joint terms; lengths in metres against px^2 of the image terms."""

    outside: float = 5.0
    uncovered: float = 5.0
    outline: float = 5.0
    contact: float = 4000.0
    penetration: float = 40000.0
    order: float = 4000.0
    floor: float = 200.0
    below_floor: float = 500.0
    depth: float = 4000.0
    smooth: float = 300.0


WEIGHTS = JointWeights()


@dataclass(frozen=True)
class JointProblem:
    """What the joint terms look at."""

    human: HumanProblem
    tensors: ObjectTensors
    predictor: ContactPredictor
    floor: Floor
    features: Any
    """Of the proposal, for the predictor."""
    previous: ObjectPose | None
    """The pose that temporal smoothness pulls to."""

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.human.posed.device


@dataclass(frozen=True)
class Relations:
    """What holds between human, object and floor during one round."""

    contacts: ContactMasks
    order: DepthOrder | None


def fit_joint(
    problem: JointProblem, start: Estimate, steps: int, free_betas: bool
) -> tuple[Estimate, Descent]:
    """Minimise all terms from `start` (human and object), asking for the contacts anew before each round."""
    values = joint_values(problem, start)
    hands = sees_hands(problem.human.landmarks)
    rates = {k: r * 0.5 for k, r in RATES.items() if k != "hands" or hands} | _OBJECT_RATES
    if not free_betas:
        rates.pop("betas")
    rounds: list[Descent] = []
    for reach in _CONTACT_REACH_M:
        relations = relate(problem, values, reach)

        def energy(v: Values, relations: Relations = relations) -> Terms:
            return _joint_terms(v, problem, relations)

        rounds.append(descend(values, rates, energy, max(1, steps // len(_CONTACT_REACH_M))))
        values = rounds[-1].values
    final = replace(rounds[-1], first=rounds[0].first, steps=sum(r.steps for r in rounds))
    return estimate_of(values), final


def joint_values(problem: JointProblem, estimate: Estimate) -> Values:
    """Optimisation variables of an estimate with both parts."""
    assert estimate.human is not None and estimate.object is not None
    values = values_of(problem.human.posed, estimate.human)
    values["R_o"], values["origin"] = pose_tensors(estimate.object, problem.device)
    return values


def estimate_of(values: Values) -> Estimate:
    """The estimate of the optimisation variables."""
    R_o, origin = (values[name].double().cpu().numpy() for name in ("R_o", "origin"))
    return Estimate(pose_of(values), ObjectPose(R_o, origin))


def relate(problem: JointProblem, values: Values, reach: float) -> Relations:
    """M_h, M_o, M_f and the depth order for the current geometry; M_h up to `reach` metres apart."""
    evidence, posed, tensors = problem.human.evidence, problem.human.posed, problem.tensors
    asked = problem.predictor(estimate_of(values), evidence, problem.floor, problem.features)
    body = theta_of(values), values["betas"], values["t_cam"]
    with torch.no_grad():
        tokens = posed(*body).tokens
    R = rotation_6d_to_matrix(values["R_o"])
    distance, gradient = physical.distances_and_gradients(tokens, tensors.field, R, values["origin"])
    near = contact_guess.gate(asked.human, distance, gradient, posed.token_normals(*body), reach)
    order = None
    if evidence.object is not None:
        with torch.no_grad():
            surface = place(tensors.surface, values["R_o"], values["origin"])
            order = find_order(tokens, surface, evidence.object, tensors.spacing)
    return Relations(replace(asked, human=near), order)


def _joint_terms(values: Values, problem: JointProblem, relations: Relations) -> Terms:
    tensors = problem.tensors
    human = points_of(problem.human.posed, values)
    surface = place(tensors.surface, values["R_o"], values["origin"])
    terms = human_terms(human, values, problem.human)
    terms |= _physical_terms(values, human.tokens, problem, relations.contacts)
    terms |= _image_terms(values, surface, problem)
    if relations.order is not None:
        terms["order"] = WEIGHTS.order * order_loss(human.tokens, surface, relations.order)
    if problem.previous is not None:
        before = dict(zip(("R_o", "origin"), pose_tensors(problem.previous, problem.device), strict=True))
        terms["object_smooth"] = WEIGHTS.smooth * sum_of_means(values, before, ("R_o", "origin"))
    return terms


def _physical_terms(values: Values, tokens: Tensor, problem: JointProblem, contacts: ContactMasks) -> Terms:
    w = WEIGHTS
    normal, offset = contact_guess.floor_tensors(problem.floor, problem.device)
    R = rotation_6d_to_matrix(values["R_o"])
    distance = physical.signed_distances(tokens, problem.tensors.field, R, values["origin"])
    points = place(problem.tensors.points, values["R_o"], values["origin"])
    return {
        "contact": w.contact * physical.contact_loss(distance, contacts.human),
        "penetration": w.penetration * physical.penetration_loss(distance, _SOFT_TISSUE_M),
        "floor": w.floor * physical.floor_loss(points, contacts.floor, normal, offset),
        "below_floor": w.below_floor * physical.below_floor_loss(points, normal, offset),
    }


def _image_terms(values: Values, surface: Tensor, problem: JointProblem) -> Terms:
    """Silhouette and measured depth of the object's surface (400, 3)."""
    w, tensors, evidence = WEIGHTS, problem.tensors, problem.human.evidence
    terms: Terms = {}
    if evidence.object is not None:
        terms |= silhouette_terms(surface, evidence.object, "object", w.outside, w.uncovered, tensors.spacing)
        outline = place(tensors.hull, values["R_o"], values["origin"])
        terms["object_outline"] = w.outline * outline_term(outline, evidence.object)
    if evidence.object_depth is not None:
        # Depth is measured on the visible surface: compare the nearer side of the object.
        nearest = torch.quantile(surface[:, 2], 0.1)
        terms["object_depth"] = w.depth * (nearest - evidence.object_depth).square()
    return terms

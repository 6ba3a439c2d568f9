"""Human and object together: Adam on image evidence and the physical energy of ScoreHOI."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.energy import physical
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction import contact_guess
from scorehoi_ros.interaction.contact_guess import ContactMasks
from scorehoi_ros.interaction.depth_order import DepthOrder, find_order, order_loss
from scorehoi_ros.interaction.tensors import ObjectTensors, PosedBody, place
from scorehoi_ros.methods.fit.descent import Descent, Terms, Values, descend
from scorehoi_ros.methods.fit.human import (
    RATES,
    HumanPriors,
    human_terms,
    outline_term,
    sees_hands,
    silhouette_terms,
    theta_of,
    values_of,
)
from scorehoi_ros.types import Estimate, Floats, Floor

_OBJECT_RATES = {"R_o": 0.015, "origin": 0.005}
_CONTACT_REACH_M = (0.3, 0.12)
"""One round of descent each, with contacts guessed anew, as in the paper's contact-driven refinement (N = 2):
first contacts that the image suggests may pull from afar, then only those that have come close."""
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
class JointFit:
    """Result of the joint optimisation."""

    estimate: Estimate
    contacts: ContactMasks
    descent: Descent


def floor_under(body_points: Tensor, up: Floats, source: str) -> Floor:
    """The floor as the plane across `up` (3,) through the lowest of the body points (n, 3)."""
    up = up / np.linalg.norm(up)
    heights = body_points.detach().double().numpy() @ up
    return Floor(up, float(np.percentile(heights, 0.5)), "gravity" if source == "gravity" else "guess")


def fit_joint(
    posed: PosedBody,
    tensors: ObjectTensors,
    affinity: Tensor,
    start: Estimate,
    evidence: Evidence,
    priors: HumanPriors,
    floor: Floor,
    steps: int,
    free_betas: bool,
) -> JointFit:
    """Minimise all terms from `start` (which has R_o and t_o), guessing the contacts anew between rounds."""
    values = values_of(start)
    values["R_o"] = torch.as_tensor(start.R_o, dtype=torch.float32)
    values["origin"] = torch.as_tensor(start.object_origin, dtype=torch.float32)
    rates = {k: r * 0.5 for k, r in RATES.items() if k != "hands" or sees_hands(evidence)} | _OBJECT_RATES
    if not free_betas:
        rates.pop("betas")
    normal, offset = torch.as_tensor(floor.normal, dtype=torch.float32), torch.tensor(floor.offset)
    rounds: list[Descent] = []
    for reach in _CONTACT_REACH_M:
        relations = relate(posed, tensors, affinity, values, evidence, normal, offset, reach)

        def energy(v: Values, relations: Relations = relations) -> Terms:
            return _joint_terms(v, posed, tensors, evidence, priors, relations, normal, offset)

        rounds.append(descend(values, rates, energy, max(1, steps // len(_CONTACT_REACH_M))))
        values = rounds[-1].values
    final = replace(rounds[-1], first=rounds[0].first, steps=sum(r.steps for r in rounds))
    contacts = relate(
        posed, tensors, affinity, values, evidence, normal, offset, _CONTACT_REACH_M[-1]
    ).contacts
    return JointFit(_to_estimate(values), contacts, final)


@dataclass(frozen=True)
class Relations:
    """What holds between human, object and floor at the start of a round."""

    contacts: ContactMasks
    order: DepthOrder | None


def relate(
    posed: PosedBody,
    tensors: ObjectTensors,
    affinity: Tensor,
    values: Values,
    evidence: Evidence,
    normal: Tensor,
    offset: Tensor,
    reach: float,
) -> Relations:
    """M_h, M_o, M_f and the depth order for the current geometry; contacts up to `reach` metres apart."""
    body = theta_of(values), values["betas"], values["t_cam"]
    R = rotation_6d_to_matrix(values["R_o"])
    with torch.no_grad():
        tokens = posed(*body).tokens
    distance, gradient = physical.distances_and_gradients(tokens, tensors.field, R, values["origin"])
    with torch.no_grad():
        points = place(tensors.points, values["R_o"], values["origin"])
        human = contact_guess.image_contacts(tokens, affinity, evidence)
        contacts = ContactMasks(
            contact_guess.gate(human, distance, gradient, posed.token_normals(*body), reach),
            contact_guess.object_contacts(points, tokens),
            contact_guess.floor_contacts(points, normal, offset),
        )
        order = None
        if evidence.object is not None:
            surface = place(tensors.surface, values["R_o"], values["origin"])
            order = find_order(tokens, surface, evidence.object, tensors.spacing)
        return Relations(contacts, order)


def _joint_terms(
    values: Values,
    posed: PosedBody,
    tensors: ObjectTensors,
    evidence: Evidence,
    priors: HumanPriors,
    relations: Relations,
    normal: Tensor,
    offset: Tensor,
) -> Terms:
    w = WEIGHTS
    human = posed(theta_of(values), values["betas"], values["t_cam"])
    terms = human_terms(human, values, evidence, priors, posed)
    R = rotation_6d_to_matrix(values["R_o"])
    distance = physical.signed_distances(human.tokens, tensors.field, R, values["origin"])
    points = place(tensors.points, values["R_o"], values["origin"])
    contacts = relations.contacts
    terms["contact"] = w.contact * physical.contact_loss(distance, contacts.human)
    terms["penetration"] = w.penetration * physical.penetration_loss(distance, _SOFT_TISSUE_M)
    terms["floor"] = w.floor * physical.floor_loss(points, contacts.floor, normal, offset)
    terms["below_floor"] = w.below_floor * physical.below_floor_loss(points, normal, offset)
    if evidence.object is not None:
        surface = place(tensors.surface, values["R_o"], values["origin"])
        terms |= silhouette_terms(surface, evidence.object, "object", w.outside, w.uncovered, tensors.spacing)
        outline = place(tensors.hull, values["R_o"], values["origin"])
        terms["object_outline"] = w.outline * outline_term(outline, evidence.object)
        if relations.order is not None:
            terms["order"] = w.order * order_loss(human.tokens, surface, relations.order)
    if evidence.object_depth is not None:
        # Depth is measured on the visible surface: compare the nearer side of the object.
        nearest = torch.quantile(place(tensors.surface, values["R_o"], values["origin"])[:, 2], 0.1)
        terms["object_depth"] = w.depth * (nearest - evidence.object_depth).square()
    if priors.previous is not None and priors.previous.R_o is not None:
        terms["object_smooth"] = w.smooth * _object_smoothness(values, priors.previous)
    return terms


def _object_smoothness(values: Values, previous: Estimate) -> Tensor:
    before_R = torch.as_tensor(previous.R_o, dtype=torch.float32)
    before = torch.as_tensor(previous.object_origin, dtype=torch.float32)
    return (values["R_o"] - before_R).square().mean() + (values["origin"] - before).square().mean()


def with_object(estimate: Estimate, R_o: Floats, origin: Floats) -> Estimate:
    """The estimate with an object of rotation R_o (3, 3) and origin (3,) in the camera frame."""
    six = matrix_to_rotation_6d(torch.as_tensor(R_o)).numpy()
    return Estimate(estimate.theta, estimate.betas, six, origin - estimate.t_cam, estimate.t_cam)


def _to_estimate(values: Values) -> Estimate:
    t_cam = values["t_cam"].double().numpy()
    return Estimate(
        theta_of(values).double().numpy(),
        values["betas"].double().numpy(),
        values["R_o"].double().numpy(),
        values["origin"].double().numpy() - t_cam,
        t_cam,
    )


def human_estimate(values: Values) -> Estimate:
    """Estimate without object from the human optimisation variables."""
    return Estimate(
        theta_of(values).double().numpy(),
        values["betas"].double().numpy(),
        None,
        None,
        values["t_cam"].double().numpy(),
    )

"""The method `regress`: the network proposes, the alignment decides."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch

from scorehoi_ros.alignment.align import Schedule, align, warm_up
from scorehoi_ros.alignment.rig import Rig, make_rig
from scorehoi_ros.alignment.state import State
from scorehoi_ros.alignment.target import Contacts, Shape, shape_of
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import ContactMasks, Method, Prediction, Proposal, Refined
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction.object_tensors import object_tensors
from scorehoi_ros.methods.regress.choice import outline_of
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.proposal import RegressEstimator, Said, make_estimator
from scorehoi_ros.methods.regress.refine import Descend, Known, Thing, contacts_of, refine
from scorehoi_ros.methods.regress.scale import Measured, scaled
from scorehoi_ros.methods.regress.spread import certainty_of, pose_covariance
from scorehoi_ros.methods.regress.target import plane_in_view, target_of
from scorehoi_ros.methods.regress.upright import upright_of
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.runtime.contact import load_contact
from scorehoi_ros.types import Estimate, Floats, Floor, HumanPose, ObjectPose


class Descent(Protocol):
    """What moves the hypotheses: the alignment, or the sampling of the method `score`."""

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """The descent of one frame; `floor` (4,) as of `plane_in_view`, None = not known."""
        ...


@dataclass(frozen=True)
class AlignRefiner:
    """Alignment of the network's proposal with the image."""

    body: BodyModel
    descent: Descent
    template: ObjectTemplate | None
    shape: Shape | None
    contact: ContactAsker | None
    hypotheses: int
    height_m: float | None
    estimator: RegressEstimator

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """The best hypothesis after its alignment."""
        said = proposal.features
        if not isinstance(said, Said):
            return self.estimator.alone().refiner(proposal, evidence, floor, prediction)
        # An estimated floor is less sure than the network's own rotations: it did harm on validation scenes.
        sure = floor if floor is not None and floor.source == "gravity" else None
        thing = None
        if proposal.best.object is not None:
            thing = self._thing(evidence, said.view, sure, proposal.contacts)
        contacts = Contacts() if thing is None else contacts_of(said.guess)
        plane = None if sure is None else plane_in_view(sure, said.view)
        target = target_of(evidence, said.view, contacts, plane)
        known = known_of(prediction, said.view)
        measured = Measured(self.height_m, evidence.human_depth, evidence.object_depth)
        radius = 0.0 if self.shape is None else float(np.linalg.norm(self.shape.surface, axis=1).mean())
        rescale = partial(scaled, measured=measured, body=self.body, focal=said.view.focal, radius=radius)
        descend = self.descent(said.guess, said.view, plane, None if thing is None else self.contact)
        found = refine(descend, target, thing, said.guess, known, self.hypotheses, rescale)
        state, best = found.aligned.state, found.best
        energy = {"first": float(found.aligned.first[best]), "last": float(found.aligned.energy[best])}
        if thing is None or self.contact is None:
            alone = in_camera(state, best, said.view, known.betas, thing=False)
            return Refined(alone, energy=energy, certainty=certainty_of(found, None))
        return Refined(
            estimate=in_camera(state, best, said.view, known.betas, thing=True),
            contacts=first(self.contact(state.row(best), said.guess, said.view, plane)),
            energy=energy | found.aligned.named(best),
            covariance=pose_covariance(found, thing.symmetry, said.view),
            certainty=certainty_of(found, thing.symmetry),
        )

    def _thing(
        self, evidence: Evidence, view: View, floor: Floor | None, contacts: ContactMasks | None
    ) -> Thing:
        assert self.template is not None and self.shape is not None
        planes = evidence.masks.cpu().numpy()
        outline = outline_of(planes, view.P) if planes[1].any() else None
        upright = upright_of(self.template, floor, contacts, view)
        return Thing(self.template.mesh, self.template.symmetry, self.shape, outline, upright)


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method for one body and one template; raises WeightsError without its weights."""
    rig = make_rig(body)
    warm_up(rig)
    return with_descent(body, template, config, Alignment(rig, Schedule(config.regress.steps)))


@dataclass(frozen=True)
class Alignment:
    """The descent of `regress`: that of the alignment itself, the same for all frames."""

    rig: Rig
    schedule: Schedule

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """See `Descent`."""
        return partial(align, self.rig, schedule=self.schedule)


def with_descent(
    body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig, descent: Descent
) -> Method:
    """The network, and this descent after it; raises WeightsError without the weights of the first stage."""
    estimator = make_estimator(body, template, config)
    shape, contact = None, None
    if template is not None:
        shape = shape_of(template)
        contact = ContactAsker(
            load_contact(config.regress.size, config.regress.weights, config.device),
            PosedBody(body, config.device),
            object_tensors(template, config.device),
            estimator.network.shapes,
        )
    height = config.height_m or None
    hypotheses = config.regress.hypotheses
    return Method(
        estimator, AlignRefiner(body, descent, template, shape, contact, hypotheses, height, estimator)
    )


def known_of(prediction: Prediction | None, view: View) -> Known:
    """The locked shape, and the rotation of a tracked object in the view frame."""
    if prediction is None:
        return Known()
    moved = prediction.moved.object
    if moved is None or not prediction.object_tracked:
        return Known(prediction.betas)
    R = rotation_6d_to_matrix(torch.as_tensor(moved.R_o, dtype=torch.float64)).numpy()
    return Known(prediction.betas, view.R_cam_view.T @ R)


def in_camera(state: State, row: int, view: View, locked: Floats | None, thing: bool) -> Estimate:
    """One hypothesis of an alignment in the camera's frame.

    `locked` (10,) is a shape that stays to the last bit; `thing` False leaves the object out.
    """
    R_view = torch.as_tensor(view.R_cam_view)
    rotations = rotation_6d_to_matrix(state.theta[row])
    rotations[0] = R_view @ rotations[0]
    root, origin = ((R_view @ p[row]).numpy() for p in (state.root, state.origin))
    betas = np.asarray(state.betas[row] if locked is None else locked)
    human = HumanPose(theta=matrix_to_rotation_6d(rotations).numpy(), betas=betas, t_cam=root)
    if not thing:
        return Estimate(human)
    return Estimate(
        human, ObjectPose(R_o=matrix_to_rotation_6d(R_view @ state.R_o[row]).numpy(), origin=origin)
    )


def first(masks: ContactMasks) -> ContactMasks:
    """The masks of the first of many states."""
    return ContactMasks(masks.human[0], masks.object[0], masks.floor[0])

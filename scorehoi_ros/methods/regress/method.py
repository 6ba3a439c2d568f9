"""The method `regress`: the network proposes, the alignment decides."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from scorehoi_ros.alignment.align import Schedule, warm_up
from scorehoi_ros.alignment.rig import Rig, make_rig
from scorehoi_ros.alignment.state import State
from scorehoi_ros.alignment.target import Contacts, Shape, shape_of
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import Method, Prediction, Proposal, Refined
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction.object_tensors import object_tensors
from scorehoi_ros.methods.regress.choice import outline_of
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.proposal import RegressEstimator, Said, make_estimator
from scorehoi_ros.methods.regress.refine import Known, Settings, Thing, contacts_of, refine
from scorehoi_ros.methods.regress.scale import Measured, scaled
from scorehoi_ros.methods.regress.spread import certainty_of, pose_covariance
from scorehoi_ros.methods.regress.target import plane_in_view, target_of
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.runtime.contact import load_contact
from scorehoi_ros.types import Estimate, Floats, Floor, HumanPose, ObjectPose


@dataclass(frozen=True)
class AlignRefiner:
    """Alignment of the network's proposal with the image."""

    body: BodyModel
    rig: Rig
    template: ObjectTemplate | None
    shape: Shape | None
    contact: ContactAsker | None
    settings: Settings
    height_m: float | None
    estimator: RegressEstimator

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """The best hypothesis after its alignment."""
        said = proposal.features
        if not isinstance(said, Said):
            return self.estimator.alone().refiner(proposal, evidence, floor, prediction)
        thing = self._thing(evidence, said.view) if proposal.best.object is not None else None
        contacts = Contacts() if thing is None else contacts_of(said.guess)
        # A floor that is only guessed from the feet would hold the object where the guess is wrong.
        sure = floor is not None and floor.source == "gravity"
        plane = plane_in_view(floor, said.view) if floor is not None and sure else None
        target = target_of(evidence, said.view, contacts, plane)
        known = known_of(prediction, said.view)
        measured = Measured(self.height_m, evidence.human_depth, evidence.object_depth)
        radius = 0.0 if self.shape is None else float(np.linalg.norm(self.shape.surface, axis=1).mean())
        rescale = partial(scaled, measured=measured, body=self.body, focal=said.view.focal, radius=radius)
        found = refine(self.rig, target, thing, said.guess, known, self.settings, rescale)
        state, best = found.aligned.state, found.best
        energy = {"first": float(found.aligned.first[best]), "last": float(found.aligned.energy[best])}
        if thing is None or self.contact is None:
            alone = in_camera(state, best, said.view, known.betas, thing=False)
            return Refined(alone, energy=energy, certainty=certainty_of(found, None))
        return Refined(
            estimate=in_camera(state, best, said.view, known.betas, thing=True),
            contacts=self.contact(state, best, said.guess, said.view, plane),
            energy=energy | found.aligned.named(best),
            covariance=pose_covariance(found, thing.symmetry, said.view),
            certainty=certainty_of(found, thing.symmetry),
        )

    def _thing(self, evidence: Evidence, view: View) -> Thing:
        assert self.template is not None and self.shape is not None
        planes = evidence.masks.cpu().numpy()
        outline = outline_of(planes, view.P) if planes[1].any() else None
        return Thing(self.template.mesh, self.template.symmetry, self.shape, outline)


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method for one body and one template; raises WeightsError without its weights."""
    estimator = make_estimator(body, template, config)
    rig, shape, contact = make_rig(body), None, None
    warm_up(rig)
    if template is not None:
        shape = shape_of(template)
        contact = ContactAsker(
            load_contact(config.regress.size, config.regress.weights, config.device),
            PosedBody(body, config.device),
            object_tensors(template, config.device),
            estimator.network.shapes,
        )
    settings = Settings(config.regress.hypotheses, Schedule(config.regress.steps))
    height = config.height_m or None
    return Method(estimator, AlignRefiner(body, rig, template, shape, contact, settings, height, estimator))


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

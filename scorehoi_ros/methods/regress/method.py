"""The method `regress`: the network proposes, the alignment decides."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from scorehoi_ros.alignment.align import Aligned, Schedule, align, warm_up
from scorehoi_ros.alignment.rig import Rig, make_rig
from scorehoi_ros.alignment.state import Belief, State
from scorehoi_ros.alignment.target import Contacts, Shape, Target, shape_of
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.frame.stages import ContactMasks, Method, Prediction, Proposal, Refined
from scorehoi_ros.geometry.turns import matrix_of_6d, six_of_matrix
from scorehoi_ros.interaction.object_tensors import object_tensors
from scorehoi_ros.methods.regress.choice import outline_of
from scorehoi_ros.methods.regress.contact import ContactAsker
from scorehoi_ros.methods.regress.correct import Correction
from scorehoi_ros.methods.regress.memory import Memory, Said, carried, followed, spin_of
from scorehoi_ros.methods.regress.modes import Modes, modes_after
from scorehoi_ros.methods.regress.proposal import RegressEstimator, make_estimator
from scorehoi_ros.methods.regress.refine import AlignedFrame, Descend, Found, contacts_of, refine, unspun
from scorehoi_ros.methods.regress.scale import measured_of, scaled
from scorehoi_ros.methods.regress.search import Search, search_of
from scorehoi_ros.methods.regress.spread import certainty_of, pose_covariance
from scorehoi_ros.methods.regress.start import Effort, Known, Pace, Thing
from scorehoi_ros.methods.regress.target import plane_in_view, target_of
from scorehoi_ros.methods.regress.upright import upright_of
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.runtime.contact import load_contact
from scorehoi_ros.runtime.corrector import load_corrector
from scorehoi_ros.types import Estimate, Floats, Floor, HumanPose, ObjectPose


class Descent(Protocol):
    """What moves the hypotheses: the alignment, or the sampling of the method `score`."""

    @property
    def rig(self) -> Rig:
        """The points of the body that it moves."""
        ...

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
    search: Search
    template: ObjectTemplate | None
    shape: Shape | None
    contact: ContactAsker | None
    effort: Effort
    height_m: float | None
    estimator: RegressEstimator
    correction: Correction | None = None
    """None = the aligned answer is left as it is."""

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """The best hypothesis after its alignment and correction."""
        said = proposal.features
        if not isinstance(said, Said):
            alone = self.estimator.alone().refiner(proposal, evidence, floor, prediction)
            return replace(alone, memory=None if prediction is None else prediction.memory)
        known = known_of(prediction, said.view, self.effort.warm)
        frame = self.aligned(said, proposal, evidence, floor, known)
        found, step = self.corrected(frame, said, evidence, known)
        contacts = None
        if self.contact is not None and frame.thing is not None:
            contacts = self._contacts(found, said, frame.floor, prediction)
        refined = _refined(found, frame.thing, said, known, contacts)
        kept = frame.found.aligned.state.row(frame.found.best)
        aligned = in_camera(kept, 0, said.view, known.betas, thing=frame.thing is not None)
        modes = modes_of(frame.found, frame.thing, said.view)
        memory = Memory(
            estimate=refined.estimate,
            aligned=aligned,
            step=step,
            sigma=found.start.sigma,
            modes=modes,
            spin=spin_of(prediction, modes),
            said=said,
            contacts=contacts,
            settled=frame.found.settled,
        )
        return replace(refined, memory=memory)

    def aligned(
        self, said: Said, proposal: Proposal, evidence: Evidence, floor: Floor | None, known: Known
    ) -> AlignedFrame:
        """All hypotheses aligned with the frame."""
        # An estimated floor is less sure than the network's own rotations: it did harm on validation scenes.
        sure = floor if floor is not None and floor.source == "gravity" else None
        thing = None
        if proposal.best.object is not None:
            thing = self._thing(evidence, said.view, sure, proposal.contacts)
        plane = None if sure is None else plane_in_view(sure, said.view)
        contacts = Contacts() if thing is None else contacts_of(said.guess)
        target = target_of(evidence, said.view, contacts, plane)
        descend = self.descent(said.guess, said.view, plane, None if thing is None else self.contact)
        rescale, together = self._rescale(evidence, said.view), self.estimator.network.precision
        found = refine(descend, self.search, target, thing, said, known, self.effort, rescale, together)
        return AlignedFrame(found, target, thing, plane)

    def corrected(
        self, frame: AlignedFrame, said: Said, evidence: Evidence, known: Known
    ) -> tuple[Found, Floats | None]:
        """The kept hypothesis corrected, and how (`Memory.step`); where it cannot be, it stays as it is."""
        found, thing = frame.found, frame.thing
        if self.correction is None or thing is None or found.seen is None:
            return found, None
        step = known.carried.step if known.carried and found.start.pace == "warm" else None
        if said.age_s == 0:
            seen = self.estimator.network.seen(evidence, said.view)
            step = self.correction.step(found, said.guess, seen, step)
        if step is None:
            return found, None
        found = self.correction(found, said.guess, step, frame.target, thing.shape)
        return replace(found, aligned=unspun(found.aligned, known.rotation, thing.symmetry)), step

    def _rescale(self, evidence: Evidence, view: View) -> Callable[[Belief], Belief]:
        measured = measured_of(evidence, view, self.height_m)
        return partial(scaled, measured=measured, body=self.body, focal=view.focal, shape=self.shape)

    def _contacts(
        self, found: Found, said: Said, plane: Floats | None, prediction: Prediction | None
    ) -> ContactMasks:
        """Of the kept hypothesis; where the network did not look, those of the frame before."""
        assert self.contact is not None
        memory = followed(prediction)
        if said.age_s > 0 and memory is not None and memory.contacts is not None:
            return memory.contacts
        return first(self.contact(found.aligned.state.row(found.best), said.guess, said.view, plane))

    def _thing(
        self, evidence: Evidence, view: View, floor: Floor | None, contacts: ContactMasks | None
    ) -> Thing:
        assert self.template is not None and self.shape is not None
        planes = evidence.masks.cpu().numpy()
        picture = evidence.image.cpu().numpy()
        outline = outline_of(planes, view.P, picture) if planes[1].any() else None
        upright = upright_of(self.template, floor, contacts, view)
        return Thing(self.template.mesh, self.template.symmetry, self.shape, outline, upright)


def build(body: BodyModel, template: ObjectTemplate | None, config: PipelineConfig) -> Method:
    """The method for one body and one template; raises WeightsError without its weights."""
    rig = make_rig(body)
    warm_up(rig)
    settings = config.regress
    schedules: dict[Pace, Schedule] = {
        "cold": Schedule(settings.steps),
        "warm": Schedule(settings.track_steps),
    }
    return with_descent(body, template, config, Alignment(rig, schedules))


def _correction_of(posed: PosedBody, rig: Rig, config: PipelineConfig) -> Correction | None:
    """None where it is not wanted, was not trained, or would correct the network of somebody else."""
    settings = config.regress
    if not settings.correction_steps or settings.human_network:
        return None
    net = load_corrector(settings.size, settings.weights, config.device)
    if net is None:
        return None
    return Correction(net, posed, rig, settings.correction_steps)


@dataclass(frozen=True)
class Alignment:
    """The descent of `regress`: that of the alignment itself, the same for all frames."""

    rig: Rig
    schedules: dict[Pace, Schedule]

    def __call__(
        self, guess: Guess, view: View, floor: Floats | None, contact: ContactAsker | None
    ) -> Descend:
        """See `Descent`."""
        return self._descend

    def _descend(self, target: Target, shape: Shape | None, belief: Belief, pace: Pace) -> Aligned:
        return align(self.rig, target, shape, belief, schedule=self.schedules[pace])


def with_descent(
    body: BodyModel,
    template: ObjectTemplate | None,
    config: PipelineConfig,
    descent: Descent,
    corrected: bool = True,
) -> Method:
    """The network, this descent after it, and the correction; raises WeightsError without a first stage."""
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
    effort = Effort(
        config.regress.hypotheses, config.regress.track_hypotheses, config.regress.start == "warm"
    )
    search = search_of(descent.rig, config.regress.search_steps)
    correction = _correction_of(estimator.posed, descent.rig, config) if corrected else None
    refiner = AlignRefiner(
        body, descent, search, template, shape, contact, effort, height, estimator, correction
    )
    return Method(estimator, refiner)


def known_of(prediction: Prediction | None, view: View, warm: bool) -> Known:
    """The locked shape, what the frame before left, and where a tracked object is expected; view frame."""
    if prediction is None:
        return Known()
    known = Known(prediction.betas, carried=carried(prediction, view) if warm else None)
    moved = prediction.moved.object
    if moved is None or not prediction.object_tracked:
        return known
    return replace(known, rotation=view.R_cam_view.T @ matrix_of_6d(moved.R_o))


def _refined(
    found: Found, thing: Thing | None, said: Said, known: Known, contacts: ContactMasks | None
) -> Refined:
    """What is said of the kept hypothesis, without the memory of it."""
    aligned, best, view = found.aligned, found.best, said.view
    energy = {"first": float(aligned.first[best]), "last": float(aligned.energy[best])}
    symmetry = None if thing is None else thing.symmetry
    refined = Refined(
        in_camera(aligned.state, best, view, known.betas, thing=thing is not None),
        contacts,
        energy,
        certainty=certainty_of(found, symmetry),
        warm=found.start.pace != "cold",
    )
    if symmetry is None:
        return refined
    covariance = pose_covariance(found, symmetry, view)
    return replace(refined, energy=energy | aligned.named(best), covariance=covariance)


def modes_of(found: Found, thing: Thing | None, view: View) -> Modes | None:
    """The possible rotations, object -> camera, for the next frame; None without an object."""
    if thing is None:
        return None
    return modes_after(found.rotations, found.shares, found.kept).in_frame(view.R_cam_view)


def in_camera(state: State, row: int, view: View, locked: Floats | None, thing: bool) -> Estimate:
    """One hypothesis of an alignment in the camera's frame.

    `locked` (10,) is a shape that stays to the last bit; `thing` False leaves the object out.
    """
    rotations = matrix_of_6d(state.theta[row].numpy())
    rotations[0] = view.R_cam_view @ rotations[0]
    root, origin = (view.R_cam_view @ p[row].numpy() for p in (state.root, state.origin))
    betas = np.asarray(state.betas[row] if locked is None else locked)
    human = HumanPose(theta=six_of_matrix(rotations), betas=betas, t_cam=root)
    if not thing:
        return Estimate(human)
    R_o = six_of_matrix(view.R_cam_view @ state.R_o[row].numpy())
    return Estimate(human, ObjectPose(R_o=R_o, origin=origin))


def first(masks: ContactMasks) -> ContactMasks:
    """The masks of the first of many states."""
    return ContactMasks(masks.human[0], masks.object[0], masks.floor[0])

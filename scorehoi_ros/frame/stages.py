"""The seams: what a method is given and what it gives back.

A method is an estimator (a first proposal from the evidence) and a refiner (human and object together under
the physical energy).  The optimiser fills both; a regressor and a score-guided sampler take the same places.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.types import Estimate, Floats, Floor, HumanPose, ObjectPose


@dataclass(frozen=True)
class Prediction:
    """What the previous frames say about this one."""

    moved: Estimate
    """The previous human and object, each moved by constant velocity."""
    previous: Estimate
    """The previous human and object where they were."""
    object_tracked: bool = False
    """False: the object part is too old to start from, though it says where to look."""
    betas: Floats | None = None
    """(10,) the shape of this track, which must stay; None = still free."""
    memory: Any = None
    """`Refined.memory` of the frame before."""
    elapsed_s: float = 0.0
    """Since the frame of `previous`: of the person, or of the object where there is none."""
    look_closely: bool = True
    """Whether a slow segmenter may look for the object in this frame."""

    def object_hypotheses(self, now: HumanPose | None) -> list[ObjectPose]:
        """Where the object may be, given the person of this frame: moved by itself, and carried along.

        Empty when no object has been seen.
        """
        if self.moved.object is None or self.previous.object is None:
            return []
        alone = [self.moved.object]
        if now is None or self.previous.human is None:
            return alone
        return [*alone, carried_along(self.previous.human, self.previous.object, now)]


def looks_closely(prediction: Prediction | None) -> bool:
    """Whether a slow segmenter may look for the object: always where nothing is known."""
    return prediction is None or prediction.look_closely


def carried_along(before: HumanPose, thing: ObjectPose, now: HumanPose) -> ObjectPose:
    """The object turned and moved rigidly with the pelvis from `before` to `now`."""
    sixes = np.stack((before.theta[0], now.theta[0], thing.R_o))
    old, new, R = rotation_6d_to_matrix(torch.as_tensor(sixes, dtype=torch.float64))
    turn = new @ old.T
    origin = now.t_cam + turn.numpy() @ (thing.origin - before.t_cam)
    return ObjectPose(matrix_to_rotation_6d(turn @ R).numpy(), origin)


@dataclass(frozen=True)
class ContactMasks:
    """M_h, M_o, M_f of the paper as probabilities."""

    human: Tensor
    """(431,) that a human token touches the object."""
    object: Tensor
    """(64,) that a template point touches the human."""
    floor: Tensor
    """(64,) that a template point touches the floor."""


@dataclass(frozen=True)
class Proposal:
    """A first answer to one frame: hypotheses, likeliest first."""

    estimates: tuple[Estimate, ...]
    """At least one.  All have a human if the evidence has landmarks, and an object if one is looked for and
    its silhouette is there; they may differ in the object's rotation."""
    probabilities: tuple[float, ...] = (1.0,)
    """One an estimate, 0..1."""
    contacts: ContactMasks | None = None
    """What a network predicts; None = ask a `ContactPredictor`."""
    features: Any = None
    """Image and geometry features (F, c_I, c_G) for refiner and contact predictor of the same method."""
    evidence: Evidence | None = None
    """What the image says, where the method found a part of it wrong and mended it (left taken for right); it
    is refined and judged by this.  None = by that which was proposed from."""

    @property
    def best(self) -> Estimate:
        """The likeliest hypothesis."""
        return self.estimates[0]


@dataclass(frozen=True)
class Certainty:
    """How sure a method is of its own answer; None = it does not know."""

    pose_std: float | None = None
    """Of a component of the body's 6D rotations, mean over the joints without fingers."""
    turn_std: float | None = None
    """Of the object's rotation about one axis, radians."""
    place_std: float | None = None
    """Of the object's distance along the view beyond the pelvis, metres."""
    agreement: float | None = None
    """Share of the refined hypotheses, by their probabilities, that ended where the kept one did, 0..1."""
    expected: float | None = None
    """Share of all proposed hypotheses that were turned about as the kept one, before refinement, 0..1."""
    strain: float | None = None
    """How far the refinement had to go from the proposal, half the squared standard deviations."""


@dataclass(frozen=True)
class Refined:
    """A refined estimate with its convergence."""

    estimate: Estimate
    contacts: ContactMasks | None = None
    """What the method says about contacts, which is then published as "predicted"; None = it has no opinion,
    and contacts are measured on the result."""
    energy: dict[str, float] | None = None
    """`first` and `last` total energy and the weighted terms at the end."""
    covariance: Floats | None = None
    """(6, 6) of the object's pose in the camera frame, metres and radians, ROS order; None = the method does
    not know it, and what a silhouette can tell is published."""
    certainty: Certainty | None = None
    """None = the method does not know how sure it is."""
    memory: Any = None
    """Handed back in the next frame's `Prediction.memory`; nobody else looks into it."""
    warm: bool | None = None
    """Whether the answer went on from that to the frame before; None = the method makes no difference."""


class Estimator(Protocol):
    """First answer to one frame, human and object in one call."""

    def __call__(self, evidence: Evidence, prediction: Prediction | None) -> Proposal:
        """Propose what the evidence shows: a human, an object, or both."""
        ...


class ContactPredictor(Protocol):
    """What touches what; asked again between rounds of refinement (Algorithm 1)."""

    def __call__(
        self, estimate: Estimate, evidence: Evidence, floor: Floor, features: Any = None
    ) -> ContactMasks:
        """Contact masks of an estimate that has both parts; `features` are those of the proposal.

        The floor is given because a guess by geometry needs the plane; a network may ignore it.
        """
        ...


class Refiner(Protocol):
    """Refinement of human and object together under the physical energy."""

    def __call__(
        self, proposal: Proposal, evidence: Evidence, floor: Floor | None, prediction: Prediction | None
    ) -> Refined:
        """Refine a proposal; one that has only a human or only an object may come back as it is.

        `floor` is None when no person stands on it.
        """
        ...


@dataclass(frozen=True)
class Method:
    """The two halves of a method, built for one body and one template."""

    estimator: Estimator
    refiner: Refiner

"""The two seams of the pipeline: the first estimate and its refinement.

The optimiser implements both today; a regressor and the score-guided sampler take the same places.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.frame.evidence import Evidence
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.types import Estimate, Floats, Floor


@dataclass(frozen=True)
class Prediction:
    """What the previous frames say about this one."""

    estimate: Estimate
    """The previous result moved by constant velocity."""
    previous: Estimate
    """The previous result."""
    object_tracked: bool
    """False: the object part of `estimate` is too old to start from."""

    def object_hypotheses(self, now: Estimate) -> list[Estimate]:
        """`now` (the human of this frame) with the object moved by itself, and moved along by the person.

        Empty when no object has been seen.
        """
        if self.previous.R_o is None:
            return []
        alone = replace(now, R_o=self.estimate.R_o, t_o=self.estimate.object_origin - now.t_cam)
        return [alone, carried_along(self.previous, now)]


def carried_along(previous: Estimate, now: Estimate) -> Estimate:
    """`now` with the object of `previous` turned and moved rigidly with the pelvis."""
    assert previous.R_o is not None and previous.t_o is not None
    sixes = np.stack((previous.theta[0], now.theta[0], previous.R_o))
    before, after, R = rotation_6d_to_matrix(torch.as_tensor(sixes, dtype=torch.float64))
    turn = after @ before.T
    R_o = matrix_to_rotation_6d(turn @ R).numpy()
    return replace(now, R_o=R_o, t_o=turn.numpy() @ previous.t_o)


@dataclass(frozen=True)
class Refined:
    """A refined estimate with its convergence."""

    estimate: Estimate
    contacts: Tensor
    """(431,) probability that a human token touches the object, zeros without object."""
    energy: dict[str, float]
    """`first` and `last` total energy and the weighted terms at the end."""


class Estimator(Protocol):
    """First estimate of one frame."""

    def human(self, evidence: Evidence, prediction: Prediction | None, betas: Floats | None) -> Estimate:
        """Human part alone; `betas` (10,) when the shape is locked."""
        ...

    def object(self, estimate: Estimate, evidence: Evidence, prediction: Prediction | None) -> Estimate:
        """`estimate` with R_o and t_o added; `evidence.object` is present."""
        ...


class Refiner(Protocol):
    """Refinement of human and object together under the physical energy."""

    def __call__(
        self,
        estimate: Estimate,
        evidence: Evidence,
        floor: Floor,
        prediction: Prediction | None,
        betas_locked: bool,
    ) -> Refined:
        """Refine an estimate, with or without object."""
        ...

"""The two seams of the pipeline: the first estimate and its refinement.

The optimiser implements both today; a regressor and the score-guided sampler take the same places.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from scorehoi_ros.fit.evidence import Evidence
from scorehoi_ros.types import Estimate, Floats, Floor


@dataclass(frozen=True)
class Prediction:
    """What the previous frames say about this one."""

    estimate: Estimate
    """The previous result moved by constant velocity."""
    object_tracked: bool
    """False: the object part of `estimate` is too old to start from."""


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

"""What holds the unknowns of an alignment: a Gaussian about what was believed."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from scorehoi_ros.alignment.state import THETA, Belief, Float64
from scorehoi_ros.alignment.weights import Weights, prior_weights


@dataclass(frozen=True)
class Prior:
    """Minus the logarithm of a Gaussian, with its gradient."""

    weights: Float64
    """(331,)"""
    precision: Float64 | None
    """(312, 312) of theta, in standard deviations; None = independent."""

    @classmethod
    def of(cls, belief: Belief, weights: Weights | None = None) -> Self:
        """That of a belief."""
        return cls(prior_weights(weights or Weights()), belief.precision)

    def __call__(self, u: Float64) -> tuple[Float64, Float64]:
        """Energies (H,) and their gradient (H, 331) at unknowns u (H, 331) in standard deviations."""
        held = self.pull(u)
        return 0.5 * np.einsum("hn,hn->h", u, held), held

    def pull(self, u: Float64) -> Float64:
        """The gradient (H, 331) at unknowns u (H, 331)."""
        held = u.copy()
        if self.precision is not None:
            held[:, THETA] = u[:, THETA] @ self.precision
        return held * self.weights

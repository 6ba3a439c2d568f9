"""How the errors of a regressor's pose go together: a statistic, taken once it is trained.

The regressor says of each number how far off it may be, but not that a hip and a knee are off together, that
six numbers are one rotation, or that all fingers follow one grasp.  This is the same for all frames.
"""

import torch
from torch import Tensor, nn

from scorehoi_ros.diffusion.unknowns import THETA

NUM_THETA = THETA.stop
_APART = 0.35
"""Share of the errors that is taken to be independent after all: chosen on validation scenes."""


class PoseErrors(nn.Module):
    """Correlation of the errors of theta; untrained they are independent."""

    correlation: Tensor
    """(312, 312) of errors in standard deviations."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("correlation", torch.eye(NUM_THETA))

    @property
    def precision(self) -> Tensor:
        """(312, 312) float64, the inverse of the correlation, part of which is not believed."""
        return torch.linalg.inv(together(self.correlation.double()))


def together(correlation: Tensor) -> Tensor:
    """What is believed of a measured correlation."""
    return (1 - _APART) * correlation + _APART * torch.eye(len(correlation), dtype=correlation.dtype)

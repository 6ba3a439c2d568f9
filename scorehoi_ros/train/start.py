"""Where the training of a regressor starts from nothing."""

import torch

from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.train.views import TrainingSet

_ENOUGH = 20_000
"""Views that tell the mean pose."""


def from_nothing(net: Regressor, data: TrainingSet) -> None:
    """Set the means of the answers; the hypotheses start spread over all rotations."""
    net.mean_theta.copy_(matrix_to_rotation_6d(data.views.rotations[:_ENOUGH]).mean(0))
    spread = torch.linalg.qr(torch.randn(len(net.mean_rotations), 3, 3))[0]
    net.mean_rotations.copy_(matrix_to_rotation_6d(spread))

"""The correlation of a regressor's errors, ready for use."""

from functools import lru_cache

import numpy as np

from scorehoi_ros.networks.errors import PoseErrors
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.weights import ERRORS, has_weights
from scorehoi_ros.types import Floats


@lru_cache(maxsize=2)
def load_precision(size: str, folder: str = "") -> Floats | None:
    """(312, 312) float64 `PoseErrors.precision` of a regressor of this size; None where it was not measured.

    `folder` of weights, empty = the shipped ones.  Loaded once in a process.  Raises WeightsError.
    """
    kind = f"{size}-{ERRORS}"
    if not has_weights(kind, folder):
        return None
    errors, _ = load_network(kind, PoseErrors, folder)
    return np.asarray(errors.precision.numpy(), np.float64)

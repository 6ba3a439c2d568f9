"""The contact predictor ready for use."""

from functools import lru_cache

from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.sizes import regressor_size
from scorehoi_ros.runtime.weights import fill, read_weights


@lru_cache(maxsize=2)
def load_contact(size: str, folder: str = "", device: str = "cpu") -> ContactPredictor:
    """The predictor that was trained on the features of a regressor of this size; raises WeightsError.

    `folder` of weights, empty = the shipped ones.  Loaded once in a process.
    """
    net = ContactPredictor(regressor_size(size).width, POINT_FEATURES)
    fill(net, read_weights(f"{size}-contact", folder))
    return net.to(device)

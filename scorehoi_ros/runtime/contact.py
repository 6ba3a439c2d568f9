"""The contact predictor ready for use."""

from functools import lru_cache

from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.runtime.layouts import CONTACT, load_network


@lru_cache(maxsize=2)
def load_contact(size: str, folder: str = "", device: str = "cpu") -> ContactPredictor:
    """The predictor that was trained on the features of a regressor of this size; raises WeightsError.

    `folder` of weights, empty = the shipped ones.  Loaded once in a process.
    """
    net, _ = load_network(f"{size}-{CONTACT}", ContactPredictor, folder)
    return net.to(device)

"""The contact predictor ready for use: by ONNX Runtime on the CPU, by torch on other devices."""

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from scorehoi_ros.errors import OutputError
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.image import cells_a_side
from scorehoi_ros.networks.pair import Contacts, Pair
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.layouts import CONTACT, load_network
from scorehoi_ros.runtime.onnx import exported, session
from scorehoi_ros.runtime.weights import Weights
from scorehoi_ros.types import NUM_HUMAN_TOKENS, NUM_LANDMARKS, NUM_OBJECT_POINTS

Touch = Callable[[Pair], Contacts]
"""Any number of states -> logits of their contacts."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=2)
def load_contact(size: str, folder: str = "", device: str = "cpu") -> Touch:
    """The predictor that was trained on the features of a regressor of this size; raises WeightsError.

    `folder` of weights, empty = the shipped ones.  Loaded once in a process.
    """
    net, weights = load_network(f"{size}-{CONTACT}", ContactPredictor, folder)
    if torch.device(device).type == "cpu":
        try:
            return onnx_touch(net, weights, size)
        except OutputError as error:
            _log.warning("the network runs in torch, more slowly: %s", error)
    return torch_touch(net.to(device))


def torch_touch(net: ContactPredictor) -> Touch:
    """The network in torch, on the device where it is."""

    def touch(pair: Pair) -> Contacts:
        with torch.no_grad():
            said: Contacts = net(pair)
        return said

    return touch


def onnx_touch(net: ContactPredictor, weights: Weights, size: str) -> Touch:
    """The network in ONNX Runtime with one thread; exported once, kept in the cache.  Raises OutputError."""
    names = [f"touch_{name}" for name in Contacts._fields]
    run = session(exported(_Flat(net), blank_pair(size), weights, list(Pair._fields), names, rows="states"))

    def touch(pair: Pair) -> Contacts:
        feed = {name: value.numpy() for name, value in pair._asdict().items()}
        return Contacts(*map(torch.from_numpy, run.run(names, feed)))

    return touch


class _Flat(nn.Module):
    """The predictor with one tensor for each argument, as the exporter wants it."""

    def __init__(self, net: ContactPredictor) -> None:
        super().__init__()
        self.net = net

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Fields of `Pair` -> fields of `Contacts`."""
        return tuple(self.net(Pair(*values)))


def blank_pair(size: str) -> Pair:
    """Two states, so that the exporter does not take one for the rule."""
    human, thing, told = NUM_HUMAN_TOKENS, NUM_OBJECT_POINTS, SIZES[size]
    cells = cells_a_side(told)
    shapes = {
        "human": (human, 3),
        "thing": (thing, 3),
        "template": (thing, 3),
        "human_xy": (human, 2),
        "thing_xy": (thing, 2),
        "distance": (human,),
        "height": (thing,),
        "floor": (),
        "geometry": (thing, POINT_FEATURES),
        "image": (told.width, cells, cells),
        "landmarks": (NUM_LANDMARKS, told.width),
        "said_human": (human,),
        "said_thing": (thing,),
        "said_floor": (thing,),
    }
    return Pair(**{name: torch.zeros(2, *shape) for name, shape in shapes.items()})

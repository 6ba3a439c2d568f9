"""The corrector ready for use: by ONNX Runtime on the CPU, by torch on other devices."""

import logging
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn

from scorehoi_ros.errors import OutputError
from scorehoi_ros.networks.corrector import NUM_TERMS, UNKNOWNS, Corrector, Refined
from scorehoi_ros.networks.image import cells_a_side
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.regressor import NUM_QUERIES
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.onnx import exported, session
from scorehoi_ros.runtime.weights import CORRECTOR, Weights, has_weights
from scorehoi_ros.types import NUM_JOINTS, NUM_LANDMARKS, NUM_OBJECT_POINTS

Correct = Callable[[Refined], Tensor]
"""One refined answer -> steps (1, 331), on the CPU, see `Corrector`."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=2)
def load_corrector(size: str, folder: str = "", device: str = "cpu") -> Correct | None:
    """The corrector of a regressor of this size; None where there is none.  Raises WeightsError.

    `folder` of weights, empty = the shipped ones.  Loaded once in a process.
    """
    kind = f"{size}-{CORRECTOR}"
    if not has_weights(kind, folder):
        return None
    net, weights = load_network(kind, Corrector, folder)
    if torch.device(device).type == "cpu":
        try:
            return onnx_correct(net, weights, size)
        except OutputError as error:
            _log.warning("the network runs in torch, more slowly: %s", error)
    return torch_correct(net.to(device), device)


def torch_correct(net: Corrector, device: torch.device | str = "cpu") -> Correct:
    """The network in torch, on a device."""

    def correct(refined: Refined) -> Tensor:
        with torch.no_grad():
            steps: Tensor = net(Refined(*(value.to(device) for value in refined)))
        return steps.cpu()

    return correct


def onnx_correct(net: Corrector, weights: Weights, size: str) -> Correct:
    """The network in ONNX Runtime with one thread; exported once, kept in the cache.  Raises OutputError."""
    run = session(exported(_Flat(net), blank_refined(size), weights, list(Refined._fields), ["moved"]))

    def correct(refined: Refined) -> Tensor:
        feed = {name: value.contiguous().numpy() for name, value in refined._asdict().items()}
        return torch.from_numpy(run.run(["moved"], feed)[0])

    return correct


class _Flat(nn.Module):
    """The corrector with one tensor for each argument, as the exporter wants it."""

    def __init__(self, net: Corrector) -> None:
        super().__init__()
        self.net = net

    def forward(self, *values: Tensor) -> Tensor:
        """Fields of `Refined` -> steps."""
        steps: Tensor = self.net(Refined(*values))
        return steps


def blank_refined(size: str) -> Refined:
    """One answer of which all numbers are zero."""
    told, numbers = SIZES[size], sum(UNKNOWNS)
    side = cells_a_side(told)
    shapes: dict[str, tuple[int, ...]] = {
        "values": (numbers - UNKNOWNS[-1],),
        "R_o": (6,),
        "steps": (numbers,),
        "log_sigma": (numbers,),
        "focal": (),
        "joints": (NUM_JOINTS, 3),
        "points": (NUM_LANDMARKS, 3),
        "seen": (NUM_LANDMARKS, 2),
        "world": (NUM_LANDMARKS, 3),
        "confidence": (NUM_LANDMARKS,),
        "terms": (NUM_TERMS,),
        "overlap": (),
        "template": (NUM_OBJECT_POINTS, 3),
        "shapes": (NUM_OBJECT_POINTS, POINT_FEATURES),
        "queries": (NUM_QUERIES, told.width),
        "landmark_tokens": (NUM_LANDMARKS, told.width),
        "features": (told.width, side, side),
    }
    return Refined(**{name: torch.zeros(1, *shape) for name, shape in shapes.items()})

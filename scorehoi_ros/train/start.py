"""Where a training starts: from nothing, or from the weights of a larger or older network."""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.train.views import TrainingSet

_LAYER = "layers."


def from_nothing(net: Regressor, data: TrainingSet) -> None:
    """Set the means of the answers; the hypotheses start spread over all rotations."""
    net.mean_theta.copy_(matrix_to_rotation_6d(data.views.rotations[:20000]).mean(0))
    spread = torch.linalg.qr(torch.randn(len(net.mean_rotations), 3, 3))[0]
    net.mean_rotations.copy_(matrix_to_rotation_6d(spread))


def from_larger(net: Regressor, weights: dict[str, Tensor]) -> None:
    """Take over the weights of a network that is as wide and may have more layers and a finer image map.

    Layers are taken evenly, the first and the last among them.  Raises WeightsError when they do not fit.
    """
    depth = 1 + max((int(name.split(".")[1]) for name in weights if name.startswith(_LAYER)), default=0)
    taken = torch.linspace(0, depth - 1, len(net.layers)).round().long().tolist()
    chosen = {name: weights.get(_source(name, taken)) for name in net.state_dict()}
    place = chosen["image_place"]
    if place is not None and place.shape != net.image_place.shape:
        chosen["image_place"] = _coarser(place, net.image_place.shape[1])
    wrong = [n for n, w in chosen.items() if w is None or w.shape != net.state_dict()[n].shape]
    if wrong:
        raise WeightsError(f"{wrong[0]} of these weights does not fit. Start without them, or from others.")
    net.load_state_dict({name: value for name, value in chosen.items() if value is not None})


def _source(name: str, taken: list[int]) -> str:
    if not name.startswith(_LAYER):
        return name
    _, row, rest = name.split(".", 2)
    return f"{_LAYER}{taken[int(row)]}.{rest}"


def _coarser(place: Tensor, count: int) -> Tensor:
    """The place tokens (1, n, width) of a square map, averaged to one of `count` cells."""
    side, width = round(place.shape[1] ** 0.5), place.shape[2]
    square = place.mT.reshape(1, width, side, side)
    return adaptive_avg_pool2d(square, round(count**0.5)).flatten(2).mT

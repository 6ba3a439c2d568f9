"""A smaller regressor out of a larger one: fewer layers, a coarser image map, and low-rank corrections.

The smaller network starts with what it takes from the larger one.  What training then changed is small and
has a low rank, so it can be kept as corrections, a tenth of the size (as LoRA, Hu et al. 2022, but after
training).
"""

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.networks.regressor import Regressor

LEFT, RIGHT = ".left", ".right"
"""Endings of the two factors of a correction."""
_LAYER = "layers."


def shrunk(weights: dict[str, Tensor], net: Regressor) -> dict[str, Tensor]:
    """What `net` takes from the weights of a network as wide, which may have more layers and a finer map.

    Layers are taken evenly, the first and the last among them.  Raises WeightsError when they do not fit.
    """
    depth = 1 + max((int(name.split(".")[1]) for name in weights if name.startswith(_LAYER)), default=0)
    taken = torch.linspace(0, depth - 1, len(net.layers)).round().long().tolist()
    wanted = net.state_dict()
    chosen = {name: weights.get(_source(name, taken)) for name in wanted}
    place = chosen["image_place"]
    if place is not None and place.shape != net.image_place.shape:
        chosen["image_place"] = _coarser(place, net.image_place.shape[1])
    found = {n: w for n, w in chosen.items() if w is not None and w.shape == wanted[n].shape}
    if len(found) < len(wanted):
        wrong = next(name for name in wanted if name not in found)
        raise WeightsError(f"{wrong} of these weights does not fit. Start without them, or from others.")
    return found


def corrections(trained: dict[str, Tensor], base: dict[str, Tensor], rank: int) -> dict[str, Tensor]:
    """`trained` as it differs from `base`: matrices and kernels as two factors of `rank`, the rest whole."""
    told: dict[str, Tensor] = {}
    for name, value in trained.items():
        rows = value.flatten(1) if value.ndim > 1 else value
        if rows.ndim < 2 or len(rows) < 2 or rank * sum(rows.shape) >= rows.numel():
            told[name] = value
            continue
        U, S, Vh = torch.linalg.svd(rows - base[name].flatten(1), full_matrices=False)
        told[name + LEFT], told[name + RIGHT] = U[:, :rank] * S[:rank], Vh[:rank]
    return told


def corrected(base: dict[str, Tensor], told: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights that `corrections` stands for; raises WeightsError when it does not belong to `base`."""
    result = dict(base)
    for name, value in told.items():
        if name.endswith(RIGHT):
            continue
        plain = name.removesuffix(LEFT)
        if plain not in base:
            raise WeightsError(f"the corrections know {plain}, which the network has not.")
        if name.endswith(LEFT):
            value = base[plain] + (value @ told[plain + RIGHT]).reshape(base[plain].shape)
        result[plain] = value
    return result


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

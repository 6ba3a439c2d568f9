"""The regressor ready for use: by ONNX Runtime on the CPU, by torch on other devices."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from scorehoi_ros.errors import OutputError
from scorehoi_ros.networks.pointnext import POINT_FEATURES, PointNeXt
from scorehoi_ros.networks.regressor import Guess, Regressor, Seen
from scorehoi_ros.runtime.layouts import GEOMETRY, load_network
from scorehoi_ros.runtime.onnx import exported, session
from scorehoi_ros.runtime.weights import Weights
from scorehoi_ros.types import NUM_LANDMARKS, NUM_OBJECT_POINTS, Floats

Answer = Callable[[Seen, Tensor, Tensor | None], Guess]
"""(one frame, tokens of its template (1, 64, width), its picture (1, 3, S, S) 0..1) -> the guess.

The picture is None for a network that looks at masks alone.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Networks:
    """What the first stage needs, on one device."""

    net: Regressor
    encoder: PointNeXt
    answer: Answer


@lru_cache(maxsize=2)
def load_networks(size: str, folder: str = "", device: str = "cpu") -> Networks:
    """The regressor of a size (`networks.sizes.SIZES`) with the geometry encoder, from a folder of weights.

    An empty folder means the shipped ones.  Loaded once in a process.  Raises WeightsError.
    """
    net, weights = load_network(size, Regressor, folder)
    encoder, _ = load_network(GEOMETRY, PointNeXt, folder)
    net, encoder = net.to(device), encoder.to(device)
    if torch.device(device).type != "cpu":
        return Networks(net, encoder, torch_answer(net))
    try:
        return Networks(net, encoder, onnx_answer(net, weights))
    except OutputError as error:
        _log.warning("the network runs in torch, more slowly: %s", error)
        return Networks(net, encoder, torch_answer(net))


def template_tokens(networks: Networks, points: Floats) -> tuple[Tensor, Tensor, Tensor]:
    """Points (1, 64, 3), shape features (1, 64, c) and tokens (1, 64, width) of a template (64, 3)."""
    device = networks.net.queries.device
    rows = torch.as_tensor(points, dtype=torch.float32, device=device)[None]
    with torch.no_grad():
        shapes = networks.encoder(rows)[0]
        return rows, shapes, networks.net.template(rows, shapes)


def torch_answer(net: Regressor) -> Answer:
    """The network in torch, on the device where it is."""

    def answer(seen: Seen, template: Tensor, picture: Tensor | None) -> Guess:
        with torch.no_grad():
            return net.answer(seen, template, picture)

    return answer


def onnx_answer(net: Regressor, weights: Weights) -> Answer:
    """The network in ONNX Runtime with one thread that does not spin; exported once, kept in the cache.

    Raises OutputError when the cache cannot be written.
    """
    inputs = [*Seen._fields, "template", *(["picture"] if net.size.in_colour else [])]
    path = exported(_Flat(net), _blank(net), weights, inputs, list(Guess._fields))
    run = session(path)
    names = {entry.name for entry in run.get_inputs()}

    def answer(seen: Seen, template: Tensor, picture: Tensor | None) -> Guess:
        given = seen._asdict() | {"template": template, "picture": picture}
        feed = {name: value.numpy() for name, value in given.items() if name in names}
        return Guess(*map(torch.from_numpy, run.run(list(Guess._fields), feed)))

    return answer


class _Flat(nn.Module):
    """The regressor with one tensor for each argument, as the exporter wants it."""

    def __init__(self, net: Regressor) -> None:
        super().__init__()
        self.net = net

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Fields of `Seen`, the template's tokens and, if it counts, the picture -> fields of `Guess`."""
        seen, others = Seen(*values[: len(Seen._fields)]), values[len(Seen._fields) :]
        return tuple(self.net.answer(seen, *others))


def _blank(net: Regressor) -> tuple[Tensor, ...]:
    pixels, width = net.size.pixels, net.size.width
    picture = (torch.zeros(1, 3, pixels, pixels),) if net.size.in_colour else ()
    return (
        torch.zeros(1, 2, pixels, pixels),
        torch.zeros(1, NUM_LANDMARKS, 2),
        torch.zeros(1, NUM_LANDMARKS, 3),
        torch.ones(1, NUM_LANDMARKS),
        torch.ones(1),
        torch.ones(1, 2),
        torch.rand(1, NUM_OBJECT_POINTS, 3),
        torch.zeros(1, NUM_OBJECT_POINTS, POINT_FEATURES),
        torch.zeros(1, NUM_OBJECT_POINTS, width),
        *picture,
    )

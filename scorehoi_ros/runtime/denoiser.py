"""The denoiser ready for use: by ONNX Runtime on the CPU, by torch on other devices."""

import logging
from collections.abc import Callable
from functools import cache, lru_cache

import onnxruntime
import torch
from torch import Tensor, nn

from scorehoi_ros.diffusion.ddim import Denoise
from scorehoi_ros.diffusion.unknowns import NUM_X, Gaussian
from scorehoi_ros.errors import OutputError
from scorehoi_ros.networks.denoiser import Conditions, Denoiser, Memory
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.onnx import exported, session
from scorehoi_ros.runtime.weights import DENOISER, Weights

Prior = Callable[[Conditions, Gaussian, Tensor], Denoise]
"""(conditions of one frame, what the regressor says of its H hypotheses (H, 331), which conditions are kept
(1, 2)) -> the noise in x_t (H, 331)."""
Step = Callable[[Tensor, int, Gaussian, tuple[Memory, ...]], Tensor]
"""(x_t (1, H, 331) float32, t, what is believed (1, H, 331), memory) -> eps (1, H, 331)."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=2)
def load_prior(size: str, folder: str = "", device: str = "cpu") -> Prior:
    """The denoiser for a regressor of this size, from a folder of weights; empty = the shipped ones.

    Loaded once in a process.  Raises WeightsError.
    """
    net, weights = load_network(f"{size}-{DENOISER}", Denoiser, folder)
    net = net.to(device)
    if torch.device(device).type != "cpu":
        return prior_of(net, torch_step(net))
    try:
        return prior_of(net, onnx_step(net, weights))
    except OutputError as error:
        _log.warning("the network runs in torch, more slowly: %s", error)
        return prior_of(net, torch_step(net))


def prior_of(net: Denoiser, step: Step) -> Prior:
    """A prior whose keys and values are made once a frame."""
    device = net.usual_mean.device

    def prior(conditions: Conditions, told: Gaussian, kept: Tensor) -> Denoise:
        with torch.no_grad():
            memory = net.remember(Conditions(*(c.to(device) for c in conditions)), kept.to(device))
            single = Gaussian(*(value.float().to(device)[None] for value in told))
            believed = Gaussian(*(v.contiguous() for v in net.believed(single, kept.to(device))))

        def denoise(x: Tensor, t: int) -> Tensor:
            with torch.no_grad():
                eps = step(x.float().to(device)[None], t, believed, memory)
            return eps[0].to(x)

        return denoise

    return prior


def torch_step(net: Denoiser) -> Step:
    """The network in torch, on the device where it is."""

    def step(x: Tensor, t: int, believed: Gaussian, memory: tuple[Memory, ...]) -> Tensor:
        eps: Tensor = net(x, torch.full(x.shape[:2], t, device=x.device), believed, memory)
        return eps

    return step


def onnx_step(net: Denoiser, weights: Weights) -> Step:
    """The network in ONNX Runtime, a file for each number of hypotheses.

    Raises OutputError when the cache cannot be written.
    """
    names = ["x", "t", "mean", "sigma", *(f"memory{k}" for k in range(2 * len(_blank(net, 1)[4])))]

    @cache
    def run_for(count: int) -> onnxruntime.InferenceSession:
        x, t, mean, sigma, memory = _blank(net, count)
        flat = (x, t, mean, sigma, *(part for layer in memory for part in layer))
        return session(exported(_Flat(net), flat, weights, names, ["eps"], f"of-{count}"))

    run_for(1)

    def step(x: Tensor, t: int, believed: Gaussian, memory: tuple[Memory, ...]) -> Tensor:
        parts = (x, torch.full(x.shape[:2], t), *believed, *(part for layer in memory for part in layer))
        feed = {name: value.numpy() for name, value in zip(names, parts, strict=True)}
        return torch.from_numpy(run_for(x.shape[1]).run(["eps"], feed)[0])

    return step


class _Flat(nn.Module):
    """The denoiser with one tensor for each argument, as the exporter wants it."""

    def __init__(self, net: Denoiser) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, t: Tensor, mean: Tensor, sigma: Tensor, *memory: Tensor) -> Tensor:
        """See `Denoiser.forward`."""
        layers = tuple(Memory(*memory[k : k + 2]) for k in range(0, len(memory), 2))
        eps: Tensor = self.net(x, t, Gaussian(mean, sigma), layers)
        return eps


def _blank(net: Denoiser, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor, tuple[Memory, ...]]:
    image, geometry = len(net.image_names), net.geometry.in_features
    memory = net.remember(
        Conditions(torch.zeros(1, image, net.image.in_features), torch.zeros(1, 64, geometry))
    )
    x = torch.zeros(1, count, NUM_X)
    return x, torch.ones(1, count, dtype=torch.long), x, torch.ones_like(x), memory

"""The denoiser ready for use: by ONNX Runtime on the CPU, by torch on other devices."""

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import NamedTuple

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from scorehoi_ros.diffusion.ddim import STEPS, Denoise, Float64, alpha
from scorehoi_ros.diffusion.unknowns import NUM_X, Gaussian
from scorehoi_ros.jit import kernel
from scorehoi_ros.networks.denoiser import PER_NUMBER, Conditions, Denoiser, Memory, weighed
from scorehoi_ros.runtime.denoiser_graph import (
    PARTS,
    READ,
    TIME,
    denoiser_graph,
    memory_names,
    memory_values,
    times,
)
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.runtime.onnx import session
from scorehoi_ros.runtime.weights import DENOISER
from scorehoi_ros.types import Floats

Prior = Callable[[Conditions, Gaussian, Tensor], Denoise[Float64]]
"""(conditions of one frame, what the regressor says of its H hypotheses (H, 331), which conditions are kept
(1, 2)) -> the noise in x_t (H, 331) float64, on the CPU wherever the network is."""


@lru_cache(maxsize=2)
def load_prior(size: str, folder: str = "", device: str = "cpu") -> Prior:
    """The denoiser for a regressor of this size, from a folder of weights; empty = the shipped ones.

    Loaded once in a process.  Raises WeightsError.
    """
    net, _ = load_network(f"{size}-{DENOISER}", Denoiser, folder)
    return onnx_prior(net) if torch.device(device).type == "cpu" else torch_prior(net.to(device))


def torch_prior(net: Denoiser) -> Prior:
    """The network in torch, on the device where it is."""
    device = net.usual_mean.device

    def prior(conditions: Conditions, told: Gaussian, kept: Tensor) -> Denoise[Float64]:
        memory, believed = _known(net, conditions, told, kept)
        believed = Gaussian(*(value.float() for value in believed))

        def denoise(x: Float64, t: int) -> Float64:
            with torch.no_grad():
                level = torch.full((1, len(x)), t, device=device)
                eps = net(torch.from_numpy(x).float().to(device)[None], level, believed, memory)
            return np.asarray(eps[0].double().cpu().numpy(), np.float64)

        return denoise

    return prior


def onnx_prior(net: Denoiser) -> Prior:
    """The network in ONNX Runtime on the CPU, in one thread that does not spin."""
    run, time = session(denoiser_graph(net)), times(net, torch.arange(STEPS + 1))
    _warm_up()

    def prior(conditions: Conditions, told: Gaussian, kept: Tensor) -> Denoise[Float64]:
        memory, believed = _known(net, conditions, told, kept)
        return _Frame(run, time, memory, Gaussian(*(value[0] for value in believed)))

    return prior


def _known(
    net: Denoiser, conditions: Conditions, told: Gaussian, kept: Tensor
) -> tuple[tuple[Memory, ...], Gaussian]:
    """Keys and values, made once a frame, and what is believed (1, H, 331) float64."""
    device = net.usual_mean.device
    with torch.no_grad():
        kept = kept.to(device)
        memory = net.remember(Conditions(*(c.to(device) for c in conditions)), kept)
        return memory, net.believed(Gaussian(*(v.double().to(device)[None] for v in told)), kept)


class _Level(NamedTuple):
    """What `explained` needs at one level, each (H, 331) float64."""

    shift: Floats
    """Mean of x_t."""
    scale: Floats
    gain: Floats
    hidden: Floats
    open: Floats
    """By what the network's answer counts."""


def _level(mean: Float64, sigma: Float64, t: int) -> _Level:
    a = alpha(t)
    at = weighed(a, sigma)
    return _Level(a**0.5 * mean, at.scale, at.gain, at.hidden, at.left * at.hidden)


class _Frame:
    """The noise in states of one frame; inputs and outputs stay where they are from call to call."""

    def __init__(
        self, run: onnxruntime.InferenceSession, time: Floats, memory: tuple[Memory, ...], believed: Gaussian
    ) -> None:
        self._run, self._times = run, time
        count = len(believed.mean)
        # What each number's token is told: where it is, where it would be, how sure that is.
        self._parts = np.empty((count, NUM_X, PER_NUMBER), np.float32)
        self._parts[..., 2] = believed.sigma.log()
        self._time, self._read = np.empty_like(time[0]), np.empty((count, NUM_X), np.float32)
        values = {PARTS: self._parts.reshape(count, -1), TIME: self._time}
        values |= zip(memory_names(len(memory)), memory_values(memory), strict=True)
        self._bound = run.io_binding()
        # The binding knows addresses only, so the arrays are kept.
        self._values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(v) for name, v in values.items()}
        self._answer = onnxruntime.OrtValue.ortvalue_from_numpy(self._read)
        for name, value in self._values.items():
            self._bound.bind_ortvalue_input(name, value)
        self._bound.bind_ortvalue_output(READ, self._answer)
        self._mean, self._unit = believed.mean.numpy(), np.empty((count, NUM_X))
        self._level = cache(partial(_level, self._mean, believed.sigma.numpy()))

    def __call__(self, x: Float64, t: int) -> Float64:
        """Eps (H, 331) float64 of x_t."""
        at, eps = self._level(t), np.empty_like(x)
        _tell(x, at.shift, at.scale, at.gain, self._mean, self._unit, self._parts)
        self._time[:] = self._times[t]
        self._run.run_with_iobinding(self._bound)
        _hear(self._unit, at.hidden, at.open, self._read, eps)
        return eps


@kernel
def _tell(x, shift, scale, gain, mean, unit, parts):  # type: ignore[no-untyped-def]
    """Fill `unit` (H, 331) with x_t in its own standard deviations, and what tokens are told of it."""
    for h in range(x.shape[0]):
        for i in range(x.shape[1]):
            unit[h, i] = (x[h, i] - shift[h, i]) / scale[h, i]
            parts[h, i, 0] = unit[h, i]
            parts[h, i, 1] = mean[h, i] + gain[h, i] * unit[h, i]


@kernel
def _hear(unit, hidden, counts, read, eps):  # type: ignore[no-untyped-def]
    """Fill eps (H, 331) from `unit`, and from what the network says where it counts."""
    for h in range(eps.shape[0]):
        for i in range(eps.shape[1]):
            eps[h, i] = hidden[h, i] * unit[h, i] + counts[h, i] * read[h, i]


def _warm_up() -> None:
    """Compile, or read what was compiled before, so that the first frame need not."""
    one, single = np.ones((1, 1)), np.ones((1, 1, PER_NUMBER), np.float32)
    _tell(one, one, one, one, one, np.ones((1, 1)), single)
    _hear(one, one, one, single[0, :, :1].copy(), np.ones((1, 1)))

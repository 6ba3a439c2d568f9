"""Noise levels, and the deterministic walk between them (DDIM; Song et al. 2021).

x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps, with a_t of the cosine schedule (Nichol and Dhariwal 2021).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STEPS = 1000
"""T of the paper."""
_OFFSET = 0.008
_LEAST = 1e-4

Float64 = NDArray[np.float64]
Values = TypeVar("Values", Tensor, Float64)
"""x as torch or as numpy has it: numpy is quicker for few numbers."""
Denoise = Callable[[Values, int], Values]
"""(x_t (..., n), t) -> the noise eps in it."""
Guide = Callable[[Values, Values, Values, int], tuple[Values, Values]]
"""(x_t, x_0 as denoised, eps, t) -> x_0 and eps as something else wants them; called on the way down."""


@cache
def alphas() -> Tensor:
    """(1001,) float64 a_t for t = 0..T; a_0 = 1."""
    t = torch.arange(STEPS + 1, dtype=torch.float64) / STEPS
    a = torch.cos((t + _OFFSET) / (1 + _OFFSET) * torch.pi / 2).square()
    return (a / a[0]).clamp_min(_LEAST)


def alpha(t: int) -> float:
    """a_t of one level as a number: to take it from a tensor costs more than a step of the walk."""
    return _numbers()[t]


@cache
def _numbers() -> list[float]:
    numbers: list[float] = alphas().tolist()
    return numbers


def upwards(tau: int, dt: int) -> list[int]:
    """Levels 0, dt, ... tau of an inversion; reversed, those of a sampling."""
    return [*range(0, tau, dt), tau]


def ddim(
    denoise: Denoise[Values],
    x: Values,
    levels: Sequence[int],
    guide: Guide[Values] | None = None,
    settled: Callable[[], bool] = lambda: False,
) -> Values:
    """Walk x (..., n) along noise levels; upwards it is the inversion, downwards the sampling (Algorithm A).

    The network is asked at level 1 where a walk begins at 0, which has no noise to find.  `settled` is asked
    in each step; when it agrees, the step goes straight to the last level.
    """
    a = _numbers()
    for s, t in zip(levels[:-1], levels[1:], strict=True):
        eps = denoise(x, max(s, 1))
        x_0 = denoised(x, eps, s)
        if guide is not None:
            x_0, eps = guide(x, x_0, eps, s)
        if early := settled():
            t = levels[-1]
        x = a[t] ** 0.5 * x_0 + (1 - a[t]) ** 0.5 * eps
        if early:
            break
    return x


def denoised(x: Values, eps: Values, t: int) -> Values:
    """x_0 of x_t (..., n) whose noise is eps (equation 2)."""
    a = alpha(t)
    return (x - (1 - a) ** 0.5 * eps) / a**0.5

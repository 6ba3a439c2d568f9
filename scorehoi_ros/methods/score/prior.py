"""The prior of one frame: the noise in x_t, by the network or by the regressor's own Gaussian."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.state import BETAS, CAMERA, NUM_THETA, PLACE, Belief, Float64
from scorehoi_ros.diffusion.ddim import Denoise, alpha
from scorehoi_ros.diffusion.unknowns import Gaussian, told
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.denoiser import Conditions, weighed
from scorehoi_ros.runtime.denoiser import Prior
from scorehoi_ros.types import NUM_JOINTS

_LEAST_SIGMA = 0.02
"""The network has met no smaller ones, but a shape that is locked has."""


@dataclass(frozen=True)
class FramePrior:
    """What is believed of the H hypotheses of one frame."""

    gaussian: Gaussian
    """(H, 331) float64, what the regressor says."""
    denoise: Denoise[Float64]
    """(x_t (H, 331) float64, t) -> eps."""


def frame_prior(
    belief: Belief,
    focal: float,
    prior: Prior | None,
    conditions: Conditions,
    kept: Tensor,
    learned: float = 1.0,
) -> FramePrior:
    """The prior about a belief; `prior` None = its Gaussian; `kept` (1, 2) bool: c_I, c_G.

    `learned` is the share of what the network says beyond the Gaussian that counts, as a guidance scale.
    """
    gaussian = gaussian_of(belief, focal)
    if prior is None:
        return FramePrior(gaussian, noise_of(gaussian))
    known = Gaussian(gaussian.mean, gaussian.sigma.clamp_min(_LEAST_SIGMA))
    said, plain = prior(conditions, known, kept), noise_of(known)

    def shared(x: Float64, t: int) -> Float64:
        usual = plain(x, t)
        return usual + learned * (said(x, t) - usual)

    return FramePrior(gaussian, said if learned == 1 else shared)


def noise_of(gaussian: Gaussian) -> Denoise[Float64]:
    """The noise in x_t (H, 331) as a Gaussian of x explains it."""
    mean, sigma = gaussian.mean.numpy(), gaussian.sigma.numpy()

    def denoise(x: Float64, t: int) -> Float64:
        a = alpha(t)
        at = weighed(a, sigma)
        return np.asarray(at.hidden * (x - a**0.5 * mean) / at.scale, np.float64)

    return denoise


def gaussian_of(belief: Belief, focal: float) -> Gaussian:
    """(H, 331) float64: a belief about the unknowns of an alignment as one about x."""
    mean, sigma = torch.as_tensor(belief.means()), torch.as_tensor(belief.sigma.flat())
    theta = mean[:, :NUM_THETA].unflatten(-1, (NUM_JOINTS, 6))
    R_o = matrix_to_rotation_6d(torch.as_tensor(belief.rotations).double())
    spread = sigma.expand(len(mean), -1)
    return told(
        theta,
        mean[:, BETAS],
        mean[:, CAMERA],
        mean[:, PLACE],
        R_o,
        spread,
        mean.new_full((len(mean),), focal),
    )

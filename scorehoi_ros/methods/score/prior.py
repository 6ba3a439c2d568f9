"""The prior of one frame: the noise in x_t, by the network or by the regressor's own Gaussian."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.state import BETAS, CAMERA, NUM_THETA, PLACE, Belief, Float64
from scorehoi_ros.diffusion.ddim import Denoise, alpha
from scorehoi_ros.diffusion.unknowns import PLACE as X_PLACE
from scorehoi_ros.diffusion.unknowns import Gaussian, told
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.geometry.view import pelvis_of
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
    lean: Float64
    """(H, 2) metres that the object goes to the right and down for each that it goes away along its ray."""
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
    lean = _lean_of(belief, gaussian, focal)
    if prior is None:
        return FramePrior(gaussian, lean, noise_of(gaussian, lean))
    known = Gaussian(gaussian.mean, gaussian.sigma.clamp_min(_LEAST_SIGMA))
    said, plain = prior(conditions, known, kept), noise_of(known, lean)

    def shared(x: Float64, t: int) -> Float64:
        usual = plain(x, t)
        return usual + learned * (said(x, t) - usual)

    return FramePrior(gaussian, lean, said if learned == 1 else shared)


def noise_of(gaussian: Gaussian, lean: Float64) -> Denoise[Float64]:
    """The noise in x_t (H, 331) as a Gaussian of x explains it, whose object is sure of its ray.

    The regressor says the place in pixels and in depth: in metres, both go together (`FramePrior.lean`).
    Without that an object that comes nearer is held where it was, off its ray and out of the image.
    """
    mean, sigma = gaussian.mean.numpy(), gaussian.sigma.numpy()
    along = np.tile(np.eye(3), (len(mean), 1, 1))
    along[:, :2, 2] = lean
    covariance = along @ (sigma[:, X_PLACE, None] ** 2 * np.eye(3)) @ along.swapaxes(1, 2)

    def denoise(x: Float64, t: int) -> Float64:
        a = alpha(t)
        at, off = weighed(a, sigma), x - a**0.5 * mean
        noise = np.asarray(at.hidden * off / at.scale, np.float64)
        mixed = a * covariance + (1 - a) * np.eye(3)
        noise[:, X_PLACE] = (1 - a) ** 0.5 * np.linalg.solve(mixed, off[:, X_PLACE, None])[..., 0]
        return noise

    return denoise


def _lean_of(belief: Belief, gaussian: Gaussian, focal: float) -> Float64:
    camera = torch.as_tensor(belief.means()[:, CAMERA])
    origin = (pelvis_of(camera, camera.new_full((len(camera),), focal)) + gaussian.mean[:, X_PLACE]).numpy()
    return np.asarray(origin[:, :2] / origin[:, 2:], np.float64)


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

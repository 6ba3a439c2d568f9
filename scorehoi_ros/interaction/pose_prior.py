"""How people hold themselves: one Gaussian over the 21 body joints, from motion capture.

A pose is the vector of 21 x 6 numbers (6D rotations).  The prior keeps what the image does not say (twist,
hidden limbs, the spine) near what people do; it is deliberately loose.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.pose_file import read_pose_file
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix, matrix_to_rotation_6d
from scorehoi_ros.types import Floats

PRIOR_FILE = "pose_prior.safetensors"
NUM_BODY = 21
_FLOOR_SD = 0.1
"""Least standard deviation of each 6D number: some joints of the corpus hardly move, real ones do."""
_TAG_WEIGHTS = {"dance": 0.2, "climb": 0.1, "fight": 0.3, "acrobatics": 0.05, "jump": 0.3}
"""Rare while handling objects, frequent in the corpus."""
_MIRROR = (1, 0, 2, 4, 3, 5, 7, 6, 8, 10, 9, 11, 13, 12, 14, 16, 15, 18, 17, 20, 19)
"""Left and right swapped, over body joints 1..21 counted from 0."""


@dataclass(frozen=True)
class PosePrior:
    """Gaussian over body poses."""

    mean: Tensor
    """(126,)"""
    whiten: Tensor
    """(126, 126): whiten @ (pose - mean) has unit variance."""

    def to(self, device: torch.device | str) -> "PosePrior":
        """The same on a device."""
        return PosePrior(self.mean.to(device), self.whiten.to(device))

    def loss(self, theta: Tensor) -> Tensor:
        """Mean squared Mahalanobis distance (...) of theta (..., 52, 6); about 1 for a typical pose."""
        pose = theta[..., 1 : NUM_BODY + 1, :].flatten(-2)
        return ((pose - self.mean) @ self.whiten.T).square().mean(-1)


def load_prior(path: Path | None = None) -> PosePrior:
    """Read the shipped prior, or another of the same layout; raises InputError when it is damaged."""
    path = path or model_file(PRIOR_FILE)
    try:
        tensors = load_file(path)
        mean, whiten = tensors["mean"].float(), tensors["whiten"].float()
    except (OSError, SafetensorError, KeyError) as error:
        raise InputError(
            f"{path} is not a pose prior ({error}). Build one with `scorehoi body prior`."
        ) from None
    size = NUM_BODY * 6
    if mean.shape != (size,) or whiten.shape != (size, size):
        raise InputError(
            f"{path}: expected mean ({size},) and whiten ({size}, {size}). Got {mean.shape}, {whiten.shape}."
        )
    return PosePrior(mean, whiten)


def build_prior(corpus: Path, out: Path) -> PosePrior:
    """Fit the prior to a pose corpus and write it.

    `corpus`: npz with `poses` (N, 22, 3) axis-angle, `clip` (N,) and `clips` (JSON bytes with tags).
    """
    poses, weights = _read_corpus(corpus)
    both = torch.cat((poses, _mirror(poses)))
    x = matrix_to_rotation_6d(axis_angle_to_matrix(both)).flatten(1).double()
    w = torch.as_tensor(np.concatenate((weights, weights)))
    w = w / w.sum()
    mean = w @ x
    centred = x - mean
    covariance = (centred * w[:, None]).T @ centred + _FLOOR_SD**2 * torch.eye(x.shape[1], dtype=x.dtype)
    whiten = torch.linalg.inv(torch.linalg.cholesky(covariance))
    prior = PosePrior(mean.float().contiguous(), whiten.float().contiguous())
    with whole_file(out) as temporary:
        save_file({"mean": prior.mean, "whiten": prior.whiten}, temporary)
    return prior


def _mirror(poses: Tensor) -> Tensor:
    """Axis-angle (n, 21, 3) of the same poses with left and right swapped."""
    return poses[:, list(_MIRROR)] * torch.tensor([1.0, -1.0, -1.0])


def _read_corpus(path: Path) -> tuple[Tensor, Floats]:
    """Poses (N, 21, 3) axis-angle without the root, and how much each counts (N,)."""
    corpus = read_pose_file(path)
    weights = np.array([_TAG_WEIGHTS.get(tag, 1.0) for tag in corpus.tags])
    return torch.from_numpy(corpus.poses[:, 1:]), weights[corpus.clip]

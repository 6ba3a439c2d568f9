"""Weights of the networks as nobody trained them, small and quick."""

from pathlib import Path

import torch
from torch import nn

from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.networks.denoiser import Denoiser
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.sizes import SIZES, RegressorSize
from scorehoi_ros.runtime.layouts import network_of
from scorehoi_ros.runtime.weights import write_weights
from scorehoi_ros.types import NUM_JOINTS

TINY = RegressorSize("lite", 32, 32, 2)
"""Stands for the size "live" in tests, see `tiny_sizes`."""


def tiny_sizes(monkeypatch) -> None:
    """For one test, "live" is TINY."""
    monkeypatch.setitem(SIZES, "live", TINY)


def random_network(kind: str, seed: int = 0) -> nn.Module:
    """A network that says something for everything: rotations about known ones, a person 3 m away."""
    torch.manual_seed(seed)
    net = network_of(kind)
    if isinstance(net, Regressor):
        net.mean_theta.copy_(matrix_to_rotation_6d(torch.eye(3)).expand(NUM_JOINTS, 6))
        spread = torch.linalg.qr(torch.randn(net.size.hypotheses, 3, 3))[0]
        spread = spread * torch.linalg.det(spread)[:, None, None]
        net.mean_rotations.copy_(matrix_to_rotation_6d(spread))
        with torch.no_grad():
            net.heads.camera.bias[2] = 1.0
            net.heads.rotation.weight.mul_(3)
    if isinstance(net, Denoiser):
        with torch.no_grad():
            for parameter in net.tokens.out.parameters():
                parameter.normal_(std=0.01)
    return net


def write_networks(folder: Path, *kinds: str) -> str:
    """Files of weights of the kinds; returns the folder as the setting `regress.weights` wants it."""
    for number, kind in enumerate(kinds):
        write_weights(
            folder / f"{kind}.safetensors", random_network(kind, number).state_dict(), {"kind": kind}
        )
    return str(folder)

"""What a trained regressor says of many views, kept in half precision for the networks that build on it."""

from dataclasses import replace

import torch
from torch import Tensor

from scorehoi_ros.networks.regressor import Guess, Regressor
from scorehoi_ros.train.regressor import TOLD, Material, guess_of

_BATCH = 64


def limited(material: Material, count: int) -> Material:
    """Every n-th view, so that at most `count` are left."""
    return _every(material, 0, -(-len(material) // count))


def halves(material: Material) -> tuple[Material, Material]:
    """The even and the odd views."""
    return _every(material, 0, 2), _every(material, 1, 2)


def _every(material: Material, first: int, stride: int) -> Material:
    rows = torch.arange(first, len(material), stride, device=material.shapes.device)
    interactions = tuple(material.data.interactions[i] for i in rows.tolist())
    data = replace(material.data, views=material.data.views.rows(rows), interactions=interactions)
    return Material(data, material.shapes)


@torch.no_grad()
def gather(net: Regressor, material: Material) -> Guess:
    """The guesses of all views; the large fields (queries, features, tokens) as float16."""
    net.eval()
    parts = []
    for first in range(0, len(material), _BATCH):
        rows = torch.arange(first, min(first + _BATCH, len(material)), device=material.shapes.device)
        views = material.data.views.rows(rows)
        parts.append(guess_of(net, material, views, views.masks()[:, TOLD]))
    fields = {name: torch.cat([_small(name, getattr(p, name)) for p in parts]) for name in Guess._fields}
    return Guess(**fields)


def rows_of(guess: Guess, rows: Tensor) -> Guess:
    """Some of the guesses, in single precision."""
    return Guess(*(value[rows].float() for value in guess))


def _small(name: str, value: Tensor) -> Tensor:
    return value.half() if name in ("queries", "features", "landmark_tokens") else value

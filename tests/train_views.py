"""A few views as training data, and small networks for them."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.produce import observed
from scorehoi_ros.synth.storage import Scene, write_shard
from scorehoi_ros.train.regressor import Material
from scorehoi_ros.train.start import from_nothing
from scorehoi_ros.train.views import load_views
from tests.synth_scenes import body, scene, template
from tests.tiny_networks import TINY

SIDE, COUNT = 64, 6
BALL = "ball:0.22"


@cache
def scenes(side: int = SIDE) -> tuple[Scene, ...]:
    """A box before the belly, the last time a ball, in crops of `side` pixels."""
    boxes = [observed(scene(k), body(), template(), None, side) for k in range(COUNT - 1)]
    ball = replace(scene(COUNT - 1), object_spec=BALL)
    return (*boxes, observed(ball, body(), load_template(BALL), None, side))


def write_views(folder: Path, first: int = 0, last: int = COUNT, side: int = SIDE) -> Path:
    """A shard of some of the scenes."""
    path = folder / f"views-{first}.npz"
    write_shard(path, scenes(side)[first:last], {"split": "test", "size": side, "job": [first, last - first]})
    return path


def material(folder: Path) -> Material:
    """All scenes, with shape features that mean nothing."""
    data = load_views([write_views(folder)])
    g = torch.Generator().manual_seed(0)
    return Material(data, torch.randn(len(data.table.points), 64, POINT_FEATURES, generator=g))


def small_regressor(of: Material) -> Regressor:
    torch.manual_seed(0)
    net = Regressor(TINY)
    from_nothing(net, of.data)
    return net

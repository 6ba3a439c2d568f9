"""Which network each file of weights is for, and files that are corrections to others."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.mesh import MeshRegressor
from scorehoi_ros.networks.pointnext import POINT_FEATURES, PointNeXt
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.shrink import corrected, shrunk
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.weights import BASED_ON, Weights, fill, read_weights

GEOMETRY, CONTACT, MESH = "geometry", "contact", "mesh"
KINDS = (GEOMETRY, *SIZES, *(f"{size}-{part}" for size in SIZES for part in (CONTACT, MESH)))


def network_of(kind: str) -> nn.Module:
    """An untrained network of one of KINDS; raises WeightsError for another kind."""
    if kind not in KINDS:
        raise WeightsError(f"there is no network {kind!r}. Kinds: {', '.join(KINDS)}.")
    if kind == GEOMETRY:
        return PointNeXt()
    size, _, part = kind.partition("-")
    if not part:
        return Regressor(SIZES[size])
    net = ContactPredictor if part == CONTACT else MeshRegressor
    return net(SIZES[size].width, POINT_FEATURES)


def complete(weights: Weights, net: Regressor, folder: str) -> Weights:
    """Weights that are told as corrections to those of a larger network in the same folder, in full.

    Raises WeightsError when the larger one is missing or another one.
    """
    larger = weights.told.get(BASED_ON)
    if larger is None:
        return weights
    base = read_weights(str(larger), folder)
    try:
        tensors = corrected(shrunk(base.tensors, net), weights.tensors)
    except (KeyError, RuntimeError) as error:
        kind = weights.told.get("kind")
        raise WeightsError(f"the weights {kind!r} are no corrections to {larger!r}: {error}") from error
    # Both files decide what the network is, so both name its export.
    return replace(weights, tensors=tensors, sha256=weights.sha256[:8] + base.sha256[:8])


def check_weights(path: Path) -> None:
    """Whether a file KIND.safetensors holds its network, in whatever release; raises WeightsError if not."""
    net, folder = network_of(path.stem), str(path.parent)
    weights = read_weights(path.stem, folder)
    fill(net, complete(weights, net, folder) if isinstance(net, Regressor) else weights)

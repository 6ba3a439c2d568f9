"""Which network each file of weights is for."""

from pathlib import Path

from torch import nn

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.mesh import MeshRegressor
from scorehoi_ros.networks.pointnext import POINT_FEATURES, PointNeXt
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.weights import fill, read_weights

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


def check_weights(path: Path) -> None:
    """Whether a file KIND.safetensors holds its network, in whatever release; raises WeightsError if not."""
    fill(network_of(path.stem), read_weights(path.stem, str(path.parent)))

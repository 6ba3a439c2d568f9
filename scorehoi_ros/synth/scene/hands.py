"""Hands: poses from a corpus, and fingers that close until they touch."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.assets import model_file
from scorehoi_ros.npz import Field, Layout, damage_told, read_npz
from scorehoi_ros.types import Floats

COMMITTED = "synth/hands.npz"
LAYOUT = Layout(
    "a hand corpus",
    "Expected an .npz with poses (N, 15, 3), side (N,) and meta (JSON).",
    {
        "poses": Field("f", ("hands", 15, 3)),
        "side": Field("b", ("hands",)),
        "meta": Field("u", ("bytes",)),
    },
)
OPEN_NAMES = ("flat", "Straight", "flare", "Default pose")
THUMB_OUT_NAMES = ("asl 10", "asl ch", "asl l")
"""Thumbs in the plane of the palm: others would be inside whatever the palm touches."""
CLOSED_NAMES = ("grab", "asl s", "fallback_fist", "Grip 2", "asl 10", "asl a")
THUMB_IN_NAMES = ("Hold", "Cup", "Pinch Large", "Grip 1", "fallback_relaxed")
"""Thumbs that oppose the fingers."""
THUMB = slice(12, 15)
RELAXED_NAMES = ("rest", "Default pose", "fallback_relaxed", "SquishyBase", "Hold", "flat", "grab", "Rounded")
_ODD_SHARE = 0.2
"""Share of idle hands that show any pose of the corpus."""
LEVELS = np.array([-0.35, -0.12, 0.1, 0.28, 0.44, 0.58, 0.7, 0.82, 0.94, 1.06])
"""How far fingers are closed, 0 = open pose and 1 = closed pose, where contact is tried."""
_PRESHAPE = -0.1
_FLAT_LEVELS, _PUSHED_M = 4, 0.006
"""A finger that is inside from the start stays about flat, unless even that is deeper inside than this."""
_PRESSED_M = 0.002
"""Skin gives way by this much."""


@dataclass(frozen=True)
class HandCorpus:
    """Static hand poses, all as left hands."""

    poses: NDArray[np.float64]
    """(N, 15, 3) axis-angle, in SMPL-H's order of the left hand's joints."""
    names: tuple[str, ...]

    def rows(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """Rows whose name is one of `names`; all rows when none is."""
        rows = np.array([k for k, name in enumerate(self.names) if name in names], np.int64)
        return rows if len(rows) else np.arange(len(self.names))

    def draw(self, names: tuple[str, ...], rng: np.random.Generator) -> Floats:
        """A left hand (15, 3) of one of the names, varied a little."""
        pose = self.poses[rng.choice(self.rows(names))]
        return np.asarray(pose * rng.uniform(0.85, 1.1) + rng.normal(scale=0.03, size=pose.shape))

    def idle(self, rng: np.random.Generator) -> Floats:
        """A left hand (15, 3) that does nothing in particular."""
        names = self.names if rng.random() < _ODD_SHARE else RELAXED_NAMES
        return self.draw(names, rng)


def read_hands(path: Path | None = None) -> HandCorpus:
    """Read a hand corpus; None = the one that comes with the package.

    npz with `poses` (N, 15, 3), `side` (N,) True = right, `meta` (JSON bytes: name).  Raises InputError.
    """
    path = path or model_file(COMMITTED)
    with damage_told(path, LAYOUT):
        arrays = read_npz(path, LAYOUT, only=LAYOUT.fields)
        names = tuple(str(entry["name"]) for entry in json.loads(arrays["meta"].tobytes()))
        poses, right = arrays["poses"].astype(np.float64), arrays["side"]
        if not 0 < len(poses) == len(names):
            raise ValueError(f"it has {len(poses)} hands and {len(names)} names")
    poses[right] *= np.array([1.0, -1.0, -1.0])
    return HandCorpus(poses, names)


@lru_cache(maxsize=1)
def cached_hands() -> HandCorpus:
    """The hands that come with the package."""
    return read_hands()


def sided(pose: Floats, side: str) -> Floats:
    """A left hand's pose (..., 15, 3) as that of `side`."""
    return pose if side == "left" else np.asarray(pose * np.array([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class Grasp:
    """How one hand may close."""

    opened: Floats
    """(15, 3) of its side."""
    closed: Floats
    """(15, 3)"""
    relaxed: float
    """Level of fingers that meet nothing."""


def draw_grasp(hands: HandCorpus, side: str, rng: np.random.Generator) -> Grasp:
    """Open and closed hand from the corpus."""
    ends = []
    for names, thumbs in ((OPEN_NAMES, THUMB_OUT_NAMES), (CLOSED_NAMES, THUMB_IN_NAMES)):
        pose = hands.draw(names, rng)
        pose[THUMB] = hands.draw(thumbs, rng)[THUMB]
        ends.append(sided(pose, side))
    return Grasp(ends[0], ends[1], float(rng.uniform(0.1, 0.45)))


def preshaped(grasp: Grasp) -> Floats:
    """(15, 3) the hand before it closes."""
    return np.asarray(grasp.opened + _PRESHAPE * (grasp.closed - grasp.opened))


def closing_path(grasp: Grasp) -> Floats:
    """(levels, 15, 3) hand poses on the way from open to closed, a little beyond both ends."""
    return np.asarray(grasp.opened + LEVELS[:, None, None] * (grasp.closed - grasp.opened))


def closed_levels(gaps: Floats, near: float, rest: Floats) -> Floats:
    """(n,) how far each finger closes.

    `gaps` (n, levels) are the least signed distances of the fingers at each of `LEVELS`.  A finger closes
    until it is pressed in by 2 mm; one that is inside from the start takes its best level; one that comes
    `near` stays there; others stay at `rest` (n,).
    """
    level = np.array(rest, float)
    for k, row in enumerate(gaps):
        below = np.nonzero(row < -_PRESSED_M)[0]
        if len(below) and below[0] > 0:
            j = below[0]
            share = (row[j - 1] + _PRESSED_M) / (row[j - 1] - row[j])
            level[k] = LEVELS[j - 1] + share * (LEVELS[j] - LEVELS[j - 1])
        elif len(below):
            flat = row[:_FLAT_LEVELS]
            level[k] = LEVELS[int((flat if flat.max() > -_PUSHED_M else row).argmax())]
        elif row.min() < near:
            level[k] = LEVELS[int(row.argmin())]
    return level

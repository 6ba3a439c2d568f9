"""Body poses from a corpus of motion capture: reading, sorting into stances, drawing, mirroring."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.pose_file import LAYOUT, read_pose_file
from scorehoi_ros.body.skeleton import JOINT_INDEX, MIRROR
from scorehoi_ros.errors import InputError
from scorehoi_ros.synth.scene.kinematics import forward, level, matrices, vectors
from scorehoi_ros.synth.splits import clip_split
from scorehoi_ros.types import Bools, Floats

COMMITTED = "synth/poses.npz"
STANCES = ("stand", "sit", "any")
TAG_WEIGHTS = {
    "sit": 3.0, "drink": 4.0, "clean": 4.0, "reach": 3.0, "bend": 3.0, "throw_ball": 2.0, "walk": 1.5,
    "idle": 2.0, "gesture": 1.5, "run": 0.5, "jump": 0.3, "fight": 0.3, "dance": 0.1, "climb": 0.1,
    "floor": 0.1,
}  # fmt: skip
"""How much more often than by its number of frames a tag is drawn; other tags 1."""
_HEAD_SHARE = 0.4
"""The corpus' head pitch is not reliable: this share of neck and head is kept."""


@dataclass(frozen=True)
class PoseCorpus:
    """Frames of motion capture in the order of clips and time."""

    poses: NDArray[np.float32]
    """(N, 22, 3) axis-angle, joint 0 without heading: the body faces z, y is up."""
    clip: NDArray[np.int64]
    """(N,) index into `names`."""
    frame: NDArray[np.int64]
    """(N,) frame of the clip at 20 frames a second."""
    names: tuple[str, ...]
    tags: tuple[str, ...]
    """First tag of each clip."""

    def weights(self, split: str) -> Floats:
        """(N,) how likely each frame is to be drawn in a split, not normalised."""
        clip = np.array([TAG_WEIGHTS.get(tag, 1.0) for tag in self.tags])
        clip = clip * np.array([clip_split(name) == split for name in self.names])
        return np.asarray(clip[self.clip])


def read_corpus(path: Path | None = None) -> PoseCorpus:
    """Read a corpus; None = the one that comes with the package.

    npz with `poses` (N, 22, 3) axis-angle, `clip` (N,), `t` (N,) and `clips` (JSON bytes: name, tags).
    Raises InputError when it is missing, damaged or of another layout.
    """
    path = path or model_file(COMMITTED)
    corpus = read_pose_file(path)
    if corpus.frame is None or not all(corpus.names):
        raise InputError(f"{path} has no t, or clips without a name. {LAYOUT.mend}")
    poses = corpus.poses
    poses[:, 0] = vectors(level(matrices(poses[:, 0])))
    poses[:, [JOINT_INDEX["neck"], JOINT_INDEX["head"]]] *= _HEAD_SHARE
    return PoseCorpus(poses, corpus.clip, corpus.frame, corpus.names, corpus.tags)


@lru_cache(maxsize=2)
def cached_corpus(path: Path | None = None) -> PoseCorpus:
    """`read_corpus`, kept in memory."""
    return read_corpus(path)


def mirrored(poses: Floats) -> Floats:
    """Poses (..., J, 3) of the first J joints with left and right swapped."""
    order = MIRROR[: np.shape(poses)[-2]]
    return np.asarray(poses[..., order, :] * np.array([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class PosePool:
    """The frames of one split, sorted into stances."""

    corpus: PoseCorpus
    cumulative: dict[str, Floats]
    """For each of `STANCES`, (N,) summed weights."""

    def draw(self, stance: str, rng: np.random.Generator) -> tuple[Floats, str]:
        """A body pose (22, 3) and the name of its source; half of them mirrored."""
        total = self.cumulative[stance]
        row = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        name = self.corpus.names[self.corpus.clip[row]]
        pose = self.corpus.poses[row].astype(np.float64)
        return (mirrored(pose), f"{name}/mirrored") if rng.random() < 0.5 else (pose, name)


def make_pool(corpus: PoseCorpus, split: str, rest: Floats) -> PosePool:
    """Sort the frames of a split by the posture of the mean body, whose joints at rest are `rest` (52, 3).

    Raises InputError when the corpus has no frame of a stance in this split.
    """
    weights, stances = corpus.weights(split), stance_masks(corpus, rest)
    cumulative = {}
    for stance, mask in stances.items():
        cumulative[stance] = np.cumsum(weights * mask)
        if cumulative[stance][-1] <= 0:
            raise InputError(
                f"the pose corpus has no {stance} pose in the split {split}. Give a larger one with --poses."
            )
    return PosePool(corpus, cumulative)


def stance_masks(corpus: PoseCorpus, rest: Floats) -> dict[str, Bools]:
    """(N,) for each of `STANCES`: which frames are of that kind."""
    local = matrices(corpus.poses)
    turned, place = forward(local, rest, np.zeros((len(local), 3)))
    index = JOINT_INDEX
    feet = place[:, [index["left_foot"], index["right_foot"]], 1]
    upright = -float(rest[index["left_foot"], 1] - rest[0, 1])
    tilt = np.arccos(np.clip(turned[:, index["spine2"], 1, 1], -1, 1))
    knees = np.linalg.norm(corpus.poses[:, [index["left_knee"], index["right_knee"]]], axis=-1)
    thighs = (
        place[:, [index["left_hip"], index["right_hip"]]]
        - place[:, [index["left_knee"], index["right_knee"]]]
    )
    thigh_rise = thighs[..., 1] / np.linalg.norm(thighs, axis=-1)
    ahead = -thighs[..., 2] > 0.1
    level_feet = np.abs(feet[:, 0] - feet[:, 1]) < 0.12
    stand = (-feet.min(1) > 0.9 * upright) & (tilt < np.radians(28)) & level_feet
    sit = (
        (knees > 0.8).all(1) & (knees < 2.0).all(1) & (thigh_rise < 0.55).all(1) & (thigh_rise > -0.2).all(1)
    )
    sit &= ahead.all(1) & (tilt < np.radians(35)) & (feet.max(1) < -0.25)
    return {"stand": stand, "sit": sit, "any": stand | sit}

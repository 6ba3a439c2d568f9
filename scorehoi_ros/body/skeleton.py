"""SMPL-H's kinematic tree: names, parents, mirror partners and the tables of the forward-kinematics chain.

The order is that of the published SMPL-H files (Romero et al. 2017): 22 body joints, then for each hand
index, middle, pinky, ring, thumb with three joints each.
"""

import re

import numpy as np
from numpy.typing import NDArray

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
SIDES = ("left", "right")

_BODY = (
    ("pelvis", ""),
    ("left_hip", "pelvis"),
    ("right_hip", "pelvis"),
    ("spine1", "pelvis"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("spine2", "spine1"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
    ("spine3", "spine2"),
    ("left_foot", "left_ankle"),
    ("right_foot", "right_ankle"),
    ("neck", "spine3"),
    ("left_collar", "spine3"),
    ("right_collar", "spine3"),
    ("head", "neck"),
    ("left_shoulder", "left_collar"),
    ("right_shoulder", "right_collar"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
)


def _hand(side: str) -> list[tuple[str, str]]:
    """Joints of one hand with their parents; the first phalanges hang on the wrist."""
    return [
        (f"{side}_{finger}{k}", f"{side}_{finger}{k - 1}" if k > 1 else f"{side}_wrist")
        for finger in FINGERS
        for k in (1, 2, 3)
    ]


_TREE = (*_BODY, *_hand("left"), *_hand("right"))

HAND_JOINT_0 = len(_BODY)
"""First finger joint."""
JOINT_NAMES: tuple[str, ...] = tuple(name for name, _ in _TREE)
JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINT_NAMES)}
PARENTS: NDArray[np.int32] = np.array([JOINT_INDEX.get(parent, -1) for _, parent in _TREE], dtype=np.int32)
"""(52,) parent of every joint, -1 for the pelvis; a parent always comes before its children."""


def mirror_name(name: str) -> str:
    """The name of the joint, landmark or region on the other side of the body."""
    return re.sub("left|right", lambda side: "right" if side[0] == "left" else "left", name)


MIRROR: NDArray[np.int32] = np.array([JOINT_INDEX[mirror_name(name)] for name in JOINT_NAMES], dtype=np.int32)
"""(52,) index of the joint on the other side; middle joints map to themselves."""


def jump_table(parents: NDArray[np.integer]) -> NDArray[np.int64]:
    """Ancestors at distance 1, 2, 4, 8 ...: (rounds, joints + 1), where index ``joints`` is the world.

    Multiplying every transform by that of these ancestors, row after row, yields world transforms in
    log2(depth) batched products instead of one for every level.
    """
    count = len(parents)
    table = [np.append(np.where(parents < 0, count, parents), count).astype(np.int64)]
    while (table[-1] != count).any():
        table.append(table[-1][table[-1]])
    return np.stack(table[:-1])


def subtree_matrix(parents: NDArray[np.integer]) -> NDArray[np.float64]:
    """(joints, joints) matrix M with M[a, b] = 1 where joint b is a or hangs below a."""
    count = len(parents)
    below = np.zeros((count, count))
    for joint in range(count):
        ancestor = joint
        while ancestor >= 0:
            below[ancestor, joint] = 1.0
            ancestor = int(parents[ancestor])
    return below

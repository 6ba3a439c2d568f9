"""Body-part names for every vertex, from skin weights and rest-pose geometry: works on any SMPL-H mesh."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.skeleton import FINGERS, JOINT_INDEX, JOINT_NAMES, SIDES

_LIMBS = ("upper_arm", "forearm", "hand", "thigh", "calf", "foot")
REGION_NAMES: tuple[str, ...] = (
    "head",
    "neck",
    "chest",
    "belly",
    "upper_back",
    "lower_back",
    "buttocks",
    *(f"{side}_{limb}" for side in SIDES for limb in _LIMBS),
)
REGION_INDEX = {name: i for i, name in enumerate(REGION_NAMES)}

_BELOW_HIP_M = 0.08
"""The fold under the buttocks is about this far below the hip joints."""


def _limb_joints(side: str) -> dict[str, list[str]]:
    return {
        f"{side}_upper_arm": [f"{side}_shoulder"],
        f"{side}_forearm": [f"{side}_elbow"],
        f"{side}_hand": [f"{side}_wrist", *(f"{side}_{finger}{k}" for finger in FINGERS for k in (1, 2, 3))],
        f"{side}_thigh": [f"{side}_hip"],
        f"{side}_calf": [f"{side}_knee"],
        f"{side}_foot": [f"{side}_ankle", f"{side}_foot"],
    }


def _groups() -> dict[str, list[str]]:
    """Joints whose skin weights add up to a region; "torso" is split later by geometry."""
    groups = {
        "head": ["head"],
        "neck": ["neck"],
        "torso": ["pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"],
    }
    for side in SIDES:
        groups |= _limb_joints(side)
    return groups


def body_regions(
    vertices: NDArray[np.floating], weights: NDArray[np.floating], joints: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """(V,) index into REGION_NAMES.

    Rest-pose ``vertices`` (V, 3) and ``joints`` (52, 3) in metres, skin ``weights`` (V, 52).
    """
    assert weights.shape[1] == len(JOINT_NAMES)
    groups = _groups()
    columns = [weights[:, [JOINT_INDEX[j] for j in names]].sum(axis=1) for names in groups.values()]
    owner = np.stack(columns, axis=1).argmax(axis=1)
    names = list(groups)
    regions = np.zeros(len(vertices), dtype=np.uint8)
    for i, name in enumerate(names):
        if name != "torso":
            regions[owner == i] = REGION_INDEX[name]
    torso = owner == names.index("torso")
    regions[torso] = _torso_regions(vertices[torso], joints)
    seat = _seat(vertices, joints) & np.isin(owner, [names.index("left_thigh"), names.index("right_thigh")])
    regions[seat] = REGION_INDEX["buttocks"]
    return regions


def _middle_depth(vertices: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) z half-way between front and back of the torso at the height of each vertex."""
    bands = 24
    low, high = vertices[:, 1].min(), vertices[:, 1].max()
    band = np.clip(((vertices[:, 1] - low) / (high - low) * bands).astype(int), 0, bands - 1)
    middle = np.array([_middle(vertices[band == b, 2]) for b in range(bands)])
    return np.interp(vertices[:, 1], low + (np.arange(bands) + 0.5) / bands * (high - low), middle)


def _middle(z: NDArray[np.floating]) -> float:
    return float((z.min() + z.max()) / 2) if len(z) else 0.0


def _torso_regions(vertices: NDArray[np.floating], joints: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Regions of torso vertices by height and by side of the middle plane."""
    at = {name: joints[JOINT_INDEX[name]] for name in ("pelvis", "spine1", "spine2", "spine3")}
    front = vertices[:, 2] > _middle_depth(vertices)
    y = vertices[:, 1]
    upper = y > (at["spine2"][1] + at["spine3"][1]) / 2
    chest = y > at["spine2"][1]
    regions = np.where(
        front,
        np.where(chest, REGION_INDEX["chest"], REGION_INDEX["belly"]),
        np.where(upper, REGION_INDEX["upper_back"], REGION_INDEX["lower_back"]),
    )
    seat = ~front & (y < (at["pelvis"][1] + at["spine1"][1]) / 2)
    return np.where(seat, REGION_INDEX["buttocks"], regions).astype(np.uint8)


def _seat(vertices: NDArray[np.floating], joints: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Vertices behind the hip joints and above the fold under the buttocks."""
    hip = joints[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(axis=0)
    return (vertices[:, 2] < hip[2]) & (vertices[:, 1] > hip[1] - _BELOW_HIP_M)

"""What the tests of the body share: random poses, and a made-up SMPL-H file."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.skeleton import JOINT_INDEX, PARENTS

MODELS = Path(__file__).parents[1] / "models"


def random_rotations(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """(52, 3, 3) rotations about normal random vectors of ``sigma`` radians for each axis."""
    return Rotation.from_rotvec(rng.normal(0, sigma, (52, 3))).as_matrix()


def made_up_smplh(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays in the published SMPL-H layout: 6890 points scattered about the free body's bones."""
    rng, body = np.random.default_rng(seed), free_body()
    owner = np.arange(6890) % 52
    joints = body.joints_template.astype(np.float64)
    weights = np.zeros((6890, 52))
    weights[np.arange(6890), owner] = 0.75
    weights[np.arange(6890), np.maximum(PARENTS[owner], 0)] += 0.25
    spread = np.where(owner < JOINT_INDEX["left_index1"], 0.06, 0.006)
    regressor = (owner == np.arange(52)[:, None]) / np.bincount(owner)[:, None]
    kintree = np.stack([PARENTS.astype(np.int64), np.arange(52)])
    kintree[0, 0] = 2**32 - 1
    return {
        "v_template": joints[owner] + rng.normal(size=(6890, 3)) * spread[:, None],
        "shapedirs": rng.normal(0, 0.01, (6890, 3, 16)),
        "posedirs": rng.normal(0, 0.001, (6890, 3, 459)).astype(np.float32),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": kintree.astype(np.uint32),
        "f": rng.integers(0, 6890, (13776, 3)).astype(np.uint32),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
        "hands_meanl": rng.normal(0, 0.2, 45),
        "hands_meanr": rng.normal(0, 0.2, 45),
    }

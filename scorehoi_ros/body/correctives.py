"""Pose correctives in closed form, so that joints keep their volume under linear blend skinning.

For one rotated joint every vertex blends two rigid motions, the identity and a rotation R about the joint,
with w = the summed skin weights of everything below the joint.  Dual-quaternion blending (Kavan et al. 2007)
would turn the vertex by an angle phi(w) about the same axis and keep its distance to the joint, where linear
blending pulls it inwards.  The offset that makes linear blending agree is regressed on the entries of
(R - I), which is how SMPL stores pose correctives (Loper et al. 2015).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.skeleton import JOINT_NAMES, PARENTS, subtree_matrix

_RANGE_DEG: dict[str, tuple[float, float, float]] = {
    "hip": (110, 40, 45),
    "knee": (130, 15, 10),
    "ankle": (35, 20, 20),
    "foot": (40, 10, 10),
    "spine": (30, 25, 25),
    "neck": (35, 45, 30),
    "head": (35, 45, 30),
    "collar": (15, 20, 25),
    "shoulder": (50, 80, 80),
    "elbow": (70, 130, 15),
    "wrist": (70, 35, 65),
    "thumb": (35, 40, 45),
    "pinky": (20, 25, 80),
    "index": (20, 20, 80),
    "middle": (20, 20, 80),
    "ring": (20, 20, 80),
}
"""Largest rotation about x, y and z that each kind of joint is sampled at."""
_STRENGTH, _SHOULDER_STRENGTH = 0.6, 0.1
"""Full dual-quaternion blending bulges: 0.6 looked best in sitting and squatting, 0.1 for raised arms."""
_SAMPLES, _RIDGE, _LARGEST_DEG, _WEIGHT_STEPS = 300, 1e-3, 140.0, 41


def pose_correctives(
    vertices: NDArray[np.float64], joints: NDArray[np.float64], weights: NDArray[np.float64], seed: int = 0
) -> NDArray[np.float32]:
    """(V, 3, 459) correctives for rest ``vertices`` (V, 3), ``joints`` (52, 3), skin ``weights`` (V, 52)."""
    rng = np.random.default_rng(seed)
    moved = weights @ subtree_matrix(PARENTS).T
    correctives = np.zeros((len(vertices), 3, len(JOINT_NAMES) - 1, 9), dtype=np.float32)
    for joint in range(1, len(JOINT_NAMES)):
        table = _offset_table(_sample_rotations(JOINT_NAMES[joint], rng))
        w = moved[:, joint]
        blended = np.flatnonzero((w > 1e-4) & (w < 1 - 1e-4))
        arm = vertices[blended] - joints[joint]
        offsets = np.einsum("vkab,vb->vak", _lookup(table, w[blended]), arm)
        strength = _SHOULDER_STRENGTH if "shoulder" in JOINT_NAMES[joint] else _STRENGTH
        correctives[blended, :, joint - 1] = strength * offsets
    return correctives.reshape(len(vertices), 3, -1)


def _sample_rotations(name: str, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, 3) rotation vectors within the joint's range, a third of them about a single axis."""
    kind = next(k for k in _RANGE_DEG if k in name.split("_", 1)[-1])
    vectors = rng.uniform(-1, 1, (_SAMPLES, 3)) * np.radians(_RANGE_DEG[kind])
    vectors[: _SAMPLES // 3] *= np.eye(3)[rng.integers(0, 3, _SAMPLES // 3)]
    angle = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors * np.minimum(1, np.radians(_LARGEST_DEG) / np.maximum(angle, 1e-9))


def _offset_table(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(steps, 9, 3, 3) T: for blend weight w the offset is sum_k (R - I)[k] T[w, k] @ (vertex - joint)."""
    count = len(vectors)
    angle = np.linalg.norm(vectors, axis=1) + 1e-12
    features = (Rotation.from_rotvec(vectors).as_matrix() - np.eye(3)).reshape(count, 9)
    solver = np.linalg.solve(features.T @ features + _RIDGE * count * np.eye(9), features.T)
    axis = vectors / angle[:, None]
    cross = np.cross(np.eye(3)[None], axis[:, None, :])
    square = cross @ cross
    table = []
    for w in np.linspace(0, 1, _WEIGHT_STEPS):
        phi = 2 * np.arctan2(w * np.sin(angle / 2), (1 - w) + w * np.cos(angle / 2))
        # all matrices share the axis, so inverse(blend) @ R_phi is one complex number on the plane across it
        plane = np.exp(1j * phi) / ((1 - w) + w * np.exp(1j * angle))
        offset = (1 - plane.real)[:, None, None] * square + plane.imag[:, None, None] * cross
        table.append((solver @ offset.reshape(count, 9)).reshape(9, 3, 3))
    return np.stack(table)


def _lookup(table: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 9, 3, 3) rows of ``table`` interpolated at the blend weights ``w`` (n,)."""
    position = w * (len(table) - 1)
    low = np.minimum(position.astype(np.int64), len(table) - 2)
    share = (position - low)[:, None, None, None]
    return (1 - share) * table[low] + share * table[low + 1]

"""The metrics of the papers as pure functions of numpy arrays; metres in, the unit in each name out.

Protocol of CONTHO (CVPR 2024), used by ScoreHOI: human and object are aligned together to the truth by one
similarity transform; Chamfer distances in centimetres add both directions; contact is a human vertex within
5 cm of the object.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from scorehoi_ros.errors import InputError
from scorehoi_ros.types import CONTACT_DISTANCE_M, Bools, Floats, Floor

KEYPOINT_SCALE_PX = 256
"""Keypoint errors are told as if the person's crop had this side."""


class SymmetryLike(Protocol):
    """The part of `objects.Symmetry` that rotation errors need."""

    @property
    def rotations(self) -> NDArray[np.float64]:
        """(n, 3, 3) finite group."""

    @property
    def axis(self) -> NDArray[np.float64] | None:
        """(3,) axis of free turns, or None."""

    @property
    def sphere(self) -> bool:
        """Any rotation is a symmetry."""


@dataclass(frozen=True)
class Similarity:
    """x -> scale * R x + t."""

    scale: float
    R: Floats
    t: Floats

    def apply(self, points: Floats) -> Floats:
        """Points (..., 3) moved."""
        return self.scale * points @ self.R.T + self.t


@dataclass(frozen=True)
class ContactScore:
    """Contact of one frame, or of many; None where the ratio has no denominator."""

    precision: float | None
    recall: float | None

    @property
    def f(self) -> float | None:
        """2pr / (p + r); 0 when both are 0, None when either is None."""
        if self.precision is None or self.recall is None:
            return None
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total > 0 else 0.0


@dataclass(frozen=True)
class Penetration:
    """How deep points lie inside an object."""

    max_mm: float
    mean_mm: float
    """Over the points inside; 0 when there are none."""
    inside: float
    """Share of all points, 0..1."""


def similarity_procrustes(source: Floats, target: Floats, scaled: bool = True) -> Similarity:
    """Least-squares similarity that takes `source` (n, 3) to `target` (n, 3), never a reflection.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 1991.
    `scaled=False` keeps the scale at 1.  Raises InputError for other shapes, values that are not finite, or
    points that all coincide.
    """
    source, target = _pairs(source, target)
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    variance = (s * s).sum()
    if not variance > 0:
        raise InputError("cannot align points that all coincide. Give at least two different points.")
    U, singular, Vt = np.linalg.svd(t.T @ s)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    R = (U * sign) @ Vt
    scale = float((singular * sign).sum() / variance) if scaled else 1.0
    return Similarity(scale, R, mean_t - scale * R @ mean_s)


def align_jointly(
    human: Floats, thing: Floats, true_human: Floats, true_thing: Floats
) -> tuple[Floats, Floats]:
    """Human and object vertices moved together onto the truth by one similarity transform."""
    both = similarity_procrustes(np.concatenate([human, thing]), np.concatenate([true_human, true_thing]))
    return both.apply(human), both.apply(thing)


def chamfer_cm(a: Floats, b: Floats) -> float:
    """Mean nearest distance from a (n, 3) to b (m, 3) plus that from b to a, in centimetres."""
    return 100.0 * float(nearest_distances(a, b).mean() + nearest_distances(b, a).mean())


def nearest_distances(points: Floats, others: Floats, most: float = np.inf) -> Floats:
    """Distance (n,) of each point (n, 3) to the nearest of the others (m, 3), in their unit.

    Distances that are not below `most` are infinite, and cost little.
    """
    if not len(points) or not len(others):
        raise InputError(f"distances need points on both sides. Got {len(points)} and {len(others)}.")
    return np.asarray(cKDTree(others).query(points, distance_upper_bound=most)[0])


def contact_vertices(human: Floats, surface: Floats, threshold: float = CONTACT_DISTANCE_M) -> Bools:
    """Which human vertices (n, 3) are nearer than `threshold` metres to the object, (n,) bool.

    `surface` (m, 3) are points dense on the object's surface: the vertices of a coarse mesh are not enough.
    """
    return np.asarray(nearest_distances(human, surface, threshold) < threshold)


def contact_score(predicted: Bools, true: Bools) -> ContactScore:
    """Precision (None when nothing is predicted) and recall (None when nothing is true) of one frame."""
    predicted, true = np.asarray(predicted, bool), np.asarray(true, bool)
    if predicted.shape != true.shape:
        raise InputError(f"contact masks must have one shape. Got {predicted.shape} and {true.shape}.")
    hits = int((predicted & true).sum())
    return ContactScore(
        hits / int(predicted.sum()) if predicted.any() else None,
        hits / int(true.sum()) if true.any() else None,
    )


def mean_contact(scores: Sequence[ContactScore]) -> ContactScore:
    """Mean precision and recall over the frames that have them; `f` comes from the means (CONTHO)."""
    precision = [s.precision for s in scores if s.precision is not None]
    recall = [s.recall for s in scores if s.recall is not None]
    return ContactScore(
        float(np.mean(precision)) if precision else None, float(np.mean(recall)) if recall else None
    )


def mpjpe_mm(joints: Floats, true_joints: Floats, root: int | None = 0) -> float:
    """Mean joint error in millimetres; with `root`, that joint is first moved onto its true place."""
    joints, true_joints = _pairs(joints, true_joints)
    if root is not None:
        joints, true_joints = joints - joints[root], true_joints - true_joints[root]
    return 1000.0 * float(np.linalg.norm(joints - true_joints, axis=1).mean())


def pa_mpjpe_mm(joints: Floats, true_joints: Floats) -> float:
    """Mean joint error in millimetres after the best similarity transform."""
    return mpjpe_mm(similarity_procrustes(joints, true_joints).apply(joints), true_joints, root=None)


def rotation_error_deg(R: Floats, true_R: Floats, symmetry: SymmetryLike | None = None) -> float:
    """Angle in degrees between two rotations (3, 3), the smallest over the object's symmetries."""
    nearest = R if symmetry is None else nearest_equivalent(R, true_R, symmetry)
    return float(_angles_deg((np.asarray(true_R).T @ np.asarray(nearest))[None])[0])


def nearest_equivalent(R: Floats, true_R: Floats, symmetry: SymmetryLike) -> Floats:
    """Of all rotations (3, 3) that leave the object looking as under `R`, the one nearest to `true_R`."""
    R, true_R = np.asarray(R, np.float64), np.asarray(true_R, np.float64)
    if symmetry.sphere:
        return true_R
    candidates = R @ np.asarray(symmetry.rotations, np.float64)
    if symmetry.axis is not None:
        axis = np.asarray(symmetry.axis) / np.linalg.norm(symmetry.axis)
        candidates = np.stack([c @ _unwound(true_R.T @ c, axis) for c in candidates])
    return np.asarray(candidates[np.argmin(_angles_deg(true_R.T @ candidates))])


def _unwound(R: Floats, axis: Floats) -> Floats:
    """The turn about `axis` that leaves the smallest angle of `R` after it (swing-twist decomposition)."""
    x, y, z, w = Rotation.from_matrix(R).as_quat()
    twist = 2 * np.arctan2(np.dot((x, y, z), axis), w)
    return np.asarray(Rotation.from_rotvec(-twist * axis).as_matrix())


def translation_error_cm(t: Floats, true_t: Floats) -> float:
    """Distance of two positions (3,) in centimetres."""
    return 100.0 * float(np.linalg.norm(np.asarray(t) - np.asarray(true_t)))


def penetration(signed_distances: Floats) -> Penetration:
    """Depth of points inside an object from their signed distances (n,) metres, negative inside."""
    values = np.asarray(signed_distances, np.float64)
    inside = values < 0
    if not inside.any():
        return Penetration(0.0, 0.0, 0.0)
    depth = -1000.0 * values[inside]
    return Penetration(float(depth.max()), float(depth.mean()), float(inside.mean()))


def floor_gap_mm(vertices: Floats, floor: Floor) -> float:
    """Height of the lowest vertex above the floor in millimetres; negative = below it."""
    return 1000.0 * float((np.asarray(vertices) @ floor.normal).min() - floor.offset)


def acceleration_error_mm(joints: Floats, true_joints: Floats) -> float:
    """Mean difference of joint accelerations over (T, J, 3) frames, millimetres per frame squared; T >= 3."""
    joints, true_joints = np.asarray(joints, np.float64), np.asarray(true_joints, np.float64)
    if joints.shape != true_joints.shape or joints.ndim != 3 or len(joints) < 3:
        raise InputError(
            f"accelerations need two (T, J, 3) arrays, T >= 3. Got {joints.shape} and {true_joints.shape}."
        )
    error = np.diff(joints - true_joints, n=2, axis=0)
    return 1000.0 * float(np.linalg.norm(error, axis=-1).mean())


def mask_iou(a: Bools, b: Bools) -> float:
    """Intersection over union of two masks; 1 when both are empty."""
    a, b = np.asarray(a, bool), np.asarray(b, bool)
    if a.shape != b.shape:
        raise InputError(f"masks must have one shape. Got {a.shape} and {b.shape}.")
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def keypoint_px(pixels: Floats, true_pixels: Floats, weights: Floats, crop_side: float) -> float | None:
    """Median pixel error of points (n, 2) with positive weight, as if the crop of `crop_side` pixels had 256.

    None when no point counts.
    """
    counted = (np.asarray(weights) > 0) & np.isfinite(pixels).all(1) & np.isfinite(true_pixels).all(1)
    if not counted.any():
        return None
    error = np.linalg.norm(np.asarray(pixels)[counted] - np.asarray(true_pixels)[counted], axis=1)
    return float(np.median(error)) * KEYPOINT_SCALE_PX / crop_side


def _pairs(source: Floats, target: Floats) -> tuple[Floats, Floats]:
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 3 or not len(a):
        raise InputError(f"point sets must both have the shape (n, 3), n > 0. Got {a.shape} and {b.shape}.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("point sets must be finite. Leave out frames without an estimate.")
    return a, b


def _angles_deg(R: NDArray[Any]) -> Floats:
    """Rotation angles of (n, 3, 3) in degrees, accurate near 0 and 180."""
    skew = np.stack([R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]], -1)
    return np.asarray(
        np.degrees(np.arctan2(np.linalg.norm(skew, axis=-1), np.trace(R, axis1=1, axis2=2) - 1))
    )

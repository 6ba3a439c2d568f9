"""Licensed SMPL-H files (.npz of AMASS's releases, .pkl of MANO's) as a `BodyModel`.

The files are not shipped.  Keys read: v_template, shapedirs, posedirs, J_regressor, weights, kintree_table,
f, and hands_meanl / hands_meanr when present.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.landmarks import build_landmark_map, nominal_terms
from scorehoi_ros.body.model import NUM_POSE_FEATURES, BodyModel, LandmarkMap, validate_body
from scorehoi_ros.body.regions import REGION_NAMES, body_regions
from scorehoi_ros.body.safe_pickle import load_array_pickle
from scorehoi_ros.body.sampling import token_vertices
from scorehoi_ros.body.skeleton import JOINT_NAMES, SIDES
from scorehoi_ros.errors import BodyError
from scorehoi_ros.npz import Layout, damage_told, read_npz
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS

SMPL_VERTICES: dict[str, int] = {
    "nose": 332,
    "left_eye": 2800,
    "right_eye": 6260,
    "left_ear": 583,
    "right_ear": 4071,
    "left_big_toe": 3216,
    "left_small_toe": 3226,
    "left_heel": 3387,
    "right_big_toe": 6617,
    "right_small_toe": 6624,
    "right_heel": 6787,
    "left_thumb_tip": 2746,
    "left_index_tip": 2319,
    "left_middle_tip": 2445,
    "left_ring_tip": 2556,
    "left_pinky_tip": 2673,
    "right_thumb_tip": 6191,
    "right_index_tip": 5782,
    "right_middle_tip": 5905,
    "right_ring_tip": 6016,
    "right_pinky_tip": 6133,
}
"""Well-known vertex numbers of SMPL's mesh, which SMPL-H shares."""
SMPL_VERTEX_COUNT = 6890


def read_smplh(path: Path) -> BodyModel:
    """Read a licensed SMPL-H file.  Raises BodyError when it is unsafe, damaged or of another layout."""
    with damage_told(path, LAYOUT):
        content = path.read_bytes()
        model = _convert(_read_arrays(path, content), path, hashlib.sha256(content).hexdigest())
        return validate_body(model, str(path))


def _read_arrays(path: Path, content: bytes) -> dict[str, Any]:
    if path.suffix == ".pkl":
        return load_array_pickle(content, str(path))
    if path.suffix != ".npz":
        raise BodyError(f"{path}: a body model is an .npz or .pkl file, got {path.suffix or 'no suffix'!r}.")
    return read_npz(path, LAYOUT, only=(*_KEYS, *_HANDS), content=content)


LAYOUT = Layout("an SMPL-H model", "Download it again.", {}, error=BodyError)
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_HANDS = ("hands_meanl", "hands_meanr")


def _convert(arrays: dict[str, Any], path: Path, version: str) -> BodyModel:
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise BodyError(f"{path} lacks {', '.join(missing)}; it is not an SMPL-H model file.")
    _check_layout(arrays, path)
    vertices = np.asarray(arrays["v_template"], np.float64)
    shapedirs = np.asarray(arrays["shapedirs"], np.float64)[:, :, :NUM_BETAS]
    regressor = np.asarray(arrays["J_regressor"], np.float64)
    weights = np.asarray(arrays["weights"], np.float64)
    joints = regressor @ vertices
    regions = body_regions(vertices, weights, joints)
    everything = np.ones(len(vertices), dtype=bool)
    return BodyModel(
        name="smplh",
        version=version,
        v_template=vertices.astype(np.float32),
        shapedirs=shapedirs.astype(np.float32),
        posedirs=np.asarray(arrays["posedirs"], np.float32),
        joints_template=joints.astype(np.float32),
        joints_shapedirs=np.einsum("jv,vck->jck", regressor, shapedirs).astype(np.float32),
        weights=weights.astype(np.float32),
        parents=_parents(arrays["kintree_table"]),
        faces=np.asarray(arrays["f"]).astype(np.int32),
        joint_names=JOINT_NAMES,
        regions=regions,
        region_names=REGION_NAMES,
        token_ids=token_vertices(vertices, regions, REGION_NAMES, everything),
        landmarks=smpl_landmarks(vertices),
        hand_mean=_hand_mean(arrays),
    )


def _check_layout(arrays: dict[str, Any], path: Path) -> None:
    """The shapes that tell SMPL-H from SMPL, SMPL-X and MANO, with a message that says so."""
    count = len(np.atleast_1d(arrays["v_template"]))
    expected = {
        "v_template": (SMPL_VERTEX_COUNT, 3),
        "posedirs": (SMPL_VERTEX_COUNT, 3, NUM_POSE_FEATURES),
        "J_regressor": (NUM_JOINTS, SMPL_VERTEX_COUNT),
        "weights": (SMPL_VERTEX_COUNT, NUM_JOINTS),
        "kintree_table": (2, NUM_JOINTS),
    }
    for name, shape in expected.items():
        got = np.shape(arrays[name])
        if got != shape:
            raise BodyError(
                f"{path}: {name} has shape {got}, SMPL-H has {shape} (the mesh here has {count} vertices). "
                "SMPL, SMPL-X and MANO files cannot be used; choose the SMPL-H file."
            )
    got = np.shape(arrays["shapedirs"])
    if len(got) != 3 or got[:2] != (SMPL_VERTEX_COUNT, 3) or got[2] < NUM_BETAS:
        raise BodyError(f"{path}: shapedirs has shape {got}, expected (6890, 3, 10 or more).")
    for name in ("v_template", "weights", "J_regressor"):
        if not np.isfinite(np.asarray(arrays[name], np.float64)).all():
            raise BodyError(f"{path}: {name} has values that are not finite. Download the file again.")


def _parents(kintree: Any) -> NDArray[np.int32]:
    """(52,) parents; the files write the root's as 2^32 - 1."""
    parents = np.asarray(kintree)[0].astype(np.int64)
    parents[0] = -1
    return parents.astype(np.int32)


def _hand_mean(arrays: dict[str, Any]) -> NDArray[np.float32]:
    """(30, 3) the files' mean hands, or flat hands where they have none."""
    hands = [np.asarray(arrays.get(name, np.zeros(45)), np.float32).reshape(15, 3) for name in _HANDS]
    return np.concatenate(hands)


def smpl_landmarks(vertices: NDArray[np.floating]) -> LandmarkMap:
    """The 75 MediaPipe points on SMPL's mesh: known vertices; eye and mouth corners are the nearest ones."""
    anchors = {name: {vertex: 1.0} for name, vertex in SMPL_VERTICES.items()}
    nose = vertices[SMPL_VERTICES["nose"]]
    for side in SIDES:
        eye, ear = vertices[SMPL_VERTICES[f"{side}_eye"]], vertices[SMPL_VERTICES[f"{side}_ear"]]
        middle = np.array([nose[0], eye[1], eye[2]])
        anchors[f"{side}_eye_inner"] = _nearest(vertices, 0.6 * eye + 0.4 * middle)
        anchors[f"{side}_eye_outer"] = _nearest(vertices, 0.8 * eye + 0.2 * ear)
        drop = eye[1] - nose[1]
        mouth = np.array([0.8 * eye[0] + 0.2 * nose[0], nose[1] - 0.8 * drop, eye[2]])
        anchors[f"mouth_{side}"] = _nearest(vertices, mouth)
    return build_landmark_map(anchors, nominal_terms())


def _nearest(vertices: NDArray[np.floating], point: NDArray[np.floating]) -> dict[int, float]:
    return {int(((vertices - point) ** 2).sum(axis=1).argmin()): 1.0}

"""The file of the free body: a compact npz of plain arrays with the same bytes on every build."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.landmarks import LANDMARK_NAMES
from scorehoi_ros.body.model import NUM_POSE_FEATURES, BodyModel, LandmarkMap, validate_body
from scorehoi_ros.body.skeleton import JOINT_NAMES, PARENTS
from scorehoi_ros.errors import BodyError
from scorehoi_ros.npz import DAMAGE, Field, Layout, damage_told, read_npz, write_npz
from scorehoi_ros.types import NUM_BETAS, NUM_HUMAN_TOKENS, NUM_JOINTS

FORMAT = "scorehoi-body-1"
LAYOUT = Layout(
    "a body model",
    "Install the package again, or build the body with `scorehoi body build`.",
    {
        "name": Field("U"),
        "meta": Field("U", needed=False),
        "v_template": Field("f", ("vertices", 3)),
        "shapedirs": Field("f", ("vertices", 3, NUM_BETAS)),
        "corrective_vertices": Field("u", ("correctives",)),
        "corrective_joints": Field("u", ("correctives",)),
        "correctives": Field("f", ("correctives", 3, 9)),
        "joints_template": Field("f", (NUM_JOINTS, 3)),
        "joints_shapedirs": Field("f", (NUM_JOINTS, 3, NUM_BETAS)),
        "weight_vertices": Field("u", ("weights",)),
        "weight_joints": Field("u", ("weights",)),
        "weights": Field("u", ("weights",)),
        "faces": Field("iu", ("faces", 3)),
        "regions": Field("u", ("vertices",)),
        "region_names": Field("U", ("regions",)),
        "token_ids": Field("iu", (NUM_HUMAN_TOKENS,)),
        "landmark_joint_weights": Field("f", (len(LANDMARK_NAMES), NUM_JOINTS)),
        "landmark_vertex_ids": Field("iu", ("marks",)),
        "landmark_vertex_weights": Field("f", (len(LANDMARK_NAMES), "marks")),
        "hand_mean": Field("f", (30, 3)),
    },
    version=("format", FORMAT),
    error=BodyError,
)
_MARK = "format.npy"


def is_asset(path: Path) -> bool:
    """Whether ``path`` is a file written by `write_asset` (of any version)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _MARK in archive.namelist()
    except DAMAGE:
        return False


def read_asset(path: Path) -> BodyModel:
    """Read a file written by `write_asset`.  Raises BodyError when it is damaged or of another version."""
    with damage_told(path, LAYOUT):
        content = path.read_bytes()
        arrays = read_npz(path, LAYOUT, content=content)
        model = _unpack(arrays, hashlib.sha256(content).hexdigest())
        return validate_body(model, str(path))


def write_asset(path: Path, model: BodyModel, meta: dict[str, Any]) -> None:
    """Write ``model``; ``meta`` (JSON values) says where it comes from.  Equal arrays give equal bytes."""
    arrays = _pack(model) | {"format": np.array(FORMAT), "meta": np.array(json.dumps(meta, sort_keys=True))}
    write_npz(path, arrays, level=9)


def read_meta(path: Path) -> dict[str, Any]:
    """The ``meta`` of `write_asset`; {} for files that have none.  Raises BodyError when it is damaged."""
    with damage_told(path, LAYOUT):
        arrays = read_npz(path, LAYOUT, only=("meta",))
        return json.loads(str(arrays["meta"])) if "meta" in arrays else {}


def _pack(model: BodyModel) -> dict[str, NDArray]:
    """Arrays as stored: shape directions and correctives in half precision, correctives block-sparse."""
    assert model.posedirs is not None
    blocks = model.posedirs.reshape(len(model.v_template), 3, len(JOINT_NAMES) - 1, 9)
    vertices, joints = np.nonzero(blocks.any(axis=(1, 3)))
    rows, columns = np.nonzero(model.weights)
    return {
        "name": np.array(model.name),
        "v_template": model.v_template,
        "shapedirs": model.shapedirs.astype(np.float16),
        "corrective_vertices": vertices.astype(np.uint16),
        "corrective_joints": joints.astype(np.uint8),
        "correctives": blocks[vertices, :, joints].astype(np.float16),
        "joints_template": model.joints_template,
        "joints_shapedirs": model.joints_shapedirs,
        "weight_vertices": rows.astype(np.uint16),
        "weight_joints": columns.astype(np.uint8),
        "weights": np.round(model.weights[rows, columns] * 65535).astype(np.uint16),
        "faces": model.faces.astype(np.uint16),
        "regions": model.regions,
        "region_names": np.array(model.region_names),
        "token_ids": model.token_ids,
        "landmark_joint_weights": model.landmarks.joint_weights,
        "landmark_vertex_ids": model.landmarks.vertex_ids,
        "landmark_vertex_weights": model.landmarks.vertex_weights,
        "hand_mean": model.hand_mean,
    }


def _unpack(arrays: dict[str, NDArray], version: str) -> BodyModel:
    count = len(arrays["v_template"])
    weights = np.zeros((count, len(JOINT_NAMES)), dtype=np.float32)
    weights[arrays["weight_vertices"], arrays["weight_joints"]] = arrays["weights"]
    posedirs = np.zeros((count, 3, len(JOINT_NAMES) - 1, 9), dtype=np.float32)
    posedirs[arrays["corrective_vertices"], :, arrays["corrective_joints"]] = arrays["correctives"]
    landmarks = LandmarkMap(
        LANDMARK_NAMES,
        arrays["landmark_joint_weights"].astype(np.float32),
        arrays["landmark_vertex_ids"].astype(np.int32),
        arrays["landmark_vertex_weights"].astype(np.float32),
    )
    return BodyModel(
        name=str(arrays["name"]),
        version=version,
        v_template=arrays["v_template"].astype(np.float32),
        shapedirs=arrays["shapedirs"].astype(np.float32),
        posedirs=posedirs.reshape(count, 3, NUM_POSE_FEATURES),
        joints_template=arrays["joints_template"].astype(np.float32),
        joints_shapedirs=arrays["joints_shapedirs"].astype(np.float32),
        weights=weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12),
        parents=PARENTS.copy(),
        faces=arrays["faces"].astype(np.int32),
        joint_names=JOINT_NAMES,
        regions=arrays["regions"].astype(np.uint8),
        region_names=tuple(str(name) for name in arrays["region_names"]),
        token_ids=arrays["token_ids"].astype(np.int32),
        landmarks=landmarks,
        hand_mean=arrays["hand_mean"].astype(np.float32),
    )

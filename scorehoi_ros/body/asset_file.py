"""The file of the free body: a compact npz of plain arrays with the same bytes on every build."""

import hashlib
import io
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
from scorehoi_ros.files import NPZ_DAMAGE, whole_file

FORMAT = "scorehoi-body-1"
_MARK = "format.npy"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_asset(path: Path) -> bool:
    """Whether ``path`` is a file written by `write_asset` (of any version)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _MARK in archive.namelist()
    except NPZ_DAMAGE:
        return False


def read_asset(path: Path) -> BodyModel:
    """Read a file written by `write_asset`.  Raises BodyError when it is damaged or of another version."""
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if str(arrays["format"]) != FORMAT:
            raise BodyError(
                f"{path} has format {arrays['format']}, this version reads {FORMAT}. "
                "Build it again with `scorehoi body build`."
            )
        model = _unpack(arrays, hashlib.sha256(content).hexdigest())
    except NPZ_DAMAGE as error:
        raise BodyError(
            f"{path} cannot be read as a body model: {error}. The file is damaged; install the package again "
            "or build the body with `scorehoi body build`."
        ) from error
    return validate_body(model, str(path))


def write_asset(path: Path, model: BodyModel, meta: dict[str, Any]) -> None:
    """Write ``model``; ``meta`` (JSON values) says where it comes from.  Equal arrays give equal bytes."""
    arrays = _pack(model) | {"format": np.array(FORMAT), "meta": np.array(json.dumps(meta, sort_keys=True))}
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(arrays[name], order="C"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def read_meta(path: Path) -> dict[str, Any]:
    """The ``meta`` of `write_asset`; {} for files that have none."""
    with np.load(path, allow_pickle=False) as archive:
        return json.loads(str(archive["meta"])) if "meta" in archive.files else {}


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

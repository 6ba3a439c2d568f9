"""One reconstruction as one .npz file.

Keys (n, m, k, V vary; a key is missing when the thing does not exist):

name, frame_id, message, camera_source, distortion_model   text
stamp_ns            int64 nanoseconds, capture time
status              uint8, see `types.Status`
K, image_size       (3, 3) pixels; (2,) width and height
distortion          (n,) as in `types.Camera`, empty when undistorted
human_status, human_confidence
betas (10,), pose (52, 3) axis-angle, root (3,) m, joints (52, 3) m, vertices (V, 3) float32 m
object_status, object_confidence, object_label, template_id
T_cam_object (4, 4), object_covariance (6, 6)
contact_human_vertices (n,), contact_human_probabilities (n,), contact_body_parts (p,) text
contact_object_points (m, 3), contact_object_probabilities (m,) in the object's frame
contact_floor_points (k, 3), contact_floor_probabilities (k,)
floor_normal (3,), floor_offset, floor_source
x                   (331,) theta 52 x 6, betas 10 (standard deviations), R_o 6, t_o 3 (m); NaN without object
t_cam               (3,) m
landmark_pixels (75, 2), landmark_world (75, 3), landmark_confidence (75,)
quality_names, quality_values, stage_names, stage_ms
"""

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Estimate,
    Floor,
    HumanState,
    Landmarks,
    ObjectState,
    Reconstruction,
    Status,
)

NUM_THETA = 312
_HUMAN = ("betas", "pose", "root", "joints", "vertices")
_CONTACTS = (
    "human_vertices",
    "human_probabilities",
    "object_points",
    "object_probabilities",
    "floor_points",
    "floor_probabilities",
)
_LANDMARKS = {"landmark_pixels": "pixels", "landmark_world": "world", "landmark_confidence": "confidence"}


def save_label(path: str | Path, r: Reconstruction) -> None:
    """Write a reconstruction (without its masks) whole or not at all; raises OutputError."""
    # Through memory: a zip file that meets a full disk complains once more when it is collected.
    content = BytesIO()
    np.savez_compressed(content, **arrays_of(r))
    with whole_file(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def arrays_of(r: Reconstruction) -> dict[str, Any]:
    """The documented arrays of a reconstruction."""
    values: dict[str, Any] = {
        "name": r.name,
        "frame_id": r.frame_id,
        "stamp_ns": np.int64(r.stamp_ns),
        "status": np.uint8(r.status),
        "message": r.message,
        "K": np.asarray(r.camera.K, np.float64),
        "image_size": np.array([r.camera.width, r.camera.height]),
        "distortion": np.asarray(r.camera.distortion, np.float64),
        "distortion_model": r.camera.model,
        "camera_source": r.camera.source,
        "quality_names": np.array(list(r.quality), dtype=str),
        "quality_values": np.array(list(r.quality.values()), dtype=np.float64),
        "stage_names": np.array(list(r.stage_ms), dtype=str),
        "stage_ms": np.array(list(r.stage_ms.values()), dtype=np.float64),
    }
    if r.human is not None:
        values |= {key: getattr(r.human, key) for key in _HUMAN}
        values |= {"human_status": np.uint8(r.human.status), "human_confidence": r.human.confidence}
    if r.object is not None:
        values |= _object_arrays(r.object)
    if r.contacts is not None:
        values |= {f"contact_{key}": getattr(r.contacts, key) for key in _CONTACTS}
        values["contact_body_parts"] = np.array(r.contacts.body_parts, dtype=str)
    if r.floor is not None:
        values |= {f"floor_{key}": getattr(r.floor, key) for key in ("normal", "offset", "source")}
    if r.estimate is not None:
        values |= {"x": state_vector(r.estimate), "t_cam": r.estimate.t_cam}
    if r.landmarks is not None:
        values |= {key: getattr(r.landmarks, field) for key, field in _LANDMARKS.items()}
    return values


def state_vector(estimate: Estimate) -> Any:
    """State x (331,) float64 of an estimate; the object's part is NaN when there is none."""
    nothing = np.full(6, np.nan)
    R_o = nothing if estimate.R_o is None else estimate.R_o
    t_o = nothing[:3] if estimate.t_o is None else estimate.t_o
    return np.concatenate([np.ravel(estimate.theta), estimate.betas, R_o, t_o]).astype(np.float64)


def load_label(path: str | Path) -> Reconstruction:
    """Read what `save_label` wrote; no code in the file is ever run.

    Raises InputError when the file is missing, damaged, or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _reconstruction({key: file[key] for key in file.files})
    except KeyError as error:
        raise InputError(
            f"{path} is not a label file: it has no {error}. Expected one of `scorehoi label`."
        ) from error
    except (OSError, ValueError, BadZipFile, EOFError) as error:
        raise InputError(f"{path} cannot be read as a label file (.npz): {error}.") from error


def _object_arrays(state: ObjectState) -> dict[str, Any]:
    return {
        "object_status": np.uint8(state.status),
        "object_confidence": state.confidence,
        "object_label": state.label,
        "template_id": state.template_id,
        "T_cam_object": state.T_cam_object,
        "object_covariance": state.covariance,
    }


def _reconstruction(v: dict[str, Any]) -> Reconstruction:
    width, height = (int(n) for n in v["image_size"])
    model, source = str(v["distortion_model"]), str(v["camera_source"])
    return Reconstruction(
        stamp_ns=int(v["stamp_ns"]),
        frame_id=str(v["frame_id"]),
        name=str(v["name"]),
        camera=Camera(v["K"], width, height, v["distortion"], model, source),  # type: ignore[arg-type]
        status=Status(int(v["status"])),
        message=str(v["message"]),
        human=_human(v) if "human_status" in v else None,
        object=_object(v) if "object_status" in v else None,
        contacts=_contacts(v) if "contact_human_vertices" in v else None,
        floor=_floor(v) if "floor_normal" in v else None,
        estimate=_estimate(v["x"], v["t_cam"]) if "x" in v else None,
        landmarks=_landmarks(v) if "landmark_pixels" in v else None,
        quality=_named(v["quality_names"], v["quality_values"]),
        stage_ms=_named(v["stage_names"], v["stage_ms"]),
    )


def _human(v: dict[str, Any]) -> HumanState:
    arrays = {key: v[key] for key in _HUMAN}
    return HumanState(Status(int(v["human_status"])), float(v["human_confidence"]), **arrays)


def _object(v: dict[str, Any]) -> ObjectState:
    return ObjectState(
        Status(int(v["object_status"])),
        float(v["object_confidence"]),
        str(v["object_label"]),
        str(v["template_id"]),
        v["T_cam_object"],
        v["object_covariance"],
    )


def _contacts(v: dict[str, Any]) -> Contacts:
    parts = tuple(str(part) for part in v["contact_body_parts"])
    return Contacts(body_parts=parts, **{key: v[f"contact_{key}"] for key in _CONTACTS})


def _floor(v: dict[str, Any]) -> Floor:
    return Floor(v["floor_normal"], float(v["floor_offset"]), str(v["floor_source"]))  # type: ignore[arg-type]


def _landmarks(v: dict[str, Any]) -> Landmarks:
    return Landmarks(**{field: v[key] for key, field in _LANDMARKS.items()})


def _estimate(x: Any, t_cam: Any) -> Estimate:
    theta, betas = x[:NUM_THETA].reshape(52, 6), x[NUM_THETA : NUM_THETA + 10]
    R_o, t_o = x[NUM_THETA + 10 : NUM_THETA + 16], x[NUM_THETA + 16 :]
    seen = bool(np.isfinite(R_o).all())
    return Estimate(theta, betas, R_o if seen else None, t_o if seen else None, t_cam)


def _named(names: Any, values: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(names, values, strict=True)}

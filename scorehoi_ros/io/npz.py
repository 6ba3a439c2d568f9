"""One reconstruction as one .npz file: what `numpy.load` shows, and back again.

Everything is in metres in the camera's optical frame.  Lists of people and objects are stacked, the primary
one first: row i of every `human_*` array is the same person.  Rows of those without an estimate in this frame
(LOST, ABSENT) are NaN.  h people, o objects, c contacts, V vertices; n, m, k vary.  Keys:

schema_version      int64, `SCHEMA_VERSION`; files of another version are refused
name, frame_id, message, camera_source, distortion_model   text
stamp_ns            int64 nanoseconds, capture time
status              uint8, see `types.Status`
K, image_size       (3, 3) pixels; (2,) width and height
distortion          (n,) as in `types.Camera`, empty when undistorted
human_ids (h,) text, human_status (h,) uint8, human_confidence (h,)
human_betas (h, 10), human_pose (h, 52, 3) axis-angle, human_root (h, 3), human_joints (h, 52, 3),
human_vertices (h, V, 3) float32; V = 0 when nobody is present
object_ids (o,), object_labels (o,), object_template_ids (o,) text, object_status (o,) uint8,
object_confidence (o,), T_cam_object (o, 4, 4), object_covariance (o, 6, 6)
contact_human_ids (c,), contact_object_ids (c,), contact_sources (c,) text; for contact 0, 1, ... of them
    contact_0_human_vertices (n,), contact_0_human_probabilities (n,), contact_0_body_parts (p,) text,
    contact_0_object_points (m, 3), contact_0_object_probabilities (m,) in the object's frame,
    contact_0_floor_points (k, 3), contact_0_floor_probabilities (k,) likewise
quality_names, quality_values, stage_names, stage_ms   (n,) each

Only when there is one:

floor_normal (3,), floor_offset, floor_source, floor_tilt_sigma radians, floor_offset_sigma metres, as in
                    `types.Floor`
x                   (331,) theta 52 x 6, betas 10 (standard deviations), R_o 6, t_o 3 of the primary pair; NaN
                    where the person or the object is missing
t_cam (3,), object_origin (3,)   pelvis and object origin; NaN without the person or the object
landmark_pixels (75, 2), landmark_world (75, 3), landmark_confidence (75,)

The image and the masks are not in the file.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.files import whole_file
from scorehoi_ros.io.label_layout import LAYOUT, SCHEMA_VERSION, check_label
from scorehoi_ros.npz import damage_told, read_npz
from scorehoi_ros.types import (
    NUM_BETAS,
    NUM_JOINTS,
    Camera,
    Contacts,
    Estimate,
    Floats,
    Floor,
    HumanPose,
    HumanState,
    Landmarks,
    ObjectPose,
    ObjectState,
    Reconstruction,
    Status,
)

Arrays = dict[str, Any]
_PARTS = np.cumsum([NUM_JOINTS * 6, NUM_BETAS, 6])
"""Where betas, R_o and t_o begin in x."""
_HUMAN = {"betas": (NUM_BETAS,), "pose": (NUM_JOINTS, 3), "root": (3,), "joints": (NUM_JOINTS, 3)}
_CONTACT = (
    "human_vertices",
    "human_probabilities",
    "object_points",
    "object_probabilities",
    "floor_points",
    "floor_probabilities",
)
_FLOOR = ("normal", "offset", "source", "tilt_sigma", "offset_sigma")
_LANDMARKS = {"landmark_pixels": "pixels", "landmark_world": "world", "landmark_confidence": "confidence"}


def save_label(path: str | Path, r: Reconstruction) -> None:
    """Write a reconstruction (without image and masks) whole or not at all; raises OutputError."""
    # Through memory: a zip file that meets a full disk complains once more when it is collected.
    content = BytesIO()
    np.savez_compressed(content, **arrays_of(r))
    with whole_file(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load_label(path: str | Path) -> Reconstruction:
    """Read what `save_label` wrote; no code in the file is ever run.

    Raises InputError when the file is missing, damaged, not such a file, or of another version.
    """
    path = Path(path)
    with damage_told(path, LAYOUT):
        values = read_npz(path, LAYOUT)
        check_label(values)
        return _reconstruction(values)


def arrays_of(r: Reconstruction) -> Arrays:
    """The documented arrays of a reconstruction."""
    values: Arrays = {
        "schema_version": np.int64(SCHEMA_VERSION),
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
        "quality_names": _texts(r.quality),
        "quality_values": np.array(list(r.quality.values()), np.float64),
        "stage_names": _texts(r.stage_ms),
        "stage_ms": np.array(list(r.stage_ms.values()), np.float64),
    }
    values |= _human_arrays(r.humans) | _object_arrays(r.objects) | _contact_arrays(r.contacts)
    if r.floor is not None:
        values |= {f"floor_{key}": getattr(r.floor, key) for key in _FLOOR}
    if r.estimate is not None:
        values |= _estimate_arrays(r.estimate)
    if r.landmarks is not None:
        values |= {key: getattr(r.landmarks, field) for key, field in _LANDMARKS.items()}
    return values


def state_vector(estimate: Estimate) -> Floats:
    """State x (331,) float64 of an estimate; NaN where the person or the object is missing."""
    person, thing = estimate.human, estimate.object
    theta = np.full(NUM_JOINTS * 6, np.nan) if person is None else np.ravel(person.theta)
    betas = np.full(NUM_BETAS, np.nan) if person is None else person.betas
    R_o = np.full(6, np.nan) if thing is None else thing.R_o
    t_o = np.full(3, np.nan) if person is None or thing is None else estimate.t_o
    return np.concatenate([theta, betas, R_o, t_o]).astype(np.float64)


def _human_arrays(humans: Sequence[HumanState]) -> Arrays:
    count = max((len(h.vertices) for h in humans if h.status.is_present), default=0)
    values = {
        "human_ids": _texts(h.id for h in humans),
        "human_status": np.array([h.status for h in humans], np.uint8),
        "human_confidence": np.array([h.confidence for h in humans], np.float64),
        "human_vertices": _stacked(humans, "vertices", (count, 3)).astype(np.float32),
    }
    return values | {f"human_{name}": _stacked(humans, name, shape) for name, shape in _HUMAN.items()}


def _object_arrays(objects: Sequence[ObjectState]) -> Arrays:
    return {
        "object_ids": _texts(o.id for o in objects),
        "object_labels": _texts(o.label for o in objects),
        "object_template_ids": _texts(o.template_id for o in objects),
        "object_status": np.array([o.status for o in objects], np.uint8),
        "object_confidence": np.array([o.confidence for o in objects], np.float64),
        "T_cam_object": _stacked(objects, "T_cam_object", (4, 4)),
        "object_covariance": _stacked(objects, "covariance", (6, 6)),
    }


def _contact_arrays(contacts: Sequence[Contacts]) -> Arrays:
    values: Arrays = {
        "contact_human_ids": _texts(c.human_id for c in contacts),
        "contact_object_ids": _texts(c.object_id for c in contacts),
        "contact_sources": _texts(c.source for c in contacts),
    }
    for i, c in enumerate(contacts):
        values |= {f"contact_{i}_{name}": getattr(c, name) for name in _CONTACT}
        values[f"contact_{i}_body_parts"] = _texts(c.body_parts)
    return values


def _estimate_arrays(estimate: Estimate) -> Arrays:
    unknown = np.full(3, np.nan)
    return {
        "x": state_vector(estimate),
        "t_cam": unknown if estimate.human is None else estimate.human.t_cam,
        "object_origin": unknown if estimate.object is None else estimate.object.origin,
    }


def _texts(values: Iterable[str]) -> Any:
    return np.array(list(values), dtype=str)


def _stacked(states: Sequence[Any], name: str, shape: tuple[int, ...]) -> Floats:
    """(n, *shape) float64, NaN for states without an estimate."""
    rows = [getattr(s, name) if s.status.is_present else np.full(shape, np.nan) for s in states]
    return np.array(rows, np.float64).reshape(len(rows), *shape)


def _reconstruction(v: Arrays) -> Reconstruction:
    width, height = (int(n) for n in v["image_size"])
    model, source = str(v["distortion_model"]), str(v["camera_source"])
    return Reconstruction(
        stamp_ns=int(v["stamp_ns"]),
        frame_id=str(v["frame_id"]),
        name=str(v["name"]),
        camera=Camera(v["K"], width, height, v["distortion"], model, source),  # type: ignore[arg-type]
        status=Status(int(v["status"])),
        message=str(v["message"]),
        humans=tuple(_human(v, i) for i in range(len(v["human_ids"]))),
        objects=tuple(_object(v, i) for i in range(len(v["object_ids"]))),
        contacts=tuple(_contacts(v, i) for i in range(len(v["contact_sources"]))),
        floor=_floor(v) if "floor_normal" in v else None,
        estimate=_estimate(v) if "x" in v else None,
        landmarks=_landmarks(v) if "landmark_pixels" in v else None,
        quality=_named(v["quality_names"], v["quality_values"]),
        stage_ms=_named(v["stage_names"], v["stage_ms"]),
    )


def _human(v: Arrays, i: int) -> HumanState:
    """Person `i`; without an estimate the arrays are empty, as the pipeline leaves them."""
    status = Status(int(v["human_status"][i]))
    row = {name: v[f"human_{name}"][i] for name in (*_HUMAN, "vertices")}
    if not status.is_present:
        row = {name: values[:0] for name, values in row.items()} | {"root": np.zeros(3)}
    return HumanState(str(v["human_ids"][i]), status, float(v["human_confidence"][i]), **row)


def _object(v: Arrays, i: int) -> ObjectState:
    """Object `i`; without an estimate the pose is the identity, as the pipeline leaves it."""
    status = Status(int(v["object_status"][i]))
    return ObjectState(
        id=str(v["object_ids"][i]),
        status=status,
        confidence=float(v["object_confidence"][i]),
        label=str(v["object_labels"][i]),
        template_id=str(v["object_template_ids"][i]),
        T_cam_object=v["T_cam_object"][i] if status.is_present else np.eye(4),
        covariance=v["object_covariance"][i] if status.is_present else np.zeros((6, 6)),
    )


def _contacts(v: Arrays, i: int) -> Contacts:
    return Contacts(
        body_parts=tuple(str(part) for part in v[f"contact_{i}_body_parts"]),
        human_id=str(v["contact_human_ids"][i]),
        object_id=str(v["contact_object_ids"][i]),
        source=str(v["contact_sources"][i]),  # type: ignore[arg-type]
        **{name: v[f"contact_{i}_{name}"] for name in _CONTACT},
    )


def _floor(v: Arrays) -> Floor:
    # Labels of the first releases have no uncertainty.
    tilt, offset = (float(v.get(f"floor_{key}", 0.0)) for key in ("tilt_sigma", "offset_sigma"))
    return Floor(v["floor_normal"], float(v["floor_offset"]), str(v["floor_source"]), tilt, offset)  # type: ignore[arg-type]


def _landmarks(v: Arrays) -> Landmarks:
    return Landmarks(**{field: v[key] for key, field in _LANDMARKS.items()})


def _estimate(v: Arrays) -> Estimate:
    theta, betas, R_o, _ = np.split(v["x"], _PARTS)
    person = HumanPose(theta.reshape(NUM_JOINTS, 6), betas, v["t_cam"]) if _known(v["t_cam"]) else None
    return Estimate(person, ObjectPose(R_o, v["object_origin"]) if _known(v["object_origin"]) else None)


def _known(values: Floats) -> bool:
    return bool(np.isfinite(values).all())


def _named(names: Any, values: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(names, values, strict=True)}

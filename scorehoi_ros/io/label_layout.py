"""What the arrays of a label file (`io/npz.py`) must be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.npz import Field, Layout, check_arrays
from scorehoi_ros.types import NUM_BETAS, NUM_JOINTS, Status

SCHEMA_VERSION = 2
_UNKNOWN = {"finite": False}
"""Rows of those without an estimate are NaN; so may the camera of an unusable frame be."""
_FIELDS: dict[str, Field] = {
    **{name: Field("U") for name in ("name", "frame_id", "message", "camera_source", "distortion_model")},
    "stamp_ns": Field("iu"),
    "status": Field("iu"),
    "K": Field("f", (3, 3), **_UNKNOWN),
    "image_size": Field("iu", (2,)),
    "distortion": Field("f", ("*",), **_UNKNOWN),
    "human_ids": Field("U", ("people",)),
    "human_status": Field("iu", ("people",)),
    "human_confidence": Field("f", ("people",)),
    "human_betas": Field("f", ("people", NUM_BETAS), **_UNKNOWN),
    "human_pose": Field("f", ("people", NUM_JOINTS, 3), **_UNKNOWN),
    "human_root": Field("f", ("people", 3), **_UNKNOWN),
    "human_joints": Field("f", ("people", NUM_JOINTS, 3), **_UNKNOWN),
    "human_vertices": Field("f", ("people", "*", 3), **_UNKNOWN),
    "object_ids": Field("U", ("objects",)),
    "object_labels": Field("U", ("objects",)),
    "object_template_ids": Field("U", ("objects",)),
    "object_status": Field("iu", ("objects",)),
    "object_confidence": Field("f", ("objects",)),
    "T_cam_object": Field("f", ("objects", 4, 4), **_UNKNOWN),
    "object_covariance": Field("f", ("objects", 6, 6), **_UNKNOWN),
    "contact_human_ids": Field("U", ("contacts",)),
    "contact_object_ids": Field("U", ("contacts",)),
    "contact_sources": Field("U", ("contacts",)),
    "quality_names": Field("U", ("qualities",)),
    "quality_values": Field("f", ("qualities",), **_UNKNOWN),
    "stage_names": Field("U", ("stages",)),
    "stage_ms": Field("f", ("stages",), **_UNKNOWN),
}
_OPTIONAL: dict[str, dict[str, Field]] = {
    "floor_normal": {
        "floor_normal": Field("f", (3,)),
        "floor_offset": Field("f"),
        "floor_source": Field("U"),
        # Labels of the first releases have no uncertainty.
        "floor_tilt_sigma": Field("f", needed=False),
        "floor_offset_sigma": Field("f", needed=False),
    },
    "x": {
        "x": Field("f", (NUM_JOINTS * 6 + NUM_BETAS + 9,), **_UNKNOWN),
        "t_cam": Field("f", (3,), **_UNKNOWN),
        "object_origin": Field("f", (3,), **_UNKNOWN),
    },
    "landmark_pixels": {
        "landmark_pixels": Field("f", ("landmarks", 2), **_UNKNOWN),
        "landmark_world": Field("f", ("landmarks", 3), **_UNKNOWN),
        "landmark_confidence": Field("f", ("landmarks",)),
    },
}
_CONTACT: dict[str, Field] = {
    "human_vertices": Field("iu", ("touching",)),
    "human_probabilities": Field("f", ("touching",)),
    "body_parts": Field("U", ("parts",)),
    "object_points": Field("f", ("touched", 3)),
    "object_probabilities": Field("f", ("touched",)),
    "floor_points": Field("f", ("standing", 3)),
    "floor_probabilities": Field("f", ("standing",)),
}
LAYOUT = Layout(
    "a label file",
    "Make the labels again with `scorehoi label`.",
    _FIELDS,
    version=("schema_version", SCHEMA_VERSION),
)
_PRESENT = {
    "human": ("human_betas", "human_pose", "human_root", "human_joints", "human_vertices"),
    "object": ("T_cam_object", "object_covariance"),
}


def check_label(values: Mapping[str, NDArray[Any]]) -> None:
    """Raise ValueError for what the layout alone does not tell: rows, contacts and what is there together."""
    for key, fields in _OPTIONAL.items():
        if key in values:
            check_arrays(values, fields)
    for i in range(len(values["contact_sources"])):
        check_arrays(values, {f"contact_{i}_{name}": field for name, field in _CONTACT.items()})
        _check_vertices(f"contact_{i}_human_vertices", values)
    for kind, names in _PRESENT.items():
        present = [Status(int(status)).is_present for status in values[f"{kind}_status"]]
        for name in names:
            if not np.isfinite(values[name][np.array(present, bool)]).all():
                raise ValueError(f"{name} of a {kind} with an estimate is not finite")
    if (values["image_size"] < 0).any():
        raise ValueError(f"image_size is {values['image_size'].tolist()}, expected pixels")
    usable = Status(int(values["status"])) is not Status.BAD_INPUT
    if usable and not (np.isfinite(values["K"]).all() and np.isfinite(values["distortion"]).all()):
        raise ValueError("K or distortion is not finite")


def _check_vertices(name: str, values: Mapping[str, NDArray[Any]]) -> None:
    ids, count = values[name], values["human_vertices"].shape[1]
    if ids.size and (ids.min() < 0 or ids.max() >= count):
        raise ValueError(f"{name} goes from {ids.min()} to {ids.max()}, but there are {count} vertices")

"""The lens in a calibration file: every key that speaks of distortion is used, or is an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scorehoi_ros.errors import CameraError, shown
from scorehoi_ros.geometry.lens import model_named, plain
from scorehoi_ros.io.calibration.values import first, number, numbers
from scorehoi_ros.types import Floats

VECTOR = (
    "distortioncoefficients", "distortioncoeffs", "distortioncoeff", "distortion", "distcoeffs", "distcoeff",
    "distcoefs", "distortionparameters", "distortionparams", "coeffs", "coefficients", "dist", "d",
)  # fmt: skip
RADIAL, TANGENTIAL = ("radialdistortion", "radial"), ("tangentialdistortion", "tangential")
SINGLE = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4")
"""OpenCV's order."""
FISHEYE_ORDER = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
AZURE = "opencv"
"""fx fy cx cy and then the coefficients, as the Azure Kinect's SDK lists them."""
LENS_NAME = ("distortionmodel", "distortiontype", "model")
CAMERA_NAME = ("cameramodel", "modeltype", "cameratype")
FISHEYE = ("isfisheye", "fisheyemodel", "fisheye", "calibrateusefisheyemodel")
NO_LENS = ("", "none", "null", "no", "pinhole", "simplepinhole", "perspective")
SUSPECT = re.compile(
    r"distor|coef|radial|tangent|prism|fisheye|^dist$|^[kps]\d$|^tau[xy]?$|^cod[xy]$|^xi$|^d\d?$"
)
"""Names that speak of distortion."""


@dataclass(frozen=True)
class Lens:
    """What a file says of the lens, unchecked."""

    model: str
    coefficients: Floats
    """(n,) in OpenCV's order; empty = none."""


def lens_from(keys: Mapping[str, Any], whole_file: bool) -> Lens:
    """The lens by plain names.

    `whole_file` = of a calibrator, which writes coefficients even if they are zero.  Raises CameraError for a
    camera that is none of a pinhole or fisheye kind, for missing coefficients, for some that are told twice,
    and for keys about distortion that are not understood.
    """
    model = _model(keys)
    told = {
        "a list": _vector(keys),
        "radial and tangential": _radial(keys),
        "opencv": numbers("opencv", keys[AZURE])[4:] if AZURE in keys else None,
        "k1, k2, ...": _singles(keys, model_named(model) == "equidistant"),
    }
    found = {name: values for name, values in told.items() if values is not None}
    _refuse_ignored(keys)
    if len(found) > 1:
        raise CameraError(f"its distortion is told twice ({' and as '.join(found)}). Keep one.")
    if not found and (whole_file or plain(model) not in NO_LENS):
        raise CameraError(
            "it has no distortion_coefficients; is the file cut short? Zeros say that there is no distortion."
        )
    return Lens(model, next(iter(found.values()), np.zeros(0)))


def _model(keys: Mapping[str, Any]) -> str:
    camera, lens = _text(keys, CAMERA_NAME), _text(keys, LENS_NAME)
    kind = _text(keys, ("type",))
    if not camera and model_named(kind) is not None:  # ORB-SLAM; elsewhere a type may be anything
        camera = kind
    if plain(camera) not in NO_LENS and model_named(camera) is None:
        raise CameraError(
            f"the camera model {shown(camera)} is not supported. Expected pinhole or fisheye (equidistant): "
            "calibrate with one of these, or give images that are undistorted."
        )
    if any(_is_on(keys.get(name)) for name in FISHEYE):
        return "equidistant"
    return lens or ("" if plain(camera) in NO_LENS else camera)


def _text(keys: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = first(keys, names)
    return "" if value is None else str(value)


def _is_on(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "1.0")


def _vector(keys: Mapping[str, Any]) -> Floats | None:
    name = next((name for name in VECTOR if name in keys and not _is_section(keys[name])), None)
    if name is None:
        return None
    if isinstance(keys[name], list) and not keys[name]:
        return np.zeros(0)
    return numbers(f"the distortion ({name})", keys[name])


def _is_section(value: Any) -> bool:
    """Whether this only sorts k1, k2, ...; they are among the keys themselves."""
    return isinstance(value, Mapping) and any(plain(str(key)) in SINGLE for key in value)


def _radial(keys: Mapping[str, Any]) -> Floats | None:
    radial, tangential = first(keys, RADIAL), first(keys, TANGENTIAL)
    if radial is None and tangential is None:
        return None
    k = np.zeros(2) if radial is None else numbers("the radial distortion", radial, 2, 3)
    p = np.zeros(2) if tangential is None else numbers("the tangential distortion", tangential, 2)
    return np.r_[k[:2], p, k[2:], np.zeros(3 - len(k))]


def _singles(keys: Mapping[str, Any], fisheye: bool) -> Floats | None:
    there = {name: number(name, keys[name]) for name in SINGLE if name in keys}
    if not there:
        return None
    if not fisheye and there.get("k4") and not {"k5", "k6"} <= there.keys():
        raise CameraError(
            "k4 without k5 and k6 is no coefficient of OpenCV's model. Calibrate with k1 k2 p1 p2 k3, or say "
            "that the lens is a fisheye (distortion_model: equidistant)."
        )
    values = np.array([there.get(name, 0.0) for name in (FISHEYE_ORDER if fisheye else SINGLE)])
    return values if not fisheye or np.any(values[4:]) else values[:4]


def _refuse_ignored(keys: Mapping[str, Any]) -> None:
    """Raise CameraError for a key about distortion that no other function here uses."""
    known = {*VECTOR, *RADIAL, *TANGENTIAL, *SINGLE, *LENS_NAME, *FISHEYE}
    outer = [(name, value) for name, value in keys.items() if name not in known]
    sections = [part.items() for part in keys.values() if isinstance(part, Mapping)]
    inner = [(plain(str(key)), value) for items in sections for key, value in items]
    # Those of a section that only sorts keys are among the keys themselves.
    unread = outer + [(name, value) for name, value in inner if keys.get(name) is not value]
    for name, value in unread:
        if SUSPECT.search(name) and _says_something(value):
            raise CameraError(
                f"the key {shown(name)} speaks of distortion and is not understood. Give distortion_model "
                "and distortion_coefficients (k1 k2 p1 p2 k3; equidistant: k1 k2 k3 k4), or take it out if "
                "the images are undistorted."
            )


def _says_something(value: Any, levels: int = 2) -> bool:
    if isinstance(value, Mapping | list):
        parts = value.values() if isinstance(value, Mapping) else value
        return levels == 0 or any(_says_something(part, levels - 1) for part in parts)
    return bool(value) and str(value) not in ("0", "0.0", "false", "none")

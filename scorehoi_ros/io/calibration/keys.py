"""What the keys of calibration files mean: one vocabulary for all calibrators.

| written by | size | K | distortion |
|---|---|---|---|
| ROS camera_info | image_width, image_height | camera_matrix | distortion_model, distortion_coefficients |
| `ros2 topic echo` | width, height, binning, roi | k, or p | distortion_model, d |
| OpenCV FileStorage | image_width, image_height | camera_matrix | distortion_coefficients |
| Kalibr, EuRoC | resolution | intrinsics | distortion_model, distortion_coeffs |
| RealSense | width, height | fx fy ppx ppy | model, coeffs |
| NeRF | w, h | fl_x fl_y cx cy, camera_angle_x | camera_model, is_fisheye, k1 k2 p1 p2 ... |
| MATLAB, Open3D | width, height | intrinsic_matrix, also column by column | radial, tangential |

Names are compared without case and punctuation.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.calibration import WHOLE, Calibration
from scorehoi_ros.geometry.camera import intrinsics
from scorehoi_ros.geometry.lens import plain
from scorehoi_ros.io.calibration.lens import lens_from
from scorehoi_ros.io.calibration.values import first, number, numbers, whole
from scorehoi_ros.types import Floats

FOUR = ("intrinsics", "intrinsic", "cameraintrinsics")
"""A matrix, or fx, fy, cx, cy."""
MATRIX = ("cameramatrix", "k", "intrinsicmatrix", "cameraintrinsic", "mtx", *FOUR)
PROJECTION = ("projectionmatrix", "p")
FOCAL_X, FOCAL_Y = ("fx", "flx", "fu"), ("fy", "fly", "fv")
CENTRE_X, CENTRE_Y = ("cx", "ppx", "cu", "pu"), ("cy", "ppy", "cv", "pv")
ANGLE_X, ANGLE_Y = "cameraanglex", "cameraangley"
NERF_FOCAL = "flx"
"""Where this is told, a missing fl_y equals it and a missing centre is that of the image."""
WIDTH, HEIGHT = ("imagewidth", "width", "w"), ("imageheight", "height", "h")
SIZE = ("resolution", "imagesize")
PART = re.compile(r"intrinsic|distor|projection|resolution|size$|^camera$|^camerainfo$|^calibration$")
"""Sub-mappings whose keys count as if they stood outside."""
ACCEPTED = (
    "camera_matrix (ROS, OpenCV), k and d (dump of a CameraInfo), intrinsics [fx, fy, cx, cy] (Kalibr), "
    "fx fy cx cy or fx fy ppx ppy (RealSense), fl_x or camera_angle_x (NeRF)"
)


def calibration_from(data: Mapping[Any, Any], width: int, height: int) -> Calibration:
    """The calibration in a file's mapping; where it tells no size, it is for images of width x height.

    Raises CameraError when the intrinsics are not understood, when several cameras are in it, and for each
    distortion that would have been ignored.
    """
    keys = _camera(data, (width, height))
    size = _size(keys) or (width, height)
    lens = lens_from(keys, whole_file=_is_matrix(_told_matrix(keys)[1]))
    K, P = _matrix(keys, size), _projection(keys)
    return Calibration(K, *size, lens.coefficients, lens.model, P, _binning(keys), _roi(keys))


def _camera(data: Mapping[Any, Any], size: tuple[int, int]) -> dict[str, Any]:
    """The keys of the only camera in a file, or of the only one for images of a size.

    What stands outside of all cameras is said of that one.
    """
    if _has_intrinsics(keys := _flat(data)):
        return keys
    parts = {str(name): _flat(part) for name, part in data.items() if isinstance(part, Mapping)}
    found = {name: part for name, part in parts.items() if _has_intrinsics(part)}
    if not found:
        listed = ", ".join(str(name)[:40] for name in list(data)[:20]) or "none"
        raise CameraError(
            f"its keys are {listed}: no intrinsics that are understood. Expected {ACCEPTED}; or give "
            "fx,fy,cx,cy."
        )
    fitting = [name for name, part in found.items() if _size(part) == size]
    if len(found) > 1 and len(fitting) != 1:
        raise CameraError(
            f"it holds several cameras ({', '.join(found)}) and {len(fitting)} of them are for images of "
            f"{size[0]} x {size[1]}. Give a file with the one of these images."
        )
    outside = {name: value for name, value in keys.items() if not isinstance(value, Mapping)}
    return outside | (found[fitting[0]] if fitting else next(iter(found.values())))


def _flat(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Values by plain name; those of sub-mappings that only sort keys are among them.

    Raises CameraError when two names that tell intrinsics are one then (Camera1.fx, Camera2.fx).
    """
    names = [plain(str(key)) for key in data]
    twice = sorted({name for name in names if names.count(name) > 1 and name in (*MATRIX, *FOCAL_X)})
    if twice:
        raise CameraError(f"it holds several cameras: {twice[0]} is told twice. Give a file with one.")
    own = dict(zip(names, data.values(), strict=True))
    inner: dict[str, Any] = {}
    for name, value in own.items():
        if PART.search(name) and isinstance(value, Mapping) and not _is_matrix(value):
            inner |= {plain(str(key)): part for key, part in value.items()}
    return inner | {name: value for name, value in own.items() if name not in inner or value is not None}


def _is_matrix(value: Any) -> bool:
    return isinstance(value, Mapping) and "data" in {plain(str(key)) for key in value}


def _has_intrinsics(keys: Mapping[str, Any]) -> bool:
    others = (*FOCAL_X, ANGLE_X, *PROJECTION)
    return bool(_told_matrix(keys)[0]) or any(name in keys for name in others)


def _told_matrix(keys: Mapping[str, Any]) -> tuple[str, Any]:
    """Name and value of a camera matrix, "" and None without; a mapping without data only sorts keys."""
    told = ((name, keys[name]) for name in MATRIX if name in keys)
    nothing: tuple[str, Any] = ("", None)
    return next((t for t in told if _is_matrix(t[1]) or not isinstance(t[1], Mapping)), nothing)


def _size(keys: Mapping[str, Any]) -> tuple[int, int] | None:
    told, both = [first(keys, WIDTH), first(keys, HEIGHT)], first(keys, SIZE)
    if told == [None, None]:
        if both is None:
            return None
        told = list(numbers("resolution (width, height)", both, 2))
    width, height = (whole("image width and height", value) for value in told)
    return width, height


def _matrix(keys: Mapping[str, Any], size: tuple[int, int]) -> Floats:
    name, value = _told_matrix(keys)
    if name:
        return _matrix_of(numbers(f"the camera matrix ({name})", value, *((4, 9) if name in FOUR else (9,))))
    if first(keys, FOCAL_X) is not None:
        return _from_numbers(keys, size)
    if ANGLE_X in keys:
        focal = [_focal(keys, name, side) for name, side in zip((ANGLE_X, ANGLE_Y), size, strict=True)]
        return _centred(keys, focal[0] or 0.0, focal[1] or focal[0] or 0.0, size)
    return np.zeros((3, 3))


def _matrix_of(values: Floats) -> Floats:
    if values.size == 4:
        return intrinsics(*values)
    K = values.reshape(3, 3)
    by_columns = np.any(K[2, :2]) and not np.any(K[:2, 2])
    return K.T if by_columns else K


def _from_numbers(keys: Mapping[str, Any], size: tuple[int, int]) -> Floats:
    fx = number("fx", first(keys, FOCAL_X))
    if NERF_FOCAL in keys:
        fy = first(keys, FOCAL_Y)
        return _centred(keys, fx, fx if fy is None else number("fl_y", fy), size)
    rest = zip(("fy", "cx", "cy"), (FOCAL_Y, CENTRE_X, CENTRE_Y), strict=True)
    return intrinsics(fx, *(number(name, first(keys, names)) for name, names in rest))


def _focal(keys: Mapping[str, Any], name: str, side: int) -> float | None:
    if name not in keys:
        return None
    angle = number(name, keys[name])
    if not 0 < angle < math.pi:
        raise CameraError(f"{name} must lie between 0 and pi (radians). Got {angle}.")
    return 0.5 * side / math.tan(angle / 2)


def _centred(keys: Mapping[str, Any], fx: float, fy: float, size: tuple[int, int]) -> Floats:
    told = (first(keys, CENTRE_X), first(keys, CENTRE_Y))
    cx, cy = (
        (side - 1) / 2 if value is None else number("cx, cy", value)
        for value, side in zip(told, size, strict=True)
    )
    return intrinsics(fx, fy, cx, cy)


def _projection(keys: Mapping[str, Any]) -> Floats | None:
    value = first(keys, PROJECTION)
    return None if value is None else numbers("the projection matrix", value, 12).reshape(3, 4)


def _binning(keys: Mapping[str, Any]) -> tuple[int, int]:
    across, down = (whole(name, keys.get(name, 1)) for name in ("binningx", "binningy"))
    return across, down


def _roi(keys: Mapping[str, Any]) -> tuple[int, int, int, int]:
    roi = keys.get("roi")
    if not isinstance(roi, Mapping):
        return WHOLE
    told = {plain(str(key)): value for key, value in roi.items()}
    x, y, width, height = (
        whole(f"roi.{name}", told.get(name, 0)) for name in ("xoffset", "yoffset", "width", "height")
    )
    return x, y, width, height

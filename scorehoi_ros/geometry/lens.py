"""Lens distortion: names of its models, how many numbers each has, and whether they can be meant."""

import re
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from scorehoi_ros.errors import CameraError, shown
from scorehoi_ros.types import Camera, Floats, Model

NAMES: dict[Model, tuple[str, ...]] = {
    "plumb_bob": ("plumb_bob", "radtan", "radial_tangential", "brown_conrady", "brown", "opencv", "pinhole",
                  "perspective", "radial", ""),
    "rational_polynomial": ("rational_polynomial", "rational", "full_opencv"),
    "equidistant": ("equidistant", "equi", "fisheye", "opencv_fisheye", "kannala_brandt", "kannala_brandt4",
                    "kannala_brandt8", "kb4"),
}  # fmt: skip
"""What drivers, calibrators and data sets call the models, first as sensor_msgs/CameraInfo does.

"pinhole" and an empty name say nothing of the lens; with coefficients they mean OpenCV's usual ones.
"""
SIZES: dict[Model, tuple[int, ...]] = {
    "plumb_bob": (4, 5, 8, 12, 14),
    "rational_polynomial": (4, 5, 8, 12, 14),
    "equidistant": (4,),
}
"""How many coefficients OpenCV takes."""
PLUMB_BOB_SIZE = 5
GRID = 16
"""Cells along each side of the image in which distortion is tried."""
LEAST_SEEN = 0.25
"""Share of an undistorted image that must show something; of real lenses it is more than half."""


def plain(name: str) -> str:
    """A name without its prefix, case and punctuation: "distortion.Brown-Conrady" -> "brownconrady"."""
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition(".")[2])


_MODELS: dict[str, Model] = {plain(name): model for model, names in NAMES.items() for name in names}


def model_named(name: str) -> Model | None:
    """The model that is meant by a name, None when it is none of ours."""
    return _MODELS.get(plain(name))


def lens(name: str, coefficients: Any) -> tuple[Model, Floats]:
    """Model and (n,) coefficients as OpenCV takes them; nothing but zeros needs no model and becomes (0,).

    Zeros at the end that the model has no use for are dropped.  Raises CameraError for numbers that are not
    finite, and for a model that is not known or has another number of coefficients.
    """
    values = np.asarray(coefficients, dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise CameraError(f"distortion coefficients must be finite. Got {values.tolist()}.")
    if not np.any(values):
        return "plumb_bob", np.zeros(0)
    model = model_named(name)
    if model is None:
        raise CameraError(
            f"the distortion model {shown(name)} is not supported, and its coefficients {values.tolist()} "
            f"are not zero; expected {', '.join(NAMES)}, or one of their usual names (radtan, fisheye, "
            "brown_conrady, ...). Calibrate with one of these, or give images that are undistorted."
        )
    kept = _fitting(model, values)
    if model == "plumb_bob" and kept.size > PLUMB_BOB_SIZE:
        return "rational_polynomial", kept
    return model, kept


def _fitting(model: Model, values: Floats) -> Floats:
    sizes, needed = SIZES[model], int(np.flatnonzero(values)[-1]) + 1
    found = [size for size in sizes if needed <= size <= values.size]
    if not found:
        wanted = " or ".join(map(str, sizes))
        raise CameraError(
            f"{values.size} distortion coefficients {values.tolist()} for {model}, which has {wanted}."
        )
    own = [size for size in found if model != "plumb_bob" or size <= PLUMB_BOB_SIZE]
    return values[: max(own or found)]


def check_lens(camera: Camera) -> None:
    """Raise CameraError when a camera's distortion cannot be undone, or leaves nothing of the image.

    K must be that of a pinhole camera (`geometry.camera.validate_camera`).
    """
    model, values = lens(camera.model, camera.distortion)
    if not values.size:
        return
    if camera.model not in SIZES or np.size(camera.distortion) not in SIZES[camera.model]:
        raise CameraError(
            f"{np.size(camera.distortion)} distortion coefficients do not belong to {camera.model}."
        )
    if _seen_share(camera) < LEAST_SEEN:
        raise CameraError(
            f"with the distortion {values.tolist()} ({model}) and fx={camera.K[0, 0]:g} next to nothing of "
            f"an image of {camera.width} x {camera.height} would be left: the coefficients or their order "
            "are wrong. OpenCV's order is k1 k2 p1 p2 k3 (equidistant: k1 k2 k3 k4); zeros mean none."
        )


def undistortion_maps(camera: Camera, K: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Where an ideal camera with K and images of `size` (width, height) looks: x, y (height, width) pixels.

    Those of the cameras asked for last are kept, and not to be written to.  Raises cv2.error for coefficients
    that do not belong to the model.
    """
    own, D, ideal = (np.asarray(values, np.float64).tobytes() for values in (camera.K, camera.distortion, K))
    return _maps(camera.model, own, D, ideal, size)


@lru_cache(maxsize=4)
def _maps(model: str, own: bytes, D: bytes, ideal: bytes, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Of a camera's own K, its distortion, and the K of an ideal one, by their bytes."""
    kind: Any = cv2.fisheye if model == "equidistant" else cv2
    K, K_ideal = (np.frombuffer(values).reshape(3, 3) for values in (own, ideal))
    x, y = kind.initUndistortRectifyMap(K, np.frombuffer(D), np.eye(3), K_ideal, size, cv2.CV_32FC1)
    for values in (x, y):
        values.flags.writeable = False
    return np.asarray(x), np.asarray(y)


def _seen_share(camera: Camera) -> float:
    """Share 0..1 of cells of the undistorted image that lie, not turned over, within the image as it came."""
    width, height = camera.width, camera.height
    to_grid = np.diag([GRID / max(width - 1, 1), GRID / max(height - 1, 1), 1.0])
    x, y = undistortion_maps(camera, to_grid @ camera.K, (GRID + 1, GRID + 1))
    inside = (x >= -1) & (x <= width) & (y >= -1) & (y <= height)  # NaN is not inside
    whole = inside[:-1, :-1] & inside[:-1, 1:] & inside[1:, :-1] & inside[1:, 1:]
    with np.errstate(all="ignore"):
        across = [np.diff(u, axis=1)[:-1] for u in (x, y)]
        down = [np.diff(u, axis=0)[:, :-1] for u in (x, y)]
        upright = across[0] * down[1] - across[1] * down[0] > 0
    return float(np.mean(whole & upright))

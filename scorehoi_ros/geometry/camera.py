"""Pinhole cameras: what can be one, projection, distortion, crops."""

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.lens import check_lens, undistortion_maps
from scorehoi_ros.types import Box, Camera, Floats, Frame, Masks

GUESSED_FOV_DEG = 60.0
"""Assumed horizontal-or-vertical field of view over the longer side, typical of phones and webcams."""

LEAST_FOCAL, LARGEST_FOCAL, FARTHEST_CENTRE = 0.05, 1000.0, 20.0
"""Limits in longer sides of the image beyond which intrinsics are surely wrong."""

LARGEST_SKEW = 0.01
"""Of the focal length; calibrators that estimate a skew find much less."""


@dataclass(frozen=True)
class Crop:
    """A square, axis-aligned part of an image, resized."""

    T_crop_image: Floats
    """(3, 3) homogeneous map from image pixels to crop pixels."""
    K_crop: Floats
    """(3, 3) intrinsics of the crop."""
    size: int
    """Side of the crop in pixels."""


def guess_camera(width: int, height: int) -> Camera:
    """A camera with a stated guess of the focal length, marked as such."""
    focal = 0.5 * max(width, height) / math.tan(math.radians(GUESSED_FOV_DEG) / 2)
    return Camera(intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2), width, height, source="guess")


def intrinsics(fx: float, fy: float, cx: float, cy: float) -> Floats:
    """Camera matrix K (3, 3) in pixels."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def validate_camera(camera: Camera) -> None:
    """Raise CameraError for what cannot be a camera; the one check for every source of cameras.

    K must be finite, upper triangular, with positive focal lengths in reach of the image, and the distortion
    one that can be undone.
    """
    K = np.asarray(camera.K)
    if K.shape != (3, 3) or not np.isfinite(K).all():
        raise CameraError(f"K must be 3 x 3 finite numbers. Got {K.tolist()}. Check the calibration.")
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise CameraError(
            f"focal lengths must be positive. Got fx={K[0, 0]}, fy={K[1, 1]}: an uncalibrated driver "
            "publishes zeros. Calibrate the camera or give --camera fx,fy,cx,cy."
        )
    _refuse_other_matrices(K)
    if camera.width <= 0 or camera.height <= 0:
        raise CameraError(f"image size must be positive. Got {camera.width} x {camera.height}.")
    _refuse_absurd(camera)
    check_lens(camera)


def _refuse_other_matrices(K: Floats) -> None:
    if not np.allclose(K[[1, 2, 2, 2], [0, 0, 1, 2]], [0, 0, 0, 1], atol=1e-6):
        raise CameraError(
            f"K must be [fx 0 cx; 0 fy cy; 0 0 1], row by row. Got {K.tolist()}: another matrix, or one that "
            "is written column by column."
        )
    if abs(K[0, 1]) > LARGEST_SKEW * K[0, 0]:
        raise CameraError(
            f"K has a skew of {K[0, 1]:g} pixels beside fx={K[0, 0]:g}; real pixels are not skewed. "
            "Calibrate without skew, or check the order of the numbers."
        )


def _refuse_absurd(camera: Camera) -> None:
    """Swapped, scaled or invented numbers; even a cut-out of a telephoto image stays within these limits."""
    K, side = np.asarray(camera.K), max(camera.width, camera.height)
    focal, centre = np.array([K[0, 0], K[1, 1]]), K[:2, 2]
    if not (LEAST_FOCAL * side <= focal.min() and focal.max() <= LARGEST_FOCAL * side):
        raise CameraError(
            f"focal lengths fx={K[0, 0]:g}, fy={K[1, 1]:g} cannot belong to an image of {camera.width} x "
            f"{camera.height}: expected {LEAST_FOCAL * side:g} to {LARGEST_FOCAL * side:g} pixels. "
            "Give fx,fy,cx,cy in pixels, in this order."
        )
    if np.abs(centre).max() > FARTHEST_CENTRE * side:
        raise CameraError(
            f"the principal point cx={centre[0]:g}, cy={centre[1]:g} is far outside the image of "
            f"{camera.width} x {camera.height}. Give fx,fy,cx,cy in pixels, in this order."
        )


def check_size(camera: Camera, width: int, height: int) -> None:
    """Raise CameraError when the calibration belongs to another image size."""
    if (camera.width, camera.height) != (width, height):
        raise CameraError(
            f"the calibration is for {camera.width} x {camera.height} pixels, but the image has "
            f"{width} x {height}. Use the CameraInfo of this stream, or scale the calibration with the image."
        )


def project(points: Floats, K: Floats) -> Floats:
    """Camera-frame points (..., 3) metres to pixels (..., 2); points at or behind the camera give NaN."""
    z = points[..., 2:3]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = (points @ K.T)[..., :2] / z
    return np.where(z > 0, pixels, np.nan)


def unproject(pixels: Floats, depth: Floats, K: Floats) -> Floats:
    """Pixels (..., 2) with depth (...) metres to camera-frame points (..., 3)."""
    rays = (pixels - K[:2, 2]) / np.array([K[0, 0], K[1, 1]])
    return np.concatenate((rays, np.ones_like(rays[..., :1])), -1) * depth[..., None]


def undistort_frame(frame: Frame) -> Frame:
    """The frame as an ideal pinhole camera with the same K would see it.

    Raises CameraError when OpenCV cannot do it: the image is too large for it.
    """
    if not np.any(frame.camera.distortion):
        return frame
    try:
        return _undistorted(frame)
    except cv2.error as error:
        raise CameraError(f"the image cannot be undistorted: {error}.") from None


def _undistorted(frame: Frame) -> Frame:
    camera = frame.camera
    map_x, map_y = undistortion_maps(camera, camera.K, (camera.width, camera.height))

    def remap(image: Any, interpolation: int) -> Any:
        return cv2.remap(image, map_x, map_y, interpolation)

    def remap_mask(mask: Any) -> Any:
        return None if mask is None else remap(mask.astype(np.uint8), cv2.INTER_NEAREST).astype(bool)

    masks: Masks = replace(
        frame.masks, human=remap_mask(frame.masks.human), object=remap_mask(frame.masks.object)
    )
    return replace(
        frame,
        rgb=remap(frame.rgb, cv2.INTER_LINEAR),
        depth=None if frame.depth is None else remap(frame.depth, cv2.INTER_NEAREST),
        masks=masks,
        camera=replace(camera, distortion=np.zeros(0)),
    )


def square_crop(box: Box, K: Floats, margin: float, size: int) -> Crop:
    """Crop of `size` pixels a side around a box, enlarged by `margin` (0.2 = 20 % longer side).

    Crop pixel (0, 0) is the centre of the crop's first pixel, so projecting with K_crop equals projecting
    with K and applying T_crop_image.
    """
    side = max(box.x1 - box.x0, box.y1 - box.y0, 1.0) * (1 + margin)
    scale = size / side
    x0 = (box.x0 + box.x1) / 2 - side / 2
    y0 = (box.y0 + box.y1) / 2 - side / 2
    # Pixel centres sit at integers: an image point u covers crop pixel (u + 0.5 - x0) * scale - 0.5.
    shift = np.array([(0.5 - x0) * scale - 0.5, (0.5 - y0) * scale - 0.5])
    T = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]], [0.0, 0.0, 1.0]])
    return Crop(T_crop_image=T, K_crop=T @ K, size=size)


def crop_image(image: Any, crop: Crop, interpolation: int = cv2.INTER_LINEAR) -> Any:
    """Resample (H, W[, C]) to (size, size[, C]); outside the image is zero."""
    source = np.ascontiguousarray(image).view(np.uint8) if image.dtype == bool else image
    out = cv2.warpAffine(source, crop.T_crop_image[:2], (crop.size, crop.size), flags=interpolation)
    return out.view(bool) if image.dtype == bool else out

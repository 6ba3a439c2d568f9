"""The view frame, and places in it as a crop shows them; torch, batched over leading dimensions.

The view frame is the camera turned by the smallest rotation that brings its z axis through the middle of a
square crop.  In it, what is seen in the crop does not depend on where the crop lies in the image.  Places are
told as x, y in the crop (-1..1 from edge to edge, after turning) and a depth.
"""

import torch
from torch import Tensor

LEAST_DEPTH_M = 0.2


def view_axes(K_crop: Tensor, size: int) -> Tensor:
    """R_cam_view (..., 3, 3) of a crop with intrinsics (..., 3, 3) and `size` pixels a side."""
    middle = (size - 1) / 2
    ray = torch.stack(
        (
            (middle - K_crop[..., 0, 2]) / K_crop[..., 0, 0],
            (middle - K_crop[..., 1, 2]) / K_crop[..., 1, 1],
            torch.ones_like(K_crop[..., 0, 0]),
        ),
        -1,
    )
    return turn_z_to(torch.nn.functional.normalize(ray, dim=-1))


def turn_z_to(ray: Tensor) -> Tensor:
    """The smallest rotation (..., 3, 3) that turns z to a unit vector (..., 3) that does not look back."""
    x, y, z = ray.unbind(-1)
    a = 1 / (1 + z)
    rows = (1 - x * x * a, -x * y * a, x, -x * y * a, 1 - y * y * a, y, -x, -y, z)
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def crop_units(pixels: Tensor, size: int) -> Tensor:
    """Pixels of a crop (..., 2) to -1..1 from edge to edge."""
    return (pixels - (size - 1) / 2) / (size / 2)


def focal_of(K_crop: Tensor, size: int) -> Tensor:
    """Focal length (...) in sides of the crop."""
    return K_crop[..., 0, 0] / size


def pelvis_of(camera: Tensor, focal: Tensor) -> Tensor:
    """Pelvis (..., 3) metres from camera (..., 3): x, y in the crop, log(depth / focal); focal (...)."""
    z = camera[..., 2].exp() * focal
    return _point(camera[..., :2], z, focal)


def origin_of(place: Tensor, pelvis: Tensor, focal: Tensor) -> Tensor:
    """Object origin (..., 3) metres from place (..., 3): x, y in the crop, depth behind the pelvis."""
    z = (pelvis[..., 2] + place[..., 2]).clamp_min(LEAST_DEPTH_M)
    return _point(place[..., :2], z, focal)


def camera_of(pelvis: Tensor, focal: Tensor) -> Tensor:
    """The inverse of `pelvis_of`."""
    z = pelvis[..., 2]
    return torch.cat((_seen(pelvis, focal), (z / focal).log()[..., None]), -1)


def place_of(origin: Tensor, pelvis: Tensor, focal: Tensor) -> Tensor:
    """The inverse of `origin_of`."""
    return torch.cat((_seen(origin, focal), (origin[..., 2:] - pelvis[..., 2:])), -1)


def _point(xy: Tensor, z: Tensor, focal: Tensor) -> Tensor:
    return torch.cat((xy / (2 * focal[..., None]) * z[..., None], z[..., None]), -1)


def _seen(point: Tensor, focal: Tensor) -> Tensor:
    return point[..., :2] / point[..., 2:] * (2 * focal[..., None])

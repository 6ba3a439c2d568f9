"""The view frame and places in it."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from scorehoi_ros.geometry.view import (
    LEAST_DEPTH_M,
    camera_of,
    crop_units,
    focal_of,
    origin_of,
    pelvis_of,
    place_of,
    turn_z_to,
    view_axes,
)

FEW = settings(max_examples=40)
SIZE = 128


@st.composite
def crops(draw: st.DrawFn) -> Tensor:
    """K_crop (3, 3): any focal length, and a crop that lies up to 60 degrees off the axis."""
    focal = draw(st.floats(30.0, 3000.0))
    offset = st.floats(-1.2 * focal, 1.2 * focal)
    cx, cy = draw(offset), draw(offset)
    stretched = focal * draw(st.floats(0.9, 1.1))
    return torch.tensor([[focal, 0, cx], [0, stretched, cy], [0, 0, 1]], dtype=torch.float64)


@st.composite
def points(draw: st.DrawFn) -> Tensor:
    """(3,) metres before the camera."""
    z = draw(st.floats(0.5, 12.0))
    across = st.floats(-1.5 * z, 1.5 * z)
    return torch.tensor([draw(across), draw(across), z], dtype=torch.float64)


@FEW
@given(crops())
def test_axes_are_a_rotation_whose_z_goes_through_the_middle_of_the_crop(K: Tensor) -> None:
    R = view_axes(K, SIZE)
    assert torch.allclose(R @ R.T, torch.eye(3, dtype=R.dtype), atol=1e-9)
    assert torch.linalg.det(R) > 0
    middle = K @ R[:, 2]
    assert torch.allclose(middle[:2] / middle[2], torch.full((2,), (SIZE - 1) / 2, dtype=R.dtype), atol=1e-6)


@FEW
@given(crops())
def test_it_is_the_smallest_turn(K: Tensor) -> None:
    R = view_axes(K, SIZE)
    turn = Rotation.from_matrix(R.numpy()).magnitude()
    assert np.isclose(turn, np.arccos(np.clip(R[2, 2], -1, 1)), atol=1e-6)


def test_a_crop_on_the_axis_is_not_turned() -> None:
    K = torch.tensor([[300.0, 0, 63.5], [0, 300.0, 63.5], [0, 0, 1]])
    assert torch.equal(view_axes(K, SIZE), torch.eye(3))
    assert torch.equal(turn_z_to(torch.tensor([0.0, 0.0, 1.0])), torch.eye(3))
    assert float(focal_of(K, SIZE)) == 300 / 128


@FEW
@given(points(), points(), st.floats(0.3, 20.0))
def test_places_come_back(pelvis: Tensor, origin: Tensor, f: float) -> None:
    focal = torch.tensor(f, dtype=torch.float64)
    camera, place = camera_of(pelvis, focal), place_of(origin, pelvis, focal)
    assert torch.allclose(pelvis_of(camera, focal), pelvis, atol=1e-9)
    assert torch.allclose(origin_of(place, pelvis, focal), origin, atol=1e-9)
    assert float(place[2]) == float(origin[2] - pelvis[2])


@FEW
@given(points(), st.floats(0.3, 20.0))
def test_a_place_is_told_as_the_crop_shows_it(pelvis: Tensor, f: float) -> None:
    """On a camera that looks through the middle of the crop."""
    focal, middle = f * SIZE, (SIZE - 1) / 2
    K = torch.tensor([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], dtype=torch.float64)
    seen = K @ pelvis
    told = camera_of(pelvis, focal_of(K, SIZE))
    assert torch.allclose(crop_units(seen[:2] / seen[2], SIZE), told[:2], atol=1e-9)


def test_units_run_from_edge_to_edge() -> None:
    """Pixel centres are at integers: the first pixel's outer edge is at -0.5."""
    pixels = torch.tensor([[-0.5, -0.5], [63.5, 63.5], [127.5, 127.5]])
    assert torch.equal(crop_units(pixels, SIZE), torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]))


def test_an_origin_behind_the_camera_is_brought_before_it() -> None:
    pelvis, focal = torch.tensor([0.0, 0.0, 1.0]), torch.tensor(1.0)
    assert float(origin_of(torch.tensor([0.5, 0.0, -3.0]), pelvis, focal)[2]) == np.float32(LEAST_DEPTH_M)


def test_batches_give_what_single_ones_give() -> None:
    g = torch.Generator().manual_seed(0)
    K = torch.eye(3).repeat(2, 5, 1, 1)
    K[..., :2, 2] = 400 * torch.rand(2, 5, 2, generator=g) - 200
    K[..., 0, 0] = K[..., 1, 1] = 200 + 400 * torch.rand(2, 5, generator=g)
    pelvis = torch.rand(2, 5, 3, generator=g) + 1
    R, focal = view_axes(K, SIZE), focal_of(K, SIZE)
    camera, place = camera_of(pelvis, focal), place_of(pelvis + 0.2, pelvis, focal)
    for i in range(2):
        for j in range(5):
            assert torch.allclose(R[i, j], view_axes(K[i, j], SIZE))
            assert torch.allclose(camera[i, j], camera_of(pelvis[i, j], focal[i, j]))
            alone = origin_of(place[i, j], pelvis[i, j], focal[i, j])
            assert torch.allclose(origin_of(place, pelvis, focal)[i, j], alone)

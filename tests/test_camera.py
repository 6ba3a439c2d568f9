"""Cameras: projection, crops, distortion, and clear errors."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry import camera as cam
from scorehoi_ros.geometry.lens import undistortion_maps
from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.io.calibration.file import parse_camera
from scorehoi_ros.types import Box, Camera, Frame

K = cam.intrinsics(979.8, 979.9, 1018.9, 779.5)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.5, 8))
def test_crop_and_full_image_projection_agree(x: float, y: float, z: float) -> None:
    crop = cam.square_crop(Box(300, 200, 900, 1100), K, margin=0.2, size=256)
    point = np.array([x, y, z])
    full = np.append(cam.project(point, K), 1.0)
    np.testing.assert_allclose((crop.T_crop_image @ full)[:2], cam.project(point, crop.K_crop), atol=1e-9)


def test_cropped_picture_shows_the_point_where_K_crop_says() -> None:
    image = np.zeros((480, 640), np.uint8)
    cv2.circle(image, (400, 300), 20, (255,), -1)
    crop = cam.square_crop(Box(340, 220, 460, 380), K, margin=0.1, size=256)
    ys, xs = np.nonzero(cam.crop_image(image, crop) > 127)
    expected = (crop.T_crop_image @ [400, 300, 1])[:2]
    np.testing.assert_allclose([xs.mean(), ys.mean()], expected, atol=0.5)


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.5, 8))
def test_unproject_inverts_project(x: float, y: float, z: float) -> None:
    point = np.array([x, y, z])
    np.testing.assert_allclose(cam.unproject(cam.project(point, K), np.array(z), K), point, atol=1e-9)


def test_points_behind_the_camera_do_not_project() -> None:
    assert np.isnan(cam.project(np.array([[0.1, 0.1, -1.0], [0.0, 0.0, 0.0]]), K)).all()


def test_where_a_lens_looks_is_worked_out_once() -> None:
    camera = Camera(K, 64, 48, np.array([0.1, 0.0, 0.0, 0.0, 0.0]))
    there = undistortion_maps(camera, K, (64, 48))
    assert all(a is b for a, b in zip(there, undistortion_maps(camera, K.copy(), (64, 48)), strict=True))
    stronger = replace(camera, distortion=2 * camera.distortion)
    assert not np.allclose(there[0], undistortion_maps(stronger, K, (64, 48))[0])


def test_undistortion_moves_points_to_the_pinhole_place() -> None:
    small = cam.intrinsics(500, 500, 319.5, 239.5)
    D = np.array([-0.3, 0.1, 0.001, -0.001, 0.0])
    point = np.array([[0.4, 0.25, 1.0]])
    distorted = cv2.projectPoints(point, np.zeros(3), np.zeros(3), small, D)[0].ravel()
    image = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(image, tuple(np.round(distorted).astype(int)), 6, (255, 255, 255), -1)
    frame = Frame(image, Camera(small, 640, 480, D), 0)
    flat = cam.undistort_frame(frame)
    ys, xs = np.nonzero(flat.rgb[..., 0] > 127)
    np.testing.assert_allclose([xs.mean(), ys.mean()], cam.project(point, small)[0], atol=1.0)
    assert not np.any(flat.camera.distortion)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2,3", "fx,fy,cx,cy"),
        ("nan,500,320,240", "finite"),
        ("0,0,320,240", "focal lengths must be positive"),
        ("nothing_here.yaml", "cannot read"),
    ],
)
def test_bad_cameras_are_explained(text: str, words: str) -> None:
    with pytest.raises(CameraError, match=words):
        parse_camera(text, 640, 480)


def test_camera_of_another_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(
        "image_width: 320\nimage_height: 240\n"
        "camera_matrix: {rows: 3, cols: 3, data: [300,0,160,0,300,120,0,0,1]}\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\n"
    )
    with pytest.raises(CameraError, match="320 x 240"):
        parse_camera(str(path), 640, 480)
    assert parse_camera(str(path), 320, 240).K[0, 0] == 300


def test_guess_is_marked() -> None:
    guess = cam.guess_camera(1280, 720)
    assert guess.source == "guess"
    cam.validate_camera(guess)
    with pytest.raises(CameraError, match="finite"):
        cam.validate_camera(replace(guess, K=np.full((3, 3), np.nan)))


@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_transform_inverse(values: list[float]) -> None:
    R = np.asarray(cv2.Rodrigues(np.array(values[:3]))[0], float)
    T = make_transform(R, np.array(values[3:]))
    np.testing.assert_allclose(invert_transform(T) @ T, np.eye(4), atol=1e-9)
    points = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(
        transform_points(invert_transform(T), transform_points(T, points)), points, atol=1e-9
    )

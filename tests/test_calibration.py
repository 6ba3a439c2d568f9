"""Calibrations: what CameraInfos and files say, names of lenses, binning and regions, and clear errors."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from calibration_files import ECHO, FILES, KALIBR, NERF, OPENCV_XML, OPENCV_YAML, REALSENSE, ROS

from scorehoi_ros.errors import CameraError
from scorehoi_ros.geometry.calibration import Calibration, cameras_of
from scorehoi_ros.geometry.camera import intrinsics, undistort_frame, validate_camera
from scorehoi_ros.geometry.lens import lens
from scorehoi_ros.io.calibration.file import parse_camera
from scorehoi_ros.types import Camera, Frame

K = intrinsics(600.5, 601.5, 320.25, 240.75)
D = [-0.1, 0.02, 0.001, -0.002]


def written(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize("name", FILES)
def test_files_of_calibrators_are_read(tmp_path: Path, name: str) -> None:
    camera = parse_camera(written(tmp_path, name, FILES[name]), 640, 480)
    np.testing.assert_allclose(camera.K, K)
    np.testing.assert_allclose(camera.distortion[:4], D)
    assert not np.any(camera.distortion[4:]) and camera.source == "user"


@pytest.mark.parametrize("name", ["ros.yaml", "opencv.xml", "realsense.json"])
@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_matter(tmp_path: Path, name: str, mark: str) -> None:
    path = written(tmp_path, name, FILES[name].encode(mark))
    np.testing.assert_allclose(parse_camera(path, 640, 480).K, K)


def test_opencv_itself_writes_what_is_read(tmp_path: Path) -> None:
    for suffix in ("yml", "xml", "json"):
        path = str(tmp_path / f"own.{suffix}")
        storage = cv2.FileStorage(path, cv2.FILE_STORAGE_WRITE)
        storage.write("camera_matrix", K)
        storage.write("distortion_coefficients", np.array([[*D, 0.0]]))
        storage.release()
        camera = parse_camera(path, 640, 480)
        np.testing.assert_allclose(camera.K, K)
        np.testing.assert_allclose(camera.distortion[:4], D)


@pytest.mark.parametrize(
    ("name", "text", "model", "values"),
    [
        ("a.yaml", KALIBR.replace("radtan", "equidistant"), "equidistant", D),
        ("a.yaml", KALIBR.replace("radtan", "none").replace(str(D), "[]"), "plumb_bob", []),
        ("a.json", NERF.replace("false", "true").replace('"p1": 0.001, "p2": -0.002,', ""),
         "equidistant", [-0.1, 0.02, 0, 0]),
        ("a.json", NERF.replace('"is_fisheye": false', '"camera_model": "OPENCV"'), "plumb_bob", D),
        ("a.json", '{"camera_angle_x": 0.979915, "frames": []}', "plumb_bob", []),
        ("a.json", REALSENSE.replace("brown_", "inverse_brown_").replace(str(D)[1:-1], "0,0,0,0"),
         "plumb_bob", []),
        ("a.yaml", ROS.replace("plumb_bob", "rational_polynomial").replace("cols: 5", "cols: 8").replace(
            "-0.002, 0.]", "-0.002, 0., .1, .2, .3]"), "rational_polynomial", [*D, 0, 0.1, 0.2, 0.3]),
        ("a.json", '{"fx": 600, "fy": 600, "cx": 320, "cy": 240, "distortion": {"k1": -0.1, "p2": 0.01}}',
         "plumb_bob", [-0.1, 0, 0, 0.01]),
        ("a.json", '{"intrinsics": {"fx": 600, "fy": 600, "cx": 320, "cy": 240}, "d": [[-0.1, 0, 0, 0]]}',
         "plumb_bob", [-0.1]),
        ("a.json", '{"cam": {"fx": 600, "fy": 600, "cx": 320, "cy": 240}, "distortion": {"k1": -0.1}}',
         "plumb_bob", [-0.1]),
    ],
)  # fmt: skip
def test_lenses_of_files(tmp_path: Path, name: str, text: str, model: str, values: list[float]) -> None:
    camera = parse_camera(written(tmp_path, name, text), 640, 480)
    assert camera.model == model and 595 < camera.K[0, 0] < 605, camera
    found = np.r_[camera.distortion, np.zeros(14 - len(camera.distortion))]
    np.testing.assert_allclose(found, [*values, *[0.0] * (14 - len(values))])


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", ROS[: ROS.index("distortion_coefficients")], "no distortion_coefficients"),
        ("a.yaml", ROS[: ROS.index("distortion_model")], "no distortion_coefficients"),
        ("a.yaml", ROS[: ROS.index("  rows: 1")], "distortion"),
        ("a.yaml", ROS.replace(", -0.002, 0.]", "]"), "cut short"),
        ("a.yaml", ROS[: ROS.index(", -0.002")], "cut short"),
        ("a.yaml", ECHO[: ECHO.index("- 601.5")], "must be 9 numbers. Got 4; is the file cut short"),
        ("a.yaml", OPENCV_YAML[: OPENCV_YAML.index("distortion_c")], "no distortion_coefficients"),
        ("a.xml", OPENCV_XML[:-60], "cut short"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]>' + OPENCV_XML, "entities"),
        (
            "a.xml",
            OPENCV_XML.replace("<opencv", '<!DOCTYPE a [<!ENTITY b "c">]><opencv').encode("utf-16"),
            "entit",
        ),
        ("a.json", REALSENSE[:-5], "cut short"),
        ("a.json", REALSENSE.replace("brown_", "inverse_brown_"), "distortion.inverse_brown_conrady"),
        ("a.json", REALSENSE.replace("coeffs", "lens_distortion"), "lensdistortion"),
        ("a.json", REALSENSE.replace('"coeffs"', '"k1": 0.1, "coeffs"'), "told twice"),
        ("a.json", REALSENSE.replace('"ppy": 240.75,', ""), "cy must be"),
        ("a.json", NERF.replace('"k4": 0', '"k4": 0.1'), "k4 without k5"),
        ("a.yaml", KALIBR.replace("pinhole", "omni"), 'camera model "omni"'),
        ("a.yaml", KALIBR.replace("[1280, 800]", "[640, 480]"), "several cameras .cam0, cam1."),
        ("a.yaml", KALIBR.replace("radtan", "fov"), '"fov"'),
        ("a.yaml", "Camera1.fx: 1\nCamera2.fx: 2\n", "several cameras"),
        ("a.yaml", "focal: 5\nsensor: x\n", "its keys are focal, sensor: .*camera_matrix .*fl_x"),
        ("a.json", '{"v2": {"projection_type": "perspective", "focal": 0.8}}', "no intrinsics"),
        ("a.yaml", "P2: 7.2e+02 0 6.0e+02\n", "no intrinsics"),
        ("a.ini", "[image]\n\nwidth\n640\n", "read as YAML.*camera_matrix .*fl_x"),
        ("a.yaml", "K: !!python/object/apply:os.system ['true']\n", "read as YAML"),
        ("a.yaml", BOMB + "K: *j\n", "numbers"),
        ("a.yaml", "K: &k [*k, *k]\n", "numbers"),
        ("a.yaml", "fx: 600\nfy: 600\ncx: 320\ncy: 240\nmy_distortion: &d [*d]\n", "mydistortion"),
        ("a.json", '{"K": [600,0,320,0,600,240,0,0,1], "calib": {"dist": [0.1, 0, 0, 0]}}', '"dist"'),
        (
            "a.json",
            '{"fx": 600, "fy": 600, "cx": 320, "cy": 240, "width": NaN, "height": 480}',
            "whole number",
        ),
        ("a.json", '{"fx": 600, "fy": 600, "cx": 320, "cy": 240, "width": 640}', "width and height"),
        ("a.yaml", "fx: '600,5'\nfy: 600\ncx: 320\ncy: 240\n", "fx must be one number. Got 2"),
        ("a.json", '{"fx": true, "fy": 600, "cx": 320, "cy": 240}', "fx must be numbers. Got 'True'"),
        ("a.json", '{"K": [600,0,320,0,600,240,0,0,1], "distortion": null}', "Got 'nothing'"),
        ("a.json", "[" * 100_000, "read as JSON"),
        ("a.xml", "<a>" * 50_000, "read as XML"),
        ("a.yaml", b"\xff\xd8\xff\xe0" * 99, "no text"),
        ("a.yaml", "", "no keys"),
    ],
)
def test_files_that_cannot_be_used_are_explained(
    tmp_path: Path, name: str, text: str | bytes, words: str
) -> None:
    with pytest.raises(CameraError, match=words):
        parse_camera(written(tmp_path, name, text), 640, 480)


@pytest.mark.parametrize("name", ["ros.yaml", "echo.yaml", "opencv.yml", "opencv.xml", "realsense.json"])
def test_no_cut_of_a_file_loses_its_distortion(tmp_path: Path, name: str) -> None:
    """A number may lose its last digits when the file ends in it; nothing else may be lost in silence."""
    text = FILES[name]
    for end in range(0, len(text), 7):
        try:
            camera = parse_camera(written(tmp_path, name, text[:end]), 640, 480)
        except CameraError:
            continue
        np.testing.assert_allclose(camera.distortion[:4], D)
        np.testing.assert_allclose(camera.K, K)


@pytest.mark.parametrize(
    ("name", "values", "model", "kept"),
    [
        ("equidistant", [0.01, 0, 0, 0, 0], "equidistant", 4),
        ("equidistant", [0.01, 0, 0, 0, 0, 0, 0, 0], "equidistant", 4),
        ("fisheye", [0.1, 0, 0, 0], "equidistant", 4),
        ("kannala_brandt4", [0.1, 0, 0, 0], "equidistant", 4),
        ("KannalaBrandt8", [0.1, 0, 0, 0], "equidistant", 4),
        ("radtan", [0.1, 0, 0, 0], "plumb_bob", 4),
        ("Brown-Conrady", [0.1, 0, 0, 0, 0], "plumb_bob", 5),
        ("PLUMB_BOB", [0.1, 0, 0, 0, 0, 0.1, 0, 0], "rational_polynomial", 8),
        ("plumb_bob", [0.1, 0, 0, 0, 0, 0], "plumb_bob", 5),
        ("", [0.1, 0, 0, 0], "plumb_bob", 4),
        ("rational_polynomial", [0.1] * 14, "rational_polynomial", 14),
        *[(name, values, "plumb_bob", 0) for name in ("none", "None", "pinhole", "inverse_brown_conrady",
          "fisheye", "radtan", "thin_prism_fisheye", "ftheta") for values in ([], [0.0] * 4, [0.0] * 7)],
    ],
)  # fmt: skip
def test_names_of_lenses(name: str, values: list[float], model: str, kept: int) -> None:
    found, coefficients = lens(name, values)
    assert (found, len(coefficients)) == (model, kept)
    np.testing.assert_array_equal(coefficients, values[:kept])


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("inverse_brown_conrady", [0.1, 0, 0, 0, 0], '"inverse_brown_conrady"'),
        ("none", [0.1, 0, 0, 0], '"none"'),
        ("equidistant", [0.01, 0, 0, 0, 0.2], "5 distortion coefficients .* equidistant, which has 4"),
        ("plumb_bob", [0.1, 0.2], "4 or 5"),
        ("plumb_bob", [0.1] * 15, "15 distortion"),
        ("none", [float("nan")], "finite"),
    ],
)
def test_lenses_that_are_not_known(name: str, values: list[float], words: str) -> None:
    with pytest.raises(CameraError, match=words):
        lens(name, values)


SMALL = intrinsics(50, 50, 32, 24)


@pytest.mark.parametrize(
    ("matrix", "distortion", "model", "words"),
    [
        (SMALL, [1e30, 0, 0, 0, 0], "plumb_bob", "next to nothing"),
        (SMALL, [0, 0, 0, 0, -1e300], "plumb_bob", "next to nothing"),
        (SMALL, [0, 0, 1e4, 0], "plumb_bob", "next to nothing"),
        (SMALL, [1e30, 0, 0, 0], "equidistant", "next to nothing"),
        (SMALL, [0.1] * 5, "equidistant", "equidistant"),
        (SMALL.T, [], "plumb_bob", "column by column"),
        (np.diag([50.0, 50.0, 0.0]), [], "plumb_bob", "0 0 1"),
        (SMALL + np.eye(3, k=-1), [], "plumb_bob", "0 0 1"),
        (SMALL + 40 * np.eye(3, k=1), [], "plumb_bob", "skew"),
        (np.zeros((3, 3)), [], "plumb_bob", "uncalibrated"),
    ],
)
def test_what_cannot_be_a_camera_is_refused(matrix: Any, distortion: Any, model: Any, words: str) -> None:
    with pytest.raises(CameraError, match=words):
        validate_camera(Camera(matrix, 64, 48, np.array(distortion, float), model))


@pytest.mark.parametrize("values", [[-0.3, 0.1, 0, 0, 0], [0.2, 0.1, 0, 0], [-0.4, 0.15, 0.001, 0, -0.03]])
@pytest.mark.parametrize("focal", [0.4, 0.8, 2.0])
def test_lenses_of_real_cameras_pass(values: list[float], focal: float) -> None:
    validate_camera(Camera(intrinsics(640 * focal, 640 * focal, 320, 240), 640, 480, np.array(values)))


def binned(**fields: Any) -> tuple[Camera, ...]:
    return cameras_of(Calibration(intrinsics(800, 820, 640, 500), 1280, 960, **fields), "camera_info")


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        ({"binning": (2, 2)}, (640, 480), (400, 410, 319.75, 249.75)),
        ({"binning": (1, 4)}, (1280, 240), (800, 205, 640, 124.625)),
        ({"roi": (100, 50, 640, 480)}, (640, 480), (800, 820, 540, 450)),
        ({"roi": (100, 50, 640, 480), "binning": (2, 2)}, (320, 240), (400, 410, 269.75, 224.75)),
        ({"roi": (100, 0, 0, 0)}, (1180, 960), (800, 820, 540, 500)),
        ({"binning": (0, 0), "roi": (0, 0, 1280, 960)}, (1280, 960), (800, 820, 640, 500)),
    ],
)
def test_binning_and_regions(fields: Any, size: Any, expected: Any) -> None:
    sent = binned(**fields)[0]
    assert (sent.width, sent.height) == size
    np.testing.assert_allclose(sent.K, intrinsics(*expected))


def test_a_binned_and_cropped_picture_shows_a_point_where_its_camera_says() -> None:
    """The mean of each 2 x 2 pixels, cut out of a picture with a disc."""
    point = np.array([0.1, -0.05, 1.0])
    sent, whole = binned(roi=(300, 200, 800, 600), binning=(2, 2))
    u, v, _ = whole.K @ point
    ys, xs = np.mgrid[:960, :1280]
    picture = np.exp(-((xs - u) ** 2 + (ys - v) ** 2) / 200)
    small = picture[200:800, 300:1100].reshape(300, 2, 400, 2).mean((1, 3))
    centre = [(np.indices(small.shape)[axis] * small).sum() / small.sum() for axis in (1, 0)]
    np.testing.assert_allclose(centre, (sent.K @ point)[:2], atol=0.01)


def test_an_image_of_the_whole_size_has_the_whole_camera() -> None:
    assert [(c.width, c.K[0, 0]) for c in binned(binning=(2, 2))] == [(640, 400), (1280, 800)]


@pytest.mark.parametrize("roi", [(700, 0, 640, 480), (0, 0, 1281, 960), (2000, 0, 0, 0)])
def test_a_region_outside_the_sensor_is_refused(roi: tuple[int, int, int, int]) -> None:
    with pytest.raises(CameraError, match="region of interest"):
        binned(roi=roi)


def test_the_projection_stands_in_for_a_matrix_of_zeros() -> None:
    P = np.c_[intrinsics(700, 710, 600, 400), [-50.0, 0, 0]]
    (camera,) = cameras_of(Calibration(np.zeros((3, 3)), 1280, 960, P=P), "camera_info")
    np.testing.assert_array_equal(camera.K, P[:, :3])
    with pytest.raises(CameraError, match="uncalibrated"):
        cameras_of(Calibration(np.zeros((3, 3)), 1280, 960, P=np.zeros((3, 4))), "camera_info")


def test_an_image_too_large_to_undistort_is_an_error_with_words() -> None:
    camera = Camera(intrinsics(20000, 20000, 16400, 1), 32800, 2, np.array([-0.1, 0, 0, 0]))
    with pytest.raises(CameraError, match="undistorted"):
        undistort_frame(Frame(np.zeros((2, 32800, 3), np.uint8), camera, 0))

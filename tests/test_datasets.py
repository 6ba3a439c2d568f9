"""Adapters of licensed data sets, on made-up folders in their published layouts."""

import pickle
import shutil

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.datasets import intercap
from scorehoi_ros.datasets.bodies import licensed_body, read_body
from scorehoi_ros.datasets.dataset import Sample, Skipped
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.errors import BodyError, InputError, ScorehoiError
from scorehoi_ros.geometry.rigid import transform_points
from tests.dataset_folders import (
    BOX_CORNERS,
    HEIGHT,
    WIDTH,
    body_arrays,
    camera_matrix,
    camera_pose,
    intercap_rows,
    motion,
    smplx_arrays,
    write_behave,
    write_behave_video,
    write_bodies,
    write_imhd,
    write_intercap,
)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    return write_bodies(tmp_path_factory.mktemp("bodies"))


@pytest.fixture
def behave(tmp_path):
    return write_behave(tmp_path / "behave")


def opened(dataset) -> list:
    return [item.open() for item in dataset.singles]


def expected_human(bodies, pose, betas, trans):
    """Posed by the package's own layer, which places the pelvis instead of adding a translation."""
    model = load_body(bodies / "SMPLH_MALE.npz")
    layer = BodyLayer(model, dtype=torch.float64)
    rest = model.joints_template[0] + model.joints_shapedirs[0] @ betas
    R = Rotation.from_rotvec(np.reshape(pose, (52, 3))).as_matrix()
    with torch.no_grad():
        vertices, joints = layer(*(torch.as_tensor(a)[None] for a in (R, betas, rest + trans)))
    return vertices[0].numpy(), joints[0].numpy()


def box_in_camera(sample: Sample) -> np.ndarray:
    """Corners of the object, from the template and the pose that the adapter gives."""
    template = sample.truth.template
    return transform_points(sample.truth.T_cam_object, BOX_CORNERS - template.origin_shift)


def test_numpy_posing_equals_the_body_layer(bodies) -> None:
    values = motion(3)
    body = licensed_body(bodies, "smplh", "male")
    mine = body.pose(values["pose"].reshape(52, 3), values["betas"], values["trans"])
    vertices, joints = expected_human(bodies, values["pose"], values["betas"], values["trans"])
    np.testing.assert_allclose(mine.vertices, vertices, atol=2e-6)
    np.testing.assert_allclose(mine.joints, joints, atol=2e-6)


def test_behave_key_frames(behave, bodies) -> None:
    dataset = open_dataset("behave", behave, body_models=bodies)
    samples = opened(dataset)
    assert [s.key for s in samples] == [f"Date03_Sub03_chairwood/t000{i}.000" for i in (3, 4)]
    sample, values = samples[1], motion(1)
    vertices, joints = expected_human(bodies, values["pose"], values["betas"], values["trans"])
    np.testing.assert_allclose(sample.truth.human.vertices, vertices, atol=1e-5)
    np.testing.assert_allclose(sample.truth.human.joints, joints, atol=1e-5)
    centred = BOX_CORNERS - BOX_CORNERS.mean(0)
    placed = Rotation.from_rotvec(values["angle"]).apply(centred) + values["object_trans"]
    np.testing.assert_allclose(box_in_camera(sample), placed, atol=1e-6)
    np.testing.assert_allclose(sample.frame.camera.K, camera_matrix())
    assert sample.frame.rgb.shape == (HEIGHT, WIDTH, 3) and sample.frame.stamp_ns == 4_000_000_000
    assert sample.frame.masks.human[40, 50] and not sample.frame.masks.human[40, 100]
    assert sample.frame.masks.object[40, 80] and sample.truth.floor is None
    assert "camera k1" in dataset.version


def test_behave_world_is_taken_into_the_camera(behave, bodies) -> None:
    """config.json says camera -> world."""
    import json

    R, t = camera_pose()
    path = behave / "calibs/Date03/config/1/config.json"
    path.write_text(json.dumps({"rotation": R.ravel().tolist(), "translation": t.tolist()}))
    sample, values = opened(open_dataset("behave", behave, body_models=bodies))[0], motion(0)
    _, joints = expected_human(bodies, values["pose"], values["betas"], values["trans"])
    np.testing.assert_allclose(sample.truth.human.joints @ R.T + t, joints, atol=1e-5)


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("k1.color.jpg", r"missing .*t0003\.000/k1\.color\.jpg: a colour image.*virtualhumans"),
        ("person/fit02/person_fit.pkl", r"missing .*person_fit\.pkl: the SMPL-H fit.*no redistribution"),
        ("chair/fit01/chair_fit.pkl", r"missing .*: the object fit"),
    ],
)
def test_a_missing_file_skips_its_frame(behave, bodies, gone, said) -> None:
    (behave / "sequences/Date03_Sub03_chairwood/t0003.000" / gone).unlink()
    first, second = opened(open_dataset("behave", behave, body_models=bodies))
    assert isinstance(first, Skipped) and isinstance(second, Sample)
    assert __import__("re").search(said, first.reason), first.reason


@pytest.mark.parametrize("name", ["k1.color.jpg", "person/fit02/person_fit.pkl", "chair/fit01/chair_fit.pkl"])
def test_a_truncated_file_skips_its_frame(behave, bodies, name) -> None:
    path = behave / "sequences/Date03_Sub03_chairwood/t0003.000" / name
    path.write_bytes(path.read_bytes()[:20])
    first, second = opened(open_dataset("behave", behave, body_models=bodies))
    assert isinstance(first, Skipped) and path.name in first.reason and isinstance(second, Sample)


def test_pickles_are_never_run(behave, bodies, tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return (shutil.rmtree, (str(tmp_path / "behave" / "calibs"),))

    path = behave / "sequences/Date03_Sub03_chairwood/t0003.000/person/fit02/person_fit.pkl"
    path.write_bytes(pickle.dumps({"pose": Evil()}))
    first = opened(open_dataset("behave", behave, body_models=bodies))[0]
    assert isinstance(first, Skipped) and "not an array" in first.reason
    assert (behave / "calibs").is_dir()


@pytest.mark.parametrize("change", [{"pose": np.zeros(72)}, {"trans": np.full(3, np.nan)}, {"betas": None}])
def test_parameters_of_another_kind_are_refused(behave, bodies, change) -> None:
    path = behave / "sequences/Date03_Sub03_chairwood/t0003.000/person/fit02/person_fit.pkl"
    values = motion(0)
    person = {n: values[n] for n in ("pose", "betas", "trans")} | change
    path.write_bytes(pickle.dumps(person, protocol=2))
    first = opened(open_dataset("behave", behave, body_models=bodies))[0]
    assert isinstance(first, Skipped) and next(iter(change)) in first.reason


def test_behave_says_what_is_missing(tmp_path, behave, bodies) -> None:
    with pytest.raises(
        InputError, match=r"--root was not given.*sequences/, objects/, calibs/.*virtualhumans"
    ):
        open_dataset("behave")
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        open_dataset("behave", tmp_path / "nowhere")
    with pytest.raises(BodyError, match=r"--body-models was not given.*mano\.is\.tue\.mpg\.de"):
        open_dataset("behave", behave)
    with pytest.raises(BodyError, match="no folder .*nowhere"):
        open_dataset("behave", behave, body_models=tmp_path / "nowhere")
    (behave / "split.json").unlink()
    with pytest.raises(InputError, match=r"split\.json.*--split all does without"):
        open_dataset("behave", behave, body_models=bodies)
    assert len(open_dataset("behave", behave, split="all", body_models=bodies).singles) == 2
    (behave / "split.json").write_text('{"train": ["Date01_Sub01_gone"]}')
    with pytest.raises(InputError, match="no list 'test'"):
        open_dataset("behave", behave, body_models=bodies)
    gone = opened(open_dataset("behave", behave, split="train", body_models=bodies))
    assert isinstance(gone[0], Skipped) and "Date01_Sub01_gone" in gone[0].reason


def test_behave_30fps(tmp_path, bodies) -> None:
    root = write_behave_video(tmp_path, part="_part2")
    dataset = open_dataset("behave-30fps", root, body_models=bodies)
    assert [item.key.split("/")[1] for item in dataset.singles] == ["t0003.000", "t0004.000"]
    assert "2 of 3 annotated frames have an image" in dataset.version and len(dataset.sequences) == 1
    sample, values = opened(dataset)[1], motion(2)
    _, joints = expected_human(bodies, values["pose"], values["betas"], values["trans"])
    np.testing.assert_allclose(sample.truth.human.joints, joints, atol=1e-5)
    for image in root.rglob("k1.color.jpg"):
        image.unlink()
    with pytest.raises(InputError, match=r"annotates 3 frames, but no image.*video2images"):
        open_dataset("behave-30fps", root, body_models=bodies)
    path = next(root.rglob("smpl_fit_all.npz"))
    path.write_bytes(path.read_bytes()[:100])
    from scorehoi_ros.datasets import behave_video

    behave_video.read_parameters.cache_clear()
    with pytest.raises(InputError, match=r"smpl_fit_all\.npz cannot be read as BEHAVE"):
        open_dataset("behave-30fps", root, body_models=bodies)


def test_intercap(tmp_path, bodies) -> None:
    root = write_intercap(tmp_path)
    dataset = open_dataset("intercap", root, body_models=bodies)
    samples = opened(dataset)
    assert [s.key for s in samples] == ["09/03/Seg_0/00000", "09/03/Seg_0/00001"]
    rows, sample = intercap_rows(2), samples[1]
    corners = Rotation.from_rotvec(rows["ob_pose"][1]).apply(BOX_CORNERS) + rows["ob_trans"][1]
    np.testing.assert_allclose(box_in_camera(sample), corners, atol=1e-6)  # not about the vertex mean
    arrays = smplx_arrays()
    shaped = arrays["v_template"] + arrays["shapedirs"][..., :10] @ rows["betas"][1].astype(float)
    shaped += arrays["shapedirs"][..., 10:] @ rows["expression"][1].astype(float)
    pelvis = (arrays["J_regressor"] @ shaped)[0]
    np.testing.assert_allclose(sample.truth.human.joints[0], pelvis + rows["transl"][1], atol=1e-6)
    assert sample.truth.human.joints.shape == (52, 3) and sample.truth.human.vertices.shape == (600, 3)
    assert not np.any(sample.frame.camera.distortion)  # undistorted
    assert sample.frame.masks.object.any() and sample.frame.masks.human.any()  # rendered
    assert (
        len(
            open_dataset(
                "intercap", write_intercap(tmp_path, "01"), split="train", body_models=bodies
            ).singles
        )
        == 2
    )


def test_smplx_hands_and_fingers_follow_smplh_order(bodies) -> None:
    """Bending the left index (SMPL-X joint 25) moves SMPL-H's joints 23 and 24 and nothing else."""
    body = licensed_body(bodies, "smplx", "female")
    rest = np.zeros((55, 3))
    bent = rest.copy()
    bent[25] = [0.0, 0.0, 0.7]
    joints = [body.pose(p, np.zeros(10), np.zeros(3)).joints for p in (rest, bent)]
    moved = np.flatnonzero(np.linalg.norm(joints[1] - joints[0], axis=1) > 1e-9)
    assert moved.tolist() == [23, 24]
    coefficients = np.array([0.1, 0.2])
    expected = smplx_arrays()["hands_meanl"] + np.r_[coefficients, np.zeros(43)]
    np.testing.assert_allclose(body.hand(coefficients, "left").ravel(), expected)


def test_intercap_says_what_is_missing(tmp_path, bodies) -> None:
    with pytest.raises(InputError, match=r"intercap needs --root DIR.*Res/.*intercap\.is\.tue\.mpg\.de"):
        open_dataset("intercap")
    root = write_intercap(tmp_path)
    (root / "objs/03.ply").unlink()
    assert "mesh of object 03" in opened(open_dataset("intercap", root, body_models=bodies))[0].reason
    shutil.rmtree(root / "RGBD_Images")
    skipped = opened(open_dataset("intercap", root, body_models=bodies))
    assert len(skipped) == 1 and "00000.jpg: the colour images of" in skipped[0].reason
    shutil.rmtree(root / "Res")
    with pytest.raises(InputError, match=r"missing .*Res: InterCap's fits"):
        open_dataset("intercap", root)


@pytest.mark.parametrize(
    ("subject", "thing", "calibration"),
    [("01", "03", "first"), ("04", "09", "second"), ("09", "01", "second"), ("03", "08", "third"),
     ("06", "02", "third"), ("07", "10", "second")],
)  # fmt: skip
def test_intercap_calibrations(tmp_path, subject, thing, calibration) -> None:
    assert intercap.calibration_file(tmp_path, subject, thing).parent.name == f"calibration_{calibration}"


def test_imhd(tmp_path, bodies) -> None:
    root = write_imhd(tmp_path)
    dataset = open_dataset("imhd", root, body_models=bodies)
    samples = opened(dataset)
    assert [s.key[-6:] for s in samples] == ["000010", "000012"]
    sample, values = samples[1], motion(2)
    R, _ = camera_pose()
    np.testing.assert_allclose(sample.frame.camera.K, camera_matrix(), atol=1e-9)
    np.testing.assert_allclose(
        box_in_camera(sample),
        Rotation.from_rotvec(values["angle"]).apply(BOX_CORNERS - BOX_CORNERS.mean(0)) @ R.T
        + values["object_trans"],
        atol=1e-6,
    )
    arrays = body_arrays()
    shaped = arrays["v_template"] + arrays["shapedirs"] @ np.r_[motion(0)["betas"], np.ones(6)]
    pelvis = (arrays["J_regressor"] @ shaped)[0]
    np.testing.assert_allclose(sample.truth.human.joints[0], R @ pelvis + values["trans"], atol=1e-6)
    shutil.rmtree(root / "video_release")
    with pytest.raises(InputError, match=r"missing .*000010\.jpg.*ffmpeg -i data2\.mp4"):
        open_dataset("imhd", root, body_models=bodies)


def test_calibrations_that_are_no_rotation_are_refused(behave, bodies) -> None:
    path = behave / "calibs/Date03/config/1/config.json"
    path.write_text('{"rotation": [1, 0, 0, 0, 2, 0, 0, 0, 1], "translation": [0, 0, 0]}')
    assert "is not a rotation" in opened(open_dataset("behave", behave, body_models=bodies))[0].reason
    path.write_text("{")
    assert "not readable JSON" in opened(open_dataset("behave", behave, body_models=bodies))[0].reason


def test_body_files_are_checked(tmp_path, bodies) -> None:
    with pytest.raises(BodyError, match=r"has no SMPLH_FEMALE.*mano"):
        licensed_body(bodies, "smplh", "female")
    with pytest.raises(BodyError, match=r"expected \(600, 3, 459\) for SMPLH"):
        read_body(bodies / "SMPLX_FEMALE.npz", "smplh")
    cut = tmp_path / "SMPLH_MALE.npz"
    cut.write_bytes((bodies / "SMPLH_MALE.npz").read_bytes()[:1000])
    with pytest.raises(ScorehoiError, match="cannot be read"):
        read_body(cut, "smplh")


def test_the_ruler_reads_zero_on_behave_and_compares_other_bodies_by_joints(behave, bodies) -> None:
    from scorehoi_ros.config.pipeline import PipelineConfig
    from scorehoi_ros.evaluate import methods
    from scorehoi_ros.evaluate.run import evaluate

    (behave / "sequences/Date03_Sub03_chairwood/t0004.000/k1.color.jpg").unlink()
    body = methods.body_of(PipelineConfig())
    made = methods.make_methods(["truth", "mean-pose"], methods.Setting(PipelineConfig(), body))
    dataset = open_dataset("behave", behave, body_models=bodies)
    report = evaluate(dataset, made, methods.blind_human(body))
    truth, mean = report.rows
    assert report.count == 1 and [s.key for s in report.skipped] == ["Date03_Sub03_chairwood/t0004.000"]
    assert truth["cd_human_cm"] == pytest.approx(0, abs=1e-6) and truth["mpjpe_mm"] == 0
    assert truth["floor_gap_mm"] is None and truth["object_trans_cm"] == 0
    assert mean["contact_f"] is None and mean["mpjpe_mm"] > 30 and mean["cd_human_cm"] > 5

"""Licensed SMPL-H files: both layouts, what is refused, and agreement with smplx where it is installed."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial.transform import Rotation

from scorehoi_ros.body import safe_pickle
from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.smplh_file import SMPL_VERTICES
from scorehoi_ros.errors import BodyError
from tests.body_cases import made_up_smplh


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return made_up_smplh()


@pytest.fixture(scope="module")
def npz(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smplh") / "SMPLH_NEUTRAL.npz"
    np.savez(path, **arrays)
    return path


class FakeCh:
    """Pickles as `chumpy.ch.Ch` does: a class that is not there, with its value in `x`."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x


def chumpy_pickle(value: dict, protocol: int = 2) -> bytes:
    """`value` pickled with FakeCh renamed to chumpy's class."""
    text = pickle.dumps(value, protocol=protocol)
    module = FakeCh.__module__.encode()
    return text.replace(b"c" + module + b"\nFakeCh\n", b"cchumpy.ch\nCh\n")


def test_npz(npz: Path, arrays: dict[str, np.ndarray]) -> None:
    model = load_body(npz)
    assert model.name == "smplh" and len(model.version) == 64
    assert model.v_template.shape == (6890, 3) and model.shapedirs.shape == (6890, 3, 10)
    np.testing.assert_allclose(model.joints_template, arrays["J_regressor"] @ arrays["v_template"], atol=1e-6)
    np.testing.assert_allclose(model.hand_mean[:15].ravel(), arrays["hands_meanl"], atol=1e-6)
    assert model.parents[0] == -1 and len(set(model.token_ids.tolist())) == 431


@pytest.mark.parametrize("protocol", [0, 2])
def test_pickle_with_sparse_and_chumpy_arrays_equals_npz(
    protocol: int, npz: Path, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    value: dict[str, Any] = dict(arrays)
    value["J_regressor"] = sparse.csc_matrix(arrays["J_regressor"])
    value["shapedirs"] = FakeCh(arrays["shapedirs"])
    path = tmp_path / "SMPLH_neutral.pkl"
    path.write_bytes(chumpy_pickle(value, protocol))
    from_pickle, from_npz = load_body(path), load_body(npz)
    for name in (
        "v_template",
        "shapedirs",
        "joints_template",
        "joints_shapedirs",
        "weights",
        "faces",
        "regions",
    ):
        np.testing.assert_array_equal(getattr(from_pickle, name), getattr(from_npz, name))


def test_landmarks_use_the_known_vertices(npz: Path) -> None:
    landmarks = load_body(npz).landmarks
    assert landmarks.joint_weights.shape == (75, 52)
    row = landmarks.names.index("left_hand_index_tip")
    column = int(landmarks.vertex_weights[row].argmax())
    assert landmarks.vertex_ids[column] == SMPL_VERTICES["left_index_tip"] == 2319
    total = landmarks.joint_weights.sum(axis=1) + landmarks.vertex_weights.sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-6)


class Boom:
    """Creates a file when it is unpickled carelessly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    trace, path = tmp_path / "ran", tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"v_template": Boom(trace)}))
    with pytest.raises(BodyError, match=r"bad\.pkl.*system.*Nothing was run"):
        load_body(path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["eval", "getattr", "__import__"])
def test_builtins_are_refused(name: str) -> None:
    text = f"cbuiltins\n{name}\n(S'1'\ntR.".encode()
    with pytest.raises(BodyError, match=name):
        safe_pickle.load_array_pickle(text, "it")


def test_a_nested_pickle_inside_a_numpy_scalar_is_refused(tmp_path: Path) -> None:
    inner = pickle.dumps(Boom(tmp_path / "ran"))
    text = pickle.dumps((np.dtype("O"), inner))[:-1]  # leaves the arguments on the stack
    head = b"\x80\x04cnumpy.core.multiarray\nscalar\n"
    with pytest.raises(BodyError):
        safe_pickle.load_array_pickle(head + text[2:] + b"R.", "it")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02", b"not a pickle", pickle.dumps([1, 2])])
def test_damaged_pickles_are_body_errors(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(BodyError, match=r"x\.pkl"):
        load_body(path)


def test_sparse_matrix_with_indices_out_of_range_is_refused(arrays: dict[str, np.ndarray]) -> None:
    matrix = sparse.csc_matrix(arrays["J_regressor"])
    matrix.indices[0] = 10_000
    with pytest.raises(BodyError):
        safe_pickle.load_array_pickle(pickle.dumps({"J_regressor": matrix}), "it")


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        ("weights", lambda a: a[:, :24], "SMPL-H has"),
        ("v_template", lambda a: a[:10475], None),
        ("v_template", lambda a: a * np.nan, "not finite"),
        ("v_template", lambda a: a * 1000, "metres"),
        ("f", lambda a: a + 6890, "faces"),
        ("weights", lambda a: a * 0.5, "sum to 1"),
        ("kintree_table", lambda a: a * 0, "52 joints"),
        ("shapedirs", lambda a: a[:, :, :4], "shapedirs"),
    ],
)
def test_wrong_arrays_are_body_errors(
    key: str, change: object, words: str | None, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "wrong.npz"
    value = arrays | {key: change(arrays[key])}  # type: ignore[operator]
    if words is None:
        value[key] = np.zeros((10475, 3))
        words = "10475"
    np.savez(path, **value)
    with pytest.raises(BodyError, match=words):
        load_body(path)


def test_object_arrays_in_an_npz_are_refused(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "object.npz"
    np.savez(path, **(arrays | {"f": np.array([Boom(tmp_path / "ran")], dtype=object)}))
    with pytest.raises(BodyError, match=r"object\.npz"):
        load_body(path)
    assert not (tmp_path / "ran").exists()


def test_missing_arrays_and_files_are_named(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / "mano.npz"
    np.savez(path, v_template=arrays["v_template"])
    with pytest.raises(BodyError, match="J_regressor"):
        load_body(path)
    with pytest.raises(BodyError, match="no body model at"):
        load_body(tmp_path / "absent.npz")


def test_agrees_with_smplx(npz: Path) -> None:
    smplx = pytest.importorskip("smplx", reason="smplx is not installed")
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.4, (52, 3))
    betas = rng.normal(size=10)
    reference = smplx.SMPLH(
        str(npz), ext="npz", use_pca=False, flat_hand_mean=True, num_betas=10, dtype=torch.float64
    )
    t = torch.as_tensor(pose).reshape(1, -1)
    out = reference(
        global_orient=t[:, :3],
        body_pose=t[:, 3:66],
        left_hand_pose=t[:, 66:111],
        right_hand_pose=t[:, 111:],
        betas=torch.as_tensor(betas)[None],
        transl=torch.zeros(1, 3, dtype=torch.float64),
    )
    layer = BodyLayer(load_body(npz), dtype=torch.float64)
    rotations = torch.as_tensor(Rotation.from_rotvec(pose).as_matrix())[None]
    vertices, joints = layer(rotations, torch.as_tensor(betas)[None], out.joints[:, 0].detach())
    torch.testing.assert_close(vertices, out.vertices.detach(), atol=1e-6, rtol=0)
    torch.testing.assert_close(joints, out.joints[:, :52].detach(), atol=1e-6, rtol=0)

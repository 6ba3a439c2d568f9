"""The body layer against a plain loop, its gradients, and what it promises about the root."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.types import HumanPose
from tests.body_cases import random_rotations


def plain_lbs(
    model: BodyModel, rotations: np.ndarray, betas: np.ndarray, root: np.ndarray, ids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """SMPL's equations with loops over joints and vertices, float64."""
    joints = model.joints_template.astype(float) + model.joints_shapedirs.astype(float) @ betas
    orient, position = [rotations[0]], [root.astype(float)]
    for i in range(1, 52):
        p = model.parents[i]
        orient.append(orient[p] @ rotations[i])
        position.append(position[p] + orient[p] @ (joints[i] - joints[p]))
    features = (rotations[1:] - np.eye(3)).reshape(-1)
    vertices = []
    for v in ids:
        point = model.v_template[v].astype(float) + model.shapedirs[v].astype(float) @ betas
        if model.posedirs is not None:
            point = point + model.posedirs[v].astype(float) @ features
        parts = [w * (orient[i] @ (point - joints[i]) + position[i]) for i, w in enumerate(model.weights[v])]
        vertices.append(np.sum(parts, axis=0))
    return np.array(vertices), np.array(position)


def run(
    layer: BodyLayer, rotations: np.ndarray, betas: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    dtype = layer.template.dtype
    with torch.no_grad():
        out = layer(*(torch.as_tensor(x[None]).to(dtype) for x in (rotations, betas, root)))
    return out[0][0].numpy(), out[1][0].numpy()


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_plain_loop(seed: int) -> None:
    model, rng = free_body(), np.random.default_rng(seed)
    ids = rng.integers(0, len(model.v_template), 60)
    rotations, betas, root = random_rotations(rng, 0.7), rng.normal(size=10), rng.normal(size=3)
    vertices, joints = run(BodyLayer(model, ids, torch.float64), rotations, betas, root)
    expected, expected_joints = plain_lbs(model, rotations, betas, root, ids)
    np.testing.assert_allclose(vertices, expected, atol=1e-6)
    np.testing.assert_allclose(joints, expected_joints, atol=1e-6)


@pytest.mark.parametrize("sigma", [0.05, 0.7])
@pytest.mark.parametrize("dense", [False, True])
def test_the_compiled_body_equals_the_layer(sigma: float, dense: bool) -> None:
    model, rng = free_body(), np.random.default_rng(3)
    if dense:
        assert model.posedirs is not None
        model = replace(model, posedirs=model.posedirs + rng.normal(0, 1e-3, (1, 3, 459)).astype(np.float32))
    layer = BodyLayer(model, rng.integers(0, len(model.v_template), 500))
    assert layer.sparse_correctives != dense
    rotations, betas, root = random_rotations(rng, sigma), rng.normal(size=10), rng.normal(size=3)
    vertices, joints = layer.skin.pose(rotations, betas, root)
    expected, expected_joints = run(layer, rotations, betas, root)
    np.testing.assert_allclose(vertices, expected, atol=2e-6)
    np.testing.assert_allclose(joints, expected_joints, atol=2e-6)


def test_one_pose_has_the_landmarks_of_many() -> None:
    posed, rng = PosedBody(free_body(), dtype=torch.float64), np.random.default_rng(4)
    theta = matrix_to_rotation_6d(torch.as_tensor(random_rotations(rng, 0.5))).numpy()
    human = HumanPose(theta, rng.normal(size=10), np.array([0.2, -0.1, 3.0]))
    expected = posed(*posed.tensors(human)).landmarks
    np.testing.assert_allclose(posed.landmarks_of(human), expected, atol=2e-6)


def test_the_nearest_token_is_the_nearest() -> None:
    body = free_body()
    tokens = body.v_template[body.token_ids]
    for vertex in range(0, len(body.v_template), 500):
        squares = ((tokens - body.v_template[vertex]) ** 2).sum(1)
        assert squares[body.nearest_token[vertex]] == pytest.approx(squares.min())


def test_dense_and_sparse_correctives_agree() -> None:
    model, rng = free_body(), np.random.default_rng(2)
    ids = model.token_ids[:50]
    sparse = BodyLayer(model, ids, torch.float64)
    dense = BodyLayer(model, ids, torch.float64)
    dense.sparse_correctives = False
    assert sparse.sparse_correctives and model.posedirs is not None
    dense._add("posedirs", model.posedirs[ids].reshape(150, -1).T, torch.float64)
    case = random_rotations(rng, 0.6), rng.normal(size=10), np.zeros(3)
    np.testing.assert_allclose(run(sparse, *case)[0], run(dense, *case)[0], atol=1e-12)


def test_subset_and_batch_equal_the_whole_mesh() -> None:
    model, rng = free_body(), np.random.default_rng(3)
    whole, part = BodyLayer(model), BodyLayer(model, model.token_ids)
    rotations = torch.as_tensor(np.stack([random_rotations(rng, 0.5) for _ in range(3)])).float()
    betas, root = torch.randn(3, 10), torch.randn(3, 3)
    vertices, joints = whole(rotations, betas, root)
    some, same_joints = part(rotations, betas, root)
    torch.testing.assert_close(some, vertices[:, model.token_ids.astype(np.int64)], atol=1e-5, rtol=0)
    torch.testing.assert_close(same_joints, joints, atol=1e-5, rtol=0)
    one, _ = whole(rotations[1:2], betas[1:2], root[1:2])
    torch.testing.assert_close(one, vertices[1:2], atol=1e-5, rtol=0)


def test_pelvis_lands_at_the_root_and_zero_pose_is_the_template() -> None:
    model = free_body()
    root = np.array([0.3, -0.2, 2.5])
    vertices, joints = run(BodyLayer(model), np.tile(np.eye(3), (52, 1, 1)), np.zeros(10), root)
    np.testing.assert_allclose(joints[0], root, atol=1e-6)
    np.testing.assert_allclose(vertices - root, model.v_template - model.joints_template[0], atol=1e-5)


def test_turning_the_pelvis_turns_everything_about_the_root() -> None:
    model, rng = free_body(), np.random.default_rng(4)
    layer = BodyLayer(model, model.token_ids, torch.float64)
    rotations, betas, root = random_rotations(rng, 0.5), rng.normal(size=10), rng.normal(size=3)
    turn = Rotation.random(random_state=5).as_matrix()
    turned = rotations.copy()
    turned[0] = turn @ rotations[0]
    before, _ = run(layer, rotations, betas, root)
    after, _ = run(layer, turned, betas, root)
    np.testing.assert_allclose(after - root, (before - root) @ turn.T, atol=2e-6)


def test_gradients_are_right() -> None:
    model, rng = free_body(), np.random.default_rng(6)
    layer = BodyLayer(model, model.token_ids[::60], torch.float64)
    rotations = torch.as_tensor(random_rotations(rng, 0.6)[None]).requires_grad_()
    betas = torch.as_tensor(rng.normal(size=(1, 10))).requires_grad_()
    root = torch.as_tensor(rng.normal(size=(1, 3))).requires_grad_()
    assert torch.autograd.gradcheck(layer, (rotations, betas, root), fast_mode=True)


DIRECTIONS = [
    ("left_elbow", (0, -90, 0), "left_elbow", "left_wrist", (0, 0, 1)),
    ("right_elbow", (0, 90, 0), "right_elbow", "right_wrist", (0, 0, 1)),
    ("left_knee", (90, 0, 0), "left_knee", "left_ankle", (0, 0, -1)),
    ("left_hip", (-90, 0, 0), "left_hip", "left_knee", (0, 0, 1)),
    ("left_shoulder", (0, 0, -90), "left_shoulder", "left_elbow", (0, -1, 0)),
    ("right_shoulder", (0, 0, 90), "right_shoulder", "right_elbow", (0, -1, 0)),
    ("left_index1", (0, 0, -90), "left_index1", "left_index2", (0, -1, 0)),
    ("right_index1", (0, 0, 90), "right_index1", "right_index2", (0, -1, 0)),
    ("spine3", (90, 0, 0), "spine3", "neck", (0, 0, 1)),
    ("left_hip", (0, 0, 90), "left_hip", "left_knee", (1, 0, 0)),
    ("left_ankle", (60, 0, 0), "left_ankle", "left_foot", (0, -1, 0)),
]


@pytest.mark.parametrize(("joint", "degrees", "start", "end", "expected"), DIRECTIONS)
def test_joints_turn_the_way_smplh_does(
    joint: str, degrees: tuple[int, ...], start: str, end: str, expected: tuple[int, ...]
) -> None:
    model = free_body()
    rotations = np.tile(np.eye(3), (52, 1, 1))
    rotations[JOINT_INDEX[joint]] = Rotation.from_rotvec(degrees, degrees=True).as_matrix()
    _, joints = run(BodyLayer(model, model.token_ids[:3]), rotations, np.zeros(10), np.zeros(3))
    bone = joints[JOINT_INDEX[end]] - joints[JOINT_INDEX[start]]
    assert bone @ np.array(expected) / np.linalg.norm(bone) > 0.85

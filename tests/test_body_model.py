"""The shipped free body: symmetric, human-sized, complete, and refused when damaged."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from scorehoi_ros.body.asset_file import read_asset, write_asset
from scorehoi_ros.body.landmarks import (
    ANCHOR_NAMES,
    LANDMARK_NAMES,
    fitted_terms,
    landmark_points,
    nominal_terms,
)
from scorehoi_ros.body.load import free_body, load_body
from scorehoi_ros.body.model import validate_body
from scorehoi_ros.body.skeleton import (
    JOINT_INDEX,
    JOINT_NAMES,
    MIRROR,
    PARENTS,
    jump_table,
    mirror_name,
    subtree_matrix,
)
from scorehoi_ros.errors import BodyError
from tests.body_cases import MODELS


def test_default_is_the_shipped_file_and_its_hash_is_in_the_manifest() -> None:
    path = MODELS / "body_anny.npz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load_body().version == load_body("").version == digest
    manifest = json.loads((MODELS / "manifest.json").read_text())
    assert manifest["body_anny.npz"]["sha256"] == digest


def test_skeleton_is_a_tree_with_mirror_partners() -> None:
    assert len(JOINT_NAMES) == 52 and len(set(JOINT_NAMES)) == 52
    assert PARENTS[0] == -1 and (PARENTS[1:] < np.arange(1, 52)).all()
    assert (MIRROR[MIRROR] == np.arange(52)).all()
    assert (MIRROR[PARENTS[1:]] == PARENTS[MIRROR[1:]]).all()
    assert subtree_matrix(PARENTS)[JOINT_INDEX["left_wrist"]].sum() == 16


def test_jump_table_visits_every_ancestor_once() -> None:
    table = jump_table(PARENTS)
    seen = [{i} for i in range(52)] + [set()]
    for row in table:
        seen = [seen[row[i]] | seen[i] for i in range(53)]
    for joint in range(52):
        ancestors, at = set(), joint
        while at >= 0:
            ancestors.add(at)
            at = int(PARENTS[at])
        assert seen[joint] == ancestors


def test_mesh_is_symmetric_and_human_sized() -> None:
    body = free_body()
    distance, partner = cKDTree(body.v_template).query(body.v_template * [-1, 1, 1])
    assert distance.max() < 1e-3
    assert np.abs(body.weights[partner][:, MIRROR] - body.weights).max() < 1e-2
    assert 1.6 < np.ptp(body.v_template[:, 1]) < 1.8
    assert (body.weights > 0).sum(axis=1).max() <= 7


def test_rest_pose_is_a_t_pose() -> None:
    joints = free_body().joints_template
    wrist, shoulder = joints[JOINT_INDEX["left_wrist"]], joints[JOINT_INDEX["left_shoulder"]]
    assert abs(wrist[1] - shoulder[1]) < 0.01 and wrist[0] > 0.5
    assert (
        joints[JOINT_INDEX["head"], 1]
        > joints[JOINT_INDEX["pelvis"], 1]
        > joints[JOINT_INDEX["left_knee"], 1]
    )
    assert joints[JOINT_INDEX["left_foot"], 2] > joints[JOINT_INDEX["left_ankle"], 2]
    mirrored = joints[MIRROR] * [-1, 1, 1]
    np.testing.assert_allclose(joints, mirrored, atol=1e-3)


def test_surface_is_closed_enough_and_faces_outwards() -> None:
    body = free_body()
    a, b, c = (body.v_template[body.faces[:, k]].astype(float) for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert 0.045 < volume < 0.09


def test_first_beta_is_stature_and_betas_are_standard_deviations() -> None:
    body = free_body()
    taller = body.v_template + 2 * body.shapedirs[:, :, 0]
    assert 0.1 < np.ptp(taller[:, 1]) - np.ptp(body.v_template[:, 1]) < 0.3
    size = np.linalg.norm(body.shapedirs.reshape(-1, 10), axis=0)
    assert (np.diff(size) < 0).all()


def test_joints_stay_inside_when_the_shape_changes() -> None:
    body = free_body()
    for beta in np.vstack([np.eye(10), -np.eye(10)]) * 2:
        vertices = body.v_template + body.shapedirs @ beta.astype(np.float32)
        joints = body.joints_template + body.joints_shapedirs @ beta.astype(np.float32)
        elbow = joints[JOINT_INDEX["left_elbow"]]
        near = vertices[np.linalg.norm(vertices - elbow, axis=1) < 0.08]
        assert (near.min(axis=0)[1:] < elbow[1:]).all() and (elbow[1:] < near.max(axis=0)[1:]).all()


def test_regions_are_where_their_names_say() -> None:
    body = free_body()
    middle = {n: body.v_template[body.regions == i].mean(axis=0) for i, n in enumerate(body.region_names)}
    assert len(middle) == 19 and all(np.isfinite(m).all() for m in middle.values())
    for name, point in middle.items():
        np.testing.assert_allclose(point * [-1, 1, 1], middle[mirror_name(name)], atol=5e-3)
    assert middle["head"][1] > middle["neck"][1] > middle["chest"][1] > middle["belly"][1]
    assert middle["chest"][2] > middle["upper_back"][2] and middle["belly"][2] > middle["lower_back"][2]
    assert middle["buttocks"][2] < middle["belly"][2] and middle["buttocks"][1] < middle["lower_back"][1]
    assert middle["left_hand"][0] > middle["left_forearm"][0] > middle["left_upper_arm"][0] > 0
    assert middle["left_thigh"][1] > middle["left_calf"][1] > middle["left_foot"][1]


def test_tokens_are_different_spread_out_and_dense_on_hands() -> None:
    body = free_body()
    assert len(set(body.token_ids.tolist())) == 431
    names = np.array(body.region_names)[body.regions[body.token_ids]]
    assert (names == "left_hand").sum() == (names == "right_hand").sum() == 40
    distance, _ = cKDTree(body.v_template[body.token_ids]).query(body.v_template)
    assert distance.max() < 0.09 and np.median(distance) < 0.03


def test_landmark_rows_sum_to_one_and_lie_on_the_right_side() -> None:
    body = free_body()
    total = body.landmarks.joint_weights.sum(axis=1) + body.landmarks.vertex_weights.sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-5)
    points = landmark_points(body.landmarks, body.joints_template, body.v_template)
    at = dict(zip(LANDMARK_NAMES, points, strict=True))
    for name in LANDMARK_NAMES:
        if name.startswith("left_"):
            assert at[name][0] > 0.005
            np.testing.assert_allclose(at[name] * [-1, 1, 1], at[mirror_name(name)], atol=3e-3)
    assert at["left_eye_inner"][0] < at["left_eye"][0] < at["left_eye_outer"][0] < at["left_ear"][0]
    assert at["nose"][2] > at["left_eye"][2] > at["left_ear"][2] and at["mouth_left"][1] < at["nose"][1]
    assert at["left_foot_index"][2] > at["left_ankle"][2] > at["left_heel"][2]
    assert at["left_hand_middle_tip"][0] > at["left_hand_middle_dip"][0] > at["left_hand_middle_mcp"][0]


def test_landmark_order_is_mediapipes() -> None:
    assert LANDMARK_NAMES[:3] == ("nose", "left_eye_inner", "left_eye") and len(LANDMARK_NAMES) == 75
    rows = {"left_shoulder": 11, "right_wrist": 16, "left_pinky": 17, "left_thumb": 21, "right_hip": 24}
    rows |= {"left_heel": 29, "right_foot_index": 32, "left_hand_wrist": 33, "left_hand_index_tip": 41}
    rows |= {"right_hand_thumb_cmc": 55, "right_hand_pinky_tip": 74}
    assert {name: LANDMARK_NAMES.index(name) for name in rows} == rows
    assert set(fitted_terms()) == set(nominal_terms()) == set(LANDMARK_NAMES)
    assert len(set(ANCHOR_NAMES)) == len(ANCHOR_NAMES)


def test_written_files_are_equal_and_read_back(tmp_path: Path) -> None:
    body = free_body()
    for name in ("a.npz", "b.npz"):
        write_asset(tmp_path / name, body, {"seed": 0})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = read_asset(tmp_path / "a.npz")
    np.testing.assert_allclose(again.weights, body.weights, atol=2e-5)
    np.testing.assert_array_equal(again.posedirs, body.posedirs)


@pytest.mark.parametrize("keep", [0, 100, 900_000])
def test_truncated_files_are_body_errors(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "short.npz"
    path.write_bytes((MODELS / "body_anny.npz").read_bytes()[:keep])
    with pytest.raises(BodyError, match=r"short\.npz"):
        load_body(path)


def test_flipped_bytes_are_body_errors_or_harmless(tmp_path: Path) -> None:
    content = bytearray((MODELS / "body_anny.npz").read_bytes())
    for at in range(50, len(content), len(content) // 12):
        path = tmp_path / "bad.npz"
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            load_body(path)
        except BodyError as error:
            assert "bad.npz" in str(error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weights": np.zeros((3, 52), np.float32)}, "weights"),
        ({"hand_mean": np.full((30, 3), np.nan, np.float32)}, "hand_mean"),
        ({"token_ids": np.full(431, 10**6, np.int32)}, "token_ids"),
        ({"region_names": ("head",)}, "region"),
    ],
)
def test_inconsistent_models_are_refused(change: dict, words: str) -> None:
    with pytest.raises(BodyError, match=words):
        validate_body(replace(free_body(), **change), "it")

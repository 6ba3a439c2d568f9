"""Parts of the interaction generator: chains, distance fields, fingers, cameras, corpora, objects."""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.geometry.sdf import build_grid, sample
from scorehoi_ros.objects.families import ALIASES, FAMILIES
from scorehoi_ros.objects.solids import box
from scorehoi_ros.synth.scene import camera, hands, kinematics, meshes, poses
from scorehoi_ros.synth.scene.field import distance_and_slope, stack_fields
from scorehoi_ros.synth.scene.interactions import RECIPES
from scorehoi_ros.synth.scene.kinds import INSTANCES, KIND_NAMES, KINDS, family_instance
from scorehoi_ros.synth.scene.stances import crouched
from scorehoi_ros.synth.splits import clip_split
from scorehoi_ros.synth.truth import INTERACTIONS, NO_CONTACT, SPLITS
from tests.sdf_oracle import gradient

SEEDS = st.integers(0, 2**31)


@lru_cache(maxsize=1)
def rest_joints() -> np.ndarray:
    return np.asarray(load_body().joints_template, np.float64)


@settings(max_examples=25)
@given(SEEDS)
def test_an_arm_reaches_where_it_can(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side, sign = (("left", 1.0), ("right", -1.0))[seed % 2]
    rest = rest_joints()
    local = kinematics.matrices(rng.normal(scale=0.1, size=(22, 3)))
    arm = kinematics.shoulder_of(side, *kinematics.forward(local, rest, np.zeros(3)))
    wish = arm.position + np.array(
        [sign * rng.uniform(-0.05, 0.15), rng.uniform(-0.25, 0.0), rng.uniform(0.2, 0.33)]
    )
    hand = kinematics.hand_rotation(rng.normal(size=3), rng.normal(size=3))
    pose = kinematics.reach_arm(arm, wish[None], hand[None])
    for name, rotation in (("shoulder", pose.shoulder), ("elbow", pose.elbow), ("wrist", pose.wrist)):
        local[JOINT_INDEX[f"{side}_{name}"]] = rotation
    turned, place = kinematics.forward(local, rest, np.zeros(3))
    np.testing.assert_allclose(place[JOINT_INDEX[f"{side}_wrist"]], wish, atol=1e-9)
    np.testing.assert_allclose(turned[JOINT_INDEX[f"{side}_wrist"]], hand, atol=1e-9)
    forearm = local[JOINT_INDEX[f"{side}_elbow"]] @ np.array([sign, 0, 0])
    assert forearm[2] > 0  # elbows bend forward only
    assert abs(forearm[1]) < 1e-9


def test_of_two_wishes_the_comfortable_one_is_taken() -> None:
    rest = rest_joints()
    local = np.tile(np.eye(3), (22, 1, 1))
    arm = kinematics.shoulder_of("left", *kinematics.forward(local, rest, np.zeros(3)))
    ahead = arm.position + np.array([0.0, -0.2, 0.3])
    hands_in_world = kinematics.hand_rotation(
        np.array([[-1.0, 0, 0], [1, 0, 0]]), np.array([[0.0, 1, 0], [0, 1, 0]])
    )
    assert kinematics.reach_arm(arm, np.stack([ahead, ahead]), hands_in_world).choice == 0
    far = kinematics.reach_arm(arm, (arm.position + [0, 0, 2.0])[None], hands_in_world[:1])
    assert far.cost > 100


def test_hands_at_rest_are_the_identity() -> None:
    turn = kinematics.hand_rotation(np.array([0.0, -1, 0]), np.array([0.0, 0, 1]))
    np.testing.assert_allclose(turn, np.eye(3), atol=1e-12)


@settings(max_examples=20)
@given(st.floats(-0.1, 0.1), st.floats(-0.65, -0.4), st.floats(0.0, 0.4))
def test_a_leg_reaches_with_the_knee_ahead(x: float, y: float, z: float) -> None:
    rest = rest_joints()
    hip, knee, ankle = (rest[JOINT_INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    lengths = float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))
    turn, bend = kinematics.reach_leg(np.eye(3), hip, *lengths, hip + [x, y, z])
    middle = hip + turn @ [0, -lengths[0], 0]
    end = middle + turn @ bend @ [0, -lengths[1], 0]
    np.testing.assert_allclose(end, hip + [x, y, z], atol=1e-9)
    line = end - hip
    assert (middle - hip - line * ((middle - hip) @ line / (line @ line)))[2] > -1e-6


@settings(max_examples=20)
@given(SEEDS, st.floats(0.3, 1.0), st.floats(0, 1))
def test_soles_stay_level_when_crouching(seed: int, low: float, squat: float) -> None:
    rng = np.random.default_rng(seed)
    local = crouched(np.tile(np.eye(3), (22, 1, 1)), rng, low, squat)
    turned, place = kinematics.forward(local, rest_joints(), np.zeros(3))
    up = turned[JOINT_INDEX["left_ankle"], :, 1]
    assert up[1] > np.cos(np.radians(40))
    assert place[JOINT_INDEX["left_knee"], 2] > place[0, 2] - 0.25
    assert turned[JOINT_INDEX["spine3"], 2, 1] > 0.1  # the trunk leans forward


def test_many_fields_at_once_equal_each_alone() -> None:
    grids = [build_grid(box(size), 24) for size in ((0.2, 0.3, 0.4), (0.5, 0.1, 0.1))]
    fields = stack_fields([grids[0], grids[1], grids[0]])
    rng = np.random.default_rng(0)
    points = torch.tensor(rng.normal(scale=0.4, size=(3, 50, 3)), dtype=torch.float32, requires_grad=True)
    distance = fields.distances(points)
    distance.sum().backward()
    for k, grid in enumerate((grids[0], grids[1], grids[0])):
        at = points[k].detach().numpy().astype(np.float64)
        np.testing.assert_allclose(distance[k].detach().numpy(), sample(grid, at), atol=1e-5)
        np.testing.assert_allclose(points.grad[k].numpy(), gradient(grid, at), atol=2e-3)
        np.testing.assert_allclose(distance_and_slope(grid, at)[0], sample(grid, at), atol=1e-5)
    assert len(fields.values) == grids[0].values.size + grids[1].values.size


def test_fingers_stop_where_they_touch() -> None:
    levels = hands.LEVELS
    meets = 0.02 - 0.05 * (levels - levels[0])
    gaps = np.stack([meets, np.full(len(levels), 0.3), np.full(len(levels), -0.004), 0.05 - 0.04 * levels])
    closed = hands.closed_levels(gaps, 0.015, np.full(4, 0.4))
    assert closed[0] == pytest.approx(levels[0] + 0.022 / 0.05, abs=1e-6)  # pressed in by 2 mm
    assert closed[1] == 0.4
    assert closed[2] <= levels[3]  # inside from the start: about flat
    assert closed[3] == levels[-1]  # came near, was not stopped


def test_mirrored_poses_are_mirrored_back() -> None:
    pose = np.random.default_rng(0).normal(size=(4, 22, 3))
    np.testing.assert_array_equal(poses.mirrored(poses.mirrored(pose)), pose)


def test_committed_corpora_serve_every_split() -> None:
    corpus = poses.read_corpus()
    forward_axis = kinematics.matrices(corpus.poses[:, 0])[:, :, 2]
    assert np.abs(forward_axis[:, 0]).max() < 1e-3  # all face z
    names = {}
    for split in SPLITS:
        pool = poses.make_pool(corpus, split, rest_joints())
        rng = np.random.default_rng(0)
        names[split] = {pool.draw("any", rng)[1].removesuffix("/mirrored") for _ in range(200)}
        assert {clip_split(name) for name in names[split]} == {split}
        assert np.isfinite(pool.draw("sit", rng)[0]).all()
    assert not names["train"] & names["test"]
    assert hands.read_hands().poses.shape[1:] == (15, 3)


@pytest.mark.parametrize(
    "arrays", [{"poses": np.zeros((3, 24, 3))}, {"poses": np.full((3, 22, 3), np.nan)}, {}]
)
def test_damaged_corpora_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    clips = np.frombuffer(json.dumps([{"name": "a", "tags": ["walk"]}]).encode(), np.uint8)
    path = tmp_path / "poses.npz"
    np.savez(path, clip=np.zeros(3, int), t=np.arange(3), clips=clips, **arrays)
    with pytest.raises(InputError, match="poses.npz"):
        poses.read_corpus(path)
    (tmp_path / "hands.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match="hand corpus"):
        hands.read_hands(tmp_path / "hands.npz")


@settings(max_examples=30)
@given(SEEDS)
def test_cameras_see_the_subject(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform([-0.6, 0, -0.5], [0.6, 1.8, 0.7], size=(60, 3))
    view = camera.draw_view(points, "test", rng)
    np.testing.assert_allclose(view.R_cam_world @ view.R_cam_world.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.R_cam_world) == pytest.approx(1.0)
    seen = points @ view.R_cam_world.T + view.t_cam_world
    assert seen[:, 2].min() > 0.3
    assert view.R_cam_world[1, 1] < -0.3  # y is down in the picture
    uv = seen @ view.K.T
    uv = uv[:, :2] / uv[:, 2:]
    inside = ((uv > -1) & (uv < [view.width, view.height])).all(1)
    assert inside.mean() > 0.3


def test_most_subjects_are_wholly_in_view() -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform([-0.4, 0, -0.4], [0.4, 1.8, 0.6], size=(60, 3))
    whole = []
    for _ in range(100):
        view = camera.draw_view(points, "train", rng)
        uv = (points @ view.R_cam_world.T + view.t_cam_world) @ view.K.T
        uv = uv[:, :2] / uv[:, 2:]
        whole.append(((uv > -1) & (uv < [view.width, view.height])).all())
    assert 0.6 < np.mean(whole) < 0.99


def test_all_kinds_of_the_captures_and_all_families_are_covered() -> None:
    behave = set(ALIASES) | {"backpack", "keyboard", "monitor", "stool", "suitcase", "toolbox"}
    assert behave - set(KIND_NAMES) == set()
    assert {"umbrella", "racket", "skateboard", "bottle", "cup"} <= set(KIND_NAMES)
    assert {kind.family for kind in KINDS} == set(FAMILIES)
    used = {kind for recipe in RECIPES.values() for kind in recipe.kinds}
    assert used == set(KIND_NAMES)
    in_contact = {k for name, recipe in RECIPES.items() if name not in NO_CONTACT for k in recipe.kinds}
    assert in_contact == set(KIND_NAMES)
    assert tuple(RECIPES) == INTERACTIONS


def test_instances_of_the_splits_differ() -> None:
    specs = {
        s: {family_instance(s, k, n).spec for k in KIND_NAMES for n in range(INSTANCES[s])} for s in SPLITS
    }
    assert not specs["train"] & specs["test"]
    assert not specs["train"] & specs["val"]
    assert family_instance("test", "cup", 1) == family_instance("test", "cup", 1)


def write_obj(path: Path, mesh: Mesh) -> None:
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices] + [f"f {a} {b} {c}" for a, b, c in mesh.faces + 1]
    path.write_text("\n".join(lines))


def test_mesh_folders_are_used_by_licence(tmp_path: Path) -> None:
    mesh = box((0.4, 0.3, 0.3))
    write_obj(tmp_path / "box.obj", mesh)
    write_obj(tmp_path / "open.obj", Mesh(mesh.vertices, mesh.faces[:-2]))
    entries = [
        {"name": "Box", "file": "box.obj", "lic": "Public domain"},
        {"name": "Chair", "file": "box.obj", "lic": "all rights reserved"},
        {"name": "Stool", "file": "box.obj", "lic": "CC BY-NC 4.0"},
        {"name": "Table", "file": "missing.obj", "lic": "CC BY 3.0"},
        {"name": "Crate", "file": "open.obj", "lic": "CC0"},
        {"name": "Ceiling lamp", "file": "box.obj", "lic": "Public domain"},
    ]
    (tmp_path / "index.json").write_text(json.dumps(entries))
    shelf = meshes.MeshShelf.of(tmp_path)
    assert {kind: [Path(i.spec).name for i in found] for kind, found in shelf.by_kind.items()} == {
        "boxmedium": ["box.obj"]
    }
    split = clip_split("box.obj")
    other = next(s for s in SPLITS if s != split)
    rng = np.random.default_rng(0)
    drawn = [shelf.draw(split, "boxmedium", rng) for _ in range(40)]
    assert any(drawn) and not all(drawn)
    assert not any(shelf.draw(other, "boxmedium", rng) for _ in range(40))


@pytest.mark.parametrize("index", [None, "{", "{}", "[]"])
def test_unusable_mesh_folders_are_refused(tmp_path: Path, index: str | None) -> None:
    if index is not None:
        (tmp_path / "index.json").write_text(index)
    with pytest.raises(InputError, match=str(tmp_path)):
        meshes.MeshShelf.of(tmp_path)

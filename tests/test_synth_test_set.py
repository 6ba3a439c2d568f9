"""The committed test set: what it holds, that its truth agrees with the meshes, that nothing leaks."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets.synhoi import TRUTH_FILE, read_truths, sequence_of
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.synth.picture.posed import pose_bodies
from scorehoi_ros.synth.scene.grips import bars
from scorehoi_ros.synth.scene.interactions import RECIPES
from scorehoi_ros.synth.scene.kinds import INSTANCES, KIND_NAMES, family_instance, template_of
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.splits import clip_split
from scorehoi_ros.synth.truth import NO_CONTACT, SceneTruth
from scorehoi_ros.types import CONTACT_DISTANCE_M


@pytest.fixture(scope="module")
def truths() -> list[SceneTruth]:
    return read_truths(model_file(TRUTH_FILE))[0]


def test_it_holds_every_interaction_and_whole_sequences(truths: list[SceneTruth]) -> None:
    singles = [t for t in truths if not sequence_of(t.key)]
    frames = Counter(sequence_of(t.key) for t in truths if sequence_of(t.key))
    assert len(singles) == 1000 and len(frames) == 20
    assert len({t.key for t in truths}) == len(truths)
    assert {t.interaction for t in singles} == set(RECIPES)
    assert all(2 * RATE_HZ <= count <= 6 * RATE_HZ for count in frames.values())
    touched = [t.human_contact.any() for t in singles if t.interaction not in NO_CONTACT]
    assert np.mean(touched) > 0.98


def specs_of(split: str) -> set[str]:
    return {family_instance(split, kind, n).spec for kind in KIND_NAMES for n in range(INSTANCES[split])}


def test_nothing_of_it_is_in_another_split(truths: list[SceneTruth]) -> None:
    specs = {t.object_spec for t in truths}
    assert specs <= specs_of("test") and not specs & (specs_of("train") | specs_of("val"))
    assert {clip_split(t.pose_source) for t in truths} == {"test"}


@pytest.mark.slow
def test_its_contacts_are_those_of_the_meshes(truths: list[SceneTruth]) -> None:
    body = free_body()
    for truth in truths[::97]:
        template = template_of(truth.object_spec)
        vertices = pose_bodies([truth], body)[0][0]
        tokens = transform_points(invert_transform(truth.T_cam_object), vertices[body.token_ids])
        distance = sample(template.sdf, tokens)
        # rounding may turn a vertex at the limit
        sure = np.abs(distance - CONTACT_DISTANCE_M) > 1e-3
        np.testing.assert_array_equal((distance < CONTACT_DISTANCE_M)[sure], truth.human_contact[sure])


def test_in_a_sequence_shape_object_and_camera_stay_and_nothing_jumps(truths: list[SceneTruth]) -> None:
    groups = defaultdict(list)
    for truth in truths:
        if sequence_of(truth.key):
            groups[sequence_of(truth.key)].append(truth)
    for frames in groups.values():
        first = frames[0]
        assert all(
            np.array_equal(t.betas, first.betas) and t.object_spec == first.object_spec for t in frames
        )
        assert all(
            np.array_equal(t.K, first.K) and np.allclose(t.floor_normal, first.floor_normal) for t in frames
        )
        roots = np.stack([t.root for t in frames])
        things = np.stack([t.T_cam_object[:3, 3] for t in frames])
        assert np.linalg.norm(np.diff(roots, axis=0), axis=1).max() * RATE_HZ < 3.0, "metres a second"
        assert np.linalg.norm(np.diff(things, axis=0), axis=1).max() * RATE_HZ < 4.0, "metres a second"


@pytest.mark.slow
def test_one_hand_finds_a_grip_on_everything_it_is_asked_to_hold() -> None:
    rng = np.random.default_rng(0)
    for kind in RECIPES["hold_one_hand"].kinds + RECIPES["hold_to_mouth"].kinds:
        for number in range(3):
            instance = family_instance("test", kind, number)
            assert bars(instance, template_of(instance.spec), rng), kind

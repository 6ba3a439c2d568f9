"""The fixed test set: truths from a file, pictures made once and kept."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets import synhoi
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import cache_folder
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.truth import SceneTruth, pack
from scorehoi_ros.types import Masks
from tests.eval_cases import BOX
from tests.synthetic import FACING, holding_pose, make_scene


def make_truth(key: str = "test/000000") -> SceneTruth:
    """The scene of `synthetic.make_scene` without turn, as parameters."""
    body, template = free_body(), load_template(BOX)
    scene = make_scene(body, template)
    pose = holding_pose(body)
    pose[0] = Rotation.from_matrix(FACING).as_rotvec()
    camera = scene.frame.camera
    return SceneTruth(
        key, 7, "test", "hold_one_hand", BOX, "clip", scene.betas, pose, scene.joints[0], scene.T_cam_object,
        camera.K, camera.width, camera.height, np.array([0.0, -1, 0]), -1.2,
        np.zeros(431, bool), np.zeros(64, bool), np.zeros(64, bool),
    )  # fmt: skip


class Renderer:
    """Counts how often it is asked; a perfect picture without an object mask."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, truth, body, template):
        self.calls += 1
        scene = make_scene(body, template)
        masks = scene.frame.masks
        noisy = Masks(masks.human, None, 0.75, 0.0)
        return synhoi.Picture(scene.frame.rgb, masks.human, masks.object, noisy, scene.seen.landmarks)


@pytest.fixture
def truths(tmp_path):
    path = tmp_path / "truths.npz"
    keys = ["test/000000", "test/000001", "test/seq000/0000", "test/seq000/0001", "test/seq001/0000"]
    np.savez_compressed(path, **pack([make_truth(key) for key in keys]))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No pictures are in the cache of a test; templates of others are."""
    load_template(BOX)
    templates = cache_folder("templates")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder().mkdir(parents=True)
    cache_folder("templates").symlink_to(templates)


def test_truths_become_samples(truths) -> None:
    dataset = synhoi.open_truths(truths, Renderer(), None)
    assert len(dataset.singles) == 2 and [len(s) for s in dataset.sequences] == [2, 1]
    assert "2 scenes, 2 sequences" in dataset.version
    scene = make_scene(free_body(), load_template(BOX))
    sample = dataset.sequences[0][1].open()
    assert isinstance(sample, Sample) and sample.frame.stamp_ns == round(1e9 / RATE_HZ)
    np.testing.assert_allclose(sample.truth.human.vertices, scene.vertices, atol=1e-9)
    np.testing.assert_allclose(sample.truth.human.joints, scene.joints, atol=1e-9)
    assert sample.truth.floor.offset == -1.2 and sample.frame.masks.object is None
    assert sample.truth.object_mask.any() and sample.seen.mask.dtype == np.float32


def test_pictures_are_made_once_and_come_back_unchanged(truths) -> None:
    render = Renderer()
    first = synhoi.open_truths(truths, render, "1").singles[0].open()
    second = synhoi.open_truths(truths, render, "1").singles[0].open()
    assert render.calls == 1
    np.testing.assert_array_equal(first.frame.rgb, second.frame.rgb)
    np.testing.assert_array_equal(first.frame.masks.human, second.frame.masks.human)
    np.testing.assert_array_equal(first.truth.object_mask, second.truth.object_mask)
    np.testing.assert_array_equal(first.seen.landmarks.pixels, second.seen.landmarks.pixels)
    assert second.frame.masks.object is None and second.frame.masks.human_score == 0.75
    synhoi.open_truths(truths, render, "2").singles[0].open()
    assert render.calls == 2  # another version of the renderer
    synhoi.open_truths(truths, render, None).singles[0].open()
    assert render.calls == 3


def test_a_damaged_picture_is_made_again(truths, tmp_path) -> None:
    render = Renderer()
    synhoi.open_truths(truths, render, "1").singles[0].open()
    kept = next((tmp_path / "cache").rglob("000000.npz"))
    kept.write_bytes(kept.read_bytes()[:200])
    assert isinstance(synhoi.open_truths(truths, render, "1").singles[0].open(), Sample) and render.calls == 2
    kept.unlink()
    kept.mkdir()  # cannot be written
    assert isinstance(synhoi.open_truths(truths, render, "1").singles[0].open(), Sample)


def test_damaged_truths_are_refused(truths, tmp_path) -> None:
    with pytest.raises(InputError, match=r"nothing\.npz cannot be read as a file of scene truths: No such"):
        synhoi.open_truths(tmp_path / "nothing.npz", Renderer(), None)
    truths.write_bytes(truths.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read as a file of scene truths"):
        synhoi.open_truths(truths, Renderer(), None)
    arrays = pack([make_truth()])
    del arrays["betas"]
    np.savez(truths, **arrays)
    with pytest.raises(InputError, match=r"it has no 'betas'"):
        synhoi.open_truths(truths, Renderer(), None)


def test_an_object_that_cannot_be_made_skips_its_scene(tmp_path) -> None:
    path = tmp_path / "truths.npz"
    np.savez(path, **pack([replace(make_truth(), object_spec="sofa_of_dreams")]))
    skipped = synhoi.open_truths(path, Renderer(), None).singles[0].open()
    assert "sofa_of_dreams" in skipped.reason

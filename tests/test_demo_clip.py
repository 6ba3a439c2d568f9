"""The demo's own clip: what its truth file holds, how it is told and written; and clips of users."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import load_body
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.synhoi import TRUTH_FILE as TEST_SET
from scorehoi_ros.datasets.synhoi import read_truths, sequence_of
from scorehoi_ros.demo.clip import (
    FIRST_STAMP_NS,
    IMAGE_TOPIC,
    INFO_TOPIC,
    OBJECT_MASK_TOPIC,
    fitted_frames,
    write_clip,
)
from scorehoi_ros.demo.own import TRUTH_FILE, box_around, own_samples, told_by_user
from scorehoi_ros.demo.processes import node_parameters
from scorehoi_ros.errors import InputError
from scorehoi_ros.io.frames import BadFrame, Source
from scorehoi_ros.io.source import open_source
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.produce import penetration_mm
from scorehoi_ros.synth.scene.kinds import INSTANCES, KIND_NAMES, family_instance
from scorehoi_ros.synth.scene.plots import RATE_HZ
from scorehoi_ros.synth.splits import clip_split
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Camera, Frame, Masks


@pytest.fixture(scope="module")
def truths() -> list[SceneTruth]:
    return read_truths(model_file(TRUTH_FILE))[0]


def test_the_truth_is_one_sequence_of_a_camera_that_stands_still(truths: list[SceneTruth]) -> None:
    assert len({sequence_of(t.key) for t in truths}) == 1 and sequence_of(truths[0].key)
    assert 3 * RATE_HZ <= len(truths) <= 6 * RATE_HZ
    for t in truths:
        assert (t.width, t.height) == (640, 480)
        np.testing.assert_array_equal(t.K, truths[0].K)
        np.testing.assert_array_equal(t.floor_normal, truths[0].floor_normal)


def test_the_clip_is_in_neither_training_nor_test_data(truths: list[SceneTruth]) -> None:
    specs = {t.object_spec for t in truths}
    assert specs == {truths[0].object_spec}
    for split in ("train", "test"):
        others = {
            family_instance(split, kind, n).spec for kind in KIND_NAMES for n in range(INSTANCES[split])
        }
        assert not specs & others
    tested = read_truths(model_file(TEST_SET))[0]
    assert not {tuple(t.betas) for t in tested} & {tuple(truths[0].betas)}
    assert {clip_split(t.pose_source) for t in truths} == {"val"}


def test_somebody_holds_something_without_reaching_into_it(truths: list[SceneTruth]) -> None:
    body, template = load_body(), load_template(truths[0].object_spec)
    assert np.mean([t.human_contact.any() for t in truths]) > 0.9
    depths = [penetration_mm(t, pose_scene(t, body, template), template) for t in truths[::8]]
    assert max(depths) < 10


def test_it_moves_like_a_person(truths: list[SceneTruth]) -> None:
    roots = np.stack([t.root for t in truths])
    steps = np.linalg.norm(np.diff(roots, axis=0), axis=1)
    assert steps.max() * RATE_HZ < 2.5 and np.ptp(roots, axis=0).max() > 0.1


def test_samples_carry_what_the_node_is_told(truths: list[SceneTruth]) -> None:
    samples = own_samples(2)
    assert [s.frame.stamp_ns for s in samples] == [FIRST_STAMP_NS, FIRST_STAMP_NS + round(1e9 / RATE_HZ)]
    told = told_by_user(samples[0])
    assert told["object"] == truths[0].object_spec
    np.testing.assert_allclose(told["gravity"], -truths[0].floor_normal)
    x0, y0, x1, y1 = told["prompt_box"]
    mask = samples[0].truth.object_mask
    assert mask is not None
    rows, columns = np.nonzero(mask)
    assert x0 <= columns.min() and columns.max() < x1 and y0 <= rows.min() and rows.max() < y1
    assert (x1 - x0) * (y1 - y0) < 4 * len(rows)
    PipelineConfig(object=told["object"], prompt_box=told["prompt_box"], gravity=told["gravity"])


def test_a_box_stays_within_the_picture() -> None:
    mask = np.zeros((20, 30), bool)
    mask[0:20, 10:14] = True
    assert box_around(mask) == [6, 0, 18, 20]


def frames(count: int = 3, masks: bool = True, source: Literal["user", "guess"] = "user") -> Iterator[Frame]:
    rng = np.random.default_rng(0)
    width, height = 32, 24
    K = np.array([[30.0, 0, 15.5], [0, 31.0, 11.5], [0, 0, 1]])
    for k in range(count):
        rgb = np.kron(rng.integers(0, 255, (3, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        mask = np.zeros((height, width), bool)
        mask[5:15, 8:20] = True
        camera = Camera(K, width, height, source=source)
        chosen = Masks(None, mask if masks else None, 0.0, 1.0)
        yield Frame(rgb, camera, 1_000_000_000 + k * 100_000_000, "optical", f"{k}", None, chosen)


def test_clip_is_a_bag_that_reads_back(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip", [*frames(), BadFrame("3", 0, "broken")])
    assert (clip.images, clip.skipped, clip.width, clip.height) == (3, 1, 32, 24)
    assert clip.duration_s == pytest.approx(0.2)
    assert clip.topics == {f"{IMAGE_TOPIC}/compressed", INFO_TOPIC, OBJECT_MASK_TOPIC}
    read = list(open_source(clip.path).frames())
    for frame, original in zip(read, frames(), strict=True):
        assert isinstance(frame, Frame)
        assert frame.stamp_ns == original.stamp_ns and frame.frame_id == "optical"
        np.testing.assert_array_equal(frame.camera.K, original.camera.K)
        assert frame.masks.object is not None and original.masks.object is not None
        np.testing.assert_array_equal(frame.masks.object, original.masks.object)
        assert np.abs(frame.rgb.astype(int) - original.rgb).mean() < 12


def test_a_guessed_camera_is_not_passed_off_as_calibration(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip", frames(masks=False, source="guess"))
    assert clip.topics == {f"{IMAGE_TOPIC}/compressed"}
    usual = PipelineConfig().max_gap_s
    parameters = node_parameters(clip, {"object": "ball:0.22", "prompt_box": []}, 0.1)
    assert "camera_info_topic" not in parameters and "prompt_box" not in parameters
    assert parameters["object"] == "ball:0.22" and parameters["max_gap_s"] == pytest.approx(10 * usual)
    assert node_parameters(clip, {"max_gap_s": 2.0}, 0.1)["max_gap_s"] == 2.0
    assert node_parameters(clip, {}, 4.0)["max_gap_s"] == usual


def test_no_usable_frame_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no usable frame"):
        write_clip(tmp_path / "clip", [BadFrame("0", 0, "broken")])


def test_pictures_of_another_size_are_skipped() -> None:
    mixed = [*frames(1), replace(next(iter(frames(1))), rgb=np.zeros((5, 5, 3), np.uint8))]
    fitted = list(fitted_frames(Source("images", lambda: iter(mixed), 2, None)))
    assert isinstance(fitted[0], Frame) and isinstance(fitted[1], BadFrame)
    assert "size" in fitted[1].reason


@pytest.mark.parametrize(("first_ns", "shift_ns"), [(0, FIRST_STAMP_NS), (5, 0)])
def test_time_that_counts_from_zero_is_moved_to_a_date(first_ns: int, shift_ns: int) -> None:
    film = [replace(frame, stamp_ns=first_ns + k) for k, frame in enumerate(frames(2))]
    fitted = fitted_frames(Source("video", lambda: iter(film), 2, None))
    assert [frame.stamp_ns for frame in fitted] == [first_ns + shift_ns, first_ns + shift_ns + 1]

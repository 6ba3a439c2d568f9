"""The pipeline with the optimiser on a scene with known truth, on sequences, and on bad input."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.look import Eyes
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.methods.fit.orientations import rotation_distance
from scorehoi_ros.methods.registry import make_method
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.types import Bools, Camera, Masks, Prompt, Reconstruction, Status
from tests.synthetic import Scene, TruthfulDetector, make_scene

BODY = load_body()
BOX = load_template("box:0.40x0.30x0.20")
LAYER, POSED = BodyLayer(BODY), PosedBody(BODY)
SECOND = 1_000_000_000


def make_pipeline(scene: Scene | None, iterations: int = 80, **settings: object) -> Pipeline:
    fit = FitConfig(iterations, 20)
    config = PipelineConfig(method="fit", fit=fit, **settings)  # type: ignore[arg-type]
    detector = TruthfulDetector(scene.seen if scene is not None else None)
    eyes = Eyes(detector, None, POSED)
    return Pipeline(config, BODY, BOX, eyes, LAYER, make_method, make_method(BODY, BOX, config))


def seeing(pipeline: Pipeline, scene: Scene | None) -> Pipeline:
    """The pipeline with a detector that reports another scene; None = nobody."""
    detector = TruthfulDetector(scene.seen if scene is not None else None)
    return replace(pipeline, eyes=replace(pipeline.eyes, detector=detector))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(BODY, BOX, turn=0.4)


@pytest.fixture(scope="module")
def first(scene: Scene) -> tuple[Reconstruction, TrackState]:
    return make_pipeline(scene).step(scene.frame, None)


@pytest.fixture(scope="module")
def result(first: tuple[Reconstruction, TrackState]) -> Reconstruction:
    return first[0]


@pytest.fixture(scope="module")
def tracked(first: tuple[Reconstruction, TrackState]) -> TrackState:
    """The state after the first frame."""
    return first[1]


def test_human_is_recovered(scene: Scene, result: Reconstruction) -> None:
    assert result.human is not None and result.human.status == Status.OK, result.message
    relative = result.human.joints - result.human.joints[0]
    truth = scene.joints - scene.joints[0]
    assert np.linalg.norm(relative - truth, axis=1)[:22].mean() < 0.06
    assert result.quality["human_iou"] > 0.75
    assert result.quality["keypoint_px"] < 3


def test_object_is_recovered(scene: Scene, result: Reconstruction) -> None:
    assert result.object is not None and result.human is not None
    T, truth = result.object.T_cam_object, scene.T_cam_object
    assert np.linalg.norm(T[:3, 3] - truth[:3, 3]) < 0.06
    # The person's own depth is less sure: without a known height, size and distance trade against each other.
    relative = (T[:3, 3] - result.human.root) - (truth[:3, 3] - scene.joints[0])
    assert np.linalg.norm(relative) < 0.2
    assert np.degrees(rotation_distance(T[None, :3, :3], truth[:3, :3], BOX.symmetry)[0]) < 25
    assert result.quality["object_iou"] > 0.75


def test_hands_touch_the_box(result: Reconstruction) -> None:
    assert result.contact is not None
    assert any("hand" in part for part in result.contact.body_parts)
    assert len(result.contact.human_vertices) == len(result.contact.human_probabilities) > 0
    assert result.quality["penetration_mm"] < 60


def test_descent_lowers_the_energy(result: Reconstruction) -> None:
    assert result.quality["energy_last"] < result.quality["energy_first"]


def test_estimate_and_published_state_are_the_same_thing(result: Reconstruction) -> None:
    assert result.estimate is not None and result.object is not None and result.human is not None
    person = result.estimate.human
    assert person is not None
    np.testing.assert_allclose(
        person.t_cam + result.estimate.t_o, result.object.T_cam_object[:3, 3], atol=1e-9
    )
    np.testing.assert_allclose(result.human.joints[0], person.t_cam, atol=1e-5)


def test_sequence_keeps_the_shape_and_follows(
    scene: Scene, result: Reconstruction, tracked: TrackState
) -> None:
    state, pipeline, results = tracked, make_pipeline(scene), [result]
    for k in range(1, 3):
        now = make_scene(BODY, BOX, stamp_ns=k * SECOND // 10, shift=0.03 * k, turn=0.4)
        followed, state = seeing(pipeline, now).step(now.frame, state)
        results.append(followed)
    shapes = [r.human.betas for r in results if r.human is not None]
    assert len(shapes) == 3
    np.testing.assert_array_equal(shapes[1], shapes[0])
    np.testing.assert_array_equal(shapes[2], shapes[0])
    first, last = results[0], results[2]
    assert first.object is not None and last.object is not None
    moved = last.object.T_cam_object[0, 3] - first.object.T_cam_object[0, 3]
    assert moved == pytest.approx(0.06, abs=0.04)


def test_person_and_object_get_lost_and_found(scene: Scene, tracked: TrackState) -> None:
    pipeline, state = make_pipeline(scene), tracked
    empty = replace(scene.frame, masks=Masks())
    nobody = seeing(pipeline, None)
    gone, state = nobody.step(replace(empty, stamp_ns=SECOND // 10), state)
    assert gone.status == Status.LOST
    assert gone.human is not None and gone.human.status == Status.LOST
    assert gone.object is not None and gone.object.status == Status.LOST
    gone, state = nobody.step(replace(empty, stamp_ns=SECOND), state)
    assert gone.status == Status.LOST, "lost for as long as it may come back"
    back, after = pipeline.step(replace(scene.frame, stamp_ns=2 * SECOND), state)
    assert back.status.is_present and back.object is not None and back.object.id == "object_1"
    assert back.human is not None and back.human.id == "human_1", "a lost frame does not change the id"
    assert after.human is not None and state.human is not None
    np.testing.assert_array_equal(after.human.betas, state.human.betas)
    late, _ = nobody.step(replace(empty, stamp_ns=60 * SECOND), after)
    assert late.status == Status.ABSENT, "after max_gap_s nobody is missed any more"


def test_object_without_mask_is_absent_and_lost_once_tracked(scene: Scene, tracked: TrackState) -> None:
    pipeline = make_pipeline(scene)
    bare = replace(scene.frame, masks=Masks(scene.frame.masks.human, None, 1.0, 0.0))
    result, _ = pipeline.step(bare, None)
    assert result.object is not None and result.object.status == Status.ABSENT
    assert "prompt" in result.message
    result, _ = pipeline.step(replace(bare, stamp_ns=SECOND // 10), tracked)
    assert result.object is not None and result.object.status == Status.LOST
    assert result.human is not None and result.human.status in (Status.OK, Status.UNTRUSTED)


def test_object_stays_when_the_person_leaves(
    scene: Scene, result: Reconstruction, tracked: TrackState
) -> None:
    pipeline, state = make_pipeline(scene), tracked
    alone = replace(scene.frame, masks=Masks(None, scene.frame.masks.object, 0.0, 1.0))
    for second in range(1, 12):
        left, state = seeing(pipeline, None).step(replace(alone, stamp_ns=second * SECOND), state)
        assert left.object is not None and left.object.status == Status.OK
        assert left.object.id == "object_1" and left.contacts == ()
        assert left.status == (Status.LOST if second <= 5 else Status.OK), left.message
    assert left.humans == (), "after max_gap_s the person is not missed any more"
    assert result.object is not None
    moved = left.object.T_cam_object[:3, 3] - result.object.T_cam_object[:3, 3]
    assert np.linalg.norm(moved) < 0.1
    back, _ = pipeline.step(replace(scene.frame, stamp_ns=12 * SECOND), state)
    assert back.human is not None and back.human.id == "human_2", "whoever comes now is somebody new"
    assert back.object is not None and back.object.id == "object_1"


def test_object_that_was_always_alone(scene: Scene) -> None:
    alone = replace(scene.frame, masks=Masks(None, scene.frame.masks.object, 0.0, 1.0))
    result, _ = make_pipeline(None).step(alone, None)
    assert result.status == Status.OK, result.message
    assert result.humans == () and result.object is not None and result.floor is None
    assert result.quality["object_iou"] > 0.75


class Blind:
    """A segmenter that finds nothing and notes how closely it was asked to look."""

    def __init__(self) -> None:
        self.closely: list[bool] = []

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        self.closely.append(prompt.closely)
        return empty_segmentation(*rgb.shape[:2])


@pytest.mark.parametrize("box", [[], [10.0, 10.0, 60.0, 60.0]])
def test_a_missed_object_is_looked_for_closely_twice_a_second(
    scene: Scene, tracked: TrackState, box: list[float]
) -> None:
    """One that was tracked, and one that is still waited for in the box of the settings."""
    blind, pipeline = Blind(), seeing(make_pipeline(None, prompt_box=box), None)
    pipeline = replace(pipeline, eyes=replace(pipeline.eyes, segmenter=blind))
    frame, state = replace(scene.frame, masks=Masks()), replace(tracked, object=None) if box else tracked
    for step in range(1, 11):
        _, state = pipeline.step(replace(frame, stamp_ns=scene.frame.stamp_ns + step * SECOND // 5), state)
    start = scene.frame.stamp_ns
    halves = [(start + step * SECOND // 5) // (SECOND // 2) for step in range(11)]
    assert blind.closely == [bool(later - half) for half, later in pairwise(halves)]
    assert 4 <= sum(blind.closely) <= 5


def test_nobody_is_a_normal_result(scene: Scene) -> None:
    result, _ = make_pipeline(None).step(replace(scene.frame, masks=Masks()), None)
    assert result.status == Status.ABSENT
    assert result.human is None
    assert result.message == "nobody is in view"


def test_backward_time_starts_afresh_and_the_same_input_gives_the_same_output(
    scene: Scene, result: Reconstruction, tracked: TrackState
) -> None:
    again, _ = make_pipeline(scene).step(replace(scene.frame, stamp_ns=-SECOND), tracked)
    assert again.human is not None and result.human is not None
    assert again.human.id == "human_2"
    np.testing.assert_array_equal(again.human.vertices, result.human.vertices)


def test_depth_fixes_the_scale(scene: Scene, result: Reconstruction) -> None:
    depth, near = np.full(scene.frame.rgb.shape[:2], 4.0, np.float32), result
    far, _ = make_pipeline(scene).step(replace(scene.frame, depth=depth), None)
    assert near.human is not None and far.human is not None
    assert far.human.root[2] > near.human.root[2] + 0.3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rgb": np.zeros((0, 5, 3), np.uint8)}, "at least one pixel"),
        ({"rgb": np.zeros((480, 480), np.uint8)}, "uint8 RGB"),
        ({"rgb": np.zeros((480, 480, 3), np.float32)}, "uint8 RGB"),
        ({"camera": Camera(np.full((3, 3), np.nan), 480, 480)}, "finite"),
        ({"camera": Camera(np.eye(3) * 0, 480, 480)}, "focal lengths"),
        ({"camera": Camera(np.diag([500.0, 500, 1]), 320, 240)}, "320 x 240"),
        ({"depth": np.zeros((5, 5), np.float32)}, "the depth must have the image's size"),
        ({"masks": Masks(np.zeros((5, 5), bool), None)}, "the human mask must have the image's size"),
        ({"masks": Masks(None, np.full((480, 480), 255, np.uint8))}, "must be bool"),
    ],
)
def test_bad_frames_get_a_status_and_keep_the_track(
    scene: Scene, tracked: TrackState, change: dict[str, object], words: str
) -> None:
    frame = replace(scene.frame, stamp_ns=SECOND // 10, **change)  # type: ignore[arg-type]
    result, after = make_pipeline(scene).step(frame, tracked)
    assert result.status == Status.BAD_INPUT
    assert words in result.message
    assert after is tracked


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gravity": [0.0, 0.0, 0.0]}, "not all zero"),
        ({"prompt_box": [1.0, 2.0]}, "four finite numbers"),
        ({"prompt_box": [5.0, 5.0, 1.0, 1.0]}, "x1 > x0"),
        ({"segmenter": "magic"}, "must be one of"),
        ({"height_m": float("nan")}, "must be between"),
        ({"threads": 0}, "must be between"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        PipelineConfig(**settings)  # type: ignore[arg-type]


def test_other_settings_share_what_is_loaded() -> None:
    pipeline = make_pipeline(None)
    light = pipeline.adjusted(replace(pipeline.config, min_probability=0.2, gravity=[0.0, 1.0, 0.0]))
    assert light is not None and light.config.min_probability == 0.2
    assert light.method is pipeline.method and light.eyes is pipeline.eyes
    other = pipeline.adjusted(replace(pipeline.config, fit=FitConfig(80, 7)))
    assert other is not None and other.method is not pipeline.method and other.eyes is pipeline.eyes
    same = replace(pipeline.config, min_probability=0.2)
    for heavy in (
        replace(same, object="ball:0.2"),
        replace(same, segmenter="none"),
        replace(same, method="regress"),
    ):
        assert pipeline.adjusted(heavy) is None


def test_a_threshold_changes_the_status_of_the_same_result(scene: Scene) -> None:
    lenient = make_pipeline(scene, 10, min_probability=0.0)
    strict = lenient.adjusted(replace(lenient.config, min_probability=1.0))
    assert strict is not None
    person = replace(scene.frame, masks=Masks(scene.frame.masks.human, None))
    one, other = (pipeline.step(person, None)[0].human for pipeline in (lenient, strict))
    assert one is not None and other is not None
    assert (one.status, other.status) == (Status.OK, Status.UNTRUSTED)
    assert one.confidence == other.confidence

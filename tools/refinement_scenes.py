"""Validation scenes as frames to refine: what tools that look at the refinement share."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibrate_status import truths_in

from scorehoi_ros.body.load import free_body
from scorehoi_ros.datasets.dataset import Human, Sample
from scorehoi_ros.datasets.synhoi import Picture, sample_of
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.truth import SceneTruth


def samples_in(folder: Path) -> Iterator[Sample]:
    """The first view of each validation scene in shards that shows both person and object.

    With landmarks and masks, without a picture.  Raises InputError for another split.
    """
    for sample in map(sample_without_picture, truths_in(folder)):
        assert sample.frame.masks is not None
        if sample.frame.masks.human is not None and sample.frame.masks.object is not None:
            yield sample


def sample_without_picture(truth: SceneTruth) -> Sample:
    """What perception says of a scene, on a black image."""
    body, template = free_body(), load_template(truth.object_spec)
    posed = pose_scene(truth, body, template)
    seen = observe_posed(truth, posed, body, template, None, whole_view(truth))
    black = np.zeros((truth.height, truth.width, 3), np.uint8)
    picture = Picture(black, seen.human_mask, seen.object_mask, seen.masks, seen.landmarks)
    return sample_of(truth, picture, 0, Human(posed.vertices, body.faces, posed.joints), template)


def told(pipeline: Pipeline, sample: Sample) -> Pipeline:
    """The pipeline for the object of a sample, with a detector that says what comes with it."""
    assert sample.seen is not None
    now = pipeline.for_template(sample.truth.template)
    return replace(now, eyes=replace(now.eyes, detector=GivenLandmarks(sample.seen)))

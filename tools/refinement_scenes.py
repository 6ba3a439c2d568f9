"""Validation scenes as frames to refine: what tools that look at the refinement share."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from calibrate_status import truths_in

from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.datasets.dataset import Human, Sample
from scorehoi_ros.datasets.synhoi import Picture, sample_of
from scorehoi_ros.evaluate.methods import GivenLandmarks
from scorehoi_ros.evaluate.metrics import ContactScore
from scorehoi_ros.evaluate.scores import Answer, score
from scorehoi_ros.frame.evidence import Evidence, build_evidence
from scorehoi_ros.frame.pipeline import Pipeline
from scorehoi_ros.geometry.rigid import object_transform
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.synth.picture.photograph import Style
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.sensor.observe import observe_posed, whole_view
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Estimate, Floats

ERRORS = {
    "cd_human_cm": "CD human cm",
    "cd_object_cm": "CD object cm",
    "contact_f": "F",
    "mpjpe_mm": "MPJPE mm",
    "object_rot_deg": "rotation deg",
    "object_rel_cm": "place cm",
    "penetration_mm": "penetration mm",
}
"""Metrics of one frame, and what they are called."""


def arguments(about: str | None, count: int) -> argparse.ArgumentParser:
    """A parser of VAL, --first and --count, with the docstring of a tool and how many scenes it takes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="VAL", help="validation shards of `scorehoi synth`")
    parser.add_argument("--first", type=int, default=0, help="number of the first scene (default 0)")
    parser.add_argument("--count", type=int, default=count, help=f"scenes (default {count})")
    return parser


def samples_in(folder: Path) -> Iterator[Sample]:
    """The samples of `scenes_in`."""
    return (sample for _, sample in scenes_in(folder))


def scenes_in(folder: Path) -> Iterator[tuple[SceneTruth, Sample]]:
    """The first view of each validation scene in shards that shows both person and object.

    With landmarks and masks, without a picture.  Raises InputError for another split.
    """
    for truth in truths_in(folder):
        sample = sample_without_picture(truth)
        assert sample.frame.masks is not None
        if sample.frame.masks.human is not None and sample.frame.masks.object is not None:
            yield truth, sample


def sample_without_picture(truth: SceneTruth) -> Sample:
    """What perception says of a scene, on a black image."""
    return drawn(truth, None)


def drawn(truth: SceneTruth, style: Style | None) -> Sample:
    """A scene with what perception says of it; `style` None = on a black image."""
    body, template = free_body(), load_template(truth.object_spec)
    posed = pose_scene(truth, body, template)
    seen = observe_posed(truth, posed, body, template, style, whole_view(truth))
    rgb = np.zeros((truth.height, truth.width, 3), np.uint8) if seen.rgb is None else seen.rgb
    picture = Picture(rgb, seen.human_mask, seen.object_mask, seen.masks, seen.landmarks)
    return sample_of(truth, picture, 0, Human(posed.vertices, body.faces, posed.joints), template)


def told(pipeline: Pipeline, sample: Sample) -> Pipeline:
    """The pipeline for the object of a sample, with a detector that says what comes with it."""
    assert sample.seen is not None
    now = pipeline.for_template(sample.truth.template)
    return replace(now, eyes=replace(now.eyes, detector=GivenLandmarks(sample.seen)))


def evidence_of(sample: Sample) -> Evidence:
    """What comes with a sample, as evidence."""
    assert sample.frame.masks is not None and sample.seen is not None
    evidence = build_evidence(sample.frame, sample.frame.masks, sample.seen.landmarks, None)
    assert evidence is not None
    return evidence


def errors(sample: Sample, pipeline: Pipeline, estimate: Estimate) -> dict[str, float]:
    """Metrics of `scorehoi eval` for one complete estimate; NaN = cannot be measured."""
    assert estimate.human is not None and estimate.object is not None
    vertices, joints = human_mesh(pipeline.layer, estimate.human)
    human = Human(np.asarray(vertices, np.float64), pipeline.body.faces, joints)
    answer = Answer(human, object_transform(estimate.object), 0.0)
    found = dict(score(sample, answer, human))
    found["contact_f"] = ContactScore(found["contact_p"], found["contact_r"]).f
    return {name: np.nan if (v := found[name]) is None else v for name in ERRORS}


def table(rows: Floats, title: str, names: Sequence[str], columns: Iterable[str]) -> list[str]:
    """Lines in Markdown of (n, variants, columns): means, and changes from the first with standard errors."""
    heads = list(columns)
    lines = [f"{len(rows)} frames", f"| {title} | " + " | ".join(heads) + " |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for name, means in zip(names, np.nanmean(rows, axis=0), strict=True):
        lines.append(f"| {name} | " + " | ".join(f"{m:.2f}" for m in means) + " |")
    for place, name in enumerate(names[1:], 1):
        change = rows[:, place] - rows[:, 0]
        error = np.nanstd(change, axis=0) / np.sqrt((~np.isnan(change)).sum(0))
        pairs = zip(np.nanmean(change, axis=0), error, strict=True)
        lines.append(f"| {name}, change | " + " | ".join(f"{m:+.2f} ± {e:.2f}" for m, e in pairs) + " |")
    return lines

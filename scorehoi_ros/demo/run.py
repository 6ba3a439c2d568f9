"""The demo from beginning to end: clip, three processes, true errors, pictures."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.clip import Clip, fitted_frames, write_clip
from scorehoi_ros.demo.generate import generate
from scorehoi_ros.demo.processes import Playing, node_parameters, run_processes
from scorehoi_ros.demo.report import summarise
from scorehoi_ros.demo.results import Result, read_results
from scorehoi_ros.demo.scores import (
    Judge,
    Scores,
    acceleration_error,
    score_against_image,
    score_against_truth,
)
from scorehoi_ros.demo.truth import Truth
from scorehoi_ros.demo.watch import Pictures
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.io.source import open_source
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DemoJob:
    """What the user asked for."""

    out: Path
    settings: dict[str, Any]
    """Parameters of the node that the user set: object, prompt_box, gravity …"""
    playing: Playing
    input: Path | None = None
    """None = the demo's own clip."""
    camera: str | None = None
    masks: Path | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Prepared:
    """A clip ready to be played."""

    clip: Clip
    settings: dict[str, Any]
    truth: Truth | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def run_demo(job: DemoJob) -> dict[str, Any]:
    """Run everything; writes overlay.mp4, sheet.png, labels.mcap, summary.json and returns the summary.

    Raises ScorehoiError with the reason when a part fails.
    """
    work = job.out / "work"
    if (work / "clip").exists():
        _remove_clip(work / "clip")
    work.mkdir(parents=True, exist_ok=True)
    body = load_body(job.settings.get("body_model"))
    prepared = prepare_own(work, body, job) if job.input is None else prepare_input(work, job)
    clip = prepared.clip
    log.info("clip: %d images of %d x %d, %.1f s", clip.images, clip.width, clip.height, clip.duration_s)
    spec = prepared.settings.get("object")
    template = load_template(spec) if spec else None
    speed = job.playing.speed(clip)
    parameters = node_parameters(clip, prepared.settings, speed)
    log.info("playing it at %.2g times its speed, %.0f s (logs in %s)", speed, clip.duration_s / speed, work)
    recording = run_processes(clip, parameters, work, job.playing)
    results = read_results(recording, clip.width, clip.height)
    if not results:
        raise InputError(f"the node published no result. Its log is {work / 'node.log'}.")
    log.info("%d results; measuring and drawing", len(results))
    summary = judge_and_draw(job.out, prepared, results, len(recording.stamps), body, template)
    write_json(job.out / "summary.json", summary)
    return summary


def prepare_own(work: Path, body: BodyModel, job: DemoJob) -> Prepared:
    """Render the demo's clip; options of the user win over what the clip says about itself."""
    own = generate(work, body)
    box = own.prompt_box
    told = {
        "object": own.object_spec,
        "prompt_box": [box.x0, box.y0, box.x1, box.y1],
        "gravity": list(own.gravity),
    }
    given = {key: value for key, value in job.settings.items() if value not in ("", [], None)}
    return Prepared(own.clip, told | given, own.truth, {"input": "generated clip", "given": told})


def prepare_input(work: Path, job: DemoJob) -> Prepared:
    """Turn the user's video, pictures or bag into a clip."""
    assert job.input is not None
    source = open_source(job.input, camera=job.camera, masks_dir=job.masks)
    frames = fitted_frames(source)
    chosen = frames if job.limit is None else (f for _, f in zip(range(job.limit), frames, strict=False))
    clip = write_clip(work / "clip", chosen)
    return Prepared(clip, dict(job.settings), None, {"input": str(job.input), "skipped": clip.skipped})


def judge_and_draw(
    out: Path,
    prepared: Prepared,
    results: Sequence[Result],
    frames_in: int,
    body: BodyModel,
    template: ObjectTemplate | None,
) -> dict[str, Any]:
    """Measure every result, write the pictures, and sum up."""
    pairs = matched(prepared.clip, results)
    judge = Judge(body, template)
    truth = prepared.truth
    if truth is not None:
        scores = [score_against_truth(judge, result, truth) for _, result in pairs]
        acceleration = acceleration_error(results, truth)
    else:
        scores, acceleration = image_scores(judge, pairs), None
    rate = (prepared.clip.images - 1) / prepared.clip.duration_s if prepared.clip.duration_s > 0 else None
    Pictures(out, results, body, template).write(pairs, rate)
    summary = summarise(frames_in, results, scores, acceleration)
    summary |= {"clip_s": round(prepared.clip.duration_s, 3)}
    return summary | {"ground_truth": truth is not None} | prepared.facts


def image_scores(judge: Judge, pairs: Sequence[tuple[Frame, Result]]) -> list[Scores]:
    """Scores of frames without ground truth."""
    from scorehoi_ros.perception.human import MediapipeHuman

    detector = MediapipeHuman()
    try:
        return [score_against_image(judge, result, frame, detector) for frame, result in pairs]
    finally:
        detector.close()


def matched(clip: Clip, results: Sequence[Result]) -> list[tuple[Frame, Result]]:
    """Each result with its image, undistorted as the node saw it."""
    by_stamp = {result.reconstruction.stamp_ns: result for result in results}
    pairs = []
    for frame in open_source(clip.path).frames():
        if isinstance(frame, Frame) and frame.stamp_ns in by_stamp:
            pairs.append((undistort_frame(frame), by_stamp[frame.stamp_ns]))
    return pairs


def _remove_clip(folder: Path) -> None:
    """The clip of an earlier run; only files that a clip consists of."""
    for path in folder.iterdir():
        if path.suffix in (".mcap", ".yaml"):
            path.unlink()
    try:
        folder.rmdir()
    except OSError as error:
        raise InputError(f"{folder} holds files that are not the demo's. Choose another --out.") from error

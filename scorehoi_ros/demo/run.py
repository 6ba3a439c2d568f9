"""The demo from beginning to end: clip, three processes, true errors, pictures."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.demo.clip import Clip, fitted_frames, write_clip
from scorehoi_ros.demo.own import write_own_clip
from scorehoi_ros.demo.processes import Playing, node_parameters, run_processes
from scorehoi_ros.demo.report import summarise
from scorehoi_ros.demo.results import Result, read_results
from scorehoi_ros.demo.scores import score_results
from scorehoi_ros.demo.watch import write_pictures
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.io.source import open_source
from scorehoi_ros.label.labeller import refuse_overwriting
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame, Reconstruction

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
    image_topic: str = ""
    """The camera of a bag with several."""


@dataclass(frozen=True)
class Prepared:
    """A clip ready to be played."""

    clip: Clip
    settings: dict[str, Any]
    samples: list[Sample] | None = None
    """Truth of the clip's frames, None when it is not known."""
    facts: dict[str, Any] = field(default_factory=dict)


def run_demo(job: DemoJob) -> dict[str, Any]:
    """Run everything; writes overlay.mp4, sheet.png, labels.mcap, summary.json and returns the summary.

    Raises ScorehoiError with the reason when a part fails, or would replace the input.
    """
    work = job.out / "work"
    if job.input is not None:
        refuse_overwriting(job.input, job.out)
        if job.input.resolve().is_relative_to((work / "clip").resolve()):
            raise OutputError(f"{job.input} is the clip of an earlier run, which goes. Choose another --out.")
    if (work / "clip").exists():
        _remove_clip(work / "clip")
    work.mkdir(parents=True, exist_ok=True)
    body = load_body(job.settings.get("body_model"))
    prepared = prepare_own(work, job) if job.input is None else prepare_input(work, job)
    clip = prepared.clip
    log.info("clip: %d images of %d x %d, %.1f s", clip.images, clip.width, clip.height, clip.duration_s)
    spec = prepared.settings.get("object")
    template = load_template(spec) if spec else None
    speed = job.playing.rate
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


def prepare_own(work: Path, job: DemoJob) -> Prepared:
    """Render the demo's clip; options of the user win over what the clip says about itself."""
    own = write_own_clip(work / "clip")
    given = {key: value for key, value in job.settings.items() if value not in ("", [], None)}
    return Prepared(own.clip, own.told | given, own.samples, {"input": "own clip", "given": own.told})


def prepare_input(work: Path, job: DemoJob) -> Prepared:
    """Turn the user's video, pictures or bag into a clip."""
    assert job.input is not None
    source = open_source(job.input, camera=job.camera, masks_dir=job.masks, image_topic=job.image_topic)
    frames = fitted_frames(source)
    chosen = frames if job.limit is None else (f for _, f in zip(range(job.limit), frames, strict=False))
    clip = write_clip(work / "clip", chosen)
    return Prepared(clip, dict(job.settings), facts={"input": str(job.input), "skipped": clip.skipped})


def judge_and_draw(
    out: Path,
    prepared: Prepared,
    results: Sequence[Result],
    frames_in: int,
    body: BodyModel,
    template: ObjectTemplate | None,
) -> dict[str, Any]:
    """Measure every result, write the pictures, and sum up."""
    clip, samples = prepared.clip, prepared.samples
    scores = None if samples is None else score_results(samples, results, body)
    rate = (clip.images - 1) / clip.duration_s if clip.duration_s > 0 else None
    write_pictures(out, with_images(clip, results), len(results), rate, body, template)
    summary = summarise(frames_in, results, scores)
    return summary | {"clip_s": round(clip.duration_s, 3)} | prepared.facts


def with_images(clip: Clip, results: Sequence[Result]) -> Iterator[Reconstruction]:
    """The results in the clip's order, each with its image, undistorted as the node saw it."""
    by_stamp = {result.reconstruction.stamp_ns: result.reconstruction for result in results}
    for frame in open_source(clip.path).frames():
        if isinstance(frame, Frame) and frame.stamp_ns in by_stamp:
            yield replace(by_stamp[frame.stamp_ns], flat=undistort_frame(frame).rgb)


def _remove_clip(folder: Path) -> None:
    """The clip of an earlier run; only files that a clip consists of."""
    for path in folder.iterdir():
        if path.suffix in (".mcap", ".yaml"):
            path.unlink()
    try:
        folder.rmdir()
    except OSError as error:
        raise InputError(f"{folder} holds files that are not the demo's. Choose another --out.") from error

"""Every frame of a source through the pipeline, and everything that comes out into one folder.

OUT/frames/<name>.npz, OUT/overlays/<name>.jpg, OUT/overlay.mp4 (sequences), OUT/labels.mcap, OUT/summary.json
"""

import logging
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import OutputError, ScorehoiError
from scorehoi_ros.files import whole_file, write_json
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.io.bag_writer import LabelBag, label_bag
from scorehoi_ros.io.frames import BadFrame, Source
from scorehoi_ros.io.image_codec import encode_jpeg
from scorehoi_ros.io.mp4 import Mp4, mp4_file
from scorehoi_ros.io.npz import save_label
from scorehoi_ros.label.report import RunReport
from scorehoi_ros.messages.builders import ObjectIdentity, TrackIds
from scorehoi_ros.types import Camera, Frame, Reconstruction, Status

JPEG_QUALITY = 90

_log = logging.getLogger(__name__)


class PipelineLike(Protocol):
    """The part of `pipeline.Pipeline` that labelling uses."""

    @property
    def body(self) -> Any:
        """BodyModel."""

    @property
    def template(self) -> Any | None:
        """ObjectTemplate, None = human only."""

    def step(self, frame: Frame, state: Any) -> tuple[Reconstruction, Any]:
        """One frame; a bad one gets its status."""

    def close(self) -> None:
        """Free what it holds."""


Build = Callable[[PipelineConfig], PipelineLike]
Draw = Callable[[NDArray[np.uint8], Reconstruction, Any, Any], NDArray[np.uint8]]
"""(rgb, reconstruction, body, template) -> picture, as `render.overlay.panel`."""
Progress = Callable[[Iterable[Any], int | None], Iterator[Any]]
"""Passes frames on and shows how far the work is; the second argument is their number, if known."""


@dataclass(frozen=True)
class LabelJob:
    """What to label and how."""

    source: Source
    config: PipelineConfig
    """`config.object` is the object of every frame that `objects` does not name."""
    out: Path
    objects: Mapping[str, str] = field(default_factory=dict)
    """Frame name -> object, for images that show different things."""
    independent: bool = False
    """Start every frame afresh: unrelated photos."""
    overlays: bool = True
    limit: int | None = None
    stride: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further entries of the summary."""


def label(job: LabelJob, build: Build, draw: Draw, progress: Progress) -> dict[str, Any]:
    """Run a job and return its summary, which is also in OUT/summary.json.

    A frame that cannot be used gets its status and the run goes on.  The first interrupt ends the run after
    the current frame with everything complete ("interrupted" in the summary); the second one at once.
    Raises ScorehoiError when the pipeline cannot be built, OutputError when a result cannot be written;
    finished frames stay, nothing is left half-written.
    """
    prepare_folder(job.out)
    with _interrupts() as interrupted, _Run(job, build, draw) as run:
        if not job.objects:
            run.prepare()
        frames = selected(job.source, job.stride, job.limit)
        count = job.source.count and -(-job.source.count // job.stride)
        for frame in progress(frames, min(count, job.limit or count) if count else job.limit):
            run.take(frame)
            if interrupted.is_set():
                break
    summary = dict(job.facts) | run.report.summary() | {"interrupted": interrupted.is_set()}
    summary["settings"] = asdict(job.config)
    write_json(job.out / "summary.json", summary)
    return summary


def selected(source: Source, stride: int, limit: int | None) -> Iterator[Frame | BadFrame]:
    """Every `stride`-th frame, at most `limit`; a BadFrame always passes, it may say why the source ends."""
    taken = 0
    for index, frame in enumerate(source.frames()):
        if index % stride and not isinstance(frame, BadFrame):
            continue
        yield frame
        taken += 1
        if taken == limit:
            return


def prepare_folder(out: Path) -> None:
    """Make the output folder; raises OutputError at once when nothing can be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise OutputError(
            f"cannot write into {out}: {error.strerror or error}. Choose a writable folder with free space."
        ) from error
    earlier = list((out / "frames").glob("*.npz"))
    if earlier:
        _log.warning("%s holds frames of an earlier run (%d); those not made again stay", out, len(earlier))


class _Run:
    """Pipeline, tracking state and open outputs of one job."""

    def __init__(self, job: LabelJob, build: Build, draw: Draw) -> None:
        self._job, self._build, self._draw = job, build, draw
        self._stack = ExitStack()
        self._tracks = TrackIds(job.config.max_gap_s)
        self._state: Any = None
        self._pipeline: PipelineLike | None = None
        self._object = ""
        self._bag: LabelBag | None = None
        self._video: Mp4 | None = None
        self.report = RunReport(one_person=not job.independent)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *error: Any) -> Any:
        if self._pipeline is not None:
            self._pipeline.close()
        return self._stack.__exit__(*error)

    def prepare(self) -> None:
        """Build the pipeline, so that a wrong setting is told before the first frame is read."""
        self._use(self._job.config.object)

    def take(self, frame: Frame | BadFrame) -> None:
        """Label one frame."""
        pipeline = self._use(self._job.objects.get(frame.name, self._job.config.object))
        if isinstance(frame, BadFrame):
            self._write(pipeline, bad_input(frame), None, frame.log_ns, None)
            return
        if self._job.independent:
            self._state = None
            self._tracks.reset()
        start = time.perf_counter()
        try:
            result, self._state = pipeline.step(frame, self._state)
        except ScorehoiError as error:
            bad = BadFrame(frame.name, frame.stamp_ns, str(error), frame.frame_id)
            result = replace(bad_input(bad), camera=frame.camera)
        ms = (time.perf_counter() - start) * 1e3
        usable = result.status != Status.BAD_INPUT
        rgb = undistort_frame(frame).rgb if usable else frame.rgb
        self._write(pipeline, result, rgb, frame.log_ns, ms)

    def _use(self, spec: str) -> PipelineLike:
        if self._pipeline is not None and spec == self._object:
            return self._pipeline
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = self._state = None
        self._pipeline = self._build(replace(self._job.config, object=spec))
        self._object = spec
        if self._bag is None:
            self._open(self._pipeline)
        elif self._pipeline.template is not None:
            self._bag.set_template(self._pipeline.template)
        return self._pipeline

    def _open(self, pipeline: PipelineLike) -> None:
        out, source = self._job.out, self._job.source
        bag = label_bag(out / "labels.mcap", pipeline.body, pipeline.template)
        self._bag = self._stack.enter_context(bag)
        if self._job.overlays and not self._job.independent and source.count != 1:
            rate = source.rate_hz and source.rate_hz / self._job.stride
            self._video = self._stack.enter_context(mp4_file(out / "overlay.mp4", rate))

    def _write(
        self,
        pipeline: PipelineLike,
        r: Reconstruction,
        rgb: NDArray[np.uint8] | None,
        log_ns: int | None,
        ms: float | None,
    ) -> None:
        assert self._bag is not None
        template = pipeline.template
        identity = ObjectIdentity(template.template_id, template.label) if template is not None else None
        save_label(self._job.out / "frames" / f"{r.name}.npz", r)
        self._bag.write(r, rgb, log_ns, self._tracks.update(r), identity)
        if self._job.overlays and rgb is not None:
            self._picture(self._draw(rgb, r, pipeline.body, template), r)
        self.report.add(r, ms, identity.label if identity else "")

    def _picture(self, picture: NDArray[np.uint8], r: Reconstruction) -> None:
        with whole_file(self._job.out / "overlays" / f"{r.name}.jpg") as temporary:
            temporary.write_bytes(encode_jpeg(picture, JPEG_QUALITY))
        if self._video is not None:
            self._video.add(picture, r.stamp_ns)


def bad_input(frame: BadFrame) -> Reconstruction:
    """Result for a frame that the source could not give; K is zero: not known."""
    unknown = Camera(np.zeros((3, 3)), 0, 0, source="guess")
    return Reconstruction(frame.stamp_ns, frame.frame_id, frame.name, unknown, Status.BAD_INPUT, frame.reason)


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second one raises KeyboardInterrupt."""
    seen = threading.Event()

    def note(*_: Any) -> None:
        if seen.is_set():
            raise KeyboardInterrupt
        seen.set()
        _log.warning("finishing the current frame; interrupt again to stop at once")

    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    previous = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def refuse_overwriting(source_path: Path, out: Path) -> None:
    """Raise OutputError when the outputs would land in or over the input bag."""
    source, target = source_path.resolve(), out.resolve()
    if source in (target / "labels.mcap", target / "overlay.mp4") or (
        source == target and any(source.glob("*.db3"))
    ):
        raise OutputError(f"the output {out} would overwrite the input {source_path}. Choose another --out.")

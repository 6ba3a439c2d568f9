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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import OutputError
from scorehoi_ros.files import whole_file, write_json
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.session import Build, PipelineLike, Session
from scorehoi_ros.io.bag_writer import LabelBag, label_bag
from scorehoi_ros.io.frames import Source
from scorehoi_ros.io.image_codec import encode_jpeg
from scorehoi_ros.io.mp4 import Mp4, mp4_file
from scorehoi_ros.io.npz import save_label
from scorehoi_ros.io.ros_frames import WarnOnce
from scorehoi_ros.label.report import RunReport
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame, Reconstruction

JPEG_QUALITY = 90

_log = logging.getLogger(__name__)


Draw = Callable[[NDArray[np.uint8], Reconstruction, BodyModel, ObjectTemplate | None], NDArray[np.uint8]]
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
    """The session and the open outputs of one job."""

    def __init__(self, job: LabelJob, build: Build, draw: Draw) -> None:
        self._job, self._build, self._draw = job, build, draw
        self._stack = ExitStack()
        self._session: Session | None = None
        self._bag: LabelBag | None = None
        self._video: Mp4 | None = None
        self._warn = WarnOnce()
        self.report = RunReport(one_person=not job.independent)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *error: Any) -> Any:
        if self._session is not None:
            self._session.close()
        return self._stack.__exit__(*error)

    def prepare(self) -> None:
        """Build the pipeline, so that a wrong setting is told before the first frame is read."""
        self._use(self._job.config.object)

    def take(self, frame: Frame | BadFrame) -> None:
        """Label one frame."""
        session = self._use(self._job.objects.get(frame.name, self._job.config.object))
        start = time.perf_counter()
        r = session.step(frame)
        ms = None if isinstance(frame, BadFrame) else (time.perf_counter() - start) * 1e3
        self._warn("gap", session.warning)
        self._warn("masks", session.mask_warning)
        self._write(r, session.pipeline, frame.log_ns)
        template = session.pipeline.template
        self.report.add(r, ms, template.label if template is not None else "")

    def _use(self, spec: str) -> Session:
        """The session, looking for this object."""
        config = self._job.config.looking_for(spec)
        if self._session is None:
            self._session = Session(config, self._build, independent=self._job.independent)
            self._open(self._session.pipeline)
        elif config != self._session.config:
            self._session.rebuild(config)
            assert self._bag is not None
            self._bag.set_template(self._session.pipeline.template)
        return self._session

    def _open(self, pipeline: PipelineLike) -> None:
        out, source = self._job.out, self._job.source
        bag = label_bag(out / "labels.mcap", pipeline.body, pipeline.template)
        self._bag = self._stack.enter_context(bag)
        if self._job.overlays and not self._job.independent and source.count != 1:
            rate = source.rate_hz and source.rate_hz / self._job.stride
            self._video = self._stack.enter_context(mp4_file(out / "overlay.mp4", rate))

    def _write(self, r: Reconstruction, pipeline: PipelineLike, log_ns: int | None) -> None:
        assert self._bag is not None
        save_label(self._job.out / "frames" / f"{r.name}.npz", r)
        self._bag.write(r, log_ns)
        if self._job.overlays and r.flat is not None:
            self._picture(self._draw(r.flat, r, pipeline.body, pipeline.template), r)

    def _picture(self, picture: NDArray[np.uint8], r: Reconstruction) -> None:
        with whole_file(self._job.out / "overlays" / f"{r.name}.jpg") as temporary:
            temporary.write_bytes(encode_jpeg(picture, JPEG_QUALITY))
        if self._video is not None:
            self._video.add(picture, r.stamp_ns)


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

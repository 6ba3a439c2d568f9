"""Every frame of a source through the pipeline, and everything that comes out into one folder.

OUT/frames/<name>.npz, OUT/overlays/<name>.jpg, OUT/overlay.mp4 (sequences), OUT/labels.mcap, OUT/summary.json
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import sole_writer, write_json
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.session import Build, PipelineLike, Session, SessionMemory
from scorehoi_ros.frame.smoothing import MeshOf, Smoother
from scorehoi_ros.io.bags.files import list_storage_files
from scorehoi_ros.io.frames import Source
from scorehoi_ros.io.topics.frames import WarnOnce
from scorehoi_ros.label.interrupts import Interrupts, interrupts
from scorehoi_ros.label.outputs import Draw, Outputs
from scorehoi_ros.label.progress import (
    SUMMARY,
    Done,
    Progress,
    ProgressFile,
    digest_of,
    finished,
    read_progress,
    recipe_of,
)
from scorehoi_ros.label.report import RunReport
from scorehoi_ros.types import Frame, Reconstruction

ShowProgress = Callable[[Iterable[Any], int | None], Iterator[Any]]
"""Passes frames on and shows how far the work is; the second argument is their number, if known."""
_log = logging.getLogger(__name__)


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
    smoothing_s: float = 0.0
    """See `frame/smoothing.py`; 0 where frames are independent."""
    overlays: bool = True
    limit: int | None = None
    stride: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further entries of the summary: what else decides the results."""
    resume: bool = False
    """Go on where an earlier run of the same job stopped."""


def label(job: LabelJob, build: Build, draw: Draw, progress: ShowProgress) -> dict[str, Any]:
    """Run a job and return its summary, which is also in OUT/summary.json.

    A frame that cannot be used gets its status and the run goes on.  The first interrupt ends the run after
    the current frame, the second one without it ("interrupted" in the summary).  Raises ScorehoiError when
    the pipeline cannot be built, OutputError when a result cannot be written, KeyboardInterrupt when there
    is nothing to keep; finished frames stay, closed, and nothing is left half-written.
    """
    recipe = recipe_of(dict(job.facts) | {"settings": asdict(job.config)})
    with sole_writer(job.out):
        if job.resume and (summary := finished(job.out, recipe)) is not None:
            _log.info("%s is finished; nothing is left to do", job.out)
            return summary
        before = read_progress(job.out, recipe) if job.resume else None
        if before is None:
            _tell_of_earlier(job)
        return _label(job, before or Progress(recipe), _Tools(build, draw, progress))


def _label(job: LabelJob, before: Progress, tools: "_Tools") -> dict[str, Any]:
    with interrupts() as asked:
        with _Run(job, before, tools, asked) as run:
            try:
                run.all_frames()
            except KeyboardInterrupt:
                if not run.has_news:
                    raise
            asked.last()
        return run.sum_up()


def _tell_of_earlier(job: LabelJob) -> None:
    earlier = list((job.out / "frames").glob("*.npz"))
    if earlier:
        _log.warning(
            "%s holds frames of an earlier run (%d); those not made again stay", job.out, len(earlier)
        )


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


@dataclass(frozen=True)
class _Labelled:
    """What is known of a frame besides its answer."""

    ms: float | None
    """Wall time of the pipeline, None when the frame never got there."""
    log_ns: int | None
    memory: SessionMemory
    """Of the session after it."""


_Ready = Callable[[MeshOf], Iterator[tuple[Reconstruction, _Labelled]]]


@dataclass(frozen=True)
class _Tools:
    build: Build
    draw: Draw
    progress: ShowProgress


class _Run:
    """The session and the open outputs of one job; `before` = what an earlier run of it has done."""

    def __init__(self, job: LabelJob, before: Progress, tools: _Tools, asked: Interrupts) -> None:
        self._job, self._before, self._tools, self._asked = job, before, tools, asked
        self._session: Session | None = None
        self._outputs: Outputs | None = None
        self._progress = ProgressFile(job.out, before)
        self._smoother: Smoother[_Labelled] = Smoother(job.smoothing_s, before.passed)
        self._known = before.memory, before.passed
        self._warn = WarnOnce()
        self._report = RunReport(one_person=not job.independent)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *error: Any) -> None:
        if self._session is not None:
            self._session.close()
        if self._outputs is not None:
            self._outputs.close(*error)

    @property
    def has_news(self) -> bool:
        """A frame was labelled that was not before."""
        return len(self._report.rows) > len(self._before.done)

    def all_frames(self) -> None:
        """Label every frame, until the first interrupt."""
        job = self._job
        if not job.objects:  # so that a wrong setting is told before the first frame is read
            self._use(job.config.object)
        count = job.source.count and -(-job.source.count // job.stride)
        frames = selected(job.source, job.stride, job.limit)
        for frame in self._tools.progress(frames, min(count, job.limit or count) if count else job.limit):
            self._take(frame)
            if self._asked.seen:
                self._progress.write(*self._known)
                return
        self._write(self._smoother.rest)
        if len(self._report.rows) < len(self._before.done):
            raise InputError(
                f"the input has {len(self._report.rows)} frames now, fewer than were labelled before "
                f"({len(self._before.done)}). Run again without --resume."
            )

    def sum_up(self) -> dict[str, Any]:
        """Write and return the summary; the progress stays when there is more to do."""
        summary = dict(self._job.facts) | self._report.summary() | {"interrupted": bool(self._asked.seen)}
        summary |= {"settings": asdict(self._job.config), "recipe": digest_of(self._before.recipe)}
        write_json(self._job.out / SUMMARY, summary)
        if not self._asked.seen:
            self._progress.remove()
        return summary

    def _take(self, frame: Frame | BadFrame) -> None:
        """Label a frame, or take what the run before made of it."""
        session, outputs = self._use(self._job.objects.get(frame.name, self._job.config.object))
        number = len(self._report.rows)
        if isinstance(frame, BadFrame) and frame.is_loss:
            self._report.losses.append(frame.reason)
        if number < len(self._before.done):
            done = self._before.done[number]
            self._add(outputs.write_again(frame, done.pictured), done, session)
            if number + 1 == len(self._before.done) and self._before.memory is not None:
                session.remember(self._before.memory)
            return
        self._asked.begin()
        start = time.perf_counter()
        r = session.step(frame)
        ms = None if isinstance(frame, BadFrame) else (time.perf_counter() - start) * 1e3
        self._warn("gap", session.warning)
        self._warn("masks", session.mask_warning)
        self._write(partial(self._smoother.take, r, _Labelled(ms, frame.log_ns, session.memory)))

    def _write(self, ready: _Ready) -> None:
        """The answers whose time has come."""
        session, outputs = self._session, self._outputs
        if session is None or outputs is None:
            return
        for r, labelled in ready(session.pipeline.mesh_of):
            with self._asked.held():
                outputs.write(r, labelled.log_ns)
                outputs.keep()
                done = Done(labelled.ms, r.flat is not None)
                self._add(r, done, session)
                self._known = labelled.memory, self._smoother.known
                self._progress.add(done, *self._known)

    def _add(self, r: Reconstruction, done: Done, session: Session) -> None:
        template = session.pipeline.template
        self._report.add(r, done.ms, template.label if template is not None else "")

    def _use(self, spec: str) -> tuple[Session, Outputs]:
        """The session, looking for this object, and the outputs."""
        config = self._job.config.looking_for(spec)
        if self._session is None or self._outputs is None:
            self._session = Session(config, self._tools.build, independent=self._job.independent)
            self._outputs = self._open(self._session.pipeline)
        elif config != self._session.config:
            self._session.rebuild(config)
            self._outputs.use(self._session.pipeline)
        return self._session, self._outputs

    def _open(self, pipeline: PipelineLike) -> Outputs:
        job = self._job
        if not self._before.done:
            self._progress.write(None)
        draw = self._tools.draw if job.overlays else None
        rate = job.source.rate_hz and job.source.rate_hz / job.stride
        return Outputs(
            job.out, pipeline, draw, video=not job.independent and job.source.count != 1, rate_hz=rate
        )


def refuse_overwriting(source_path: Path, out: Path) -> None:
    """Raise OutputError when the outputs would land in or over the input."""
    source, target = source_path.resolve(), out.resolve()
    if source in (target / "labels.mcap", target / "overlay.mp4") or (
        source == target and source.is_dir() and list_storage_files(source)
    ):
        raise OutputError(f"the output {out} would overwrite the input {source_path}. Choose another --out.")

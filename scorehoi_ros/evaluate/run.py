"""Work through a data set with some methods and average what each of them scores."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from scorehoi_ros.datasets.dataset import Dataset, Human, Sample, Skipped, walk
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.evaluate.methods import Method
from scorehoi_ros.evaluate.scores import BODY_JOINTS, Answer, Scores, score

COLUMNS = (
    "cd_human_cm", "cd_object_cm", "contact_p", "contact_r", "contact_f", "mpjpe_mm", "pa_mpjpe_mm",
    "object_rot_deg", "object_trans_cm", "penetration_mm", "floor_gap_mm", "ms_per_frame",
    "cd_human_random_cm", "cd_object_random_cm", "hand_mpjpe_mm", "human_trans_cm", "object_rel_cm",
    "penetration_cm3", "human_iou", "object_iou", "keypoint_px", "acceleration_mm",
)  # fmt: skip
"""Averages in every row of the results."""
NO_AVERAGE = ("contact_p", "contact_r", "contact_f", "ms_per_frame", "acceleration_mm")
Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes (iterable, total) on, for a progress bar."""


@dataclass
class Tally:
    """Everything that one method has scored so far."""

    frames: list[Scores] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """`Sample.group` of each frame."""
    units: list[int] = field(default_factory=list)
    """Number of the single frame or of the sequence that each frame is of."""
    answered: list[bool] = field(default_factory=list)
    """Human and object were both given."""
    no_human: int = 0
    no_object: int = 0
    ms: list[float] = field(default_factory=list)
    accelerations: list[tuple[float, int]] = field(default_factory=list)
    """Error and number of frames of each stretch."""
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """Results of a run; `rows` as described in docs/evaluation.md."""

    dataset: str
    count: int
    version: str
    rows: list[dict[str, Any]]
    skipped: list[Skipped]
    interrupted: bool = False
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    """What the rows are averages of; every method has the same frames in the same order."""


def evaluate(
    dataset: Dataset,
    methods: Mapping[str, Method],
    blind: Human,
    *,
    limit: int | None = None,
    sequences: int | None = None,
    progress: Progress = lambda items, _: items,
) -> Report:
    """Every method on the same frames.

    Frames that cannot be loaded are skipped for all methods and listed; Ctrl-C gives the report so far.
    Raises InputError when no frame could be used.
    """
    units = dataset.units(limit, sequences)
    tallies = {name: Tally() for name in methods}
    run = _Run(methods, tallies, blind)
    interrupted = False
    try:
        for number, place, sample in progress(walk(units), sum(map(len, units))):
            run.take(number, place, sample)
    except KeyboardInterrupt:
        interrupted = True
    run.end_unit()
    count = run.count
    if not count:
        raise InputError(_nothing(dataset, units, run.skipped, interrupted))
    rows = [summarise(name, tally) for name, tally in tallies.items()]
    return Report(dataset.name, count, dataset.version, rows, run.skipped, interrupted, tallies)


class _Run:
    """Bookkeeping over frames: states of the methods, joints of the sequence that is being worked on."""

    def __init__(self, methods: Mapping[str, Method], tallies: Mapping[str, Tally], blind: Human) -> None:
        self.methods, self.tallies, self.blind = methods, tallies, blind
        self.count, self.unit = 0, -1
        self.skipped: list[Skipped] = []
        self.states: dict[str, Any] = {}
        self.tracks: dict[str, list[tuple[Any, Any]]] = {}

    def take(self, number: int, place: int, sample: Sample | Skipped) -> None:
        if number != self.unit:
            self.end_unit()
            self.unit = number
        if isinstance(sample, Skipped):
            self.skipped.append(sample)
            self.end_stretch()
            return
        done: dict[str, tuple[Answer, Any, Scores]] = {}
        for name, method in self.methods.items():
            answer, state = method.answer(sample, self.states.get(name))
            answer = without_nonsense(answer)
            done[name] = answer, state, score(sample, answer, self.blind)
        # only now, so that an interrupted frame counts for no method
        self.count += 1
        for name, (answer, state, scores) in done.items():
            self.states[name] = state
            self.tallies[name].groups.append(sample.group)
            self.tallies[name].units.append(number)
            add(self.tallies[name], answer, scores)
            self._track(name, answer, sample)

    def _track(self, name: str, answer: Answer, sample: Sample) -> None:
        if answer.human is None:
            self._close_track(name)
            return
        pair = (answer.human.joints[:BODY_JOINTS], sample.truth.human.joints[:BODY_JOINTS])
        self.tracks.setdefault(name, []).append(pair)

    def end_stretch(self) -> None:
        """A gap in the frames: accelerations are not taken across it."""
        for name in list(self.tracks):
            self._close_track(name)

    def end_unit(self) -> None:
        self.end_stretch()
        self.states = {}

    def _close_track(self, name: str) -> None:
        track = self.tracks.pop(name, [])
        if len(track) >= 3:
            mine, true = (np.stack(part) for part in zip(*track, strict=True))
            error = metrics.acceleration_error_mm(mine, true)
            self.tallies[name].accelerations.append((error, len(track) - 2))


def without_nonsense(answer: Answer) -> Answer:
    """The answer without a person or an object whose numbers are not finite."""
    human, T, message = answer.human, answer.T_cam_object, answer.message
    if human is not None and not (np.isfinite(human.vertices).all() and np.isfinite(human.joints).all()):
        human, message = None, "the person's numbers are not finite"
    if T is not None and not np.isfinite(T).all():
        T, message = None, "the object's numbers are not finite"
    return replace(answer, human=human, T_cam_object=T, message=message)


def add(tally: Tally, answer: Answer, scores: Scores) -> None:
    """Count one frame."""
    complete = answer.human is not None and answer.T_cam_object is not None
    tally.frames.append(scores)
    tally.answered.append(complete)
    tally.no_human += answer.human is None
    tally.no_object += answer.T_cam_object is None
    tally.ms.append(answer.ms)
    if not complete:
        reason = answer.message or "no reason given"
        tally.reasons[reason] = tally.reasons.get(reason, 0) + 1


def summarise(name: str, tally: Tally) -> dict[str, Any]:
    """One row: averages over all frames, failures among them, and over the answered frames alone."""
    answered = [s for s, ok in zip(tally.frames, tally.answered, strict=True) if ok]
    row: dict[str, Any] = {"method": name, "frames": len(tally.frames)}
    row |= dict.fromkeys(COLUMNS) | averages(tally.frames)
    row["ms_per_frame"] = float(np.median(tally.ms)) if tally.ms else None
    row["ms_per_frame_p95"] = float(np.percentile(tally.ms, 95)) if tally.ms else None
    frames = sum(n for _, n in tally.accelerations)
    if frames:
        row["acceleration_mm"] = sum(error * n for error, n in tally.accelerations) / frames
    row["failures"] = len(tally.frames) - len(answered)
    row |= {"no_human": tally.no_human, "no_object": tally.no_object}
    row["failure_reasons"] = dict(sorted(tally.reasons.items(), key=lambda pair: -pair[1])[:10])
    row["answered_only"] = averages(answered)
    row["by_group"] = {
        group: {"frames": tally.groups.count(group)} | averages(_of_group(tally, group))
        for group in sorted(set(tally.groups) - {""})
    }
    return row


def _of_group(tally: Tally, group: str) -> list[Scores]:
    return [scores for scores, name in zip(tally.frames, tally.groups, strict=True) if name == group]


def averages(frames: list[Scores]) -> dict[str, float | None]:
    """Mean of every metric over the frames that have it; contact as CONTHO averages it."""
    result: dict[str, float | None] = {}
    for name in COLUMNS:
        if name not in NO_AVERAGE:
            values = [v for s in frames if (v := s.get(name)) is not None]
            result[name] = float(np.mean(values)) if values else None
    contact = metrics.mean_contact([metrics.ContactScore(s["contact_p"], s["contact_r"]) for s in frames])
    # who never predicts contact has no precision, but where there was contact that is worth nothing
    f = 0.0 if contact.precision is None and contact.recall is not None else contact.f
    return result | {"contact_p": contact.precision, "contact_r": contact.recall, "contact_f": f}


def _nothing(dataset: Dataset, units: list[Any], skipped: list[Skipped], interrupted: bool) -> str:
    if interrupted:
        return "interrupted before the first frame was done; there is nothing to report."
    if skipped:
        return (
            f"none of the {len(skipped)} frames of {dataset.name} could be used. First: {skipped[0].reason}"
        )
    return f"{dataset.name} has no frames in this selection ({len(units)} units). Choose another split."

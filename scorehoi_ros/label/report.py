"""What a run over many frames amounts to: rows, medians, and words for the terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scorehoi_ros.messages.builders import primary_status
from scorehoi_ros.types import Floats, Reconstruction, Status

QUALITIES = ("human_iou", "object_iou", "keypoint_px", "penetration_mm")
GROUND_TRUTH_KEYS = ("contact_f", "cd_human_cm", "cd_object_cm")
"""Null in the summary: they need ground truth."""
SAME_BETAS = 1e-6


@dataclass
class RunReport:
    """Collects one row for each frame."""

    one_person: bool = True
    """The frames show one person, whose shape should stay the same."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=dict)
    camera_sources: set[str] = field(default_factory=set)
    losses: list[str] = field(default_factory=list)
    """What a damaged input has lost, in words."""
    betas_changes: int = 0
    _betas: Floats | None = None
    shapes_seen: int = 0

    def add(self, r: Reconstruction, ms: float | None, label: str = "") -> None:
        """One frame, by its primary pair.

        `ms`: wall time of the pipeline, None when it never got there; `label`: the object looked for.
        """
        row = {
            "name": r.name,
            "stamp_ns": r.stamp_ns,
            "status": r.status.name,
            "message": r.message,
            "object": label or (r.object.label if r.object else ""),
            "human_status": primary_status(r).name,
            "object_status": r.object.status.name if r.object else None,
            "ms": None if ms is None else round(ms, 2),
        }
        self.rows.append(row | {key: _finite(r.quality.get(key)) for key in QUALITIES})
        if ms is None:
            return
        self.camera_sources.add(r.camera.source)
        for stage, value in r.stage_ms.items():
            self.stages.setdefault(stage, []).append(value)
        if self.one_person and r.human is not None and r.human.status.is_present:
            self._compare_betas(r.human.betas)

    def summary(self) -> dict[str, Any]:
        """The documented keys of summary.json; qualities are medians over the frames that have them."""
        times = self._column("ms")
        statuses = Counter(row["status"] for row in self.rows)
        sources = sorted(self.camera_sources)
        return {
            "frames_in": len(self.rows),
            "frames_out": len(self.rows),
            "dropped": 0,
            "status": {status.name: statuses.get(status.name, 0) for status in Status},
            "latency_ms": {"p50": percentile(times, 50), "p95": percentile(times, 95)},
            "age_ms": {"p95": None},
            "stage_ms": {stage: percentile(values, 50) for stage, values in self.stages.items()},
            **{key: percentile(self._column(key), 50, 4) for key in QUALITIES},
            **dict.fromkeys(GROUND_TRUTH_KEYS),
            "mean": {key: _mean(self._column(key)) for key in QUALITIES},
            "camera_source": sources[0] if len(sources) == 1 else ("mixed" if sources else None),
            "betas_constant": self.betas_changes == 0 if self.shapes_seen > 1 else None,
            "betas_changes": self.betas_changes,
            "losses": self.losses,
            "frames": self.rows,
        }

    def _column(self, key: str) -> list[float]:
        return [row[key] for row in self.rows if row[key] is not None]

    def _compare_betas(self, betas: Floats) -> None:
        if self._betas is not None and not np.allclose(betas, self._betas, rtol=0, atol=SAME_BETAS):
            self.betas_changes += 1
        self._betas = np.array(betas)
        self.shapes_seen += 1


def percentile(values: Sequence[float], percent: float, digits: int = 2) -> float | None:
    """Percentile of the values, None when there are none."""
    return round(float(np.percentile(values, percent)), digits) if values else None


def readable(summary: dict[str, Any], max_rows: int = 24) -> str:
    """The summary as lines for a terminal; frame by frame when there are few."""
    lines = _frame_table(summary["frames"]) if len(summary["frames"]) <= max_rows else []
    counts = [f"{name} {count}" for name, count in summary["status"].items() if count]
    latency = summary["latency_ms"]
    depth = _number(summary["penetration_mm"], 1)
    entries = [
        ("frames", f"{summary['frames_in']} in, {summary['frames_out']} out, {summary['dropped']} dropped"),
        ("status", ", ".join(counts)),
        ("time", f"{_number(latency['p50'], 0)} ms a frame (median), {_number(latency['p95'], 0)} ms (p95)"),
        ("stages", ", ".join(f"{name} {_number(ms, 0)}" for name, ms in summary["stage_ms"].items())),
        (
            "human",
            f"IoU {_number(summary['human_iou'], 3)}, landmarks {_number(summary['keypoint_px'], 1)} px",
        ),
        (
            "object",
            f"IoU {_number(summary['object_iou'], 3)}, penetration {depth} mm",
        ),
        ("camera", _camera_words(summary["camera_source"])),
        ("shape", _shape_words(summary)),
    ]
    return "\n".join(lines + [f"{name:8} {text}" for name, text in entries if text])


def _frame_table(rows: Iterable[dict[str, Any]]) -> list[str]:
    head = f"{'frame':16} {'status':10} {'human IoU':>9} {'object IoU':>10} {'px':>6} {'ms':>7}  why"
    return [head] + [
        f"{row['name'][:16]:16} {row['status']:10} {_number(row['human_iou'], 3):>9} "
        f"{_number(row['object_iou'], 3):>10} {_number(row['keypoint_px'], 1):>6} "
        f"{_number(row['ms'], 0):>7}  {row['message']}".rstrip()
        for row in rows
    ]


def _camera_words(source: str | None) -> str:
    if source in ("guess", "mixed"):
        return (
            f"{source}: the focal length was assumed, so metric scale is uncertain; give --camera to fix it"
        )
    return source or ""


def _shape_words(summary: dict[str, Any]) -> str:
    if summary["betas_constant"] is None:
        return ""
    return (
        "the same in all frames" if summary["betas_constant"] else f"changed {summary['betas_changes']} times"
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _finite(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None

"""The demo's numbers: summary.json and the text on the screen."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from scorehoi_ros.demo.results import Result
from scorehoi_ros.evaluate.tables import score_lines
from scorehoi_ros.types import Reconstruction

MEANINGS = {
    "frames_in": "images published by the player",
    "frames_out": "results received by the recorder",
    "dropped": "images that were replaced by a newer one while the node was busy",
    "statuses": "how far the node trusts its results",
    "warm": "results that went on from the answer to the frame before",
    "confidence": "of the person, of the object, as the node states it: medians",
    "latency_ms": "image published to result received by another process: p50, p95 (not in lockstep)",
    "age_ms": "image published to result published, as the node states it: p95",
    "stage_ms": "median time of each stage of the pipeline, added up",
}


def summarise(frames_in: int, results: Sequence[Result], scores: dict[str, Any] | None) -> dict[str, Any]:
    """The documented keys of summary.json; null where there is nothing to measure.

    `scores`: a row as `scorehoi eval` writes it, None without ground truth.
    """
    reconstructions = [result.reconstruction for result in results]
    latency = [r.latency_ms for r in results if r.latency_ms is not None]
    return {
        "frames_in": frames_in,
        "frames_out": len(results),
        "dropped": frames_in - len(results),
        "statuses": dict(Counter(r.status.name for r in reconstructions)),
        "warm": sum(bool(r.quality.get("warm")) for r in reconstructions),
        "confidence": _confidences(reconstructions),
        "latency_ms": {"p50": percentile(latency, 50), "p95": percentile(latency, 95)},
        "age_ms": {"p95": percentile([r.age_ms for r in results], 95)},
        "stage_ms": _stages(reconstructions),
        "camera_source": sorted({r.camera.source for r in reconstructions}),
        "scores": scores,
    }


def table(summary: dict[str, Any]) -> str:
    """Name, value and meaning, one a line; below them the scores in the columns of `scorehoi eval`."""
    lines = [f"{name:<12}{_shown(name, summary[name]):>20}   {meaning}" for name, meaning in MEANINGS.items()]
    if summary["scores"] is None:
        return "\n".join([*lines, "", "no ground truth: nothing was scored"])
    return "\n".join([*lines, "", *score_lines([summary["scores"]])])


def percentile(values: Sequence[float], p: float) -> float | None:
    """Percentile rounded to 0.1; None without values."""
    return round(float(np.percentile(values, p)), 1) if values else None


def _confidences(reconstructions: Sequence[Reconstruction]) -> dict[str, float | None]:
    """Medians over the frames in which the person, or the object, is listed."""
    humans = [r.human.confidence for r in reconstructions if r.human is not None]
    objects = [r.object.confidence for r in reconstructions if r.object is not None]
    return {
        name: round(float(np.median(values)), 3) if values else None
        for name, values in (("human", humans), ("object", objects))
    }


def _stages(reconstructions: Sequence[Reconstruction]) -> dict[str, float | None]:
    stages: dict[str, list[float]] = {}
    for r in reconstructions:
        for name, ms in r.stage_ms.items():
            stages.setdefault(name, []).append(ms)
    return {name: percentile(values, 50) for name, values in stages.items()}


def _shown(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if name == "statuses":
        return ", ".join(f"{count} {status}" for status, count in value.items())
    numbers = list(value.values())
    if name == "stage_ms":
        numbers = [round(sum(ms for ms in numbers if ms is not None), 1)]
    return ", ".join("-" if number is None else f"{number:g}" for number in numbers)

"""The demo's numbers: summary.json and the table on the screen, each line with what it means."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from scorehoi_ros.demo.results import Result
from scorehoi_ros.demo.scores import Scores
from scorehoi_ros.evaluate.metrics import mean_contact

QUALITIES = ("human_iou", "keypoint_px", "object_iou", "penetration_mm", "cd_human_cm", "cd_object_cm")
"""Medians over the frames that have them."""
MORE = (
    "mpjpe_mm",
    "pa_mpjpe_mm",
    "human_translation_cm",
    "object_rotation_deg",
    "object_translation_cm",
)

MEANINGS = {
    "frames_in": "images published by the player",
    "frames_out": "results received by the recorder",
    "dropped": "images that were replaced by a newer one while the node was busy",
    "statuses": "how far the node trusts its results",
    "latency_ms": "image published to result received by another process: p50, p95",
    "age_ms": "image published to result published, as the node states it: p95",
    "stage_ms": "median time of each stage of the pipeline",
    "human_iou": "overlap of the mesh's outline with {human} (1 = same)",
    "keypoint_px": "median distance of landmarks from {points}, if the person filled 256 px",
    "object_iou": "overlap of the object's outline with {thing} (1 = same)",
    "penetration_mm": "how deep the body reaches into the object (published meshes)",
    "contact_f": "F score of the published contact vertices by the 5 cm rule",
    "cd_human_cm": "Chamfer distance of the person, aligned together with the object",
    "cd_object_cm": "Chamfer distance of the object, aligned together with the person",
    "mpjpe_mm": "mean joint error, pelvis aligned",
    "pa_mpjpe_mm": "mean joint error after the best similarity transform",
    "human_translation_cm": "error of the pelvis in the camera frame: monocular depth",
    "object_rotation_deg": "error of the object's rotation, up to its symmetry",
    "object_translation_cm": "error of the object's position in the camera frame",
    "acceleration_mm": "error of joint accelerations, mm per frame squared: jitter",
}
TRUTH = {"human": "the true outline", "points": "the true ones", "thing": "the true outline"}
IMAGE = {"human": "the person's mask", "points": "the detected ones", "thing": "the given mask"}


def summarise(
    frames_in: int, results: Sequence[Result], scores: Sequence[Scores], acceleration: float | None = None
) -> dict[str, Any]:
    """The documented keys of summary.json; null where there is nothing to measure, or no ground truth."""
    latency = [r.latency_ms for r in results]
    contact = mean_contact([s.contact for s in scores])
    stages: dict[str, list[float]] = {}
    for result in results:
        for name, ms in result.reconstruction.stage_ms.items():
            stages.setdefault(name, []).append(ms)
    statuses = Counter(r.reconstruction.status.name for r in results)
    return {
        "frames_in": frames_in,
        "frames_out": len(results),
        "dropped": frames_in - len(results),
        "statuses": dict(statuses),
        "latency_ms": {"p50": percentile(latency, 50), "p95": percentile(latency, 95)},
        "age_ms": {"p95": percentile([r.age_ms for r in results], 95)},
        "stage_ms": {name: percentile(values, 50) for name, values in stages.items()},
        **{name: _median(scores, name) for name in QUALITIES},
        "contact_f": _rounded(contact.f),
        "contact_precision": _rounded(contact.precision),
        "contact_recall": _rounded(contact.recall),
        **{name: _median(scores, name) for name in MORE},
        "acceleration_mm": _rounded(acceleration),
        "camera_source": sorted({r.reconstruction.camera.source for r in results}),
    }


def table(summary: dict[str, Any], with_truth: bool) -> str:
    """Name, value and meaning, one a line."""
    words = TRUTH if with_truth else IMAGE
    lines = []
    for name, meaning in MEANINGS.items():
        value = _shown(summary[name])
        if value == "-" and name in (*MORE, "acceleration_mm"):
            continue
        lines.append(f"{name:<22}{value:>16}   {meaning.format(**words)}")
    return "\n".join(lines)


def percentile(values: Sequence[float], p: float) -> float | None:
    """Percentile rounded to 0.1; None without values."""
    return round(float(np.percentile(values, p)), 1) if values else None


def _median(scores: Sequence[Scores], name: str) -> float | None:
    values = [s.values[name] for s in scores if name in s.values]
    return _rounded(float(np.median(values))) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _shown(value: Any) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, dict):
        if all(isinstance(v, int) for v in value.values()):
            return ", ".join(f"{v} {k}" for k, v in value.items())
        if set(value) <= {"p50", "p95"}:
            return ", ".join("-" if v is None else f"{v:.0f}" for v in value.values())
        return f"{sum(v for v in value.values() if v is not None):.0f} in all"
    return f"{value:g}"

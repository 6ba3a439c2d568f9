"""REP 107 diagnostics: one status, one array a second on /diagnostics."""

from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from scorehoi_ros.ros.health import Snapshot
from scorehoi_ros.ros.recent import summary
from scorehoi_ros.ros.worker import Counts
from scorehoi_ros.types import Status

ERRORS = frozenset({"failure", "no_images"})


def diagnostic_array(
    name: str, time: Any, s: Snapshot, counts: Counts, advice: dict[str, str], rates: Mapping[str, str]
) -> DiagnosticArray:
    """The message: ERROR when there is no output, WARN when it is doubtful, OK otherwise.

    `rates`: frames per second by name (`ros.recent`).
    """
    status = DiagnosticStatus(
        level=level(s, advice),
        name=f"{name}: reconstruction",
        hardware_id="",
        message="; ".join(advice.values()) or s.lifecycle,
        values=[KeyValue(key=key, value=value) for key, value in (values(s, counts) | dict(rates)).items()],
    )
    result = DiagnosticArray(status=[status])
    result.header.stamp = time
    return result


def level(s: Snapshot, advice: dict[str, str]) -> bytes:
    """DiagnosticStatus level; nobody in view is a normal result."""
    if ERRORS & advice.keys():
        return DiagnosticStatus.ERROR
    doubtful = advice.keys() - {"status"}
    if s.lifecycle == "active" and s.last_status not in (None, Status.OK, Status.ABSENT):
        return DiagnosticStatus.WARN
    return DiagnosticStatus.WARN if doubtful else DiagnosticStatus.OK


def values(s: Snapshot, counts: Counts) -> dict[str, str]:
    """Key-value pairs as text."""
    result = {
        "lifecycle": s.lifecycle,
        "frames_in": str(s.images),
        "frames_out": str(s.results),
        "frames_lost": str(s.lost),
        "frames_dropped": str(counts.dropped),
        "frames_failed": str(counts.failed),
        "frames_too_old": str(s.too_old),
        "resets": str(s.resets),
        "status": _name(s.last_status),
        "human": _name(s.human_status),
        "object": _name(s.object_status),
        "camera_source": s.camera_source,
        "age_ms": f"{s.age_ms:.1f}",
        "age_from": "arrival (stamps are of another clock)" if s.age_from_arrival else "capture",
    }
    if s.not_installed:
        result["not_installed"] = ", ".join(s.not_installed)
    stages = {f"stage_ms.{stage}": f"{ms:.2f}" for stage, ms in s.stage_ms.items()}
    return result | stages | summary(s.recent)


def _name(status: Status | None) -> str:
    return status.name if status is not None else ""

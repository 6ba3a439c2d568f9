"""Results as text in the layout of the papers' tables, as JSON, and as a picture."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scorehoi_ros.datasets.dataset import Skipped
from scorehoi_ros.evaluate.published import published_note, published_rows
from scorehoi_ros.evaluate.run import Report
from scorehoi_ros.files import whole_file

MAIN: tuple[tuple[str, str, int], ...] = (
    ("cd_human_cm", "CD hum", 2),
    ("cd_object_cm", "CD obj", 2),
    ("cd_human_random_cm", "CD~ hum", 2),
    ("cd_object_random_cm", "CD~ obj", 2),
    ("contact_p", "p", 3),
    ("contact_r", "r", 3),
    ("contact_f", "F", 3),
    ("ms_per_frame", "ms/frame", 0),
    ("failures", "failed", 0),
)
MORE: tuple[tuple[str, str, int], ...] = (
    ("mpjpe_mm", "MPJPE", 1),
    ("pa_mpjpe_mm", "PA", 1),
    ("hand_mpjpe_mm", "hands", 1),
    ("object_rot_deg", "rot deg", 1),
    ("object_trans_cm", "trans cm", 1),
    ("object_rel_cm", "rel cm", 1),
    ("penetration_mm", "pen mm", 1),
    ("penetration_cm3", "pen cm3", 0),
    ("floor_gap_mm", "floor mm", 1),
    ("acceleration_mm", "accel", 1),
    ("human_iou", "IoU hum", 3),
    ("object_iou", "IoU obj", 3),
    ("keypoint_px", "kp px", 1),
)
BY_GROUP: tuple[tuple[str, str, int], ...] = (
    ("cd_human_cm", "CD hum", 2),
    ("cd_object_cm", "CD obj", 2),
    ("contact_f", "F", 3),
    ("mpjpe_mm", "MPJPE", 1),
    ("object_rot_deg", "rot deg", 1),
    ("object_rel_cm", "rel cm", 1),
    ("penetration_mm", "pen mm", 1),
)
"""Column of the results, heading, digits after the point."""
LEGEND = (
    "CD: Chamfer in cm after one similarity alignment of both; CD~: the same with random points on each "
    "surface, as in CONTHO's code (the truth itself does not read 0). MPJPE, PA, hands in mm; rel: "
    "object from pelvis; accel in mm/frame^2 on sequences; kp: px at 256."
)
FAILURE_RULE = (
    "A frame without human or object counts as failed and stays in every average: what is missing is "
    "replaced by a blind guess (mean body 3 m in front of the camera, object 0.4 m in front of the pelvis) "
    "and nothing counts as predicted contact."
)


def readable(report: Report, notes: Sequence[str] = ()) -> str:
    """Two tables, the published rows, what the numbers mean, and notes about this run."""
    lines = [
        *head_lines(report),
        "",
        *table_lines(MAIN, report.rows),
        *_published_lines(report.dataset),
        "",
        *table_lines(MORE, report.rows),
        "",
        *_explained(report.rows),
        published_note(report.dataset),
        *notes,
    ]
    return "\n".join(lines)


def head_lines(report: Report) -> list[str]:
    """What was measured on, and whether all of it was."""
    return [
        f"{report.dataset}: {report.count} frames ({report.version})",
        *(["interrupted: these are the results so far"] if report.interrupted else []),
        *_skipped_lines(report.skipped, report.count),
    ]


def group_lines(row: dict[str, Any]) -> list[str]:
    """The main numbers of one method for each kind of frame."""
    groups = row["by_group"].items()
    kinds = [{"method": f"{kind} ({values['frames']})"} | values for kind, values in groups]
    return [f"{row['method']}, by kind of frame", *table_lines(BY_GROUP, kinds)] if kinds else []


def score_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The two tables of `readable` and what their numbers mean, without published rows."""
    return [*table_lines(MAIN, rows), "", *table_lines(MORE, rows), "", *_explained(rows)]


def as_json(report: Report, settings: dict[str, Any]) -> dict[str, Any]:
    """Plain values; `rows` holds one mapping for each method."""
    source, rows = published_rows(report.dataset)
    return {
        "dataset": report.dataset,
        "count": report.count,
        "version": report.version,
        "rows": report.rows,
        "skipped": {"count": len(report.skipped), "frames": [asdict(s) for s in report.skipped[:50]]},
        "interrupted": report.interrupted,
        "failure_rule": FAILURE_RULE,
        "settings": settings,
        "published": {
            "measured_on": source,
            "note": published_note(report.dataset),
            "rows": [asdict(row) for row in rows],
        },
    }


def write_plot(report: Report, path: str | Path) -> None:
    """Bars of the main metrics as PNG, ours beside the published ones (hatched: measured on other data)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    panels = (
        ("cd_human_random_cm", "cd_human_cm", "Chamfer human (cm), random points", "lower is better"),
        ("cd_object_random_cm", "cd_object_cm", "Chamfer object (cm), random points", "lower is better"),
        ("contact_f", "contact_f", "contact F", "higher is better"),
        ("mpjpe_mm", "", "MPJPE (mm)", "lower is better"),
    )
    figure = Figure(figsize=(13, 8), dpi=110, layout="constrained")
    for axes, (column, published, title, hint) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        _bars(axes, report, column, published)
        axes.set_title(f"{title}, {hint}", fontsize=10)
    source, _ = published_rows(report.dataset)
    figure.suptitle(
        f"{report.dataset}, {report.count} frames; hatched: published on {source}, other frames and bodies",
        fontsize=11,
    )
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png")


def _bars(axes: Any, report: Report, column: str, published: str) -> None:
    ours = [(row["method"], row[column]) for row in report.rows if row[column] is not None]
    rows = published_rows(report.dataset)[1] if published else ()
    theirs = [(row.method, value) for row in rows if (value := getattr(row, published)) is not None]
    names = [name for name, _ in ours] + [f"{name} *" for name, _ in theirs]
    values = [value for _, value in ours + theirs]
    bars = axes.bar(range(len(values)), values, color=["#2a78b5"] * len(ours) + ["#d9d9d9"] * len(theirs))
    for bar in bars[len(ours) :]:
        bar.set_hatch("//")
    axes.bar_label(bars, fmt="%.3g", fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
    axes.margins(y=0.15)
    if not values:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)


def table_lines(columns: Sequence[tuple[str, str, int]], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows of results under their headings; `columns` are column, heading, digits after the point."""
    wide = max(16, *(len(row["method"]) + 1 for row in rows)) if rows else 16
    head = f"{'method':<{wide}}" + "".join(f"{title:>9}" for _, title, _ in columns)
    body = [
        f"{row['method']:<{wide}}" + "".join(f"{_shown(row[name], digits):>9}" for name, _, digits in columns)
        for row in rows
    ]
    return [head, "-" * len(head), *body]


def _explained(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [LEGEND, FAILURE_RULE, *[line for row in rows for line in failure_lines(row)]]


def _published_lines(dataset: str) -> list[str]:
    source, rows = published_rows(dataset)
    lines = [f"published on {source}:"]
    for row in rows:
        values = (None, None, row.cd_human_cm, row.cd_object_cm, row.contact_p, row.contact_r, row.contact_f)
        cells = "".join(
            f"{_shown(value, digits):>9}" for value, (_, _, digits) in zip(values, MAIN[:7], strict=True)
        )
        ms = f"{_shown(1000 / row.fps if row.fps else None, 0):>9}"
        lines.append(f"{row.method + ' *':<16}{cells}{ms}{'':>9}  {row.year}")
    return lines


def failure_lines(row: dict[str, Any]) -> list[str]:
    """How many frames a method failed at, and the commonest reasons; nothing where it failed at none."""
    if not row["failures"]:
        return []
    why = "; ".join(f"{count} x {reason}" for reason, count in list(row["failure_reasons"].items())[:3])
    return [
        f"{row['method']}: {row['failures']} of {row['frames']} failed "
        f"({row['no_human']} without human, {row['no_object']} without object): {why}"
    ]


def _skipped_lines(skipped: Sequence[Skipped], count: int) -> list[str]:
    if not skipped:
        return []
    shown = [f"  {s.key}: {s.reason}" for s in skipped[:3]]
    return [f"{len(skipped)} frames were skipped, {count} were used:", *shown]


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"

"""A table of the paper as text and as JSON: the values, and how much each row differs from the full one."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scorehoi_ros.evaluate.paired import FEW, RESAMPLES, Comparison, Difference, compare
from scorehoi_ros.evaluate.run import Report
from scorehoi_ros.evaluate.tables import FAILURE_RULE, failure_lines, head_lines, table_lines
from scorehoi_ros.evaluate.variants import Variant

VALUES = (
    ("cd_human_cm", "CD hum", 2), ("cd_object_cm", "CD obj", 2),
    ("contact_p", "p", 3), ("contact_r", "r", 3), ("contact_f", "F", 3),
    ("penetration_mm", "pen mm", 1), ("floor_gap_mm", "floor mm", 1),
    ("mpjpe_mm", "MPJPE", 1), ("object_rot_deg", "rot deg", 1),
    ("ms_per_frame", "ms/frame", 0), ("failures", "failed", 0),
)  # fmt: skip
"""Column of the results, heading, digits after the point."""
SPEED = (
    ("ms_per_frame", "ms/frame", 0),
    ("ms_per_frame_p95", "p95", 0),
    ("fps", "FPS", 3),
    ("ratio", "ratio", 1),
)
BLOCKS = (VALUES[:5], VALUES[5:9])
"""The compared columns, in two blocks so that they fit a line."""
WIDE = 120
"""Characters of a line."""
TITLE, CELL = 15, 21
"""Characters of a title and of a difference with its interval."""
LEGEND = (
    "CD: Chamfer in cm after one similarity alignment of both. p, r, F: contact. pen: deepest human vertex "
    "inside the object. floor: distance of the lowest point from the floor."
)
PAIRS = (
    "Differences are of the frames that both rows answered (pairs; the others: failed); their intervals are "
    f"from {RESAMPLES} paired resamples of single frames and whole sequences."
)
TOO_FEW = f"Fewer than {FEW} single frames and sequences: the intervals are too narrow to be trusted."


@dataclass(frozen=True)
class Table:
    """One table of the paper, measured."""

    name: str
    variants: Sequence[Variant]
    """Its rows; the last one is the full method."""
    report: Report
    """With the variants' titles as methods."""

    @property
    def full(self) -> Variant:
        """What the other rows are compared with."""
        return self.variants[-1]


def comparisons(table: Table) -> list[Comparison]:
    """Every row but the full one beside the full one."""
    tallies = table.report.tallies
    full = tallies[table.full.title]
    return [compare(v.title, tallies[v.title], full) for v in table.variants[:-1]]


def speeds(table: Table) -> list[dict[str, Any]]:
    """Time of each row; `ratio` is how many times as fast it is as the first one."""
    rows = table.report.rows
    first = rows[0]["ms_per_frame"]
    return [{**row, "fps": _per(1e3, row), "ratio": _per(first, row)} for row in rows]


def _per(amount: float, row: dict[str, Any]) -> float | None:
    ms = row["ms_per_frame"]
    return amount / ms if ms else None


def readable(table: Table, notes: Sequence[str] = ()) -> str:
    """The values, the differences, for `efficiency` the speeds, and what the numbers mean."""
    rows, found = table.report.rows, comparisons(table)
    explained = [
        _recipe_line(table.full),
        LEGEND,
        FAILURE_RULE,
        *(line for row in rows for line in failure_lines(row)),
        PAIRS,
        *([TOO_FEW] if any(c.units < FEW for c in found) else []),
        *notes,
    ]
    lines = [
        *head_lines(table.report),
        "",
        *table_lines(VALUES, rows),
        *(_speed_lines(table) if table.name == "efficiency" else []),
        "",
        f"difference to {table.full.title}, with its 95 % interval; * = the interval excludes zero",
        *_difference_lines(found),
        "",
        *(part for line in explained for part in textwrap.wrap(line, WIDE)),
    ]
    return "\n".join(lines)


def as_json(table: Table) -> dict[str, Any]:
    """What a table adds to the JSON of an evaluation: how each row was made, and the differences."""
    result: dict[str, Any] = {
        "name": table.name,
        "full": table.full.title,
        "variants": [asdict(v) for v in table.variants],
        "resamples": RESAMPLES,
        "comparisons": [_comparison_json(c) for c in comparisons(table)],
    }
    if table.name == "efficiency":
        names = ("method", *(name for name, _, _ in SPEED))
        result["speeds"] = [{name: row[name] for name in names} for row in speeds(table)]
    return result


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    plain = asdict(comparison)
    for name, difference in comparison.differences.items():
        if difference is not None:
            plain["differences"][name]["excludes_zero"] = difference.clear
    return plain


def _speed_lines(table: Table) -> list[str]:
    note = f"ratio: how many times as fast as {table.variants[0].title}, by the median time of a frame"
    return ["", *table_lines(SPEED, speeds(table)), note]


def _recipe_line(full: Variant) -> str:
    values = {k: v for k, v in (full.recipe or {}).items() if not isinstance(v, dict)}
    name = full.title if full.title == full.method else f"{full.title} is {full.method}"
    return f"{name}: " + ", ".join(f"{k} {v}" for k, v in values.items())


def _difference_lines(found: Sequence[Comparison]) -> list[str]:
    lines: list[str] = []
    for number, columns in enumerate(BLOCKS):
        counts = number == len(BLOCKS) - 1
        head = f"{'':<{TITLE}}" + "".join(f"{title:>{CELL}}" for _, title, _ in columns)
        head += f"{'pairs':>7}{'failed':>7}" if counts else ""
        lines += [*([""] if number else []), head, "-" * len(head)]
        for c in found:
            cells = "".join(f"{_cell(c.differences[name], digits):>{CELL}}" for name, _, digits in columns)
            line = f"{c.method:<{TITLE}}{cells}"
            lines.append(line + (f"{c.pairs:>7}{c.failures:>7}" if counts else ""))
    return lines


def _cell(difference: Difference | None, digits: int) -> str:
    if difference is None:
        return "-"
    value = _signed(difference.value, digits)
    if difference.low is None or difference.high is None:
        return value
    low, high = (_signed(bound, digits) for bound in (difference.low, difference.high))
    return f"{value}{'*' if difference.clear else ' '} [{low} {high}]"


def _signed(value: float, digits: int) -> str:
    """Five characters where that is possible: shares without their zero, large numbers with fewer digits."""
    texts = [f"{value:+.{places}f}" for places in range(digits, -1, -1)]
    if digits == 3 and abs(value) < 1:
        texts[0] = texts[0].replace("0.", ".", 1)
    return next((text for text in texts if len(text) <= 5), texts[-1])

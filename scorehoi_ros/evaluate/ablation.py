"""What tables 2, 3 and 4 of the ScoreHOI paper compare, and one of methods: rows as changes of a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FULL = "full"
"""Title of the last row of every table, which the others are compared with."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    title: str
    """At most 14 characters, so that the differences fit a line."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Values of the recipe that differ from those of the full method."""
    method: str = ""
    """Another method in its place; empty = the full method, changed."""


def _without(title: str, *terms: str) -> Row:
    return Row(f"w/o {title}", {"weights": dict.fromkeys(terms, 0.0)})


TABLES: dict[str, tuple[Row, ...]] = {
    "methods": (Row("proposal", method="regress-proposal"), Row("regress", method="regress")),
    "modules": (
        Row("w/o diffusion", method="regress-proposal"),
        Row("Gaussian prior", {"learned": 0.0}),
        Row("learned prior", {"learned": 1.0}),
        Row("w/o CDIR", {"recontact": False}),
        Row("w/o polish", {"polish": 0}),
        Row("w/o correction", {"corrected": False}),
    ),
    "conditions": (
        Row("no condition", {"image": False, "geometry": False}),
        Row("w/o c_G", {"geometry": False}),
        Row("w/o c_I", {"image": False}),
    ),
    "guidance": (
        Row("no guidance", {"guided": False}),
        _without("L_ho", "human_contact", "object_contact"),
        _without("L_pt", "penetration"),
        _without("L_of", "floor", "sunk"),
        _without("landmarks", "landmarks"),
        _without("outlines", "human_outline", "human_cover", "object_outline", "object_cover"),
    ),
    "hyper": (
        *(Row(f"N = {n}", {"rounds": n}) for n in (1, 2, 5, 10)),
        *(Row(f"tau = {tau}", {"tau": tau}) for tau in (25, 50, 100)),
        *(Row(f"dt = {dt}", {"dt": dt}) for dt in (2, 5, 10, 25)),
    ),
    "efficiency": tuple(Row(name, method=name) for name in ("fit", "regress", "score-n2")),
}
"""Rows of each table but for the full one.  As in the paper, a hyper-parameter is varied alone."""

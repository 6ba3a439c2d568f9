"""The rows of a table of `ablation`, resolved for one full method, and the methods that they stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorehoi_ros.evaluate.ablation import FULL, TABLES
from scorehoi_ros.evaluate.methods import Method, PipelineMethod, Setting
from scorehoi_ros.load import recipe_values


@dataclass(frozen=True)
class Variant:
    """One row: what is run."""

    title: str
    method: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Values of the method's recipe that are others than its own."""
    recipe: dict[str, Any] | None = None
    """The whole recipe, changes included; None for a method that has none."""


def variants_of(table: str, base: str) -> list[Variant]:
    """The rows of a table with `base` as the full method, which comes last.

    Rows that would run the full method once more are left out.
    """
    rows = TABLES[table]
    title = FULL if any(row.changes for row in rows) else base
    full = Variant(title, base, {}, recipe_values(base))
    made = [Variant(row.title, row.method or base, row.changes) for row in rows]
    resolved = [Variant(v.title, v.method, v.changes, recipe_values(v.method, v.changes)) for v in made]
    return [*(v for v in resolved if (v.method, v.recipe) != (full.method, full.recipe)), full]


def make_variants(variants: Sequence[Variant], setting: Setting) -> dict[str, Method]:
    """Title -> the pipeline with this variant."""
    return {v.title: PipelineMethod(v.method, setting, v.changes) for v in variants}

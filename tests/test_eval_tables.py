"""The tables of the paper: their rows are changes of a recipe, and how they are printed."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from scorehoi_ros.body.load import free_body
from scorehoi_ros.commands import eval as command
from scorehoi_ros.config.methods import METHOD_NAMES, RECIPE_NAMES
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets.dataset import Dataset, Sample
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import ablation_text, methods
from scorehoi_ros.evaluate.ablation import TABLES
from scorehoi_ros.evaluate.paired import Difference
from scorehoi_ros.evaluate.scores import Answer
from scorehoi_ros.evaluate.variants import variants_of
from scorehoi_ros.load import load_pipeline, recipe_values
from scorehoi_ros.methods.registry import make_method, recipe_of
from scorehoi_ros.methods.score import method as score_method
from tests.eval_cases import box_template, make_dataset

BODY = free_body()


class Shifted:
    """Puts the object as many centimetres away from its true place as there are values changed."""

    def __init__(self, name: str, setting: methods.Setting, changes: Mapping[str, Any] | None = None) -> None:
        self.x = 0.01 * len(changes or {}) + 0.02 * (name not in RECIPE_NAMES)
        self.ms = 1.0 + 99.0 * (name == "fit")

    def answer(self, sample: Sample, state: Any) -> tuple[Answer, Any]:
        T = sample.truth.T_cam_object.copy()
        T[0, 3] += self.x
        missing = self.x == 0.01 and sample.key.endswith("/1")
        return Answer(sample.truth.human, None if missing else T, self.ms), None

    def close(self) -> None:
        pass


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> None:
    def dataset(*_: Any, **__: Any) -> Dataset:
        return make_dataset(3)

    monkeypatch.setattr("scorehoi_ros.evaluate.variants.PipelineMethod", Shifted)
    monkeypatch.setattr(command, "open_dataset", dataset)


def run_command(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    return command.run(parser.parse_args(arguments))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("base", RECIPE_NAMES)
def test_every_row_can_be_run_and_differs_from_the_full_method(table: str, base: str) -> None:
    *rows, full = variants_of(table, base)
    assert full.method == base and not full.changes
    assert len({v.title for v in (*rows, full)}) == len(rows) + 1 > 2
    for row in rows:
        assert row.method in METHOD_NAMES and len(row.title) < ablation_text.TITLE
        assert (row.method, row.recipe) != (full.method, full.recipe)


def test_rows_say_what_the_paper_leaves_out() -> None:
    full = recipe_values("score")
    rows = {
        v.title: v.recipe
        for table in ("modules", "conditions", "guidance")
        for v in variants_of(table, "score")
    }
    assert full is not None and rows["full"] == full and rows["w/o diffusion"] is None
    assert rows["no condition"] == full | {"image": False, "geometry": False}
    assert rows["w/o CDIR"] == full | {"recontact": False}
    of = full["weights"] | {"floor": 0.0, "sunk": 0.0}
    assert rows["w/o L_of"] == full | {"weights": of}
    assert full["weights"]["floor"] > 0


def test_a_hyper_parameter_that_the_full_method_has_is_no_row() -> None:
    full = recipe_values("score-paper")
    assert full is not None
    titles = {v.title for v in variants_of("hyper", "score-paper")}
    assert f"N = {full['rounds']}" not in titles and f"tau = {full['tau']}" not in titles
    assert {"N = 1", "tau = 100", "dt = 25", "full"} <= titles


def test_changes_reach_the_method(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    build = score_method.build_recipe

    def watched(body: Any, template: Any, config: Any, recipe: Any) -> Any:
        built.append(recipe)
        return build(body, template, config, recipe)

    monkeypatch.setattr(score_method, "build_recipe", watched)
    changes = {"recontact": False, "weights": {"penetration": 0.0}}
    pipeline = load_pipeline(PipelineConfig(method="score", segmenter="none"), changes=changes)
    pipeline.for_template(box_template())
    pipeline.close()
    make_method(BODY, None, PipelineConfig(method="score-n2"))
    whole = recipe_of("score")
    other = replace(whole, recontact=False, weights=replace(whole.weights, penetration=0.0))
    assert built == [other, other, recipe_of("score-n2")]


def test_what_has_no_recipe_cannot_be_changed() -> None:
    assert recipe_of("fit") is None and recipe_values("regress") is None
    for name in ("fit", "auto"):
        with pytest.raises(InputError, match=rf"'{name}' has no recipe to change\. .*score, score-n2"):
            make_method(BODY, None, PipelineConfig(method=name), {"rounds": 1})


def test_the_command_prints_values_and_differences(shifted: None, tmp_path: Any, capsys: Any) -> None:
    assert run_command("--table", "modules", "--json", str(tmp_path / "t.json")) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 120
    for text in (
        "w/o diffusion",
        "Gaussian prior",
        "w/o CDIR",
        "floor mm",
        "difference to full",
        "full is score",
        "too narrow",
    ):
        assert text in out
    read = json.loads((tmp_path / "t.json").read_text())
    titles = [
        "w/o diffusion",
        "Gaussian prior",
        "learned prior",
        "w/o CDIR",
        "w/o polish",
        "w/o correction",
        "full",
    ]
    assert [row["method"] for row in read["rows"]] == titles
    table = read["table"]
    assert table["full"] == "full" and table["variants"][1]["recipe"]["learned"] == 0
    first, second, *_ = table["comparisons"]
    assert (first["pairs"], first["failures"], second["pairs"], second["failures"]) == (3, 0, 2, 1)
    chamfer = first["differences"]["cd_object_cm"]
    assert chamfer["excludes_zero"] and 0 < chamfer["low"] <= chamfer["value"] <= chamfer["high"]
    assert first["differences"]["mpjpe_mm"] == {"value": 0, "low": 0, "high": 0, "excludes_zero": False}


def test_the_table_of_times_has_rates(shifted: None, tmp_path: Any, capsys: Any) -> None:
    arguments = ("--table", "efficiency", "--base", "score-paper", "--json", str(tmp_path / "t.json"))
    assert run_command(*arguments) == 0
    out = capsys.readouterr().out
    assert "FPS" in out and "difference to score-paper" in out and "as fast as fit" in out
    speeds = json.loads((tmp_path / "t.json").read_text())["table"]["speeds"]
    assert [row["method"] for row in speeds] == ["fit", "regress", "score-n2", "score-paper"]
    assert [row["fps"] for row in speeds] == [10, 1000, 1000, 1000]
    assert [row["ratio"] for row in speeds] == [1, 100, 100, 100]


def test_a_table_or_methods(capsys: Any) -> None:
    for arguments in (("--table", "modules", "--method", "fit"), (), ("--table", "colours")):
        with pytest.raises(SystemExit):
            run_command(*arguments)
    assert "modules" in capsys.readouterr().err


def test_numbers_stay_short() -> None:
    cells = [
        ablation_text._cell(Difference(*values), digits)
        for values, digits in [
            ((0.1234, 0.05, 0.2), 2),
            ((-0.1234, -0.9999, 0.5), 3),
            ((123.45, 12.34, 1234.5), 1),
            ((-12.345, -99.99, 0.0), 2),
        ]
    ]
    assert cells[0] == "+0.12* [+0.05 +0.20]" and cells[1] == "-.123  [-1.00 +.500]"
    assert cells[2] == "+123* [+12.3 +1234]" and cells[3] == "-12.3  [-100 +0.00]"
    assert all(len(cell) < ablation_text.CELL for cell in cells)
    assert ablation_text._cell(Difference(1.0), 1) == "+1.0" and ablation_text._cell(None, 1) == "-"

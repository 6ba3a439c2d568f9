"""`scorehoi bench`: its report, what it refuses, its cheap cases with few repetitions; nothing is timed."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from scorehoi_ros.bench import run
from scorehoi_ros.bench.case import Case, Setting, timed
from scorehoi_ros.bench.cases import CASES
from scorehoi_ros.bench.clip import there_and_back
from scorehoi_ros.bench.live import summary
from scorehoi_ros.bench.run import chosen_cases, compared, run_cases, table
from scorehoi_ros.cli import main
from scorehoi_ros.demo.own import own_samples
from scorehoi_ros.demo.results import Result
from scorehoi_ros.errors import InputError


def bench(folder: Path, *words: str) -> dict:
    out = folder / "bench.json"
    assert main(["bench", *words, "--json", str(out)]) == 0
    return json.loads(out.read_text())


def test_without_ros_the_live_cases_are_left_out_and_unknown_ones_refused() -> None:
    assert "live-30fps" in chosen_cases("", ros=True) and "fit" in chosen_cases("", ros=False)
    assert not [name for name in chosen_cases("", ros=False) if name.startswith("live-")]
    assert chosen_cases(" messages, fit,messages", ros=False) == ["messages", "fit"]
    for wrong in ("no-such-case", ","):
        with pytest.raises(InputError, match="Cases: stage1"):
            chosen_cases(wrong, ros=True)


def test_runs_before_the_first_count_are_left_out() -> None:
    values = timed(iter([100.0, 100.0, 1.0, 2.0, 3.0]), repeat=3)
    assert values == {"ms_p50": 2.0, "ms_p95": pytest.approx(2.9), "fps": 500.0, "repeat": 3}


def test_refinements_are_compared_with_the_optimiser_and_the_exact_schedule() -> None:
    cases = [{"name": name, "ms_p50": ms} for name, ms in (("fit", 100.0), ("refine-n2-exact", 20.0))]
    found = {c["name"]: c for c in compared([*cases, {"name": "refine-warm", "ms_p50": 5.0}])}
    assert found["refine-warm"]["times_fit"] == 20 and found["refine-warm"]["times_exact"] == 4
    assert found["refine-n2-exact"]["times_fit"] == 5 and "times_fit" not in found["fit"]
    assert "times_fit" not in compared(cases[1:])[0], "the optimiser was not run"


def test_a_report_names_the_machine_and_its_table_has_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CASES, "slow", Case("a slow one", lambda setting: {"ms_p50": 12.5 * setting.repeat}))
    monkeypatch.setitem(CASES, "node", Case("a live one", lambda _: {"published_fps": 7.5, "dropped": 3}))
    heard: list[str] = []
    report = run_cases(["slow", "node"], Setting(repeat=2), heard.append)
    assert heard == ["slow", "node"] and report["device"] == "cpu" and report["hardware"]
    assert report["cases"][0] == {"name": "slow", "about": "a slow one", "ms_p50": 25.0}
    text = table(report)
    assert report["hardware"] in text and "25.00" in text and "7.50" in text and "published_fps" in text


def test_the_cheap_cases_give_what_the_page_says(tmp_path: Path) -> None:
    report = bench(tmp_path, "--only", "messages,stage1-contact", "--repeat", "2")
    messages, contact = report["cases"]
    assert report["threads"] == 1 and (messages["name"], contact["name"]) == ("messages", "stage1-contact")
    for case in report["cases"]:
        assert 0 < case["ms_p50"] <= case["ms_p95"] and case["fps"] == pytest.approx(1e3 / case["ms_p50"])
    assert contact["repeat"] == 2
    assert messages["libraries"]["rosbags"]["Interaction"]["size_bytes"] > 12 * messages["vertices"]


@pytest.mark.slow
def test_a_refinement_is_measured_cold_and_tracked(tmp_path: Path) -> None:
    report = bench(tmp_path, "--only", "stage1,refine-n2-exact,refine-warm", "--repeat", "1")
    stage1, exact, warm = report["cases"]
    assert exact["times_exact"] == 1 and stage1["ms_p50"] > 0
    assert warm["times_exact"] == pytest.approx(exact["ms_p50"] / warm["ms_p50"])


@pytest.mark.parametrize("words", [["--repeat", "0"], ["--threads", "0"], ["--only", "nothing"]])
def test_wrong_options_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *words]) == 2 and words[0] in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_an_optional_part_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--only", "messages", "--device", "cuda"]) == 4
    assert "'cuda' cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fps", "pictures"), [(12.0, [0, 1, 2, 1, 0, 1]), (24.0, [0, 0, 1, 1, 2, 2]), (6.0, [0, 2, 0, 2, 0, 2])]
)
def test_the_clip_goes_there_and_back_at_its_own_speed(fps: float, pictures: list[int]) -> None:
    samples = own_samples(3)
    shown = list(islice(there_and_back(samples, fps), 6))
    order = [next(k for k, s in enumerate(samples) if s.frame.rgb is x.frame.rgb) for x in shown]
    assert order == pictures
    stamps = np.diff([x.frame.stamp_ns for x in shown])
    assert np.allclose(stamps, 1e9 / fps, atol=1)


def test_a_live_run_is_summed_up() -> None:
    results = [Result(None, age, age + 5) for age in (40.0, 50.0, 60.0)]
    values = summary(results, images=12, fps=10.0)
    assert values["published_fps"] == 2.5 and values["dropped"] == 9
    assert values["age_ms_p50"] == 50.0 and values["latency_ms_p95"] == pytest.approx(
        values["age_ms_p95"] + 5
    )
    nothing = summary([], images=12, fps=10.0)
    assert nothing["published_fps"] == 0 and nothing["age_ms_p95"] is None


def test_every_case_says_what_it_is() -> None:
    assert all(case.about for case in CASES.values())
    assert {run.OPTIMISER, run.EXACT} <= CASES.keys()

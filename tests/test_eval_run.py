"""The evaluation as a whole: what known answers score, failures, sequences, outputs, errors."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.body.load import free_body
from scorehoi_ros.commands import eval as command
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.datasets import dataset as data
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import methods, tables
from scorehoi_ros.evaluate.run import COLUMNS, evaluate
from scorehoi_ros.evaluate.scores import Answer, score
from scorehoi_ros.files import write_json
from scorehoi_ros.geometry.rigid import make_transform
from tests.eval_cases import make_dataset, make_sample

ZERO = (
    "cd_human_cm",
    "cd_object_cm",
    "mpjpe_mm",
    "pa_mpjpe_mm",
    "hand_mpjpe_mm",
    "object_rot_deg",
    "object_trans_cm",
    "object_rel_cm",
    "human_trans_cm",
    "keypoint_px",
    "acceleration_mm",
)


@pytest.fixture(scope="module")
def setting():
    return methods.Setting(PipelineConfig(), free_body())


@pytest.fixture(scope="module")
def blind():
    return methods.blind_human(free_body())


@pytest.fixture(scope="module")
def report(setting, blind):
    made = methods.make_methods(["truth", "mean-pose"], setting)
    return evaluate(make_dataset(2, 4), made, blind)


class Scripted:
    """Gives the truth, or part of it, by the number of the call; keeps the states that it was handed."""

    def __init__(self, change) -> None:
        self.change = change
        self.states: list[Any] = []

    def answer(self, sample, state):
        self.states.append(state)
        truth = Answer(sample.truth.human, sample.truth.T_cam_object, 5.0)
        return self.change(len(self.states) - 1, truth), (state or 0) + 1

    def close(self) -> None:
        pass


def test_the_truth_scores_zero_and_the_mean_pose_badly(report) -> None:
    truth, mean = report.rows
    for name in ZERO:
        assert truth[name] == pytest.approx(0, abs=1e-4), name
    assert truth["contact_p"] == truth["contact_r"] == truth["contact_f"] == 1.0
    assert truth["human_iou"] > 0.999 and truth["object_iou"] > 0.999 and truth["failures"] == 0
    assert truth["floor_gap_mm"] == pytest.approx(0, abs=1e-3)
    assert mean["cd_human_cm"] > 10 and mean["mpjpe_mm"] > 80 and mean["contact_f"] < 0.3
    assert mean["human_trans_cm"] == pytest.approx(0, abs=1e-4) and mean["human_iou"] < 0.9


def test_random_surface_points_have_a_floor_as_published_code_has(report) -> None:
    truth = report.rows[0]
    assert 0.5 < truth["cd_human_random_cm"] < 3 and 0.3 < truth["cd_object_random_cm"] < 3


def test_a_shifted_object_scores_its_shift(blind) -> None:
    sample = make_sample(0)
    T = sample.truth.T_cam_object.copy()
    T[:3, 3] += [0.03, 0.04, 0]
    scores = score(sample, Answer(sample.truth.human, T, 0.0), blind)
    assert scores["object_trans_cm"] == pytest.approx(5) and scores["object_rel_cm"] == pytest.approx(5)
    assert scores["object_rot_deg"] == pytest.approx(0, abs=1e-5) and scores["mpjpe_mm"] == 0
    assert 0 < scores["cd_object_cm"] < 10.1 and scores["cd_human_cm"] < scores["cd_object_cm"]


def test_a_similarity_of_everything_is_aligned_away(blind) -> None:
    sample = make_sample(0)
    human, T = sample.truth.human, sample.truth.T_cam_object
    turn = make_transform(np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]), np.array([0.5, 0, 3]))
    moved = [points @ turn[:3, :3].T + turn[:3, 3] for points in (human.vertices, human.joints)]
    scores = score(sample, Answer(data.Human(moved[0], human.faces, moved[1]), turn @ T, 0.0), blind)
    assert scores["cd_human_cm"] == pytest.approx(0, abs=1e-6)
    assert scores["cd_object_cm"] == pytest.approx(0, abs=1e-6) and scores["contact_r"] == 1
    assert scores["object_rot_deg"] == pytest.approx(90) and scores["mpjpe_mm"] > 100


def test_half_turns_of_a_box_are_no_error(blind) -> None:
    sample = make_sample(0)
    T = sample.truth.T_cam_object @ make_transform(np.diag([1.0, -1, -1]), np.zeros(3))
    scores = score(sample, Answer(sample.truth.human, T, 0.0), blind)
    assert scores["object_rot_deg"] == pytest.approx(0, abs=1e-5)
    assert scores["cd_object_cm"] == pytest.approx(0, abs=1e-6)


def test_another_body_mesh_is_aligned_by_joints_and_has_no_contact_score(blind) -> None:
    sample = make_sample(0)
    human = sample.truth.human
    coarse = data.Human(human.vertices, human.faces[::2], human.joints)
    scores = score(sample, Answer(coarse, sample.truth.T_cam_object, 0.0), blind)
    assert scores["contact_p"] is None and scores["contact_r"] is None
    assert scores["mpjpe_mm"] == 0 and 0 < scores["cd_human_cm"] < 4


def test_failures_stay_in_the_averages(blind) -> None:
    def fails(call, truth):
        if call == 0:
            return replace(truth, human=None, T_cam_object=None, message="nobody is in view")
        return replace(truth, T_cam_object=None, message="no object") if call == 1 else truth

    row = evaluate(make_dataset(3), {"half": Scripted(fails)}, blind).rows[0]
    assert (row["frames"], row["failures"], row["no_human"], row["no_object"]) == (3, 2, 1, 2)
    assert row["failure_reasons"] == {"nobody is in view": 1, "no object": 1}
    assert row["contact_r"] == pytest.approx(1 / 3) and row["contact_p"] == 1
    assert row["cd_human_cm"] > 3 and row["object_trans_cm"] > 5 and row["mpjpe_mm"] > 20
    assert row["answered_only"]["cd_human_cm"] == pytest.approx(0, abs=1e-6)
    assert row["answered_only"]["contact_f"] == 1


def test_kinds_of_frames_have_averages_of_their_own(blind) -> None:
    def far(call, truth):
        T = truth.T_cam_object.copy()
        T[0, 3] += 0.5 * (call % 2)
        return replace(truth, T_cam_object=T)

    row = evaluate(make_dataset(3), {"m": Scripted(far)}, blind).rows[0]
    assert {kind: values["frames"] for kind, values in row["by_group"].items()} == {"hold": 2, "lift": 1}
    assert row["by_group"]["hold"]["object_trans_cm"] == pytest.approx(0, abs=1e-6)
    assert row["by_group"]["lift"]["object_trans_cm"] == pytest.approx(50)
    lines = "\n".join(tables.group_lines(row))
    assert "hold (2)" in lines and "lift (1)" in lines


def test_numbers_that_are_not_finite_are_failures(blind) -> None:
    def breaks(call, truth):
        human = truth.human
        holes = data.Human(np.where(human.vertices > 0.5, np.nan, human.vertices), human.faces, human.joints)
        return (
            replace(truth, human=holes) if call == 0 else replace(truth, T_cam_object=np.full((4, 4), np.inf))
        )

    row = evaluate(make_dataset(2), {"m": Scripted(breaks)}, blind).rows[0]
    assert (row["failures"], row["no_human"], row["no_object"]) == (2, 1, 1)
    assert "the person's numbers are not finite" in row["failure_reasons"] and row["cd_human_cm"] > 1


def test_who_never_answers_has_contact_zero(blind) -> None:
    never = Scripted(lambda call, truth: Answer(None, None, 1.0))
    row = evaluate(make_dataset(1), {"never": never}, blind).rows[0]
    assert row["contact_f"] == 0 and row["contact_p"] is None and row["failures"] == 1
    assert row["answered_only"]["cd_human_cm"] is None and row["failure_reasons"] == {"no reason given": 1}


def test_states_follow_sequences_and_start_afresh(blind) -> None:
    method = Scripted(lambda call, truth: truth)
    evaluate(make_dataset(2, 3), {"m": method}, blind)
    assert method.states == [None, None, None, 1, 2]


def test_acceleration_is_not_taken_across_a_lost_frame(blind) -> None:
    def jumps(call, truth):
        human = truth.human
        jump = data.Human(human.vertices, human.faces, human.joints + [0.1 * (call == 1), 0, 0])
        return replace(truth, human=None if call == 3 else jump)

    row = evaluate(make_dataset(1, 7), {"m": Scripted(jumps)}, blind, limit=None).rows[0]
    # calls 1..3 and 4..7 are the sequence: 3 is lost; 4, 5, 6, 7 are true
    assert row["acceleration_mm"] == pytest.approx(0, abs=1e-6)
    jump = evaluate(
        make_dataset(1, 4), {"m": Scripted(lambda c, t: jumps(c + 0, t) if c < 3 else t)}, blind
    ).rows[0]
    # joints off by 100, 0, 0, 0 mm: second differences 100 and 0
    assert jump["acceleration_mm"] == pytest.approx(50)


def test_frames_that_cannot_be_loaded_are_skipped_and_counted(setting, blind) -> None:
    def missing():
        raise InputError("missing t0003.000/k1.color.jpg")

    whole = make_dataset(2)
    broken = data.Dataset("fake", "1", [whole.singles[0], data.Item("gone", missing), whole.singles[1]])
    report = evaluate(broken, methods.make_methods(["truth"], setting), blind)
    assert report.count == 2 and [s.key for s in report.skipped] == ["gone"]
    assert "1 frames were skipped, 2 were used" in tables.readable(report)
    with pytest.raises(InputError, match=r"none of the 1 frames .*k1.color.jpg"):
        evaluate(data.Dataset("fake", "1", [data.Item("gone", missing)]), {}, blind)


def test_an_interrupt_keeps_whole_frames(blind) -> None:
    def stops(call, truth):
        if call == 1:
            raise KeyboardInterrupt
        return truth

    report = evaluate(make_dataset(3), {"a": Scripted(lambda c, t: t), "b": Scripted(stops)}, blind)
    assert report.interrupted and report.count == 1 and [row["frames"] for row in report.rows] == [1, 1]
    assert "results so far" in tables.readable(report)


def test_limits_are_spread_over_the_data() -> None:
    items = [data.Item(str(i), lambda: None) for i in range(10)]
    chosen = data.Dataset("d", "1", items, [items[:2], items[2:4]])
    assert [[i.key for i in unit] for unit in chosen.units(3, None)] == [["0"], ["4"], ["9"]]
    assert len(chosen.units(None, None)) == 12 and len(chosen.units(4, 1)) == 5
    assert len(data.Dataset("d", "1", items, [items], overlapping=True).units(None, None)) == 10
    assert [i.key for i in data.spread(items, 1)] == ["0"]


def test_json_and_table_and_picture(report, tmp_path) -> None:
    written = tables.as_json(report, {"landmarks": "given"})
    write_json(tmp_path / "eval.json", written)  # refuses NaN
    read = json.loads((tmp_path / "eval.json").read_text())
    assert read["dataset"] == "fake" and read["count"] == 6 and read["published"]["measured_on"] == "BEHAVE"
    assert set(COLUMNS) | {"method", "failures"} <= set(read["rows"][0])
    text = tables.readable(report, ["a note"])
    assert "ScoreHOI N=10 *" in text and "4.85" in text and text.endswith("a note")
    assert "truth" in text and "1.000" in text and "failed" in text
    tables.write_plot(report, tmp_path / "eval.png")
    assert (tmp_path / "eval.png").read_bytes()[:4] == b"\x89PNG"


def test_unknown_names_are_told_what_there_is() -> None:
    with pytest.raises(InputError, match=r"unknown: magic\. Methods: score, .*fit, truth, mean-pose"):
        methods.parse_methods("fit,magic")
    with pytest.raises(InputError, match="none was given"):
        methods.parse_methods(" , ")
    assert methods.parse_methods("truth, fit,truth") == ["truth", "fit"]
    with pytest.raises(InputError, match=r"no data set 'behav'.*behave, behave-30fps"):
        open_dataset("behav")


def run_command(monkeypatch, *arguments: str) -> int:
    import argparse

    monkeypatch.setattr("scorehoi_ros.commands.eval.open_dataset", lambda *a, **k: make_dataset(1))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    parser.add_argument("--json")
    return command.run(parser.parse_args(arguments))


def test_the_command(monkeypatch, tmp_path, capsys) -> None:
    out, picture = str(tmp_path / "out.json"), str(tmp_path / "plot.png")
    assert run_command(monkeypatch, "--method", "truth", "--json", out, "--plot", picture) == 0
    read = json.loads((tmp_path / "out.json").read_text())
    assert read["rows"][0]["method"] == "truth" and read["settings"]["landmarks"] == "given"
    assert "CD hum" in capsys.readouterr().out and (tmp_path / "plot.png").stat().st_size > 1000
    with pytest.raises(InputError, match="--plot writes PNG"):
        run_command(monkeypatch, "--method", "truth", "--plot", "plot.svg")
    with pytest.raises(InputError, match="Give --table too"):
        run_command(monkeypatch, "--method", "truth", "--base", "score-n2")


def test_the_test_set_is_not_for_training() -> None:
    with pytest.raises(InputError, match="synth --split train"):
        open_dataset("synhoi-test", split="train")


@pytest.mark.slow
def test_fit_is_far_better_than_the_mean_pose(setting, blind) -> None:
    made = methods.make_methods(["fit", "mean-pose"], setting)
    report = evaluate(make_dataset(1), made, blind)
    fit, mean = report.rows
    assert fit["failures"] == 0 and fit["ms_per_frame"] > 0
    assert fit["cd_human_cm"] < 0.6 * mean["cd_human_cm"] and fit["contact_f"] > mean["contact_f"]

"""The summary of a run counts every kind of result."""

from dataclasses import replace

import numpy as np

from scorehoi_ros.label.report import RunReport, readable
from scorehoi_ros.types import Status
from tests.reconstructions import EVERY_CASE, bad_input, human_only, nobody, object_only, pair, two_of_each


def test_rows_tell_of_the_primary_pair() -> None:
    report = RunReport()
    for index, case in enumerate((pair, human_only, object_only, nobody, two_of_each)):
        report.add(case(index), 100.0 + index)
    report.add(bad_input(), None, "box")
    rows = report.rows
    assert [row["human_status"] for row in rows] == ["OK", "OK", "ABSENT", "ABSENT", "OK", "BAD_INPUT"]
    assert [row["object_status"] for row in rows] == ["OK", None, "OK", None, "OK", None]
    assert [row["object"] for row in rows] == ["box", "", "box", "", "box", "box"]
    summary = report.summary()
    assert summary["status"] == {"OK": 4, "UNTRUSTED": 0, "ABSENT": 1, "LOST": 0, "BAD_INPUT": 1}
    assert summary["latency_ms"]["p50"] == 102.0 and summary["camera_source"] == "user"


def test_every_case_is_readable() -> None:
    report = RunReport(one_person=False)
    for index, case in enumerate(EVERY_CASE):
        report.add(case(index), 10.0)
    text = readable(report.summary())
    assert all(status.name in text for status in (Status.OK, Status.LOST, Status.BAD_INPUT))
    assert "the object was not found" in text


def test_a_changing_shape_of_one_person_is_counted() -> None:
    first = pair()
    same = replace(first, humans=(replace(first.human, betas=first.human.betas + 1e-9),))
    other = replace(first, humans=(replace(first.human, betas=np.ones(10)),))
    for results, changes in (((first, same, nobody()), 0), ((first, other, first), 2)):
        report = RunReport()
        for r in results:
            report.add(r, 1.0)
        summary = report.summary()
        assert (summary["betas_constant"], summary["betas_changes"]) == (changes == 0, changes)

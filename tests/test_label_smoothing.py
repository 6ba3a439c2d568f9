"""Smoothed labels: those of a stopped run that goes on, and where there is nothing to smooth over."""

import signal
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.npz import load_label
from tests.labelling import Chained, content, noisy, run, stopped_at, summary_of


def test_what_is_smoothed_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    source, out, whole = noisy(tmp_path / "in"), tmp_path / "out", tmp_path / "whole"
    arguments = [str(source), "--rate", "2", "--smoothing-s", "1.25", "--out"]
    assert run(*arguments, str(out), build=stopped_at("04", signal.SIGINT)) == 130
    assert [row["name"] for row in summary_of(out)["frames"]] == ["00", "01"], "those with what comes later"
    assert run(*arguments, str(out), "--resume", build=stopped_at("08", signal.SIGINT)) == 130
    assert run(*arguments, str(out), "--resume", build=Chained) == 0
    assert run(*arguments, str(whole), build=Chained) == 0
    assert content(out) == content(whole)
    plain = tmp_path / "plain"
    assert run(str(source), "--out", str(plain), build=Chained) == 0
    assert [row["name"] for row in summary_of(out)["frames"]] == [
        row["name"] for row in summary_of(plain)["frames"]
    ]
    smooth, rough = (load_label(folder / "frames" / "01.npz").human for folder in (out, plain))
    assert smooth is not None and rough is not None
    assert not np.array_equal(smooth.root, rough.root)


def test_photos_that_are_independent_are_not_smoothed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unrelated photos"):
        run(str(noisy(tmp_path / "in", 2)), "--smoothing-s", "1", "--independent", "--out", str(tmp_path))

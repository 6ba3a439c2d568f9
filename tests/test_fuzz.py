"""The fuzzer: what it finds, that a case can be repeated, and that the product survives it."""

import faulthandler
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import fuzz_run
import numpy as np
import pytest
from fuzz import KINDS, Row, found, line
from fuzz_damage import regrown, reworded, rezipped, spoiled
from fuzz_run import Kind, Verdict, verdicts

from scorehoi_ros.errors import InputError

PROGRAM = Path(__file__).parents[1] / "tools" / "fuzz.py"
SLOW = ("obj", "off", "xyz", "ply", "stl", "glb", "shard-npz", "cache-npz", "ros-params")
"""Kinds whose sound inputs take a second each, or a node."""
CASES = 600


def kind_that(ends: Callable[[], Any]) -> Kind:
    """A kind of which case 1 of 0, 1, 2 ends in some way, the others in a result."""

    def use(number: int, folder: Path) -> str:
        assert not list(folder.iterdir())
        return str(ends() or "") if number == 1 else ""

    numbers = iter(range(3))
    return Kind("fake", lambda rng: next(numbers), use, lambda: [0])


def fail(error: Exception) -> Callable[[], None]:
    def ends() -> None:
        raise error

    return ends


def crash() -> None:
    faulthandler.disable()  # pytest's, which would print it
    os.kill(os.getpid(), signal.SIGSEGV)


def log_a_fault() -> None:
    try:
        fail(KeyError("k"))()
    except KeyError:
        logging.getLogger("scorehoi_ros.x").exception("a message cannot be read")


def endings(ends: Callable[[], Any]) -> list[Verdict]:
    """Of three cases, after a crash from another process, whose numbers begin again."""
    return list(verdicts(kind_that(ends), 0, [0, 1, 2]))


@pytest.mark.parametrize(
    ("ends", "outcome", "words"),
    [
        (lambda: "", "result", ""),
        (lambda: "the picture is damaged: get it again.", "error", "is damaged"),
        (fail(InputError("x.png is not a picture: get it again.")), "error", "not a picture"),
        (fail(InputError("no")), "finding", "not a clear error"),
        (fail(InputError("the name is " + "x" * 2000)), "finding", "not a clear error"),
        (fail(InputError("the name of this file is \0\1")), "finding", "not a clear error"),
        (fail(InputError("the name of this file is \ud800")), "finding", "not a clear error"),
        (fail(InputError("internal error: a bug of the program")), "finding", "not a clear error"),
        (fail(ValueError("shape")), "finding", "ValueError: shape"),
        (log_a_fault, "finding", "KeyError: 'k'"),
        (lambda: np.ones(5 << 30, np.uint8).any(), "finding", "MemoryError"),
    ],
)
def test_every_ending_is_told(ends: Callable[[], Any], outcome: str, words: str) -> None:
    first, second, third = endings(ends)
    assert (first.outcome, third.outcome) == ("result", "result")
    assert second.outcome == outcome and words in second.words
    assert (outcome == "finding") == bool(second.detail)


@pytest.mark.parametrize(
    ("ends", "words", "wall_s"),
    [
        (crash, "SIGSEGV", 60.0),
        (lambda: os._exit(7), "exit code 7", 60.0),
        (lambda: [None for _ in iter(int, 1)], "more than 1 s of CPU", 60.0),
        (lambda: time.sleep(60), "says nothing any more", 3.0),
    ],
)
def test_another_process_goes_on_after_a_crash(
    ends: Callable[[], Any], words: str, wall_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_run, "CPU_S", 1)
    monkeypatch.setattr(fuzz_run, "WALL_S", wall_s)
    first, second, third = endings(ends)
    assert (first.outcome, second.outcome, third.outcome) == ("result", "finding", "result")
    assert words in second.words


def test_time_memory_and_noise_are_measured() -> None:
    def work() -> None:
        os.write(2, b"a remark")
        np.ones(200 << 20, np.uint8).sum()

    first, second, third = endings(work)
    assert 190 < second.mb < 300 and first.mb < 50
    assert second.ms > 10 > first.ms > 0
    assert (first.noise, second.noise, third.noise) == ("", "a remark", "")


def test_the_table_counts_and_says_how_to_see_it_again() -> None:
    row = Row("png")
    crash = Verdict(4, "finding", "the process ends with SIGSEGV")
    for verdict in (Verdict(3, "result", ms=5.0, mb=2.0), crash, replace(crash, case=9), Verdict(5, "error")):
        row.add(verdict)
    assert line(row).split() == ["png", "4", "1", "1", "0", "5", "2", "2"]
    assert "2 x png: the process ends with SIGSEGV" in found([row], 7)
    assert "--kind png --seed 7 --case 4\n" in found([row], 7)


@pytest.mark.parametrize("damage", [spoiled, rezipped, reworded, regrown])
def test_damage_depends_on_the_seed_alone(damage: Callable[..., bytes]) -> None:
    name = {spoiled: "png", rezipped: "label-npz", reworded: "camera-yaml", regrown: "mask-json"}[damage]
    whole = KINDS[name].sound()[0]
    made = [damage(whole, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 22))]
    assert made[0] == made[1] and len(set(made)) > 15


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in sorted(KINDS)]
)
def test_what_is_not_damaged_gives_a_result(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the fuzzer would damage what is refused anyway."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, made in enumerate(KINDS[name].sound()):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert KINDS[name].use(made, folder) == ""


@pytest.mark.slow
def test_nothing_damaged_is_a_finding() -> None:
    """A few cases of every kind, others than in the run whose table is in the notes."""
    command = [sys.executable, str(PROGRAM), "--cases", str(CASES), "--seed", "100"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
    name, cases, results, errors, *_, findings = run.stdout.splitlines()[-1].split()
    assert (name, findings) == ("all", "0") and int(cases) >= CASES
    assert min(int(results), int(errors)) > CASES / 10

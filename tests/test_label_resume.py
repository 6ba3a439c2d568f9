"""Runs of `scorehoi label` that are interrupted, killed or run into a full disk, and go on."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.commands import label as command
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import sole_writer
from scorehoi_ros.frame.glimpse import Glimpse
from scorehoi_ros.label import progress
from scorehoi_ros.types import Reconstruction
from tests.labelling import (
    Chained,
    FakePipeline,
    content,
    interactions,
    noisy,
    run,
    stopped_at,
    summary_of,
)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PERIOD_S", 0.0)
    # the lock of a progress bar is shared with forked processes, also with killed ones
    monkeypatch.setattr(command, "show_progress", lambda frames, count: iter(frames))


def forked(work: Callable[[], int]) -> int:
    """The process id of a child that does the work."""
    child = os.fork()
    if child:
        return child
    try:
        os._exit(work())
    finally:
        os._exit(99)


@pytest.mark.parametrize(
    "more",
    [
        (),
        pytest.param(("--independent", "--no-overlay"), marks=pytest.mark.slow),
        pytest.param(("--stride", "3"), marks=pytest.mark.slow),
    ],
)
def test_killed_runs_end_as_one_that_was_not(
    tmp_path: Path, often: None, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    source = noisy(tmp_path / "in")
    whole, out = tmp_path / "whole", tmp_path / "out"
    arguments = [str(source), "--object", "box:1", *more, "--out"]
    assert run(*arguments, str(whole), build=Chained) == 0
    monkeypatch.setattr(Chained, "delay_s", 0.06 if "--stride" in more else 0.02)
    dice, ends = random.Random(len(more)), []
    for _ in range(6):
        child = forked(lambda: run(*arguments, str(out), "--resume", build=Chained))
        time.sleep(dice.uniform(0.02, 0.35))
        os.kill(child, signal.SIGKILL)
        ends.append(os.waitpid(child, 0)[1])
    assert ends.count(signal.SIGKILL) > 2
    assert run(*arguments, str(out), "--resume", build=Chained) == 0
    assert content(out) == content(whole)
    assert not list(out.rglob(".*")) and not (out / "resume.npz").exists()


def test_objects_by_name_and_a_second_end_of_a_run(tmp_path: Path, often: None) -> None:
    source, whole, out = noisy(tmp_path / "in", 8), tmp_path / "whole", tmp_path / "out"
    arguments = [str(source), "--object", "02=ball:2", "--object", "box:1", "--out"]
    assert run(*arguments, str(whole), build=Chained) == 0
    for name in ("02", "03"):
        assert run(*arguments, str(out), "--resume", build=stopped_at(name, signal.SIGTERM)) == 130
    assert run(*arguments, str(out), "--resume", build=Chained) == 0
    assert content(out) == content(whole)
    assert run(*arguments, str(out), "--resume", build=Chained) == 0
    assert FakePipeline.built == []
    assert content(out) == content(whole)


@pytest.mark.parametrize("signals", [(signal.SIGINT,) * 2, (signal.SIGTERM, signal.SIGINT, signal.SIGINT)])
def test_a_second_interrupt_keeps_everything_finished(tmp_path: Path, signals: tuple[int, ...]) -> None:
    source, out = noisy(tmp_path / "in", 9), tmp_path / "out"
    assert run(str(source), "--out", str(out), build=stopped_at("03", *signals)) == 130
    assert [row["name"] for row in summary_of(out)["frames"]] == ["00", "01", "02"]
    assert interactions(out) == 3
    assert (out / "overlay.mp4").stat().st_size > 500
    assert run(str(source), "--out", str(out), "--resume", build=Chained) == 0
    assert run(str(source), "--out", str(tmp_path / "whole"), build=Chained) == 0
    assert content(out) == content(tmp_path / "whole")


def test_an_interrupt_before_the_first_frame_is_at_once(tmp_path: Path) -> None:
    def build(config: Any) -> FakePipeline:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("not reached")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(str(noisy(tmp_path / "in", 2)), "--out", str(tmp_path / "out"), build=build)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert not list((tmp_path / "out").iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("left_kb", [500, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_full_disk_keeps_everything_finished(tmp_path: Path, small_disk: Path, left_kb: int) -> None:
    source, out = noisy(tmp_path / "in", 60), small_disk / "out"
    filler = small_disk / "filler"
    filler.write_bytes(bytes((16 * 1024 - 8 * 1024 - left_kb) * 1024))

    with pytest.raises(OutputError, match="cannot write"):
        run(str(source), "--object", "box:1", "--out", str(out), build=big(Chained))
    finished = len(list((out / "frames").glob("*.npz")))
    assert finished > 1
    assert finished - 1 <= interactions(out) <= finished
    assert not list(out.rglob(".*"))
    filler.unlink()
    arguments = [str(source), "--object", "box:1", "--out"]
    assert run(*arguments, str(out), "--resume", build=big(Chained)) == 0
    assert run(*arguments, str(tmp_path / "whole"), build=big(Chained)) == 0
    assert content(out) == content(tmp_path / "whole")


def big(kind: type[FakePipeline]) -> type[FakePipeline]:
    """Frames of 40 kB."""

    class Big(kind):  # type: ignore[misc, valid-type]
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            r, after = super().reconstruct(seen, state, prompt)
            noise = np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32)
            return replace(r, humans=tuple(replace(h, vertices=noise) for h in r.humans)), after

    return Big


def test_a_run_goes_on_only_as_it_began(tmp_path: Path, often: None) -> None:
    source, out = noisy(tmp_path / "in", 4), tmp_path / "out"
    arguments = [str(source), "--out", str(out), "--resume"]
    assert run(*arguments, build=stopped_at("02", signal.SIGINT)) == 130
    with pytest.raises(InputError, match="stride was 1 and is now 2"):
        run(*arguments, "--stride", "2")
    with pytest.raises(InputError, match="track_iterations was"):
        run(*arguments, "--fit-track-iterations", "3")
    (source / "03.png").unlink()
    (source / "02.png").unlink()
    with pytest.raises(InputError, match="2 frames now, fewer than were labelled before"):
        run(*arguments, build=Chained)
    assert interactions(out) == 3
    (source / "00.png").rename(source / "0a.png")
    with pytest.raises(InputError, match="cannot be read|input has changed"):
        run(*arguments, build=Chained)
    (out / "resume.npz").write_bytes((out / "resume.npz").read_bytes()[:-30])
    with pytest.raises(InputError, match=r"resume.npz cannot be read.*without --resume"):
        run(*arguments)


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "out"), pytest.raises(OutputError, match="another run is writing"):
        run(str(noisy(tmp_path / "in", 1)), "--out", str(tmp_path / "out"))


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "frames").mkdir(parents=True)
    mine = [out / ".gitignore", out / "frames" / ".notes-of-mine.txt", out / ".labels.mcap"]
    left = [out / ".labels-a_3xy9zk.mcap", out / "frames" / ".0001-abcdefgh.npz"]
    for path in mine + left:
        path.write_text("")
    with sole_writer(out):
        assert [path.exists() for path in mine + left] == [True] * 3 + [False] * 2


def test_a_memory_that_cannot_be_saved_costs_only_the_resumption(tmp_path: Path, often: None) -> None:
    class Opaque(FakePipeline):
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            if seen.frame.name == "02" and self.stops:
                os.kill(os.getpid(), signal.SIGINT)
            known = None if state is None else replace(state, memory=None)
            r, after = super().reconstruct(seen, known, prompt)
            return r, replace(after, memory=lambda: None)

        stops = True

    source, out = noisy(tmp_path / "in", 4), tmp_path / "out"
    assert run(str(source), "--out", str(out), build=Opaque) == 130
    Opaque.stops = False
    assert run(str(source), "--out", str(out), "--resume", build=Opaque) == 0
    assert summary_of(out)["frames_out"] == 4

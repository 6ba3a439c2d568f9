"""Runs of `scorehoi label` that are interrupted, killed or run into a full disk, and go on."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from scorehoi_ros.commands import label as command
from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import sole_writer
from scorehoi_ros.frame.glimpse import Glimpse
from scorehoi_ros.io.npz import load_label
from scorehoi_ros.label import progress
from scorehoi_ros.types import Estimate, HumanPose, Reconstruction
from tests.test_label import FakePipeline, images, interactions, run, summary_of

COUNT = 24


@dataclass(frozen=True)
class Chain:
    """What a method may leave: every frame changes it, and the next one depends on it."""

    estimate: Estimate
    same: HumanPose
    weights: torch.Tensor
    turned: np.ndarray


class Chained(FakePipeline):
    """Says a number that depends on every frame before."""

    delay_s = 0.0

    def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
        before = state.memory if state is not None and isinstance(state.memory, Chain) else None
        time.sleep(self.delay_s)
        if int(seen.frame.name) % 7 == 5:
            raise RuntimeError("a fault")
        r, after = super().reconstruct(seen, None if state is None else replace(state, memory=None), prompt)
        pose = HumanPose(np.full((52, 6), 0.1 * len(r.name)), np.arange(10.0), np.array([0.1, 0.2, 3.0]))
        if before is not None:
            assert before.same is before.estimate.human
            # the sum of a transposed array rounds as its memory lies
            pose = replace(
                pose, theta=np.sin(before.same.theta + before.turned.sum() + float(before.weights[0]))
            )
        turned = np.random.default_rng(int(seen.frame.name)).normal(size=(5, 7)).T
        memory = Chain(Estimate(pose), pose, torch.tensor([pose.theta[0, 0]]) * 1.7, turned)
        r = replace(r, message=repr(float(pose.theta.sum())), estimate=Estimate(pose, None))
        return r, replace(after, memory=memory)


def draw(rgb: np.ndarray, r: Reconstruction, body: Any, template: Any) -> np.ndarray:
    return np.roll(rgb, int(1e3 * (r.quality.get("human_iou") or 0)), axis=1)


def noisy(folder: Path, count: int = COUNT) -> Path:
    rng = np.random.default_rng(0)
    for path in images(folder, [f"{i:02d}" for i in range(count)]).iterdir():
        cv2.imwrite(str(path), rng.integers(0, 255, (48, 64, 3), np.uint8))
    return folder


def content(out: Path) -> dict[str, Any]:
    """Every output file in bytes; of the summary what is not a time of this machine."""
    files: dict[str, Any] = {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name != "summary.json"
    }
    summary = summary_of(out)
    rows = [row | {"ms": None} for row in summary.pop("frames")]
    summary.pop("latency_ms")
    return files | {"summary": summary, "rows": rows}


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


def stopped_at(name: str, *signals: int) -> type[Chained]:
    class Stopped(Chained):
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            for number in signals if seen.frame.name == name else ():
                os.kill(os.getpid(), number)
            return super().reconstruct(seen, state, prompt)

    return Stopped


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


def test_what_is_smoothed_goes_on_as_if_it_had_not_stopped(tmp_path: Path, often: None) -> None:
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

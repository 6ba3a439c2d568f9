import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scorehoi_ros.commands import demo
from scorehoi_ros.demo import processes, run
from scorehoi_ros.demo.clip import Clip
from scorehoi_ros.demo.processes import Playing, run_processes
from scorehoi_ros.errors import InputError, MissingExtraError, OutputError

CLIP = Clip(Path("clip"), 3, 0, frozenset({"image"}), 32, 24, 0.2)
SLEEP = ["-c", "import time; time.sleep(60)"]


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(["--out", "out", *words])


def test_options_become_a_job() -> None:
    job = demo.job_from_args(arguments("--object", "ball:0.22", "--gravity=0,1,0", "--rate", "0.5"))
    assert job.settings == {"object": "ball:0.22", "gravity": [0, 1, 0]}
    assert job.playing == Playing(0.5, False) and job.input is None
    assert demo.job_from_args(arguments()).settings == {}
    assert demo.job_from_args(arguments("--fit-first-iterations", "7")).settings == {
        "fit.first_iterations": 7
    }


@pytest.mark.parametrize(
    "words", [["--rate", "0"], ["--image-topic", "/a"], ["--masks", "m"], ["--prompt-box", "1,2,3"]]
)
def test_wrong_options_are_refused(words: list[str]) -> None:
    with pytest.raises(InputError):
        demo.job_from_args(arguments(*words))


def test_the_clip_is_played_at_real_speed() -> None:
    assert Playing().rate == 1.0 and not Playing().lockstep


def stand_in(monkeypatch: pytest.MonkeyPatch, **programs: list[str]) -> None:
    """Small Python programs in place of node, recorder and player."""
    monkeypatch.setattr(processes, "_require_ros", lambda: None)
    monkeypatch.setattr(processes, "POLL_S", 0.02)
    for name, program in programs.items():
        monkeypatch.setattr(processes, f"_{name}", lambda *_, p=program: p)


def until_interrupted(note: Path, seconds: float) -> list[str]:
    """A program that after SIGINT works on for a while, notes the time at which it ends, and ends with 0."""
    code = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        f"    time.sleep({seconds}); pathlib.Path(sys.argv[1]).write_text(str(time.time())); sys.exit(0)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "pathlib.Path(sys.argv[1] + '.ready').touch()\n"
        "time.sleep(60)\n"
    )
    return ["-c", code, str(note)]


def test_node_finishes_its_frame_before_the_recorder_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ready = [str(tmp_path / "node.ready"), str(tmp_path / "recorder.ready")]
    code = (
        "import pathlib, sys, time\n"
        f"while not all(pathlib.Path(p).exists() for p in {ready}): time.sleep(0.02)\n"
        "pathlib.Path(sys.argv[1]).write_text('[[5, 1], [7, 2]]')"
    )
    stand_in(
        monkeypatch,
        node=until_interrupted(tmp_path / "node", 0.5),
        recorder=until_interrupted(tmp_path / "recorder", 0.0),
        player=["-c", code, str(tmp_path / "stamps.json")],
    )
    monkeypatch.setattr(processes, "DELIVERY_S", 0.1)
    recording = run_processes(CLIP, {}, tmp_path, Playing(1.0, False))
    assert recording.stamps == {5: 1, 7: 2}
    assert float((tmp_path / "node").read_text()) < float((tmp_path / "recorder").read_text())


@pytest.mark.parametrize("name", ["node", "recorder"])
def test_a_process_that_ends_early_is_named_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    dying = ["-c", "import sys; sys.stderr.write('no such camera\\n'); sys.exit(3)"]
    stand_in(monkeypatch, **({"node": SLEEP, "player": SLEEP, "recorder": SLEEP} | {name: dying}))
    with pytest.raises(InputError, match=rf"(?s)the {name} ended too early \(exit code 3\).*no such camera"):
        run_processes(CLIP, {}, tmp_path, Playing(1.0, False))


def test_a_failing_player_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, node=SLEEP, recorder=SLEEP, player=["-c", "raise SystemExit('bad bag')"])
    with pytest.raises(InputError, match=r"(?s)the player failed.*bad bag"):
        run_processes(CLIP, {}, tmp_path, Playing(1.0, False))


def test_nothing_waits_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, node=SLEEP, recorder=SLEEP, player=SLEEP)
    monkeypatch.setattr(processes, "_play_limit", lambda *_: 0.3)
    with pytest.raises(InputError, match="the player did not end within"):
        run_processes(CLIP, {}, tmp_path, Playing(1.0, False))


def test_without_ros_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="scorehoi label"):
        run_processes(CLIP, {}, tmp_path, Playing(1.0, False))


def test_processes_do_not_hear_other_robots(tmp_path: Path) -> None:
    env = processes.environment(tmp_path)
    assert env["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert 1 <= int(env["ROS_DOMAIN_ID"]) <= 101


def test_foreign_files_in_the_work_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "clip_0.mcap").write_text("old")
    with pytest.raises(InputError, match="Choose another"):
        run._remove_clip(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["work/clip", "work/clip/clip_0.mcap", "overlay.mp4", "labels.mcap"])
def test_the_input_is_not_replaced(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    source.parent.mkdir(parents=True, exist_ok=True)
    if name == "work/clip":
        source.mkdir()
    else:
        source.write_text("mine")
    job = demo.job_from_args(arguments("--input", str(source)))
    with pytest.raises(OutputError, match="Choose another --out"):
        run.run_demo(replace(job, out=tmp_path))
    assert source.is_dir() or source.read_text() == "mine"


@pytest.mark.slow
def test_the_whole_demo_over_dds_with_the_users_pictures(tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    import cv2

    from scorehoi_ros.demo.own import own_samples

    (tmp_path / "in").mkdir()
    for k, sample in enumerate(own_samples(4)):
        cv2.imwrite(str(tmp_path / "in" / f"{k}.jpg"), sample.frame.rgb[..., ::-1])
    out = tmp_path / "out"
    words = ["--out", str(out), "--input", str(tmp_path / "in"), "--lockstep", "--limit", "3"]
    os.environ.pop("FAKE_DELAY_S", None)
    code = f"import sys; from scorehoi_ros.cli import main; sys.exit(main({['demo', *words]!r}))"
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["frames_in"], summary["frames_out"], summary["dropped"]) == (3, 3, 0)
    assert summary["confidence"]["human"] > 0.5 and summary["scores"] is None
    assert summary["camera_source"] == ["guess"]
    assert all((out / name).stat().st_size > 1000 for name in ("overlay.mp4", "sheet.png", "labels.mcap"))

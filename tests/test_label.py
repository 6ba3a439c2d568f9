"""`scorehoi label` from the command line to the files, with a made-up pipeline and painter."""

import argparse
import json
import os
import resource
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from scorehoi_ros.commands import label as command
from scorehoi_ros.commands.options import add_config_options, config_from_args
from scorehoi_ros.config.methods import FitConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, OutputError, TemplateError
from scorehoi_ros.frame.glimpse import Glimpse
from scorehoi_ros.io.npz import load_label
from scorehoi_ros.types import Reconstruction, Status
from tests.bag_files import START_NS, STEP_NS, camera_info, image, write_bag
from tests.labelling import SIZE, FakePipeline, images, interactions, run, summary_of


def test_a_folder_gives_every_output(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = images(tmp_path / "in", [f"{i:02d}" for i in range(6)])
    (source / "03.png").write_bytes(b"not an image")
    out = tmp_path / "out"
    copy = tmp_path / "copy.json"
    assert run(str(source), "--object", "box:1", "--out", str(out), "--json", str(copy)) == 0
    summary = summary_of(out)
    assert summary == json.loads(copy.read_text())
    assert (summary["frames_in"], summary["frames_out"], summary["dropped"]) == (6, 6, 0)
    assert summary["status"] == {"OK": 3, "UNTRUSTED": 0, "ABSENT": 0, "LOST": 1, "BAD_INPUT": 2}
    assert [row["status"] for row in summary["frames"]] == [
        "OK",
        "OK",
        "LOST",
        "BAD_INPUT",
        "OK",
        "BAD_INPUT",
    ]
    assert "03.png" in summary["frames"][3]["message"]
    assert summary["frames"][5]["message"] == "the fifth frame is not liked"
    assert set(summary["latency_ms"]) == {"p50", "p95"}
    assert summary["age_ms"] == {"p95": None}
    assert summary["stage_ms"] == {"human": 20.0, "fit": 100.0}
    assert summary["human_iou"] == 0.8
    assert summary["contact_f"] is summary["cd_human_cm"] is summary["cd_object_cm"] is None
    assert summary["camera_source"] == "guess"
    assert summary["betas_constant"] is True
    assert sorted(p.stem for p in (out / "frames").iterdir()) == [f"{i:02d}" for i in range(6)]
    assert sorted(p.stem for p in (out / "overlays").iterdir()) == ["00", "01", "02", "04"]
    assert (out / "overlay.mp4").stat().st_size > 500
    assert load_label(out / "frames" / "03.npz").status == Status.BAD_INPUT
    with AnyReader([out / "labels.mcap"]) as reader:
        messages: list[Any] = [
            reader.deserialize(d, c.msgtype)
            for c, _, d in reader.messages()
            if c.topic.endswith("interaction")
        ]
    assert [m.status for m in messages] == [0, 0, 3, 4, 0, 4]
    assert [len(m.objects) for m in messages] == [1, 1, 1, 0, 1, 0]
    printed = capsys.readouterr().out
    assert "OK 3, LOST 1, BAD_INPUT 2" in printed
    assert "focal length was assumed" in printed
    assert not list(out.rglob(".*"))


def test_a_bag_keeps_its_stamps(tmp_path: Path) -> None:
    stamps = [START_NS + i * STEP_NS for i in range(4)]
    entries = [("/cam/image", image(s, np.full((*SIZE, 3), 99, np.uint8)), s + 7) for s in stamps]
    bag = write_bag(
        tmp_path / "bag", [("/cam/camera_info", camera_info(stamps[0], 64, 48), stamps[0]), *entries]
    )
    assert run(str(bag), "--out", str(tmp_path / "out"), "--no-overlay") == 0
    assert not (tmp_path / "out" / "overlays").exists()
    assert not (tmp_path / "out" / "overlay.mp4").exists()
    with AnyReader([tmp_path / "out" / "labels.mcap"]) as reader:
        logs = [log for c, log, _ in reader.messages() if c.topic.endswith("interaction")]
    assert logs == [s + 7 for s in stamps]
    labels = [load_label(p) for p in sorted((tmp_path / "out" / "frames").iterdir())]
    assert [r.stamp_ns for r in labels] == stamps
    assert summary_of(tmp_path / "out")["camera_source"] == "camera_info"


def test_photos_of_different_objects_start_afresh(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["a", "b", "c", "d"])
    out = tmp_path / "out"
    assert (
        run(
            str(source), "--object", "a=box:1", "--object", "c=ball:2", "--object", "mat:1", "--out", str(out)
        )
        == 0
    )
    assert FakePipeline.built == ["box:1", "mat:1", "ball:2", "mat:1"]
    rows = summary_of(out)["frames"]
    assert [row["object"] for row in rows] == ["box:1", "mat:1", "ball:2", "mat:1"]
    assert {row["message"] for row in rows} == {"n=1"}
    assert summary_of(out)["betas_constant"] is None
    assert not (out / "overlay.mp4").exists()


def test_independent_limit_and_stride(tmp_path: Path) -> None:
    source = images(tmp_path / "in", [str(i) for i in range(9)])
    arguments = (str(source), "--object", "b", "--out", str(tmp_path / "o"), "--stride", "2", "--limit", "3")
    assert run(*arguments, "--independent") == 0
    rows = summary_of(tmp_path / "o")["frames"]
    assert [row["name"] for row in rows] == ["0", "2", "4"]
    assert {row["message"] for row in rows} == {"n=1"}


def test_an_interrupt_keeps_everything_finished(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = images(tmp_path / "in", [str(i) for i in range(9)])

    class Interrupted(FakePipeline):
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            if seen.frame.name == "1":
                os.kill(os.getpid(), signal.SIGINT)
            return super().reconstruct(seen, state, prompt)

    out = tmp_path / "out"
    assert run(str(source), "--out", str(out), build=Interrupted) == 130
    assert summary_of(out)["interrupted"] is True
    assert sorted(p.stem for p in (out / "frames").iterdir()) == ["0", "1"]
    assert interactions(out) == 2
    assert "interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_failing_disk_leaves_what_is_finished(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["0", "1", "2"])
    out = tmp_path / "out"

    class Blocks(FakePipeline):
        def reconstruct(self, seen: Glimpse, state: Any, prompt: Any = None) -> tuple[Reconstruction, Any]:
            if seen.frame.name == "1":
                (out / "overlays" / "0.jpg").unlink()
                (out / "overlays").rmdir()
                (out / "overlays").write_text("a file in the way")
            return super().reconstruct(seen, state, prompt)

    with pytest.raises(OutputError, match="overlays"):
        run(str(source), "--out", str(out), build=Blocks)
    names = sorted(p.name for p in out.rglob("*") if p.name not in ("frames", "overlays"))
    assert names == ["0.npz", "1.npz", "labels.mcap", "overlay.mp4", "resume.npz"]
    assert interactions(out) == 1


@pytest.mark.parametrize("kilobytes", [2, 60])
def test_a_full_disk_names_the_file_and_leaves_nothing_broken(tmp_path: Path, kilobytes: int) -> None:
    source = images(tmp_path / "in", [str(i) for i in range(30)])
    rng = np.random.default_rng(0)
    for path in source.iterdir():
        cv2.imwrite(str(path), rng.integers(0, 255, (*SIZE, 3), np.uint8))
    out = tmp_path / "out"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, hard))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*(npz|mcap|mp4).*: File too large"):
            run(str(source), "--object", "box:1", "--out", str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(out.rglob(".*"))
    assert not (out / "labels.mcap").exists()
    for path in (out / "frames").glob("*.npz"):
        load_label(path)


def test_errors_come_before_the_work(tmp_path: Path) -> None:
    source = images(tmp_path / "in", ["0"])
    with pytest.raises(TemplateError):
        run(str(source), "--object", "broken", "--out", str(tmp_path / "o"))
    assert not list((tmp_path / "o").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        run(str(source), "--out", str(tmp_path / "file" / "out"))
    with pytest.raises(InputError, match="does not exist"):
        run(str(tmp_path / "absent.mp4"), "--out", str(tmp_path / "o"))
    with pytest.raises(InputError, match="STEM=T"):
        run(str(source), "--object", "a:1", "--object", "b:2", "--out", str(tmp_path / "o"))
    with pytest.raises(InputError, match="min_probability"):
        run(str(source), "--min-probability", "7", "--out", str(tmp_path / "o"))
    with pytest.raises(SystemExit):
        run(str(source), "--limit", "0", "--out", str(tmp_path / "o"))


def test_settings_of_bags_belong_to_bags(tmp_path: Path) -> None:
    source = str(images(tmp_path / "in", ["0"]))
    for words in (["--frame-id", "cam"], ["--image-topic", "/a"], ["--depth-topic", "/d"]):
        with pytest.raises(InputError, match=f"{words[0]}: only for bags"):
            run(source, *words, "--out", str(tmp_path / "o"))


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    run(str(images(tmp_path / "in", ["0", "1"])), "--out", str(tmp_path / "out"))
    with pytest.raises(OutputError, match="overwrite"):
        run(str(tmp_path / "out" / "labels.mcap"), "--out", str(tmp_path / "out"))
    assert run(str(tmp_path / "out" / "labels.mcap"), "--out", str(tmp_path / "again")) == 0
    with pytest.raises(OutputError, match="overwrite"):
        run(str(tmp_path / "out"), "--out", str(tmp_path / "out"))


def test_nobody_waits_for_labels() -> None:
    """The network is asked at every frame, unless the user says how often."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = ["clip.mp4", "--out", "o"]
    usual = PipelineConfig().regress
    for more, period_s in (([], 0.0), (["--regress-network-period-s", "0.15"], 0.15)):
        config = config_from_args(parser.parse_args(words + more), object="")
        assert config.regress == replace(usual, network_period_s=period_s)


def test_options_follow_the_configuration() -> None:
    parser = argparse.ArgumentParser()
    add_config_options(parser, skip=("object",))
    args = parser.parse_args(
        [
            "--prompt-box",
            "1,2,30,40",
            "--gravity=-0.1,0.9,0",
            "--fit-track-iterations",
            "7",
            "--segmenter",
            "none",
        ]
    )
    config = config_from_args(args, object="ball:0.22")
    expected = PipelineConfig(
        object="ball:0.22",
        prompt_box=[1, 2, 30, 40],
        gravity=[-0.1, 0.9, 0],
        fit=FitConfig(track_iterations=7),
        segmenter="none",
    )
    assert config == expected
    assert config_from_args(parser.parse_args([])) == PipelineConfig()
    assert "--sam-encoder" in parser.format_help()
    for wrong in (["--prompt-box", "1,2,x"], ["--segmenter", "magic"], ["--height-m", "tall"]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
    with pytest.raises(InputError, match="x1 > x0"):
        config_from_args(parser.parse_args(["--prompt-box", "9,2,3,4"]))

"""Every example runs as a user would run it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))


def run(name: str, folder: Path, *options: str) -> str:
    command = [sys.executable, str(EXAMPLES / name), *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_the_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    text = (EXAMPLES.parent / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    images = [np.full((480, 640, 3), 90, np.uint8)] * 2
    exec(code, {"images": images, "K": np.array([[600.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]])})
    assert capsys.readouterr().out.count("[array(") == 2, "an object in the box of both frames"


def test_examples_are_numbered() -> None:
    assert [name[:3] for name in NAMES] == [f"{i:02d}_" for i in range(5)]


def test_one_image(tmp_path: Path) -> None:
    out = run(NAMES[0], tmp_path)
    assert "human_1: pelvis at" in out and "object_1:" in out
    assert (tmp_path / "one_image.png").stat().st_size > 50_000


@pytest.mark.slow
def test_follow_a_sequence(tmp_path: Path) -> None:
    out = run(NAMES[1], tmp_path, "--frames", "2")
    assert out.count("human_1") >= 2 and "human_2" not in out


@pytest.mark.slow
def test_label_and_read(tmp_path: Path) -> None:
    out = run(NAMES[2], tmp_path)
    assert out.count(".npz:") == 2 and out.count("message of") == 2
    assert (tmp_path / "labelled" / "labels" / "overlay.mp4").is_file()


@pytest.mark.ros
def test_listen(tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from tests.ros_helpers import node_process, talker

    command = [sys.executable, str(EXAMPLES / NAMES[3]), "--count", "1"]
    with (
        talker() as t,
        node_process(tmp_path / "log", object="ball:0.22", camera="60,60,32,24"),
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener,
    ):
        for _ in range(200):
            if listener.poll() is not None:
                break
            t.send()
            t.spin(0.1)
        assert listener.poll() == 0, "it hears a frame and stops"
        assert listener.stdout is not None
        assert "human_1" in listener.stdout.read()


def test_your_own_method(tmp_path: Path) -> None:
    out = run(NAMES[4], tmp_path)
    assert "object_1:" in out and "true place" in out

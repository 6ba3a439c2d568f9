"""Every example runs as a user would run it."""

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.datasets.registry import open_dataset
from tests.forked import Forked

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))


def run(name: str, folder: Path, *options: str) -> str:
    """What an example prints that is started as a user would."""
    command = [sys.executable, str(EXAMPLES / name), *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def run_forked(name: str, folder: Path, expected: int = 0, **variables: str) -> str:
    """What an example prints in a process of its own that needs not import everything again."""
    log = folder / "log"
    code = Forked(log, os.environ | variables, as_program, name, str(folder)).wait(timeout=280)
    assert code == expected, log.read_text()[-3000:]
    return log.read_text()


def as_program(name: str, folder: str) -> None:
    os.chdir(folder)
    sys.argv = [name]
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_the_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    text = (EXAMPLES.parent / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    images = [np.full((480, 640, 3), 90, np.uint8)] * 2
    exec(code, {"images": images, "K": np.array([[600.0, 0, 319.5], [0, 600, 239.5], [0, 0, 1]])})
    assert capsys.readouterr().out.count("[array(") == 2, "an object in the box of both frames"


def test_examples_are_numbered() -> None:
    assert [name[:3] for name in NAMES] == [f"{i:02d}_" for i in range(6)]


def test_one_image(tmp_path: Path) -> None:
    out = run_forked(NAMES[0], tmp_path)
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
    out = run_forked(NAMES[4], tmp_path)
    assert "object_1:" in out and "true place" in out


@pytest.fixture
def clicking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example of clicks as a module, with windows that need no display."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    spec = importlib.util.spec_from_file_location("clicking", EXAMPLES / NAMES[5])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    plt.close("all")


def click(window: Any, x: float, y: float, button: int = 1, axes: Any = None) -> None:
    window.click(SimpleNamespace(inaxes=axes or window.axes, xdata=x, ydata=y, button=button))


def test_clicks_on_a_picture(clicking: Any, capsys: pytest.CaptureFixture[str]) -> None:
    photo = clicking.Photo("", "")
    window = clicking.Window(photo)
    rows, columns = np.nonzero(open_dataset("synhoi-test").singles[0].load().frame.masks.object)
    middle = float(np.median(columns)), float(np.median(rows))
    click(window, *middle, button=3)
    assert not capsys.readouterr().out, "a click beside the object says nothing alone"
    window.background.clear()
    click(window, *middle)
    assert int(capsys.readouterr().out.split()[0]) > 100
    assert not np.array_equal(photo.picture, photo.rgb) and window.points == [middle]
    photo.pipeline.close()


def test_no_display(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert "no window can be shown" in run_forked(NAMES[5], tmp_path, expected=1, MPLBACKEND="agg")


def test_what_is_no_click_on_the_picture(clicking: Any) -> None:
    class Nothing:
        picture, moves = np.zeros((4, 4, 3), np.uint8), False

        def send(self, *clicks: Any) -> str:
            raise AssertionError("this was no click on the object")

    window = clicking.Window(Nothing())
    click(window, 1, 1, axes=object())
    click(window, 1, 1, button=2)
    window.figure.canvas.toolbar = SimpleNamespace(mode="zoom rect")
    click(window, 1, 1)
    assert not window.points and not window.background


@pytest.mark.ros
def test_clicks_on_the_live_image(clicking: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    from tests.ros_helpers import node_process, talker

    with talker() as t, node_process(tmp_path / "log", object="ball:0.22", camera="60,60,32,24"):
        live = clicking.Live("/image")
        window = clicking.Window(live)
        t.wait_for_node()
        for _ in range(100):
            t.send(level=90)
            t.spin(0.05)
            live.spin()
            if live.picture.shape[0] == 48:
                break
        window.show()
        assert (window.axes.images[0].get_array() == 90).all(), "the image of the camera is shown"
        click(window, 9.0, 9.0, button=3)
        click(window, 30.0, 20.0)
        assert capsys.readouterr().out == "taken\n" and not window.points and not window.background
        t.answer()
        # An image that was still under way may be the one that the prompt is used for.
        assert any("points=1 beside=1" in r.message for r in t.results)

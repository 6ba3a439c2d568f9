"""Every command has a help text with an example."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scorehoi_ros.cli import COMMANDS, WITHOUT_RESULTS, build_parser

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_module_has_its_parts(name: str) -> None:
    module = importlib.import_module(f"scorehoi_ros.commands.{name}")
    assert len(COMMANDS[name]) > 10 and "\n" not in COMMANDS[name]
    assert module.EXAMPLE.startswith(f"scorehoi {name}") and "\n" not in module.EXAMPLE
    assert callable(module.add_arguments) and callable(module.run)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser(name).parse_args([name, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert importlib.import_module(f"scorehoi_ros.commands.{name}").EXAMPLE in out
    assert "exit codes" in out and ("--json" in out) == (name not in WITHOUT_RESULTS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_parses(name: str) -> None:
    words = importlib.import_module(f"scorehoi_ros.commands.{name}").EXAMPLE.split()
    assert build_parser(name).parse_args(words[1:]).command == name


def test_unknown_command_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["no-such-command"])
    assert caught.value.code == 2
    assert "no-such-command" in capsys.readouterr().err


def test_installed_command_runs_from_anywhere(tmp_path: Path) -> None:
    """The console script finds the package and the built messages without any variable set by hand."""
    script = Path(sys.executable).with_name("scorehoi")
    if not script.exists():
        pytest.skip("the package is not installed into this environment; `make setup` does it")
    result = run_elsewhere(tmp_path, script, "--version")
    assert result.returncode == 0, result.stderr[-2000:]


LOAD_MESSAGE = """
from scorehoi_ros.msg import Interaction
support = type(Interaction)
support.__import_type_support__()
print(support._TYPE_SUPPORT is not None)
"""


def run_elsewhere(folder: Path, *command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run in another folder with nothing in the environment but HOME and PATH."""
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.ros
def test_messages_load_from_anywhere(tmp_path: Path) -> None:
    pytest.importorskip("rclpy", reason="rclpy is not installed")
    result = run_elsewhere(tmp_path, sys.executable, "-c", LOAD_MESSAGE)
    assert result.stdout == "True\n", result.stderr[-2000:]

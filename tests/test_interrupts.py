"""Signals and unwritable places, for the commands as programs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scorehoi_ros.cli import main

SLOW = """
import os, sys, time
from scorehoi_ros import cli
import scorehoi_ros.commands.doctor as doctor

def run(args):
    print("begun", flush=True)
    {work}

doctor.run = run
sys.exit(cli.main(["doctor"]))
"""
WORK = {
    "plain": "time.sleep(30)",
    "turned into another error": """
    try: time.sleep(30)
    except KeyboardInterrupt: raise ImportError('no')""",
    "lost in a destructor": """
    class Late:
        def __del__(self): time.sleep(30)
    Late(); time.sleep(30)""",
    "lost, and ends by itself": """
    class Late:
        def __del__(self): time.sleep(30)
    Late(); raise ImportError('half imported')""",
    "leaves by itself": """
    try: time.sleep(30)
    except BaseException: raise OSError('closed')""",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", WORK)
def test_one_line_and_130(work: str, number: int) -> None:
    code = SLOW.format(work=WORK[work])
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(number)
    _, error = process.communicate(timeout=20)
    assert (process.returncode, error) == (130, "scorehoi doctor: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_modules_are_imported(number: int) -> None:
    code = (
        "import os, sys, builtins\n"
        "import scorehoi_ros.__main__ as program\n"
        "plain = builtins.__import__\n"
        "def slow(name, *more):\n"
        f"    if name == 'argparse': os.kill(os.getpid(), {int(number)})\n"
        "    return plain(name, *more)\n"
        "builtins.__import__ = slow\n"
        "sys.modules.pop('argparse', None)\n"
        "sys.exit(program.main(['doctor']))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (130, "scorehoi: interrupted\n")


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)], sys.unraisablehook
    assert main(["template", "list"]) == 0
    assert ([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)], sys.unraisablehook) == before


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--out", "{}/out"],
        ["synth", "--count", "1000000", "--out", "{}/out"],
        ["train", "stage1", "--out", "{}/out"],
        ["doctor", "--json", "{}/x.json"],
        ["bench", "--json", "{}/x.json"],
        ["eval", "--method", "fit", "--plot", "{}/x.png"],
        ["label", "in", "--json", "{}/x.json", "--out", "out"],
    ],
)
def test_an_unwritable_place_is_told_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    place = "/proc"  # not even root may write there
    start = time.process_time()
    assert main([word.format(place) for word in words]) == 3
    assert "cannot write /proc" in capsys.readouterr().err
    assert time.process_time() - start < 10


@pytest.mark.slow
def test_an_interrupted_synth_ends_its_workers(tmp_path: Path) -> None:
    command = [
        "-m",
        "scorehoi_ros",
        "synth",
        "--count",
        "400",
        "--workers",
        "2",
        "--out",
        str(tmp_path / "o"),
    ]
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(children.read_text().split()) < 3 and time.monotonic() < end:
        time.sleep(0.2)
    workers = [int(word) for word in children.read_text().split()]
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "scorehoi synth: interrupted"
    end = time.monotonic() + 10  # the process that tidies up after the workers ends last
    while (left := [pid for pid in workers if os.path.exists(f"/proc/{pid}")]) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left
    assert not list((tmp_path / "o").glob(".*"))

"""Processes of their own, forked from one that has imported torch and ROS already, which takes seconds."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["scorehoi_ros.load", "tests.ros_helpers", "tests.fake_pipeline"])


class Forked:
    """`program(*told)` in another process; what it prints is in `log`, which is there at once.

    `poll`, `wait` and `send_signal` are as those of `subprocess.Popen`.
    """

    def __init__(
        self, log: Path, environment: Mapping[str, str], program: Callable[..., Any], *told: Any
    ) -> None:
        log.touch()
        self._process = _SERVER.Process(
            target=_run, args=(str(log), dict(environment), program, told), daemon=True
        )
        self._process.start()

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        assert code is not None, f"the process still runs after {timeout} s"
        return code

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


def _run(log: str, environment: dict[str, str], program: Callable[..., Any], told: tuple[Any, ...]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with open(log, "wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(program(*told))

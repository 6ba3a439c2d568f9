"""Runs cases of the fuzzer in a process that may crash, hang or grow without harm to the run."""

import logging
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.errors import ScorehoiError

CPU_S = 20
"""Most time of a case."""
WALL_S = 120.0
"""A worker that says nothing for this long waits for something that does not come."""
MEMORY = 4 << 30
"""Bytes that a worker may have beyond what it began with."""
SHORTEST, LONGEST = 20, 1000
"""Characters of a clear error."""
NOISE = 2000
"""Bytes of stderr that are kept of a case."""
OURS = "internal error"
"""How a fault of the program is told where a traceback would end the run."""


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    name: str
    make: Callable[[np.random.Generator], Any]
    """A damaged input."""
    use: Callable[[Any, Path], str]
    """What the product makes of it, in an empty folder: "" for a result, else why there is none.

    Raises ScorehoiError.
    """
    sound: Callable[[], Sequence[Any]]
    """Inputs that give a result."""


@dataclass(frozen=True)
class Verdict:
    """How a case ended."""

    case: int
    outcome: str
    """"result", "error" or "finding"."""
    words: str = ""
    """The error, or what was found."""
    detail: str = ""
    """Traceback of a finding."""
    ms: float = 0.0
    """CPU time."""
    mb: float = 0.0
    """Memory at its highest, beyond that before the case."""
    noise: str = ""
    """What was written to stderr."""


def verdicts(kind: Kind, seed: int, cases: Sequence[int]) -> Iterator[Verdict]:
    """The verdicts of some cases in their order; after a crash or a hang another process goes on."""
    left = list(cases)
    while left:
        process, reports = _worker(kind, seed, left)
        try:
            while left and reports.poll(WALL_S):
                yield reports.recv()
                left.pop(0)
            ending = "says nothing any more" if left else ""
        except EOFError:
            process.join()
            ending = f"ends with {_cause(process.exitcode or 0)}"
        finally:
            process.kill()
            process.join()
        if left:
            yield Verdict(left.pop(0), "finding", f"the process {ending}")


def _worker(kind: Kind, seed: int, cases: list[int]) -> tuple[Any, "Connection[Any, Any]"]:
    context = multiprocessing.get_context("fork")
    reports, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(kind, seed, cases, sender), daemon=True)
    process.start()
    sender.close()
    return process, reports


def _cause(exitcode: int) -> str:
    if exitcode == -signal.SIGPROF:
        return f"more than {CPU_S} s of CPU"
    return signal.Signals(-exitcode).name if exitcode < 0 else f"exit code {exitcode}"


def _work(kind: Kind, seed: int, cases: list[int], reports: Any) -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The kernel ends a case that takes too long; Python's own alarms wait for native code.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        for case in cases:
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            reports.send(run_case(kind, seed, case))
    reports.close()


def run_case(kind: Kind, seed: int, case: int) -> Verdict:
    """One case in this process."""
    made = kind.make(np.random.default_rng([seed, zlib.crc32(kind.name.encode()), case]))
    log = _Log()
    logging.getLogger().addHandler(log)
    before, noise, start = _memory("VmRSS", reset=True), os.fstat(2).st_size, time.process_time()
    try:
        outcome, words, detail = _outcome(kind, made)
    finally:
        logging.getLogger().removeHandler(log)
    words, detail = _printable(words), _printable(detail)
    if log.faults and outcome != "finding":
        outcome, words, detail = "finding", log.faults[0].splitlines()[-1], log.faults[0]
    ms, mb = 1e3 * (time.process_time() - start), _memory("VmHWM") - before
    sys.stderr.flush()
    said = os.pread(2, NOISE, noise).decode("utf-8", "replace")
    return Verdict(case, outcome, words, detail, ms, mb, said)


def _outcome(kind: Kind, made: Any) -> tuple[str, str, str]:
    with tempfile.TemporaryDirectory(prefix="fuzz_") as folder, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)  # as outside of tests
        try:
            words = kind.use(made, Path(folder))
        except ScorehoiError as error:
            words = str(error) or "(an error without words)"
            return _judged(words, folder, "".join(traceback.format_exception(error)))
        except Exception as error:
            return "finding", f"{type(error).__name__}: {error}"[:300], traceback.format_exc()
    return _judged(words, folder, words) if words else ("result", "", "")


def _judged(words: str, folder: str, detail: str) -> tuple[str, str, str]:
    """An error, or a finding when it is none that a user can act on."""
    words = words.replace(folder, "FOLDER")
    if not is_clear(words):
        return "finding", f"not a clear error: {words[:300]!r}", detail
    return "error", words, ""


def _printable(text: str) -> str:
    """The text without what cannot be encoded: half characters, numbers beyond Unicode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8", "replace")


def is_clear(words: str) -> bool:
    """Whether words can be printed, are neither short nor long, and do not tell of a fault of the program."""
    odd = re.search(r"[\0-\x08\x0b-\x1f]", words) or words != _printable(words)
    return not odd and OURS not in words and SHORTEST <= len(words) <= LONGEST


class _Log(logging.Handler):
    """Keeps what the program logs of its own faults."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.faults: list[str] = []
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record with a traceback, or of an internal error."""
        text = self.format(record)
        if record.exc_info or OURS in text:
            self.faults.append(text)


def _memory(field: str, reset: bool = False) -> float:
    """MB of this process, now (VmRSS) or at its highest since the last reset (VmHWM)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024

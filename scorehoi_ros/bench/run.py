"""Run cases and put them into one report: values, ratios, the machine."""

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from scorehoi_ros.bench.case import Setting, Values
from scorehoi_ros.bench.cases import CASES, EXACT, OPTIMISER
from scorehoi_ros.errors import InputError, MissingExtraError
from scorehoi_ros.load import check_device
from scorehoi_ros.threads import limited_process

RATIOS = {"times_fit": OPTIMISER, "times_exact": EXACT}
"""How many times faster a refinement is than the case of that name, in the same run."""
COMPARED = "refine-"
_COLUMNS = ("ms_p50", "ms_p95", "fps", *RATIOS)
_LIVE_COLUMNS = ("published_fps", "age_ms_p50", "age_ms_p95", "latency_ms_p95", "dropped")


def chosen_cases(only: str, ros: bool) -> list[str]:
    """Names from a list with commas; empty = all that can run, which without ROS 2 are not the live ones.

    Raises InputError for a name that there is not.
    """
    if not only:
        return [name for name, case in CASES.items() if ros or not case.ros]
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = [name for name in names if name not in CASES]
    if unknown or not names:
        wrong = f"unknown: {', '.join(unknown)}" if unknown else "none was given"
        raise InputError(f"--only takes names separated by commas; {wrong}. Cases: {', '.join(CASES)}.")
    return list(dict.fromkeys(names))


def run_cases(names: Sequence[str], setting: Setting, told: Callable[[str], object]) -> dict[str, Any]:
    """`device`, `hardware`, `threads` and `cases`; `told` hears the name of each case before it runs.

    Raises MissingExtraError for a device that this machine lacks.
    """
    hardware = hardware_of(setting.device)
    cases: list[Values] = []
    with limited_process(setting.threads):
        for name in names:
            told(name)
            cases.append({"name": name, "about": CASES[name].about} | CASES[name].run(setting))
    return {
        "device": setting.device,
        "hardware": hardware,
        "threads": setting.threads,
        "cases": compared(cases),
    }


def compared(cases: Sequence[Values]) -> list[Values]:
    """The cases, refinements with their ratios to those of RATIOS that were run."""
    median = {case["name"]: case.get("ms_p50") for case in cases}
    ratios = {key: median[name] for key, name in RATIOS.items() if median.get(name)}
    return [
        case | {key: ms / case["ms_p50"] for key, ms in ratios.items()}
        if case["name"].startswith(COMPARED)
        else case
        for case in cases
    ]


def hardware_of(device: str) -> str:
    """Name of the GPU, or of the CPU with its cores; raises MissingExtraError when it is not there."""
    try:
        check_device(device)
    except InputError as error:
        raise MissingExtraError(str(error)) from None
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_name()}, {os.cpu_count()} cores"


def table(report: dict[str, Any]) -> str:
    """Aligned text: one case a row, the live ones in a table of their own."""
    parts = [f"{report['hardware']}, device {report['device']}, {report['threads']} thread(s)"]
    live = [case for case in report["cases"] if "published_fps" in case]
    for rows, columns in (([c for c in report["cases"] if c not in live], _COLUMNS), (live, _LIVE_COLUMNS)):
        if rows:
            parts += [
                "",
                _line("case", columns),
                *(_line(c["name"], [_shown(c, k) for k in columns]) for c in rows),
            ]
    return "\n".join([*parts, *_messages(report["cases"])])


def _messages(cases: Sequence[Values]) -> list[str]:
    """Tables of the messages of each library."""
    lines: list[str] = []
    for library, rows in next((c["libraries"] for c in cases if "libraries" in c), {}).items():
        columns = ("build_ms", "serialise_ms", "total_ms", "total_ms_p95", "size_bytes")
        lines += ["", _line(library, columns)]
        lines += [_line(name, [_shown(row, key) for key in columns]) for name, row in rows.items()]
    return lines


def _line(name: str, values: Sequence[str]) -> str:
    return f"{name:<18}" + "".join(f"{value:>15}" for value in values)


def _shown(row: Values, key: str) -> str:
    value = row.get(key)
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

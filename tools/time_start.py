"""Time from the start of a process to its first result: the node's, and that of `scorehoi label`.

    python tools/time_start.py            # prints wall and CPU seconds of both
    python tools/time_start.py --runs 3

Both get the first image of the demo's own clip.  The first run after an installation also compiles kernels.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import soak

from scorehoi_ros.demo.clip import FRAME_ID, Clip, write_clip
from scorehoi_ros.demo.own import own_samples, told_by_user
from scorehoi_ros.demo.processes import environment, node_parameters
from scorehoi_ros.types import Masks

PROGRAM = [sys.executable, "-m", "scorehoi_ros.cli"]
RATE_HZ = 20.0
OBJECT = "box:0.32x0.22x0.21"
"""About the clip's box, in words that both programs take."""


def main() -> None:
    """Read the command line; print a line for each run of each program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1, help="repetitions (default 1)")
    args = parser.parse_args()
    samples = own_samples(limit=1)
    told = told_by_user(samples[0]) | {"object": OBJECT}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame = replace(samples[0].frame, masks=Masks(), frame_id=FRAME_ID)
        clip = write_clip(folder / "clip", [frame])
        os.environ.update(environment(folder))
        for run in range(args.runs):
            report("scorehoi node", *time_node(clip, told, folder))
            report("scorehoi label", *time_label(clip, told, folder / f"labels{run}"))


def report(name: str, wall_s: float, cpu_s: float) -> None:
    """One line."""
    sys.stdout.write(f"{name:14s}  wall {wall_s:5.1f} s  CPU {cpu_s:5.1f} s\n")
    sys.stdout.flush()


def time_node(clip: Clip, told: dict[str, Any], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a node process from its start to its first result."""
    settings = node_parameters(clip, told, rate=1.0)
    # The camera's own start must not count: it waits for nothing but the node.
    with soak.node_process(settings, folder) as process:
        start = time.perf_counter()
        soak.run_camera(clip, process, soak.Meter(process.pid, [1]), RATE_HZ)
        return time.perf_counter() - start, cpu_seconds(process.pid)


def cpu_seconds(pid: int) -> float:
    """User and system time of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def time_label(clip: Clip, told: dict[str, Any], out: Path) -> tuple[float, float]:
    """Wall and CPU seconds of `scorehoi label` for one image."""
    words = ["--out", str(out), "--object", told["object"], "--no-overlay"]
    words += [f"--prompt-box={','.join(map(str, told['prompt_box']))}"]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*PROGRAM, "label", str(clip.path), *words], check=True, capture_output=True)
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

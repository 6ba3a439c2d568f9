"""Resident memory over many frames: the demo's own clip through the live node, or through one session.

    python tools/soak.py                               # 20,000 frames through a node process, over DDS
    python tools/soak.py --in-process --frames 2000    # without ROS
    python tools/soak.py --frames 300 --settle 100     # a try

The clip is played there and back with stamps that go on, so that nothing jumps at its ends.  A frame counts
when its result is there.  Exit code 1 when memory grows by more than 2 % after the first --settle frames.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.demo.clip import FRAME_ID, Clip
from scorehoi_ros.demo.own import own_samples, told_by_user, write_own_clip
from scorehoi_ros.demo.processes import RESULTS_TOPIC, START_LIMIT_S, environment, node_parameters
from scorehoi_ros.frame.session import Session
from scorehoi_ros.io.bags.storage import open_storage
from scorehoi_ros.load import load_pipeline
from scorehoi_ros.ros.tools.stamps import header_stamp, with_stamp
from scorehoi_ros.types import Masks

GROWTH = 0.02
"""Part by which memory may grow."""
SILENCE_S = 60.0
"""A node that says nothing for this long has failed."""
MEBIBYTE_KB = 1024


@dataclass
class Meter:
    """Memory of a process at certain numbers of frames, printed as it comes."""

    pid: int
    counts: list[int]
    """Frames after which to look, ascending; growth counts from the first one on."""
    seen: list[tuple[int, float]] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    """Age at publication, or time of a step, of each frame (ms)."""

    def note(self, ms: float) -> None:
        """One more frame is done."""
        self.ms.append(ms)
        if len(self.seen) < len(self.counts) and len(self.ms) >= self.counts[len(self.seen)]:
            self.seen.append((len(self.ms), resident_mib(self.pid)))
            sys.stdout.write(f"{self.seen[-1][0]:7d} frames  {self.seen[-1][1]:8.1f} MiB\n")
            sys.stdout.flush()

    @property
    def growth(self) -> float:
        """Largest growth after the first look, as a part of what memory was then."""
        first, *later = (mib for _, mib in self.seen)
        return max(later, default=first) / first - 1.0


def resident_mib(pid: int) -> float:
    """VmRSS of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / MEBIBYTE_KB


def looks(settle: int, frames: int) -> list[int]:
    """1, 2, 5, 10 ... times a thousand, from `settle` to `frames`."""
    steps = (digit * 10**power for power in range(3, 9) for digit in (1, 2, 5))
    return sorted({settle, frames, *(n for n in steps if settle < n < frames)})


def there_and_back(count: int) -> Iterator[int]:
    """0, 1 ... count - 1, count - 2 ... 1, 0, 1 ... without end."""
    return itertools.cycle([*range(count), *range(count - 2, 0, -1)])


def in_process(args: argparse.Namespace) -> tuple[Meter, str]:
    """Steps of one session in this process."""
    samples = own_samples()
    settings = PipelineConfig(**told_by_user(samples[0]), method=args.method)
    session = Session(settings, load_pipeline)
    frames = [replace(s.frame, masks=Masks(), frame_id=FRAME_ID) for s in samples]
    meter = Meter(os.getpid(), looks(args.settle, args.frames))
    for number, index in zip(range(args.frames), there_and_back(len(frames)), strict=False):
        start = time.perf_counter()
        session.step(replace(frames[index], stamp_ns=int(1e9 * (1 + number / args.rate))))
        meter.note(1e3 * (time.perf_counter() - start))
    session.close()
    return meter, f"{session.resets} resets, a step"


def through_node(args: argparse.Namespace) -> tuple[Meter, str]:
    """A node process, and this process as its camera."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        own = write_own_clip(folder / "clip")
        os.environ.update(environment(folder))
        settings = node_parameters(own.clip, own.told | {"method": args.method}, rate=1.0)
        with node_process(settings, folder) as process:
            meter = Meter(process.pid, looks(args.settle, args.frames))
            counts = run_camera(own.clip, process, meter, args.rate)
    return meter, f"{counts['sent']} sent, {counts['dropped']} dropped, age"


@contextmanager
def node_process(settings: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The node; what it says is in `folder`, and its end on stderr when it fails."""
    (folder / "node.yaml").write_text(yaml.safe_dump({"/**": {"ros__parameters": settings}}))
    command = [sys.executable, "-m", "scorehoi_ros.cli", "node", "--params-file", str(folder / "node.yaml")]
    with (folder / "node.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        except RuntimeError:
            sys.stderr.write((folder / "node.log").read_text(errors="replace")[-2000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=SILENCE_S)


def run_camera(clip: Clip, process: subprocess.Popen[bytes], meter: Meter, rate: float) -> dict[str, str]:
    """Publish images until enough results are there; how many were sent and dropped.

    Raises RuntimeError when the node ends or falls silent.
    """
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from scorehoi_ros.msg import Interaction

    rclpy.init(args=[])
    node = rclpy.create_node("soak")
    counts = {"dropped": "0"}

    def take(result: Any) -> None:
        meter.note(result.age_ms)

    node.create_subscription(Interaction, RESULTS_TOPIC, take, 50)
    node.create_subscription(DiagnosticArray, "/diagnostics", lambda m: counts.update(dropped_of(m)), 5)
    frames = clip_messages(node, clip)
    alive_until, sent = time.monotonic() + START_LIMIT_S, 0
    while not frames[0][0][0].get_subscription_count() and still_alive(process, alive_until):
        rclpy.spin_once(node, timeout_sec=0.1)
    due = time.monotonic()
    for index in there_and_back(len(frames)):
        done = len(meter.ms)
        if len(meter.seen) == len(meter.counts):
            break
        stamp_ns = node.get_clock().now().nanoseconds
        for publisher, data in frames[index]:
            publisher.publish(with_stamp(data, stamp_ns))
        sent, due = sent + 1, max(due + 1 / rate, time.monotonic())
        while (left := due - time.monotonic()) > 0:
            rclpy.spin_once(node, timeout_sec=left)
        if len(meter.ms) > done:
            alive_until = time.monotonic() + SILENCE_S
        still_alive(process, alive_until)
    rclpy.shutdown()
    return {"sent": str(sent)} | counts


def still_alive(process: subprocess.Popen[bytes], until_s: float) -> bool:
    """True; raises RuntimeError when the process has ended or the time is over."""
    if process.poll() is not None or time.monotonic() > until_s:
        raise RuntimeError("the node has ended or says nothing")
    return True


def dropped_of(message: Any) -> dict[str, str]:
    """`frames_dropped` of a DiagnosticArray of the node."""
    values = {v.key: v.value for status in message.status for v in status.values}
    return {"dropped": values["frames_dropped"]} if "frames_dropped" in values else {}


def clip_messages(node: Any, clip: Clip) -> list[list[tuple[Any, bytes]]]:
    """For each image of the clip the messages of its stamp, serialised, each with its publisher."""
    from scorehoi_ros.ros.factory import message_class

    storage = open_storage(clip.path)
    publishers = {t: node.create_publisher(message_class(storage.types[t]), t, 5) for t in clip.topics}
    frames: dict[int, list[tuple[Any, bytes]]] = {}
    for message in storage.read(clip.topics):
        frames.setdefault(header_stamp(message.data), []).append((publishers[message.topic], message.data))
    return [frames[stamp] for stamp in sorted(frames)]


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line, run, and say what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=20_000, help="results to wait for (default 20000)")
    parser.add_argument("--settle", type=int, default=1_000, help="growth counts after these (default 1000)")
    parser.add_argument("--rate", type=float, default=30.0, help="images a second (default 30)")
    parser.add_argument("--method", default="auto", help="method of reconstruction (default auto)")
    parser.add_argument("--in-process", action="store_true", help="steps of a session, without ROS")
    args = parser.parse_args(argv)
    if not 0 < args.settle < args.frames or args.rate <= 0:
        parser.error("0 < --settle < --frames and --rate > 0 are needed")
    meter, words = in_process(args) if args.in_process else through_node(args)
    p50, p95 = np.percentile(meter.ms, [50, 95])
    sys.stdout.write(f"{len(meter.ms)} frames, {words}: p50 {p50:.1f}, p95 {p95:.1f} ms\n")
    sys.stdout.write(f"growth after {args.settle} frames: {meter.growth:+.2%} (limit {GROWTH:.0%})\n")
    return int(meter.growth > GROWTH)


if __name__ == "__main__":
    sys.exit(main())

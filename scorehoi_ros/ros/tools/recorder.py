"""Records topics into one MCAP file: `python -m scorehoi_ros.ros.tools.recorder --topics T ... --out FILE`.

The file appears under its name when the recording ends: after `--count` messages on the first topic, after a
silence, or on SIGINT or SIGTERM.
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.signals import SignalHandlerOptions

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.files import whole_file
from scorehoi_ros.io.bags.channels import add_channel
from scorehoi_ros.ros.factory import message_class

log = logging.getLogger(__name__)
LOOK_S = 0.2
"""Time between looks for topics that are not there yet."""


class Recorder:
    """Subscribes to each topic as soon as it has a publisher, with the publisher's QoS."""

    def __init__(self, node: Node, writer: Any, topics: Sequence[str]) -> None:
        self._node, self._writer = node, writer
        self._missing = [node.resolve_topic_name(topic) for topic in topics]
        self.counts = dict.fromkeys(self._missing, 0)
        self.last_s: float | None = None
        node.create_timer(LOOK_S, self._look)

    def _look(self) -> None:
        types = dict(self._node.get_topic_names_and_types())
        for topic in [t for t in self._missing if t in types and self._node.count_publishers(t)]:
            self._missing.remove(topic)
            try:
                self._subscribe(topic, types[topic][0])
            except (ImportError, InputError) as error:
                log.warning("%s is left out: %s", topic, error)

    def _subscribe(self, topic: str, type_name: str) -> None:
        offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
        reliable = all(o.reliability == QoSReliabilityPolicy.RELIABLE for o in offers)
        latched = all(o.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for o in offers)
        profile = QoSProfile(
            history=QoSHistoryPolicy.KEEP_LAST,
            depth=100,
            reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
            durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
        )
        channel = add_channel(self._writer, topic, type_name, reliable=reliable, latched=latched)

        def write(data: bytes) -> None:
            now_ns = time.time_ns()
            self._writer.add_message(
                channel_id=channel,
                log_time=now_ns,
                publish_time=now_ns,
                sequence=self.counts[topic],
                data=data,
            )
            self.counts[topic] += 1
            self.last_s = time.monotonic()

        self._node.create_subscription(message_class(type_name), topic, write, profile, raw=True)


def record(
    topics: Sequence[str], out: Path, count: int, idle_s: float, stop: threading.Event
) -> dict[str, int]:
    """Record until one of the limits is reached or `stop` is set; returns the messages of each topic.

    `count`: messages on the first topic; `idle_s`: silence after the first message; 0 = no limit.
    Raises OutputError.
    """
    from mcap.writer import Writer

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        with whole_file(out) as temporary, temporary.open("wb") as file:
            writer = Writer(file)
            writer.start(profile="ros2", library="scorehoi_ros")
            recorder = Recorder(node := Node("scorehoi_recorder"), writer, topics)
            first = next(iter(recorder.counts))
            while not stop.is_set() and not (count and recorder.counts[first] >= count):
                rclpy.spin_once(node, timeout_sec=0.1)
                if idle_s and recorder.last_s is not None and time.monotonic() - recorder.last_s > idle_s:
                    break
            writer.finish()
        return recorder.counts
    finally:
        rclpy.try_shutdown()


def build_parser() -> argparse.ArgumentParser:
    """Options of the recorder."""
    parser = argparse.ArgumentParser(
        prog="scorehoi_ros.ros.tools.recorder", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--topics", nargs="+", required=True, help="topics; they may appear later")
    parser.add_argument("--out", type=Path, required=True, help="the .mcap file")
    parser.add_argument(
        "--count", type=int, default=0, help="stop after this many on the first topic (0 = never)"
    )
    parser.add_argument(
        "--idle", type=float, default=0.0, metavar="S", help="stop after this silence (0 = never)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Record; 0, or a ScorehoiError's exit code with its message."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    args = build_parser().parse_args(argv)
    stop = threading.Event()

    def handle(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    try:
        counts = record(args.topics, args.out, args.count, args.idle, stop)
    except ScorehoiError as error:
        log.error("%s", error)
        return error.exit_code
    log.info("recorded %s", ", ".join(f"{n} x {topic}" for topic, n in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

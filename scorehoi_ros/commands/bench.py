"""`scorehoi bench`: timings of parts, on this machine."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.bench import Timing, time_messages
from scorehoi_ros.files import write_json
from scorehoi_ros.messages.factory import Factory, RosbagsFactory

EXAMPLE = "scorehoi bench messages --vertices 13524"
LIMIT_MS = 0.5
"""A full mesh may cost this much to build and serialise (Interaction)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to time, and how."""
    parser.add_argument(
        "part", choices=("messages",), help="messages: build and serialise what the node publishes"
    )
    parser.add_argument(
        "--vertices", type=int, default=13_524, help="size of the mesh (default: the free body's)"
    )
    parser.add_argument(
        "--repeat", type=int, default=300, help="repetitions; medians are given (default 300)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the table; 0."""
    if args.vertices < 1 or args.repeat < 1:
        raise InputError(
            f"--vertices and --repeat must be at least 1. Got {args.vertices} and {args.repeat}."
        )
    results: dict[str, list[Timing]] = {}
    for library, (factory, serialise) in libraries().items():
        results[library] = time_messages(factory, serialise, args.vertices, args.repeat)
        sys.stdout.write(f"{library}, {args.vertices} vertices, median of {args.repeat}\n")
        sys.stdout.write(table(results[library]) + "\n")
    if args.json:
        values = {
            name: {t.name: asdict(t) | {"total_ms": t.total_ms} for t in rows}
            for name, rows in results.items()
        }
        write_json(args.json, {"vertices": args.vertices, "limit_ms": LIMIT_MS, "messages": values})
    return 0


def libraries() -> dict[str, tuple[Factory, Callable[[Any], bytes]]]:
    """The two libraries that make messages; rclpy only where ROS 2 is installed."""
    from scorehoi_ros.io.message_types import typestore

    store = typestore()
    result: dict[str, Any] = {
        "rosbags": (RosbagsFactory(store), lambda m: store.serialize_cdr(m, m.__msgtype__))
    }
    try:
        from scorehoi_ros.ros.factory import message_class, ros_message, serialise

        message_class("scorehoi_ros/msg/Interaction")
    except ImportError:
        sys.stdout.write("rclpy or the built messages are missing: rosbags only\n")
        return result
    return {"rclpy": (ros_message, serialise)} | result


def table(timings: list[Timing]) -> str:
    """Aligned text, one message a row."""
    head = (
        f"  {'message':<14}{'build ms':>10}{'serialise ms':>14}{'total ms':>10}{'p95 ms':>9}{'bytes':>10}\n"
    )
    return head + "".join(
        f"  {t.name:<14}{t.build_ms:>10.3f}{t.serialise_ms:>14.3f}{t.total_ms:>10.3f}{t.total_ms_p95:>9.3f}"
        f"{t.size_bytes:>10}\n"
        for t in timings
    )

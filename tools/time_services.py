"""Times a service of the node while large images arrive, and tells how many of them never reach it.

    python tools/time_services.py --image photo.jpg --size 1920 1080 --rate 30

Starts the node with the real pipeline, a publisher in a process of its own, and calls `~/reset` five times a
second.  Prints percentiles in milliseconds and the diagnostics' counts of images.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from scorehoi_ros.io.pictures.codec import decode_compressed
from scorehoi_ros.ros.picture import image_message

TOPIC = "/large_image"
CALL_S, WARM_S, START_S = 0.2, 3.0, 120.0
COUNTS = ("frames_in", "frames_out", "frames_dropped", "frames_lost")


def main() -> int:
    """Start, call, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True, help="picture that is published again and again")
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--rate", type=float, default=30.0, help="images a second (default 30)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--publish", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    rclpy.init()
    if args.publish:
        publish(args)
        return 0
    node = Node("time_services")
    heard: list[DiagnosticArray] = []
    node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    client = node.create_client(Trigger, "/scorehoi/reset")
    with started(
        [sys.executable, "-m", "scorehoi_ros", "node", "--object", "ball:0.22", "--image-topic", TOPIC]
    ):
        if not client.wait_for_service(START_S):
            sys.exit("the node did not start")
        with started([sys.executable, *sys.argv, "--publish"]):
            time.sleep(WARM_S)
            ms = called(node, client, args.seconds)
            told = {v.key: v.value for v in heard[-1].status[0].values} if heard else {}
    p50, p95 = np.percentile(ms, (50, 95))
    counts = ", ".join(f"{name} {told.get(name, '?')}" for name in COUNTS)
    sys.stdout.write(f"{len(ms)} calls, p50 {p50:.0f}, p95 {p95:.0f}, max {max(ms):.0f} ms; {counts}\n")
    return 0


@contextmanager
def started(command: list[str]) -> Iterator[None]:
    """A process until the block ends."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def called(node: Node, client: rclpy.client.Client, seconds: float) -> list[float]:
    """Milliseconds of each call."""
    ms: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        future = client.call_async(Trigger.Request())
        rclpy.spin_until_future_complete(node, future, timeout_sec=seconds)
        ms.append(1e3 * (time.monotonic() - start))
        time.sleep(CALL_S)
    return ms


def publish(args: argparse.Namespace) -> None:
    """The image, at its rate, until it is interrupted."""
    import cv2

    rgb = np.asarray(cv2.resize(decode_compressed(args.image.read_bytes()), tuple(args.size)), np.uint8)
    node = Node("large_images")
    publisher = node.create_publisher(Image, TOPIC, 1)
    message = image_message(rgb, Header(frame_id="camera"))
    start, count = time.monotonic(), 0
    try:
        while True:
            message.header.stamp = node.get_clock().now().to_msg()
            publisher.publish(message)
            count += 1
            time.sleep(max(0.0, start + count / args.rate - time.monotonic()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())

"""Plays a bag's images and calibration like a live camera: `python -m scorehoi_ros.ros.tools.player BAG`.

Stamps are rewritten to the time of publishing, so that the age of a result means what it does with a camera;
`--mapping` says which bag stamp each one stands for, so that results can be compared with ground truth.
In lockstep the stamps are those of the bag: the distance between frames must not depend on the work's speed.
"""

import argparse
import logging
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.files import write_json
from scorehoi_ros.io.bag_storage import BagDamageError, RawMessage, Storage, open_storage
from scorehoi_ros.io.bag_topics import BagTopics, find_topics
from scorehoi_ros.messages.factory import NANOSECONDS
from scorehoi_ros.msg import Interaction
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.factory import message_class
from scorehoi_ros.ros.subscribe import RELIABILITIES

log = logging.getLogger(__name__)

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
PLAYED = (*IMAGES, "sensor_msgs/msg/CameraInfo")
SETTLE_S = 1.0
"""After a subscriber is seen, its own discovery of us may still be under way."""


@dataclass
class Played:
    """What was published."""

    images: int = 0
    stamps: dict[int, int] = field(default_factory=dict)
    """Published stamp -> bag stamp, nanoseconds."""
    unanswered: int = 0
    """Images for which no result came in time (lockstep only)."""


class Player:
    """Publishers for the image-like topics of one bag."""

    def __init__(self, node: Node, storage: Storage, wanted: frozenset[str], lockstep: str) -> None:
        self._node, self._storage = node, storage
        self.types = {
            t: kind for t, kind in storage.types.items() if kind in PLAYED and (not wanted or t in wanted)
        }
        self.image_topic = find_topics(BagTopics(), self.types, storage.counts).image
        self._publishers: dict[str, Publisher] = {
            topic: node.create_publisher(message_class(kind), topic, 10) for topic, kind in self.types.items()
        }
        self._answered: set[int] = set()
        if lockstep:
            node.create_subscription(Interaction, lockstep, self._answer, _answers(), raw=True)
        self._lockstep = bool(lockstep)

    def wait_for_subscribers(self, timeout_s: float) -> None:
        """Until somebody listens to the image topic; raises InputError after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not self._publishers[self.image_topic].get_subscription_count():
            if time.monotonic() > end:
                raise InputError(f"nobody subscribed to {self.image_topic} within {timeout_s:.0f} s.")
            rclpy.spin_once(self._node, timeout_sec=0.05)
        self._spin_until(time.monotonic() + SETTLE_S)

    def play(self, rate: float, keep_stamps: bool, answer_timeout_s: float) -> Played:
        """Publish every message at its recorded distance in time divided by `rate`."""
        played, started, first_ns = Played(), time.monotonic(), None
        for group in grouped(self._messages()):
            first_ns = group[0].log_ns if first_ns is None else first_ns
            if not self._lockstep:
                self._spin_until(started + (group[0].log_ns - first_ns) * 1e-9 / rate)
            for stamp in self._publish(group, keep_stamps, played):
                if self._lockstep and not self._wait_for(stamp, answer_timeout_s):
                    played.unanswered += 1
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=2))
        return played

    def _messages(self) -> Iterator[RawMessage]:
        try:
            yield from self._storage.read(frozenset(self.types))
        except BagDamageError as error:
            log.warning("the rest of the bag is left out: %s", error)

    def _publish(self, group: list[RawMessage], keep_stamps: bool, played: Played) -> list[int]:
        """Publish messages of one stamp with one new stamp; returns the stamps of images."""
        now_ns = self._node.get_clock().now().nanoseconds
        images = []
        # CameraInfo goes first, so that the image finds it.
        for message in sorted(group, key=lambda m: m.type_name in IMAGES):
            old_ns = header_stamp(message.data)
            stamp = old_ns if keep_stamps or self._lockstep else now_ns
            self._publishers[message.topic].publish(with_stamp(message.data, stamp))
            if message.topic == self.image_topic:
                played.images += 1
                played.stamps[stamp] = old_ns
                images.append(stamp)
        return images

    def _answer(self, data: bytes) -> None:
        self._answered.add(header_stamp(data))

    def _wait_for(self, stamp: int, timeout_s: float) -> bool:
        end = time.monotonic() + timeout_s
        while stamp not in self._answered and time.monotonic() < end:
            rclpy.spin_once(self._node, timeout_sec=0.05)
        return stamp in self._answered

    def _spin_until(self, end_s: float) -> None:
        while (left := end_s - time.monotonic()) > 0:
            rclpy.spin_once(self._node, timeout_sec=min(left, 0.05))


def grouped(stream: Iterator[RawMessage]) -> Iterator[list[RawMessage]]:
    """Neighbouring messages with one header stamp together: an image with its CameraInfo, depth and masks."""
    group: list[RawMessage] = []
    for message in stream:
        topics = {m.topic for m in group}
        if group and (header_stamp(message.data) != header_stamp(group[0].data) or message.topic in topics):
            yield group
            group = []
        group.append(message)
    if group:
        yield group


def header_stamp(data: bytes) -> int:
    """Nanoseconds of the std_msgs/Header that a serialised (CDR) message starts with."""
    sec, nanosec = struct.unpack_from(_stamp_format(data), data, 4)
    return int(sec) * NANOSECONDS + int(nanosec)


def with_stamp(data: bytes, stamp_ns: int) -> bytes:
    """The serialised message with another header stamp."""
    result = bytearray(data)
    struct.pack_into(_stamp_format(data), result, 4, *divmod(stamp_ns, NANOSECONDS))
    return bytes(result)


def _stamp_format(data: bytes) -> str:
    if len(data) < 12:
        raise InputError(f"a message of {len(data)} bytes has no header.")
    return "<iI" if data[1] & 1 else ">iI"


def _answers() -> QoSProfile:
    return qos.image(RELIABILITIES["reliable"], 50)


def build_parser() -> argparse.ArgumentParser:
    """Options of the player."""
    parser = argparse.ArgumentParser(
        prog="scorehoi_ros.ros.tools.player", description=__doc__.splitlines()[0]
    )
    parser.add_argument("bag", type=Path, help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--rate", type=float, default=1.0, help="speed, 2 = twice as fast (default 1)")
    parser.add_argument(
        "--topics", nargs="*", default=[], help="play only these (default: images and CameraInfo)"
    )
    parser.add_argument(
        "--wait-for", type=float, default=60.0, metavar="S", help="wait for a subscriber (default 60)"
    )
    parser.add_argument("--keep-stamps", action="store_true", help="publish the stamps of the bag")
    parser.add_argument(
        "--mapping", type=Path, help="JSON file: [published stamp, bag stamp] in ns for each image"
    )
    parser.add_argument(
        "--lockstep",
        default="",
        metavar="TOPIC",
        help="an image only after the last one's result; keeps the stamps",
    )
    parser.add_argument(
        "--answer-timeout", type=float, default=60.0, metavar="S", help="lockstep: longest wait"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Play one bag; 0, or a ScorehoiError's exit code with its message."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    args = build_parser().parse_args(argv)
    try:
        played = run(args)
    except ScorehoiError as error:
        log.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    log.info("played %d images, %d without an answer", played.images, played.unanswered)
    return 0


def run(args: Any) -> Played:
    """Play with parsed options; raises InputError for a bag that cannot be played."""
    if args.rate <= 0:
        raise InputError(f"--rate must be above 0. Got {args.rate}.")
    storage = open_storage(args.bag)
    rclpy.init(args=[])
    try:
        node = Node("scorehoi_player")
        player = Player(node, storage, frozenset(args.topics), args.lockstep)
        player.wait_for_subscribers(args.wait_for)
        played = player.play(args.rate, args.keep_stamps, args.answer_timeout)
    finally:
        rclpy.try_shutdown()
    if args.mapping:
        write_json(args.mapping, [[new, old] for new, old in played.stamps.items()])
    return played


if __name__ == "__main__":
    sys.exit(main())

"""Plays a bag's images, and what belongs to them, like a live camera.

Command: `python -m scorehoi_ros.ros.tools.player BAG`.

Stamps are rewritten to the time of publishing, so that the age of a result means what it does with a camera;
`--mapping` says which bag stamp each one stands for, so that results can be compared with ground truth.
Transforms move with the images.
In lockstep the stamps are those of the bag: the distance between frames must not depend on the work's speed.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message, serialize_message

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.files import write_json
from scorehoi_ros.io.bags.salvage import BagDamageError, RawMessage
from scorehoi_ros.io.bags.storage import Storage, open_storage
from scorehoi_ros.io.bags.topics import CAMERA_INFO, COMPRESSED, IMAGE, STATIC, TRANSFORMS, find_image_topic
from scorehoi_ros.messages.factory import NANOSECONDS
from scorehoi_ros.msg import Interaction
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.factory import message_class
from scorehoi_ros.ros.subscribe import RELIABILITIES
from scorehoi_ros.ros.tools.line import Line
from scorehoi_ros.ros.tools.stamps import Clock, header_stamp, with_stamp

log = logging.getLogger(__name__)

PLAYED = (IMAGE, COMPRESSED, CAMERA_INFO, TRANSFORMS)
SETTLE_S = 1.0
"""After a subscriber is seen, its own discovery of us may still be under way."""
SPIN_S = 0.005
TAKEN_S = 0.1
"""Transforms count from their arrival on, and another topic may overtake them by this much."""


@dataclass
class Played:
    """What was published."""

    images: int = 0
    stamps: list[tuple[int, int]] = field(default_factory=list)
    """(published stamp, bag stamp) of each image, nanoseconds."""
    unanswered: int = 0
    """Images for which no result came in time (lockstep only)."""


class Player:
    """Publishers for the topics of one bag that a camera and its robot would publish.

    Raises InputError when `image_topic` is not one of its images, or is empty and they are several.
    """

    def __init__(
        self, node: Node, storage: Storage, wanted: frozenset[str], lockstep: str, image_topic: str = ""
    ) -> None:
        self._node, self._storage = node, storage
        self.types = {t: kind for t, kind in storage.types.items() if _is_played(t, kind, wanted)}
        self.image_topic = find_image_topic(image_topic, self.types, storage.counts)
        self._publishers: dict[str, Publisher] = {
            t: self._publisher(t, kind) for t, kind in self.types.items()
        }
        self._answers: Counter[int] = Counter()
        self._damaged: set[str] = set()
        self._lockstep = bool(lockstep)
        if lockstep:
            profile = qos.image(RELIABILITIES["reliable"], 50)
            node.create_subscription(Interaction, lockstep, self._answer, profile, raw=True)

    def wait_for_subscribers(self, timeout_s: float, settle_s: float = SETTLE_S) -> None:
        """Until somebody listens to the image topic, and `settle_s`; raises InputError after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while not self._publishers[self.image_topic].get_subscription_count():
            if time.monotonic() > end:
                raise InputError(f"nobody subscribed to {self.image_topic} within {timeout_s:.0f} s.")
            rclpy.spin_once(self._node, timeout_sec=0.05)
        self._spin_until(time.monotonic() + settle_s)

    def play(self, rate: float, keep_stamps: bool) -> Played:
        """Publish every message at its recorded distance in time divided by `rate`."""
        played, clock, started, first_ns = Played(), Clock(rate), time.monotonic(), None
        for message in self._messages():
            first_ns = message.log_ns if first_ns is None else first_ns
            self._spin_until(started + (message.log_ns - first_ns) * 1e-9 / rate)
            self._publish(message, played, None if keep_stamps else clock)
        self._finish()
        return played

    def play_in_lockstep(self, answer_timeout_s: float, ahead_s: float) -> Played:
        """Publish an image only after the answer to the one before it.

        While an answer is missing time goes on for everything but images: what was recorded up to `ahead_s`
        after the image follows it at the recorded pace, so that the node waits for its depth, masks and
        CameraInfo as it would have done then.
        """
        played, line, asked, free_s = Played(), Line(self._messages(), self.image_topic), Counter[int](), 0.0
        while (message := line.take()) is not None:
            is_image = message.topic == self.image_topic
            self._spin_until(free_s if is_image else 0.0)
            whole = self._publish(message, played, None)
            if message.type_name == TRANSFORMS:
                free_s = time.monotonic() + TAKEN_S
            if is_image and whole:
                asked[header_stamp(message.data)] += 1
                played.unanswered += not self._await(
                    message, asked, line, (answer_timeout_s, ahead_s), played
                )
        return played

    def _await(
        self,
        image: RawMessage,
        asked: Counter[int],
        line: Line,
        limits_s: tuple[float, float],
        played: Played,
    ) -> bool:
        """Let time go on until an image is answered; False when it takes too long."""
        stamp, started = header_stamp(image.data), time.monotonic()
        answer_timeout_s, ahead_s = limits_s
        while self._answers[stamp] < asked[stamp]:
            passed_s = time.monotonic() - started
            if passed_s > answer_timeout_s:
                return False
            for other in line.follow(image.log_ns + int(min(passed_s, ahead_s) * 1e9)):
                self._publish(other, played, None)
            rclpy.spin_once(self._node, timeout_sec=SPIN_S)
        return True

    def _publisher(self, topic: str, kind: str) -> Publisher:
        # An image that is kept for latecomers would come twice to one who subscribes anew.
        can_be_latched = kind in (CAMERA_INFO, TRANSFORMS)
        latched = topic == STATIC or (can_be_latched and topic in self._storage.latched)
        profile = qos.image(RELIABILITIES["reliable"], 100 if kind == TRANSFORMS else 10, latched)
        return self._node.create_publisher(message_class(kind), topic, profile)

    def _messages(self) -> Iterator[RawMessage]:
        try:
            yield from self._storage.read(frozenset(self.types))
        except BagDamageError as error:
            log.warning("some of the bag is left out: %s", error)

    def _publish(self, message: RawMessage, played: Played, clock: Clock | None) -> bool:
        """Whether it has what an answer to it is known by; `clock` None keeps the stamps."""
        data, now_ns = message.data, self._node.get_clock().now().nanoseconds
        if message.type_name == TRANSFORMS:
            if clock is not None and message.topic != STATIC:
                data = transforms_moved(data, clock, now_ns)
            self._publishers[message.topic].publish(data)
            return True
        try:
            old_ns = new_ns = header_stamp(data)
        except InputError as error:
            if message.topic not in self._damaged:
                log.warning("damaged messages of %s are left out: %s", message.topic, error)
            self._damaged.add(message.topic)
            return False
        if clock is not None:
            new_ns = clock.moved(old_ns, now_ns)
            data = with_stamp(data, new_ns)
        if message.topic == self.image_topic:
            played.images += 1
            played.stamps.append((new_ns, old_ns))
        self._publishers[message.topic].publish(data)
        return True

    def _answer(self, data: bytes) -> None:
        self._answers[header_stamp(data)] += 1

    def _spin_until(self, end_s: float) -> None:
        while (left := end_s - time.monotonic()) > 0:
            rclpy.spin_once(self._node, timeout_sec=min(left, 0.05))

    def _finish(self) -> None:
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=2))


def transforms_moved(data: bytes, clock: Clock, now_ns: int) -> bytes:
    """A serialised TFMessage whose stamps lie beside those of the images as they did in the bag."""
    try:
        message = deserialize_message(data, message_class(TRANSFORMS))
    except Exception:  # damaged: who receives it finds that, too
        return data
    for transform in message.transforms:
        stamp = transform.header.stamp
        new_ns = clock.beside(stamp.sec * NANOSECONDS + stamp.nanosec, now_ns)
        stamp.sec, stamp.nanosec = divmod(new_ns, NANOSECONDS)
    return bytes(serialize_message(message))


def _is_played(topic: str, kind: str, wanted: frozenset[str]) -> bool:
    if kind not in PLAYED or (wanted and topic not in wanted):
        return False
    try:
        message_class(kind)
    except ImportError:
        log.warning("%s is left out: the package %s is not installed", topic, kind.partition("/")[0])
        return False
    return True


def build_parser() -> argparse.ArgumentParser:
    """Options of the player."""
    parser = argparse.ArgumentParser(
        prog="scorehoi_ros.ros.tools.player", description=__doc__.splitlines()[0]
    )
    parser.add_argument("bag", type=Path, help="rosbag2 folder, .mcap or .db3 file")
    parser.add_argument("--rate", type=float, default=1.0, help="speed, 2 = twice as fast (default 1)")
    parser.add_argument(
        "--topics", nargs="*", default=[], help="play only these (default: images, CameraInfo, transforms)"
    )
    parser.add_argument(
        "--image-topic", default="", help="the camera, when the bag has several (all of them are played)"
    )
    parser.add_argument(
        "--wait-for", type=float, default=60.0, metavar="S", help="wait for a subscriber (default 60)"
    )
    parser.add_argument("--keep-stamps", action="store_true", help="publish the stamps of the bag")
    parser.add_argument(
        "--mapping", type=Path, help="JSON file: [published stamp, bag stamp] in ns for each image"
    )
    parser.add_argument(
        "--lockstep", default="", metavar="TOPIC",
        help="an image only after the last one's result; keeps the stamps",
    )  # fmt: skip
    parser.add_argument(
        "--answer-timeout", type=float, default=60.0, metavar="S", help="lockstep: longest wait"
    )
    parser.add_argument(
        "--ahead",
        type=float,
        default=2.0,
        metavar="S",
        help="lockstep: what follows an image up to this much later may come before its answer (default 2)",
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
        player = Player(node, storage, frozenset(args.topics), args.lockstep, args.image_topic)
        player.wait_for_subscribers(args.wait_for)
        if args.lockstep:
            played = player.play_in_lockstep(args.answer_timeout, args.ahead)
        else:
            played = player.play(args.rate, args.keep_stamps)
    finally:
        rclpy.try_shutdown()
    if args.mapping:
        write_json(args.mapping, played.stamps)
    return played


if __name__ == "__main__":
    sys.exit(main())

"""The player's parts: stamps moved to another clock, and what may go before an image that waits."""

import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.bags.storage import open_storage
from scorehoi_ros.ros.tools.stamps import Clock, header_stamp, with_stamp
from tests.bag_files import STORE, image, transforms, write_bag

MS = 1_000_000
START = 1_700_000_000 * 10**9


@pytest.mark.parametrize("order", ["<", ">"])
def test_stamps_are_read_and_written_in_both_byte_orders(order: str) -> None:
    data = bytes([0, order == "<", 0, 0]) + struct.pack(order + "iI", 5, 7) + b"rest"
    assert header_stamp(data) == 5 * 10**9 + 7
    changed = with_stamp(data, START + 1)
    assert header_stamp(changed) == START + 1 and changed[12:] == b"rest"
    with pytest.raises(InputError, match="no header"):
        header_stamp(data[:8])


def test_messages_of_one_moment_keep_their_distances() -> None:
    clock = Clock()
    image, depth = clock.moved(1000 * MS, START), clock.moved(1004 * MS, START + 9 * MS)
    assert (image, depth - image) == (START, 4 * MS)
    after = clock.moved(1033 * MS, START + 40 * MS)
    assert after == START + 40 * MS
    assert clock.moved(1000 * MS, START + 90 * MS) == image, "a mask that comes late"
    assert clock.moved(1030 * MS, START + 95 * MS) == after - 3 * MS


def test_no_stamp_stays_none() -> None:
    assert Clock().moved(0, START) == 0


def test_an_image_that_waits_lets_others_pass() -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")
    from scorehoi_ros.io.bags.storage import RawMessage
    from scorehoi_ros.io.bags.topics import IMAGE, TRANSFORMS
    from scorehoi_ros.ros.tools.player import Line

    kinds = {"image": IMAGE, "depth": IMAGE, "tf": TRANSFORMS}
    recorded = [("image", 0), ("tf", 1), ("depth", 2), ("image", 3), ("depth", 4), ("tf", 5), ("depth", 9)]
    line = Line((RawMessage(topic, kinds[topic], log, b"") for topic, log in recorded), "image")
    first = line.take()
    assert first is not None and first.log_ns == 0
    assert [m.log_ns for m in line.follow(1)] == [1]
    assert [m.log_ns for m in line.follow(6)] == [2, 4], "neither an image nor the transform after it"
    rest = []
    while (message := line.take()) is not None:
        rest.append(message.log_ns)
    assert rest == [3, 5, 9]


def test_a_transform_lies_beside_the_images_as_it_did() -> None:
    clock = Clock(rate=2.0)
    assert clock.beside(990 * MS, START) == START, "before any image: now"
    clock.moved(1000 * MS, START)
    assert clock.beside(980 * MS, START + 50 * MS) == START - 10 * MS
    assert clock.beside(0, START) == 0


@pytest.mark.ros
def test_damaged_messages_are_left_out_and_transforms_move(tmp_path: Path) -> None:
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
    pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")
    from rclpy.serialization import deserialize_message

    from scorehoi_ros.io.bags.storage import RawMessage, Storage
    from scorehoi_ros.io.bags.topics import IMAGE, TRANSFORMS
    from scorehoi_ros.ros.factory import message_class
    from scorehoi_ros.ros.tools.player import Player

    moved = transforms(START + 20 * MS, "odom", "cam", (0, 0, 0, 1))

    def cdr(message: Any) -> bytes:
        return bytes(STORE.serialize_cdr(message, message.__msgtype__))

    recorded = [
        RawMessage("/a", IMAGE, START, b"bad"),
        RawMessage("/a", IMAGE, START, cdr(image(START, np.zeros((4, 4, 3), np.uint8)))),
        RawMessage("/tf", TRANSFORMS, START + MS, cdr(moved)),
    ]
    storage = Storage({"/a": IMAGE, "/tf": TRANSFORMS}, {"/a": 2}, lambda topics: iter(recorded))
    rclpy.init(args=[])
    try:
        player = Player(rclpy.create_node("player"), storage, frozenset(), "")
        sent: dict[str, list[bytes]] = {"/a": [], "/tf": []}
        outlets: Any = {topic: Outlet(data) for topic, data in sent.items()}
        player._publishers = outlets
        played = player.play(1.0, keep_stamps=False)
        (data,) = sent["/tf"]
        stamp = deserialize_message(data, message_class(TRANSFORMS)).transforms[0].header.stamp
    finally:
        rclpy.try_shutdown()
    assert played.images == len(sent["/a"]) == 1
    new_ns, old_ns = played.stamps[0]
    assert old_ns == START and stamp.sec * 10**9 + stamp.nanosec == new_ns + 20 * MS


class Outlet:
    """A publisher that keeps what it is given."""

    def __init__(self, into: list[bytes]) -> None:
        self.publish = into.append

    def wait_for_all_acked(self, timeout: object) -> None:
        """Nobody has to."""


@pytest.mark.ros
def test_the_recorder_leaves_out_what_it_does_not_know(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2")
    pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")
    from io import BytesIO

    from mcap.writer import Writer

    from scorehoi_ros.ros.tools.recorder import Recorder

    class Network:
        heard: ClassVar[list[str]] = []

        def resolve_topic_name(self, topic: str) -> str:
            return topic

        def create_timer(self, period_s: float, callback: object) -> None:
            self.look = callback

        def get_topic_names_and_types(self) -> list[tuple[str, list[str]]]:
            return [("/a", ["vision_msgs/msg/Detection3DArray"]), ("/b", ["std_msgs/msg/Header"])]

        def count_publishers(self, topic: str) -> int:
            return 1

        def get_publishers_info_by_topic(self, topic: str) -> list[object]:
            return []

        def create_subscription(self, kind: object, topic: str, *rest: object, raw: bool) -> None:
            self.heard.append(topic)

    writer = Writer(BytesIO())
    writer.start(profile="ros2", library="test")
    node: Any = Network()
    Recorder(node, writer, ["/a", "/b"])
    node.look()
    assert node.heard == ["/b"] and "/a is left out" in caplog.text


@pytest.mark.ros
def test_the_camera_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2")
    pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")
    from scorehoi_ros.ros.tools.player import Player, build_parser

    picture = image(START, np.zeros((4, 4, 3), np.uint8))
    storage = open_storage(write_bag(tmp_path / "bag", [("/a", picture, START), ("/b", picture, START)]))
    chosen = build_parser().parse_args(["bag", "--image-topic", "/b"]).image_topic
    rclpy.init(args=[])
    try:
        node = rclpy.create_node("player")
        assert Player(node, storage, frozenset(), "", chosen).image_topic == "/b"
        for wrong, words in (("", "several"), ("/c", "no topic /c")):
            with pytest.raises(InputError, match=words):
                Player(node, storage, frozenset(), "", wrong)
    finally:
        rclpy.try_shutdown()

"""The player's parts: stamps moved to another clock, and what may go before an image that waits."""

import struct
from pathlib import Path

import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.bags.storage import open_storage
from scorehoi_ros.ros.tools.stamps import Clock, header_stamp, with_stamp
from tests.bag_files import image, write_bag

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

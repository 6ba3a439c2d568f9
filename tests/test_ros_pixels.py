"""Pixels of messages in the hall: dark ones, formats that cannot be read, the range of 16 bits."""

from types import SimpleNamespace

import numpy as np
import pytest

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.topics.frames import Hall
from scorehoi_ros.types import Frame
from tests import ros_messages as ros


def test_a_dark_image_is_told_about_while_it_lasts() -> None:
    said: dict[str, str] = {}
    hall = Hall(InputConfig(camera="50,50,32,24"), said.__setitem__)
    for number, level in enumerate((3, 90)):
        hall.take_image(ros.image(np.full((48, 64), level, np.uint8), "mono8", number), number)
        (bundle,) = hall.ready(number)
        assert isinstance(hall.frame(bundle, number, "a"), Frame)
        assert ("almost black" in said["darkness"]) == (level == 3)


@pytest.mark.parametrize(
    ("kind", "fmt", "words"),
    [
        ("image", "h264", 'format of the message is "h264". That is a video stream'),
        ("image", "HEVC", 'is "HEVC". That is a video stream'),
        ("image", "rgb8; jxl compressed", 'is "rgb8; jxl compressed".'),
        ("image", "", 'is "".'),
        ("depth", "16UC1; compressedDepth png", 'is "16UC1; compressedDepth png".'),
        ("image", "x" * 5000, 'is "' + "x" * 80 + '...".'),
        ("image", "\0\1 png\n", 'is "?? png?".'),
        ("human", "theora", 'is "theora". That is a video stream'),
    ],
)
def test_a_compressed_image_that_cannot_be_read_names_its_format(kind: str, fmt: str, words: str) -> None:
    message = SimpleNamespace(header=ros.header(), format=fmt, data=b"\0\0\0\1\x67 no picture " * 9)
    said: dict[str, str] = {}
    hall = Hall(InputConfig(camera="50,50,32,24", depth_topic="/d", human_mask_topic="/h"), said.__setitem__)
    hall.take_image(message if kind == "image" else ros.colour(), 0)
    if kind != "image":
        hall.take_companion(kind, message, 0)
    (bundle,) = hall.ready(None)
    frame = hall.frame(bundle, 0, "a")
    assert words in (frame.reason if isinstance(frame, BadFrame) else said[f"{kind}_input"])


def test_the_range_of_sixteen_bits_is_that_of_the_camera() -> None:
    hall = Hall(InputConfig(camera="50,50,32,24"), lambda *_: None)
    shown = []
    for level in (4095, 400):
        hall.take_image(ros.image(np.full((48, 64), level, np.uint16), "mono16", level), 0)
        (bundle,) = hall.ready(0)
        shown.append(hall.frame(bundle, 0, "a"))
    assert [int(f.rgb.max()) for f in shown if isinstance(f, Frame)] == [255, 25]

"""The hall: what is left out and said, gravity from TF."""

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.topics.frames import Hall, WarnOnce
from scorehoi_ros.io.topics.tf_tree import TfTree
from scorehoi_ros.types import Frame
from tests import ros_messages as ros

SHADES = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
ALL: dict[str, Any] = {"depth_topic": "/depth", "human_mask_topic": "/human", "object_mask_topic": "/object"}


def one_frame(companions: dict[str, Any], image: Any = None, **settings: Any) -> tuple[Any, dict[str, str]]:
    """The frame of one image with what came for it, and what was said."""
    said: dict[str, str] = {}
    topics = {
        key: topic
        for key, topic in ALL.items()
        if key.removesuffix("_topic").removesuffix("_mask") in companions
    }
    hall = Hall(InputConfig(**(topics | settings)), said.__setitem__)
    hall.take_camera_info(ros.info(), 0)
    for name, message in companions.items():
        hall.take_companion(name, message, 0)
    hall.take_image(image or ros.colour(5), 0)
    (bundle,) = hall.ready(None)
    return hall.frame(bundle, 0, "a"), {key: text for key, text in said.items() if text}


def test_everything_fits() -> None:
    frame, said = one_frame(
        {"depth": ros.depth(5), "human": ros.mask(slice(0, 20), 5), "object": ros.mask(slice(30, 40), 5)}
    )
    assert said == {} and isinstance(frame, Frame)
    assert frame.depth is not None and np.allclose(frame.depth, 1.5)
    assert frame.masks.human is not None and frame.masks.human.sum() == 20 * 48
    assert (frame.masks.human_score, frame.masks.object_score) == (1.0, 1.0)
    assert (frame.stamp_ns, frame.frame_id, frame.name, frame.gravity) == (5, "cam", "a", None)


@pytest.mark.parametrize(
    ("companions", "key", "words"),
    [
        ({"depth": ros.depth(5, size=(32, 24))}, "depth_input", "32 x 24 pixels"),
        ({"depth": ros.depth(5, frame="ir")}, "depth_input", "aligned_depth_to_color"),
        (
            {"depth": ros.depth(5, frame="\0" * 5000)},
            "depth_input",
            'of frame "' + "?" * 80 + '...", the image',
        ),
        ({"depth": ros.colour(5)}, "depth_input", "rgb8"),
        ({"human": ros.mask(slice(0, 20), 5, (32, 24))}, "human_input", "32 x 24 pixels"),
        ({"object": ros.mask(slice(0, 0), 5)}, "object_input", "empty"),
        ({"object": ros.mask(slice(0, 64), 5)}, "object_input", "/object is left out: every pixel"),
        ({"object": ros.image(SHADES, "mono8", 5)}, "object_input", "found the values"),
        ({"depth": ros.depth(4)}, "companions", "no depth with the stamp"),
        (
            {"human": ros.mask(slice(0, 20), 5), "object": ros.mask(slice(0, 20), 5)},
            "masks",
            "nearly the same",
        ),
    ],
)
def test_what_cannot_be_used_is_left_out_and_said(companions: Any, key: str, words: str) -> None:
    frame, said = one_frame(companions)
    assert isinstance(frame, Frame), "the frame goes on without"
    assert frame.depth is None and frame.masks.human is None and frame.masks.object is None
    assert list(said) == [key] and words in said[key]


@pytest.mark.parametrize("pack", [lambda ids: ros.image(ids, "mono8", 5), ros.png_of_ids])
def test_one_topic_of_ids_is_the_mask_of_both(pack: Any) -> None:
    ids = np.zeros((48, 64), np.uint8)
    ids[:, :20], ids[:, 30:40] = 1, 2
    message = pack(ids)
    frame, said = one_frame({"human": message, "object": message}, human_mask_ids=[1], object_mask_ids=[2])
    assert said == {}
    assert np.array_equal(frame.masks.human, ids == 1) and np.array_equal(frame.masks.object, ids == 2)


def test_what_is_over_is_said_no_more() -> None:
    """The masks of one frame are useless, those of the next do not come."""
    said: dict[str, str] = {}
    hall = Hall(InputConfig(**ALL), said.__setitem__)
    hall.take_camera_info(ros.info(), 0)
    hall.take_companion("depth", ros.depth(5, size=(32, 24)), 0)
    hall.take_companion("human", ros.mask(slice(0, 20), 5), 0)
    hall.take_companion("object", ros.mask(slice(0, 20), 5), 0)
    for stamp, keys in ((5, {"depth_input", "masks"}), (6, {"companions"})):
        hall.take_image(ros.colour(stamp), 0)
        (bundle,) = hall.ready(None)
        assert isinstance(hall.frame(bundle, 0, "a"), Frame)
        assert {key for key, text in said.items() if text} == keys


def test_a_wait_is_told_about_while_it_lasts() -> None:
    said: dict[str, str] = {}
    hall = Hall(InputConfig(), said.__setitem__)
    hall.take_image(ros.colour(5), 0)
    (bundle,) = hall.ready(0)
    assert hall.frame(bundle, 0, "a") is None and any("no CameraInfo" in text for text in said.values())
    hall.take_camera_info(ros.info(), 1)
    assert isinstance(hall.frame(bundle, 1, "a"), Frame) and not any(said.values())


def test_a_tolerance_lets_depth_be_a_little_off() -> None:
    frame, said = one_frame({"depth": ros.depth(3_000_005)}, sync_tolerance_s=0.004)
    assert frame.depth is not None and said == {}


def test_depth_of_a_frame_that_is_written_differently_is_registered() -> None:
    frame, _ = one_frame({"depth": ros.depth(5, frame="/cam")})
    assert frame.depth is not None
    frame, _ = one_frame({"depth": ros.depth(5, frame="cam")}, ros.colour(5, frame="/cam"))
    assert frame.depth is not None and frame.frame_id == "cam"


def test_an_image_that_cannot_be_used_is_a_bad_frame() -> None:
    frame, _ = one_frame({}, ros.image(np.zeros((4, 4), np.uint8), "jpeg2000", 5))
    assert isinstance(frame, BadFrame) and "jpeg2000" in frame.reason and frame.frame_id == "cam"


def test_the_frame_of_results_may_be_set() -> None:
    frame, _ = one_frame({}, frame_id="robot_camera")
    assert frame.frame_id == "robot_camera"
    frame, _ = one_frame({}, ros.colour(5, frame=""))
    assert frame.frame_id == "camera_optical_frame"


def test_zero_stamps_stay_zero_and_are_paired() -> None:
    frame, said = one_frame({"depth": ros.depth(0)}, ros.colour(0))
    assert frame.stamp_ns == 0 and frame.depth is not None
    assert "stamp" not in said, "the session tells of them, once"


def test_camera_info_may_be_switched_off() -> None:
    hall = Hall(InputConfig(camera_info_topic="none", camera_info_timeout_s=9.0), lambda *_: None)
    hall.take_image(ros.colour(5), 0)
    (bundle,) = hall.ready(0)
    frame = hall.frame(bundle, 0, "a")
    assert isinstance(frame, Frame) and frame.camera.source == "guess"


def test_gravity_is_that_of_the_images_arrival() -> None:
    hall = Hall(InputConfig(gravity_frame="map", camera="50,50,32,24"), lambda *_: None)
    quaternion = tuple(Rotation.from_euler("x", -90, degrees=True).as_quat())
    hall.take_image(ros.colour(5), 0)
    hall.take_transforms(ros.transform("map", "/base", (0.0, 0.0, 0.0, 1.0)))
    hall.take_transforms(ros.transform("base", "cam", quaternion))
    hall.take_image(ros.colour(6), 1)
    frames: list[Any] = [hall.frame(bundle, 1, "a") for bundle in hall.ready(1)]
    before, after = frames
    assert before.gravity is None
    # A level camera in optical axes: y points down.
    np.testing.assert_allclose(after.gravity, [0, 1, 0], atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_gravity_follows_chains_of_transforms(seed: int) -> None:
    """The camera and the level frame hang on different branches of one tree."""
    rng = np.random.default_rng(seed)
    turns = [Rotation.random(random_state=rng) for _ in range(4)]
    tree = TfTree()
    for (parent, child), turn in zip(
        [("odom", "base"), ("base", "cam"), ("odom", "map"), ("map", "floor")], turns, strict=True
    ):
        tree.update(ros.transform(parent, child, tuple(turn.as_quat())))
    R_odom_cam, R_odom_floor = turns[0] * turns[1], turns[2] * turns[3]
    expected = R_odom_cam.inv().apply(R_odom_floor.apply([0, 0, -1]))
    found = tree.gravity("cam", "floor")
    assert found is not None and np.allclose(found, expected, atol=1e-9)
    assert tree.gravity("cam", "elsewhere") is None


def test_a_loop_or_a_broken_quaternion_does_no_harm() -> None:
    tree = TfTree()
    tree.update(ros.transform("a", "b", (0.0, 0.0, 0.0, 1.0)))
    tree.update(ros.transform("b", "a", (0.0, 0.0, 0.0, 1.0)))
    tree.update(ros.transform("a", "c", (0.0, 0.0, 0.0, 0.0)))
    assert tree.gravity("c", "z") is None
    found = tree.gravity("b", "a")
    assert found is not None and np.allclose(found, [0, 0, -1])


def test_a_run_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    warn = WarnOnce()
    with caplog.at_level(logging.WARNING):
        for text in ("depth is small", "", "depth is small", "depth is late"):
            warn("depth_input", text)
    assert [record.message for record in caplog.records] == ["depth is small", "depth is late"]

"""Which camera an image gets: CameraInfos in other words, of another camera, or of none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.errors import CameraError
from scorehoi_ros.frame.glimpse import check_frame
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.io.topics.camera import Cameras, shows_rectified
from scorehoi_ros.io.topics.frames import Hall
from scorehoi_ros.types import Frame
from tests import ros_messages as ros

SIZE = (64, 48)


def choose(cameras: Cameras, frame: str = "cam", stamp: int = 0, now: int = 0, arrived: int = 0) -> Any:
    return cameras.choose(SIZE, frame, stamp, (arrived, now))


def focal(choice: Any) -> float:
    return float(choice.camera.K[0, 0])


@pytest.mark.parametrize("name", ["x" * 5000, "\0lens\1", "lens\n\u2028"])
def test_odd_names_are_short_and_plain_in_the_words(name: str) -> None:
    cameras = Cameras("", 0)
    problems = []
    for info in (ros.info(frame=name), ros.info(d=[0.1] * 5, distortion_model=name)):
        cameras.update(info)
        problems.append(choose(cameras).problem)
    assert "CameraInfo is of frame" in problems[0] and "the distortion model" in problems[1]
    assert all(len(problem) < 600 and problem.isprintable() for problem in problems)


def test_camera_info_then_a_guess_after_the_timeout() -> None:
    cameras = Cameras("", 200)
    first = choose(cameras, now=100, arrived=100)
    assert first.camera is None and "no CameraInfo" in first.problem
    assert cameras.deadline_ns(100) == 300
    assert choose(cameras, now=299, arrived=100).camera is None
    assert choose(cameras, now=300, arrived=100).camera.source == "guess"
    assert choose(cameras, now=305, arrived=305).camera.source == "guess", (
        "those after it have waited with it"
    )
    cameras.update(ros.info())
    found = choose(cameras, now=310)
    assert (found.camera.source, focal(found), found.problem) == ("camera_info", 50, "")


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (ros.info(size=(128, 96)), "128 x 96"),
        (ros.info(focal=float("nan")), "finite"),
        (ros.info(focal=0.0), "positive"),
        (ros.info(frame="other"), '"other"'),
        (ros.info(distortion_model="equidistant", d=[0.1, 0, 0, 0, 0.1]), "equidistant, which has 4"),
        (ros.info(distortion_model="omni", d=[0.1]), '"omni"'),
        (ros.info(d=[1e30, 0, 0, 0, 0]), "next to nothing"),
        (ros.info(k=[50, 0, 32, 0, 50, 24, 0, 0, 0]), "0 0 1"),
        (ros.info(k=[50, 0, 32, 0, 50, 24]), "internal error"),
        (ros.info(size=(0, 0)), "image size must be positive"),
        (ros.info(binning_x=100), "image size must be positive"),
    ],
)
def test_an_unusable_camera_info_is_as_none_and_is_named(info: Any, words: str) -> None:
    cameras = Cameras("", 10)
    cameras.update(info)
    waiting = choose(cameras)
    assert waiting.camera is None and words in waiting.problem
    guess = choose(cameras, now=10)
    assert guess.camera.source == "guess" and words in guess.problem


@pytest.mark.parametrize(
    ("info", "first"),
    [
        (ros.info(distortion_model="equidistant", d=[0.1, 0, 0, 0, 0]), 50),
        (ros.info(distortion_model="none", d=[0.0] * 5), 50),
        (ros.info(distortion_model="Brown-Conrady", d=[0.1, 0, 0, 0, 0]), 50),
        (ros.info(size=(128, 96), binning_x=2, binning_y=2), 25),
        (ros.info(binning_x=2, binning_y=2), 50),
        (ros.info(k=[0.0] * 9, p=[60, 0, 32, -6, 0, 60, 24, 0, 0, 0, 1, 0]), 60),
    ],
)
def test_a_camera_info_in_other_words_is_used(info: Any, first: float) -> None:
    cameras = Cameras("", 10)
    cameras.update(info)
    choice = choose(cameras)
    assert (choice.camera.source, focal(choice), choice.problem) == ("camera_info", first, "")


def test_a_rectified_image_has_the_projection_and_no_distortion() -> None:
    fields: Any = {"d": [-0.3, 0, 0, 0, 0], "p": [60, 0, 32, 0, 0, 60, 24, 0, 0, 0, 1, 0]}
    for topic, first, terms in (("/c/image_rect/compressed", 60, 0), ("/c/image_raw", 50, 5)):
        hall = Hall(InputConfig(), lambda *_: None, topic)
        hall.take_camera_info(ros.info(5, **fields), 0)
        hall.take_image(ros.colour(5), 0)
        frame = hall.frame(hall.ready(None)[0], 0, "a")
        assert isinstance(frame, Frame)
        assert (frame.camera.K[0, 0], len(frame.camera.distortion)) == (first, terms)
    names = ("/a/image_rect", "image_rect_color", "/a/image_rect_raw/compressed", "/image", "/rect/image_raw")
    assert [shows_rectified(name) for name in names] == [True, True, True, False, False]


ODD = st.sampled_from([0.0, 1.0, -1.0, 0.01, 50.0, 1e30, -1e300, 1e308, 1e-300, float("nan"), float("inf")])


@given(
    k=st.lists(ODD, min_size=9, max_size=9),
    p=st.lists(ODD, min_size=12, max_size=12),
    d=st.lists(ODD, max_size=15),
    model=st.sampled_from(["plumb_bob", "equidistant", "rational_polynomial", "", "none", "omni"]),
    good=st.booleans(),
    binning=st.sampled_from([0, 1, 2, 2**32 - 1]),
)
def test_no_camera_info_ends_a_run(k: Any, p: Any, d: Any, model: str, good: bool, binning: int) -> None:
    k = [50, 0, 32, 0, 50, 24, 0, 0, 1] if good else k
    fields = {"k": k, "p": p, "d": d, "distortion_model": model, "binning_x": binning, "binning_y": binning}
    hall = Hall(InputConfig(), lambda *_: None)
    hall.take_camera_info(ros.info(5, **fields), 0)
    hall.take_image(ros.colour(5), 0)
    (bundle,) = hall.ready(None)
    frame = hall.frame(bundle, 10**12, "a")
    assert isinstance(frame, Frame)
    check_frame(frame)
    assert undistort_frame(frame).rgb.any(), "a camera that passes leaves something of the image"


@pytest.mark.parametrize(("a", "b"), [("cam", "/cam"), ("/cam", "cam"), ("", "cam"), ("cam", "")])
def test_frames_that_are_one_or_not_named(a: str, b: str) -> None:
    cameras = Cameras("", 10)
    cameras.update(ros.info(frame=a))
    assert choose(cameras, frame=b.lstrip("/")).camera.source == "camera_info"


def test_another_cameras_info_does_not_push_ours_out() -> None:
    cameras = Cameras("", 10)
    cameras.update(ros.info())
    cameras.update(ros.info(frame="other", focal=99))
    cameras.update(ros.info(size=(128, 96)))
    assert focal(choose(cameras)) == 50


@pytest.mark.parametrize("focal_length", [0.0, float("nan")])
def test_an_unusable_info_of_the_same_camera_does_not_push_ours_out(focal_length: float) -> None:
    cameras = Cameras("", 10)
    cameras.update(ros.info(stamp_ns=1))
    cameras.update(ros.info(stamp_ns=2, focal=focal_length))
    choice = choose(cameras, stamp=2)
    assert (choice.camera.source, focal(choice), choice.problem) == ("camera_info", 50, "")


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6), st.integers(0, 20), st.randoms())
def test_the_info_of_the_stamp_or_the_newest_before_it(stamps: list[int], stamp: int, random: Any) -> None:
    cameras = Cameras("", 10)
    random.shuffle(stamps)
    for s in stamps:
        cameras.update(ros.info(stamp_ns=s, focal=100 + s))
    before = [s for s in stamps if s <= stamp]
    assert focal(choose(cameras, stamp=stamp)) == 100 + (max(before) if before else min(stamps))


def test_users_camera_wins_and_must_fit(tmp_path: Any) -> None:
    cameras = Cameras("70,70,32,24", 0)
    cameras.update(ros.info())
    assert choose(cameras).camera.source == "user"
    with pytest.raises(CameraError):
        Cameras("70,70,32", 0)
    other = tmp_path / "camera.json"
    other.write_text('{"K": [50,0,20,0,50,15,0,0,1], "width": 40, "height": 30}')
    with pytest.raises(CameraError, match="40 x 30"):
        choose(Cameras(str(other), 0))

"""Bags as sources: topics, stamps, calibration, depth, masks, missing metadata and damage."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.frames import Source
from scorehoi_ros.io.pictures.codec import encode_jpeg
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame
from tests.bag_files import START_NS, STEP_NS, camera_info, compressed, image, storage_file, write_bag

COLOUR, INFO = "/cam/color/image_raw", "/cam/color/camera_info"
DEPTH = "/cam/aligned_depth_to_color/image_raw"
LOG_DELAY = 4_000_000


def frames_of(source: Source) -> list[Any]:
    """All frames, whatever they are."""
    return list(source.frames())


def pixels(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 255, (30, 40, 3), np.uint8)


def stamp(index: int) -> int:
    return START_NS + index * STEP_NS


def recording(count: int = 6) -> list:
    messages = []
    for index in range(count):
        messages.append((COLOUR, image(stamp(index), pixels(index)), stamp(index) + LOG_DELAY))
        messages.append((INFO, camera_info(stamp(index), 40, 30), stamp(index) + LOG_DELAY + 10))
    return messages


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("form", ["folder", "file", "no metadata"])
def test_frames_keep_stamps_pixels_and_calibration(tmp_path: Path, storage: str, form: str) -> None:
    folder = write_bag(tmp_path / "bag", recording(), storage)
    if form == "no metadata":
        (folder / "metadata.yaml").unlink()
    source = open_source(storage_file(folder) if form == "file" else folder)
    frames = frames_of(source)
    assert (source.kind, source.count) == ("bag", 6)
    assert source.rate_hz == pytest.approx(30, rel=0.01)
    assert [f.stamp_ns for f in frames] == [stamp(i) for i in range(6)]
    assert [f.log_ns for f in frames] == [stamp(i) + LOG_DELAY for i in range(6)]
    assert all(np.array_equal(f.rgb, pixels(i)) for i, f in enumerate(frames))
    assert frames[0].camera.source == "camera_info"
    assert frames[0].camera.K[1, 1] == 51
    assert frames[0].frame_id == "camera_color_optical_frame"
    assert len(frames_of(source)) == 6


def test_old_bags_without_definitions(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", recording(), "sqlite3")
    with sqlite3.connect(storage_file(folder)) as base:
        base.execute("DELETE FROM message_definitions")
    base.close()
    assert sum(isinstance(f, Frame) for f in frames_of(open_source(folder))) == 6


def test_compressed_images_and_a_user_camera(tmp_path: Path) -> None:
    rgb = np.full((30, 40, 3), (200, 100, 50), np.uint8)
    topic = COLOUR + "/compressed"
    messages = [(topic, compressed(stamp(i), encode_jpeg(rgb)), stamp(i)) for i in range(3)]
    messages += [(INFO, camera_info(stamp(0), 40, 30), stamp(0))]
    folder = write_bag(tmp_path / "bag", messages)
    frames = frames_of(open_source(folder, camera="60,60,19.5,14.5"))
    assert np.abs(frames[2].rgb.astype(int) - rgb).max() < 6
    assert frames[0].camera.source == "user"
    assert frames_of(open_source(folder))[0].camera.source == "camera_info"


def test_depth_and_masks_of_the_same_stamp(tmp_path: Path) -> None:
    depth = np.full((30, 40), 1500, np.uint16)
    mask = np.zeros((30, 40), np.uint8)
    mask[5:9] = 255
    messages = recording(4)
    for index in (0, 2):
        messages.append((DEPTH, image(stamp(index), depth + index, "16UC1"), stamp(index) + 2 * STEP_NS))
    for index in range(4):
        messages.append(("/masks/human_mask", image(stamp(index), mask, "mono8"), stamp(index) + LOG_DELAY))
        messages.append(("/masks/object_mask", image(stamp(index), 255 - mask, "mono8"), stamp(index)))
    messages.sort(key=lambda entry: entry[2])
    frames = frames_of(open_source(write_bag(tmp_path / "bag", messages)))
    assert [f.depth is not None for f in frames] == [True, False, True, False]
    assert np.allclose(frames[2].depth, 1.502)
    assert all(np.array_equal(f.masks.human, mask > 0) and f.masks.object.sum() == 26 * 40 for f in frames)
    assert frames[0].masks.human_score == 1.0


def test_one_topic_of_ids_is_the_mask_of_both(tmp_path: Path) -> None:
    ids = np.zeros((30, 40), np.uint16)
    ids[5:9], ids[20:25] = 300, 400
    messages = [*recording(2), *(("/ids", image(stamp(i), ids, "16UC1"), stamp(i)) for i in range(2))]
    messages.sort(key=lambda entry: entry[2])
    wanted = InputConfig(
        human_mask_topic="/ids", object_mask_topic="/ids", human_mask_ids=[300], object_mask_ids=[400]
    )
    folder = write_bag(tmp_path / "bag", messages)
    for frame in frames_of(open_source(folder, image_topic=COLOUR, inputs=wanted)):
        assert np.array_equal(frame.masks.human, ids == 300) and np.array_equal(
            frame.masks.object, ids == 400
        )


def test_topics_that_are_not_clear(tmp_path: Path) -> None:
    messages = [*recording(2), ("/other/image", image(stamp(0), pixels(0)), stamp(0))]
    folder = write_bag(tmp_path / "bag", messages)
    with pytest.raises(InputError, match=f"--image-topic.*{COLOUR}.*/other/image"):
        open_source(folder)
    assert len(frames_of(open_source(folder, image_topic="/other/image"))) == 1
    with pytest.raises(InputError, match=f"no topic /absent.*{INFO}"):
        open_source(folder, image_topic="/absent")
    with pytest.raises(InputError, match="no topic none"):
        open_source(folder, image_topic="none")
    with pytest.raises(InputError, match="CameraInfo"):
        open_source(folder, image_topic=INFO)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"depth_topic": INFO}, "CameraInfo. Expected sensor_msgs/msg/Image or"),
        ({"human_mask_topic": INFO}, "CameraInfo. Expected sensor_msgs/msg/Image or"),
        ({"camera_info_topic": COLOUR}, "Image. Expected sensor_msgs/msg/CameraInfo"),
        ({"depth_topic": "/absent"}, f"no topic /absent.*{INFO}"),
    ],
)
def test_topics_of_another_type_are_refused(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    folder = write_bag(tmp_path / "bag", recording(2))
    with pytest.raises(InputError, match=words):
        open_source(folder, inputs=InputConfig(**settings))


def test_a_bag_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no colour image topic"):
        open_source(write_bag(tmp_path / "bag", [(INFO, camera_info(stamp(0), 40, 30), stamp(0))]))


def test_bad_messages_become_bad_frames(tmp_path: Path) -> None:
    messages = recording(5)
    messages[2][1].encoding = "h264"
    messages[4][1].height = 0
    messages[6][1].data = messages[6][1].data[:100]
    frames = frames_of(open_source(write_bag(tmp_path / "bag", messages)))
    assert [type(f) for f in frames] == [Frame, BadFrame, BadFrame, BadFrame, Frame]
    for frame, words in zip(frames[1:4], ("h264", "40x0", "truncated"), strict=True):
        assert words in frame.reason
    assert [f.stamp_ns for f in frames] == [stamp(i) for i in range(5)]
    assert frames[1].frame_id == "camera_color_optical_frame"


def test_damaged_messages_beside_the_image_are_told_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_bag(tmp_path / "bag", recording(4), "sqlite3")
    with sqlite3.connect(storage_file(folder)) as base:
        # Each is cut off at another length.
        infos = "topic_id = (SELECT id FROM topics WHERE name = ?)"
        base.execute(f"UPDATE messages SET data = substr(data, 1, 40 + id) WHERE {infos}", (INFO,))
    base.close()
    frames = frames_of(open_source(folder))
    assert [f.camera.source for f in frames] == ["guess"] * 4
    told = [r.message for r in caplog.records if "damaged" in r.message]
    assert len(told) == 1 and INFO in told[0]


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (camera_info(1, 80, 60), "80 x 60"),
        (camera_info(1, 40, 30, [np.nan] * 9), "finite"),
        (camera_info(1, 40, 30, [0] * 9), "positive"),
    ],
)
def test_unusable_calibration_is_said_and_guessed(
    tmp_path: Path, info: object, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [(COLOUR, image(stamp(i), pixels(i)), stamp(i)) for i in range(3)]
    messages += [(INFO, info, stamp(0))]
    frames = frames_of(open_source(write_bag(tmp_path / "bag", messages)))
    assert [f.camera.source for f in frames] == ["guess"] * 3
    assert sum(words in record.message for record in caplog.records) == 1


def test_images_wait_for_a_calibration_that_comes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Within the timeout; after it they get a guess, and the calibration once it is there."""
    messages = [(COLOUR, image(stamp(i), pixels(i)), stamp(i)) for i in range(6)]
    messages += [(INFO, camera_info(stamp(4), 40, 30), stamp(4) + 1)]
    messages.sort(key=lambda entry: entry[2])
    folder = write_bag(tmp_path / "bag", messages)
    sources = [f.camera.source for f in frames_of(open_source(folder))]
    assert sources == ["camera_info"] * 6 and not caplog.records, "this is a healthy recording"
    short = InputConfig(camera_info_timeout_s=0.1)
    sources = [f.camera.source for f in frames_of(open_source(folder, inputs=short))]
    assert sources == ["guess"] * 5 + ["camera_info"]
    assert ["no CameraInfo" in record.message for record in caplog.records] == [True]


def test_topics_may_be_switched_off(tmp_path: Path) -> None:
    depth = np.full((30, 40), 1500, np.uint16)
    folder = write_bag(tmp_path / "bag", [*recording(1), (DEPTH, image(stamp(0), depth, "16UC1"), stamp(0))])
    assert frames_of(open_source(folder))[0].depth is not None
    off = InputConfig(depth_topic="none", camera_info_topic="none")
    frame = frames_of(open_source(folder, inputs=off))[0]
    assert frame.depth is None and frame.camera.source == "guess"


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_cut_off_bag_gives_its_frames_then_the_reason(tmp_path: Path, storage: str, metadata: bool) -> None:
    count = 400
    folder = write_bag(tmp_path / "bag", recording(count), storage)
    if not metadata:
        (folder / "metadata.yaml").unlink()
    file = storage_file(folder)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 7 // 10])
    frames = frames_of(open_source(folder))
    good = [f for f in frames if isinstance(f, Frame)]
    assert 50 < len(good) < count
    assert [f.stamp_ns for f in good] == [stamp(i) for i in range(len(good))]
    assert np.array_equal(good[-1].rgb, pixels(len(good) - 1))
    assert isinstance(frames[-1], BadFrame)
    assert len(frames) == len(good) + 1
    assert file.name in frames[-1].reason
    assert frames[-1].stamp_ns > good[-1].stamp_ns


@pytest.mark.parametrize("log_ns", [0, START_NS])
@pytest.mark.parametrize("stamped", [True, False])
def test_a_recording_of_one_moment_keeps_order_and_companions(
    tmp_path: Path, log_ns: int, stamped: bool
) -> None:
    """Some converters give every message the same log time."""
    messages = []
    for i in range(4):
        when = stamp(i) if stamped else 0
        depth = np.full((30, 40), 1500 + i, np.uint16)
        messages += [(INFO, camera_info(when, 40, 30), log_ns), (COLOUR, image(when, pixels(i)), log_ns)]
        messages += [(DEPTH, image(when, depth, "16UC1"), log_ns)]
    frames = frames_of(open_source(write_bag(tmp_path / "bag", messages)))
    assert [f.camera.source for f in frames] == ["camera_info"] * 4
    for i, frame in enumerate(frames):
        assert np.array_equal(frame.rgb, pixels(i)) and np.allclose(frame.depth, 1.5 + i / 1000)


@pytest.mark.parametrize("name", ["x.mcap", "x.db3"])
@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"\x89MCAP0\r\n" + bytes(40)])
def test_not_a_bag(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="bag"):
        open_source(tmp_path / name)


def test_random_damage_never_raises_anything_else(tmp_path: Path) -> None:
    folder = write_bag(tmp_path / "bag", recording(4))
    file = storage_file(folder)
    content = file.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(40):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 8):
            damaged[position] ^= int(rng.integers(1, 256))
        file.write_bytes(damaged)
        try:
            frames_of(open_source(file))
        except InputError as error:
            assert "bag" in str(error) or "topic" in str(error)

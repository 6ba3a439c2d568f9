"""Videos and image folders as sources: order, stamps, rotation, damage, and errors in words."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from scorehoi_ros.errors import CameraError, InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.frames import Source
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame
from tests.shared_data import SHARED, needs_shared


def frames_of(source: Source) -> list[Any]:
    """All frames, whatever they are."""
    return list(source.frames())


def write_video(
    path: Path, times_ms: list[int], size: tuple[int, int] = (64, 48), options: dict | None = None
) -> Path:
    """A clip whose left half gets brighter with time; a white bar marks the top."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.options = {"crf": "10", "g": "5"}
        for index, time in enumerate(times_ms):
            rgb = np.zeros((size[1], size[0], 3), np.uint8)
            rgb[:, : size[0] // 2] = 10 * index + 20
            rgb[: size[1] // 4] = 255
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def images(folder: Path, names: list[str], size: tuple[int, int] = (40, 30)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        assert cv2.imwrite(str(folder / name), np.full((size[1], size[0], 3), 20 * index + 30, np.uint8))
    return folder


def test_images_in_natural_order_with_stamps(tmp_path: Path) -> None:
    folder = images(tmp_path / "in", ["10.png", "2.bmp", "b.jpg", "1.webp"])
    (folder / "notes.txt").write_text("not an image")
    source = open_source(folder, rate_hz=4)
    frames = frames_of(source)
    assert source.kind == "images"
    assert source.count == 4
    assert [f.name for f in frames] == ["1", "2", "10", "b"]
    assert [f.stamp_ns for f in frames] == [0, 250_000_000, 500_000_000, 750_000_000]
    assert all(isinstance(f, Frame) and f.rgb.shape == (30, 40, 3) for f in frames)
    assert frames[0].camera.source == "guess"


def test_bad_images_are_marked_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = images(tmp_path, ["a.png", "b.png", "c.png", "d.jpg"])
    (folder / "b.png").write_bytes(b"")
    (folder / "d.jpg").write_bytes((folder / "d.jpg").read_bytes()[:300])
    frames = frames_of(open_source(folder, camera="50,50,20,15"))
    assert [type(f) for f in frames] == [Frame, BadFrame, Frame, BadFrame]
    assert "b.png" in frames[1].reason
    assert "empty" in frames[1].reason
    assert "truncated" in frames[3].reason
    assert frames[0].camera.source == "user"
    assert frames[0].camera.K[0, 0] == 50


def test_one_image_file(tmp_path: Path) -> None:
    images(tmp_path, ["only.png", "other.png"])
    assert [f.name for f in frames_of(open_source(tmp_path / "only.png"))] == ["only"]


def test_a_wrong_calibration_stops_at_once_but_a_strange_image_does_not(tmp_path: Path) -> None:
    images(tmp_path / "in", ["a.png", "c.png"])
    images(tmp_path / "in", ["b.png"], size=(20, 20))
    calibration = tmp_path / "camera.json"
    calibration.write_text('{"K": [50,0,20,0,50,15,0,0,1], "width": 40, "height": 30}')
    frames = frames_of(open_source(tmp_path / "in", camera=str(calibration)))
    assert [type(f) for f in frames] == [Frame, BadFrame, Frame]
    assert "40 x 30" in frames[1].reason
    with pytest.raises(CameraError, match="fx,fy,cx,cy"):
        frames_of(open_source(tmp_path / "in", camera="1,2,three"))[0]


def test_folder_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no images.*\.webp"):
        open_source(tmp_path)
    images(tmp_path, ["a.png", "a.jpg"])
    with pytest.raises(InputError, match="several images named 'a'"):
        open_source(tmp_path)
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(InputError, match="masks folder"):
        open_source(tmp_path, masks_dir=tmp_path / "nowhere")
    (tmp_path / "masks").mkdir()
    with pytest.raises(InputError, match=r"a_human\.png"):
        open_source(tmp_path, masks_dir=tmp_path / "masks")


@pytest.mark.parametrize(
    ("name", "words"),
    [("absent.mp4", "does not exist.*rosbag2"), ("data.txt", "not known.*rosbag2"), ("x.bag", "ROS 1")],
)
def test_unknown_inputs_list_what_is_supported(tmp_path: Path, name: str, words: str) -> None:
    if not name.startswith("absent"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(InputError, match=words):
        open_source(tmp_path / name)


def test_video_keeps_a_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 33, 66, 150, 151, 400, 433]
    source = open_source(write_video(tmp_path / "clip.mp4", times))
    frames = frames_of(source)
    assert source.kind == "video"
    assert source.count == len(frames) == len(times)
    assert [f.name for f in frames[:2]] == ["000000", "000001"]
    assert np.allclose([f.stamp_ns / 1e6 for f in frames], times, atol=0.1)
    assert [int(f.rgb[30, 5, 0]) for f in frames] == pytest.approx([10 * i + 20 for i in range(7)], abs=6)
    assert frames_of(open_source(tmp_path / "clip.mp4"))[2].stamp_ns == frames[2].stamp_ns


def test_video_masks_are_named_by_the_index(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [0, 33, 66])
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20] = 255
    images(tmp_path / "masks", ["clip_human.png"])
    with pytest.raises(InputError, match=r"000000_human\.png.*clip"):
        open_source(path, masks_dir=tmp_path / "masks")
    cv2.imwrite(str(tmp_path / "masks" / "000001_human.png"), mask)
    frames = frames_of(open_source(path, masks_dir=tmp_path / "masks"))
    assert [f.masks.human is not None for f in frames] == [False, True, False]
    assert frames[1].masks.human.sum() == 640


def test_masks_of_another_shape_mark_the_frame(tmp_path: Path) -> None:
    images(tmp_path, ["a.png", "b.png"])
    images(tmp_path / "m", ["a_human.png"], size=(20, 40))
    frames = frames_of(open_source(tmp_path, masks_dir=tmp_path / "m"))
    assert isinstance(frames[0], BadFrame)
    assert "a_human.png" in frames[0].reason
    assert isinstance(frames[1], Frame)


def test_video_rotation_is_applied(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [0, 33])
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    turned = [0, 1 << 16, 0, (-1 << 16) & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in turned)
    path.write_bytes(content)
    rgb = frames_of(open_source(path))[0].rgb
    assert rgb.shape == (64, 48, 3)
    # Shown 90 degrees clockwise: the white bar of the top goes to the right, the grey left half to the top.
    assert rgb[:, 40:].min() > 200
    assert 5 < rgb[5, 10, 0] < 60
    assert rgb[60, 10, 0] < 5


def test_truncated_video_gives_frames_then_a_reason(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", list(range(0, 1000, 33)), options={"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 4 // 5])
    frames = frames_of(open_source(path))
    assert all(isinstance(f, Frame) for f in frames[:5])
    assert isinstance(frames[-1], BadFrame)
    assert "clip.mp4 is damaged" in frames[-1].reason
    assert frames[-1].stamp_ns > frames[-2].stamp_ns
    assert 5 < len(frames) < 31


def test_damaged_video_never_raises(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", list(range(0, 700, 33)), size=(320, 240))
    content = bytearray(path.read_bytes())
    assert all(isinstance(f, Frame) for f in frames_of(open_source(path)))
    for position in np.random.default_rng(0).integers(len(content) // 2, len(content) - 200, 20):
        content[position] ^= 0xFF
    path.write_bytes(content)
    frames = frames_of(open_source(path))
    assert isinstance(frames[0], Frame)
    assert isinstance(frames[-1], BadFrame)
    stamps = [f.stamp_ns for f in frames]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize("content", [b"", b"not a video at all" * 50])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be opened as a video"):
        open_source(path)


def test_video_without_its_index(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", list(range(0, 700, 33)))
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match="cut off"):
        open_source(path)


@needs_shared
def test_real_videos() -> None:
    source = open_source(SHARED / "video" / "juggle_football.mp4")
    frames: Iterator[Any] = source.frames()
    first, second = next(frames), next(frames)
    assert source.count == 247
    assert first.rgb.shape == (720, 1280, 3)
    assert second.stamp_ns - first.stamp_ns == pytest.approx(1e9 / (source.rate_hz or 0), rel=0.01)
    assert frames_of(open_source(SHARED / "video" / "bottle.webm"))[0].rgb.std() > 10

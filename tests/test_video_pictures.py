"""Video pictures as players show them: shape of pixels, colours by tag and size; codecs that nobody knows."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.source import open_source

RED = (251, 20, 30)
LIMITED, FULL = 1, 2
BT709, BT601, BT2020 = 1, 5, 9


def write(
    path: Path,
    size: tuple[int, int],
    matrix: int,
    span: int,
    tagged: bool,
    ratio: Fraction | None = None,
    count: int = 1,
) -> Path:
    """A clip of a flat red with the given matrix and range, with or without their tags."""
    rgb = np.full((size[1], size[0], 3), RED, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.options = {"crf": "5", "preset": "ultrafast"}
        if tagged:
            stream.codec_context.colorspace, stream.codec_context.color_range = matrix, span
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        picture = VideoReformatter().reformat(
            av.VideoFrame.from_ndarray(rgb, format="rgb24"), format="yuv420p",
            src_colorspace=BT601 if matrix == BT709 else BT709, dst_colorspace=matrix,
            src_color_range=FULL, dst_color_range=span,
        )  # fmt: skip
        for index in range(count):
            picture.pts, picture.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def first(path: Path, **options: Any) -> Any:
    return next(iter(open_source(path, **options).frames()))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    ("size", "matrix", "span", "tagged"),
    [
        ((320, 240), BT601, LIMITED, True),
        ((320, 240), BT709, LIMITED, True),
        ((320, 240), BT709, FULL, True),
        ((320, 240), BT601, FULL, True),
        ((320, 240), BT2020, LIMITED, True),
        ((320, 240), BT601, LIMITED, False),
        ((704, 576), BT601, LIMITED, False),
        ((1280, 544), BT709, LIMITED, False),
        ((960, 720), BT709, LIMITED, False),
    ],
)
def test_colours_by_the_tags_and_by_the_size_without(
    tmp_path: Path, size: tuple[int, int], matrix: int, span: int, tagged: bool, suffix: str
) -> None:
    rgb = first(write(tmp_path / f"clip{suffix}", size, matrix, span, tagged)).rgb
    assert np.abs(rgb.reshape(-1, 3).mean(axis=0) - RED).max() < 5


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        ("2/1", (128, 48)),
        ("1/2", (64, 96)),
        ("16/11", (93, 48)),
        ("1000/1001", (64, 48)),
        ("1/1000", (64, 48)),
    ],
)
def test_pixels_become_square(tmp_path: Path, ratio: str, shown: tuple[int, int]) -> None:
    path = write(tmp_path / "clip.mp4", (64, 48), BT601, LIMITED, True, Fraction(ratio))
    frame = first(path, camera=f"80,80,{shown[0] / 2},{shown[1] / 2}")
    assert frame.rgb.shape == (shown[1], shown[0], 3)
    assert (frame.camera.width, frame.camera.height) == shown


def test_a_stretched_picture_is_said_and_then_turned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    path = write(tmp_path / "clip.mp4", (64, 48), BT601, LIMITED, True, Fraction(2))
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    turned = [0, 1 << 16, 0, (-1 << 16) & 0xFFFFFFFF, 0, 0, 0, 0, 1 << 30]
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big") for value in turned)
    path.write_bytes(content)
    assert first(path).rgb.shape == (128, 48, 3)
    assert sum("64 x 48 are stretched to 128 x 48" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("brand", [b"zzzz", b"\0\0\0\0", b"hvc9"])
def test_a_codec_that_is_not_known(tmp_path: Path, brand: bytes) -> None:
    path = write(tmp_path / "clip.mp4", (64, 48), BT601, LIMITED, True)
    content = path.read_bytes()
    assert b"avc1" in content
    path.write_bytes(content.replace(b"avc1", brand))
    with pytest.raises(InputError, match=r"codec is not known.*ffmpeg -i"):
        open_source(path)


def test_a_video_cut_anywhere_ends_in_words(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mp4", (64, 48), BT601, LIMITED, True)
    with (
        av.open(str(path)) as container,
        av.open(str(tmp_path / "front.mp4"), "w", options={"movflags": "faststart"}) as target,
    ):
        copy = target.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    content = (tmp_path / "front.mp4").read_bytes()
    for length in range(8, len(content), 16):
        path.write_bytes(content[:length])
        try:
            frames = list(open_source(path).frames())
        except InputError as error:
            assert path.name in str(error)
        else:
            assert isinstance(frames[-1], BadFrame) or length > len(content) - 64

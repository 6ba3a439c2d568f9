"""Photos as people have them: types, orientation, and what a folder leaves out."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from scorehoi_ros.datasets.files import read_image
from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.image import decode_mask_file
from scorehoi_ros.io.pictures.codec import decode_compressed
from scorehoi_ros.io.pictures.photos import decode_photo
from scorehoi_ros.io.source import open_source
from scorehoi_ros.io.topics.decode import rgb_of
from tests.bag_files import compressed
from tests.test_io_sources import frames_of, images
from tests.test_misuse import png_of_size

STORED = np.zeros((40, 60, 3), np.uint8)
STORED[:20] = 230, 60, 60
"""The upper half is red."""

ANIMATED: dict[str, Any] = {"save_all": True, "append_images": [Image.new("RGB", (60, 40))]}


def photo(kind: str, orientation: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    target = io.BytesIO()
    image = Image.fromarray(STORED)
    image.save(target, kind, **({} if kind == "GIF" else {"exif": exif}), **options)
    return target.getvalue()


def damaged(kind: str, place: int, value: int) -> bytes:
    content = bytearray(photo(kind))
    content[place] = value
    return bytes(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize(("orientation", "turns", "mirrored"), [(1, 0, False), (3, 2, False), (6, 3, False),
                                                                (8, 1, False), (2, 0, True)])  # fmt: skip
def test_every_type_is_turned_upright(kind: str, orientation: int, turns: int, mirrored: bool) -> None:
    rgb = decode_photo(photo(kind, orientation))
    expected = np.rot90(STORED, turns)
    expected = expected[:, ::-1] if mirrored else expected
    assert rgb.shape == expected.shape
    assert np.abs(rgb.astype(int) - expected).mean() < 10


def test_messages_are_turned_like_files() -> None:
    content = photo("WEBP", 6)
    assert np.array_equal(rgb_of(compressed(0, content, "webp")), decode_photo(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(photo("GIF", **ANIMATED), "2 pictures.*ffmpeg", id="GIF"),
        pytest.param(photo("WEBP", **ANIMATED), "2 pictures", id="WebP"),
        pytest.param(b"\0\0\0\x18ftypheic" + b"\0" * 50, "HEIC.*heif-convert", id="HEIC named .jpg"),
        pytest.param(photo("WEBP")[:60], "decoded|truncated", id="cut WebP"),
        pytest.param(photo("AVIF")[:120], "decoded|not a readable", id="cut AVIF"),
        pytest.param(photo("GIF")[:20], "not a readable", id="cut GIF"),
        pytest.param(photo("JPEG2000")[:80], "decoded|not a readable", id="cut JPEG 2000"),
        pytest.param(photo("PPM"), "not a readable", id="of a type that is not ours"),
        pytest.param(photo("PNG").replace(b"IDAT", b"IDA\0"), "no whole picture", id="PNG without picture"),
        pytest.param(png_of_size(12000, 12000), "claims 12000x12000", id="huge"),
        pytest.param(png_of_size(30000, 30000), "claims more", id="absurd"),
        pytest.param(b"", "empty", id="empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decode_photo(content)


@pytest.mark.parametrize("content", [damaged("JPEG2000", 54, 0), b"", photo("GIF"), png_of_size(2**21, 2)])
def test_no_other_door_leads_to_opencv(content: bytes, tmp_path: Path) -> None:
    """Masks, messages and pictures of data sets: what it does not survive, or answers in its own words."""
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_image(tmp_path / "a.jpg")
    for decode in (decode_compressed, *(() if content.startswith(b"GIF") else (decode_mask_file,))):
        with pytest.raises(InputError):
            decode(content)


def test_a_damaged_jpeg_2000_is_survived() -> None:
    """One wrong byte, with which OpenCV ends the process."""
    assert decode_photo(damaged("JPEG2000", 54, 0)).shape == STORED.shape


def test_jpeg_2000_of_sixteen_bits_keeps_its_range() -> None:
    values = (np.arange(40 * 60).reshape(40, 60) * 1.5).astype(np.uint16)
    target = io.BytesIO()
    Image.fromarray(values).save(target, "JPEG2000")
    rgb = decode_photo(target.getvalue())
    assert rgb.shape == (40, 60, 3) and np.array_equal(rgb[..., 1], values >> 4)


def test_a_folder_of_all_types(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kinds = {
        "a.jpg": "JPEG",
        "b.JFIF": "JPEG",
        "c.tiff": "TIFF",
        "d.gif": "GIF",
        "e.webp": "WEBP",
        "f.avif": "AVIF",
    }
    for name, kind in kinds.items():
        (tmp_path / name).write_bytes(photo(kind))
    for name in ("g.heic", "h.HEIC", "i.dng", "j.mov", "readme", ".hidden.jpg"):
        (tmp_path / name).touch()
    frames = frames_of(open_source(tmp_path))
    assert [f.name for f in frames] == ["a", "b", "c", "d", "e", "f"]
    assert all(f.rgb.shape == STORED.shape for f in frames)
    lines = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    assert len(lines) == 1 and lines[0].startswith("6 of 11 files are labelled")
    for words in ("2 .heic (HEIC is not read; convert", "1 .dng (raw", "1 .mov (not an", "1 without suffix"):
        assert words in lines[0]


def test_nothing_is_said_about_a_plain_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images(tmp_path, ["a.png", "b.png"])
    assert cv2.imwrite(str(tmp_path / "a_human.png"), np.eye(30, 40) * 255)
    frames = frames_of(open_source(tmp_path, masks_dir=tmp_path))
    assert [f.masks.human is not None for f in frames] == [True, False]
    assert not caplog.records

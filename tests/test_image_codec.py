"""Decoding of image messages: encodings, padding, byte order, and clear errors for bad values."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.pictures import codec
from scorehoi_ros.io.pictures.bit_range import BitRange, darkness


def picture(height: int = 6, width: int = 8) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def smooth(height: int = 32, width: int = 48) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, 255 - x * 3 - y], axis=2).clip(0, 255).astype(np.uint8)


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 7),
    st.sampled_from(["rgb8", "bgr8", "rgba8", "bgra8"]),
)
def test_packed_colours_with_any_padding(height: int, width: int, pad: int, encoding: str) -> None:
    rgb = picture(height, width)
    colours = rgb if encoding.startswith("rgb") else rgb[:, :, ::-1]
    if encoding.endswith("a8"):
        colours = np.concatenate([colours, np.full((height, width, 1), 9, np.uint8)], axis=2)
    padded = np.concatenate([colours.reshape(height, -1), np.full((height, pad), 77, np.uint8)], axis=1)
    decoded = codec.decode_image(encoding, height, width, padded.shape[1], False, padded.tobytes())
    assert np.array_equal(decoded, rgb)
    last_row_unpadded = padded.tobytes()[: padded.size - pad]
    assert np.array_equal(
        codec.decode_image(encoding, height, width, padded.shape[1], False, last_row_unpadded), rgb
    )


@pytest.mark.parametrize("big", [False, True])
def test_sixteen_bit_byte_order(big: bool) -> None:
    rgb = picture()
    wide = (rgb.astype(np.uint16) << 8 | 0x5A).astype(">u2" if big else "<u2")
    assert np.array_equal(codec.decode_image("rgb16", 6, 8, 48, big, wide.tobytes()), rgb)
    mono = codec.decode_image("mono16", 6, 8, 16, big, wide[:, :, 0].tobytes())
    assert np.array_equal(mono, np.repeat(rgb[:, :, :1], 3, axis=2))


def test_mono_and_generic_encodings() -> None:
    rgb = picture()
    assert np.array_equal(
        codec.decode_image("mono8", 6, 8, 8, False, rgb[:, :, 1].tobytes())[:, :, 2], rgb[:, :, 1]
    )
    assert np.array_equal(codec.decode_image("8UC3", 6, 8, 24, False, rgb[:, :, ::-1].tobytes()), rgb)


@pytest.mark.parametrize(
    ("encoding", "first"), [("bayer_rggb8", 0), ("bayer_bggr8", 2), ("bayer_grbg8", 1), ("bayer_gbrg8", 1)]
)
def test_bayer_patterns_keep_flat_colours(encoding: str, first: int) -> None:
    colour = np.array([200, 120, 40], np.uint8)
    layout = {"rggb": "RGGB", "bggr": "BGGR", "grbg": "GRBG", "gbrg": "GBRG"}[encoding[6:10]]
    tile = np.array([colour["RGB".index(c)] for c in layout], np.uint8).reshape(2, 2)
    assert tile[0, 0] == colour[first]
    mosaic = np.tile(tile, (8, 8))
    decoded = codec.decode_image(encoding, 16, 16, 16, False, mosaic.tobytes())
    assert np.abs(decoded[4:-4, 4:-4].astype(int) - colour).max() <= 1
    wide = (mosaic.astype("<u2") << 8).tobytes()
    assert np.array_equal(codec.decode_image(encoding[:-1] + "16", 16, 16, 32, False, wide), decoded)


@pytest.mark.parametrize(("encoding", "order"), [("yuv422", (1, 0)), ("yuv422_yuy2", (0, 1))])
def test_yuv422(encoding: str, order: tuple[int, int]) -> None:
    ycc = cv2.cvtColor(np.full((4, 8, 3), (180, 90, 60), np.uint8), cv2.COLOR_RGB2YUV)
    luma, u, v = ycc[0, 0].astype(float)
    luma, u, v = 16 + luma * 219 / 255, 128 + (u - 128) * 1.14, 128 + (v - 128) * 0.80
    chroma = np.tile(np.array([u, v]), (4, 4)).reshape(4, 8)
    pair = np.stack([np.full((4, 8), luma), chroma], axis=2)[:, :, list(order)]
    decoded = codec.decode_image(encoding, 4, 8, 16, False, pair.astype(np.uint8).tobytes())
    assert np.abs(decoded.astype(int) - (180, 90, 60)).max() < 16


def test_nv12_grey_and_odd_size() -> None:
    planes = np.concatenate([np.full((4, 6), 126, np.uint8), np.full((2, 6), 128, np.uint8)])
    decoded = codec.decode_image("nv12", 4, 6, 6, False, planes.tobytes())
    assert decoded.shape == (4, 6, 3)
    assert np.abs(decoded.astype(int) - 128).max() <= 2
    with pytest.raises(InputError, match="even"):
        codec.decode_image("nv12", 3, 6, 6, False, planes.tobytes())


def test_depth_units_and_unknown() -> None:
    millimetres = np.array([[0, 1500], [2345, 65535]], np.uint16)
    for big in (False, True):
        data = millimetres.astype(">u2" if big else "<u2").tobytes()
        depth = codec.decode_depth("16UC1", 2, 2, 4, big, data)
        assert np.allclose(depth, [[0, 1.5], [2.345, 65.535]])
    metres = np.array([[np.nan, np.inf], [-1.0, 1.25]], "<f4")
    depth = codec.decode_depth("32FC1", 2, 2, 8, False, metres.tobytes())
    assert np.array_equal(depth, np.array([[0, 0], [0, 1.25]]))


def test_masks() -> None:
    mask = np.array([[0, 255, 0], [255, 0, 0]], np.uint8)
    assert np.array_equal(codec.decode_mask("mono8", 2, 3, 3, False, mask.tobytes()), mask > 0)
    assert np.array_equal(codec.decode_mask("mono8", 2, 3, 3, False, (mask // 255).tobytes()), mask > 0)
    with pytest.raises(InputError, match="mono8"):
        codec.decode_mask("yuyv", 2, 3, 6, False, mask.tobytes())
    for encoding, kind, value in (("mono16", ">u2", 1), ("32SC1", ">i4", 70_000), ("32FC1", ">f4", 0.9)):
        values = (mask > 0).astype(kind) * np.array(value, kind)
        data = values.astype(kind).tobytes()
        assert np.array_equal(codec.decode_mask(encoding, 2, 3, 0, True, data), mask > 0)
    blue = np.zeros((2, 3, 4), np.uint8)
    blue[..., 0], blue[..., 3] = mask // 2, 255
    assert np.array_equal(codec.decode_mask("bgra8", 2, 3, 12, False, blue.tobytes()), mask > 0)
    ids = np.array([[0, 1, 2]], np.uint8)
    assert codec.decode_mask("8UC1", 1, 3, 3, False, ids.tobytes(), {2}).tolist() == [[False, False, True]]


def test_compressed_colour() -> None:
    rgb = smooth()
    png = cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes()
    assert np.array_equal(codec.decode_compressed(png), rgb)
    decoded = codec.decode_compressed(codec.encode_jpeg(rgb, 95))
    assert np.abs(decoded.astype(int) - rgb).mean() < 3


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_truncated_files_are_refused(suffix: str) -> None:
    content = cv2.imencode(suffix, smooth())[1].tobytes()
    with pytest.raises(InputError):
        codec.decode_compressed(content[: len(content) * 2 // 3])
    for junk in (b"", b"hello", b"\xff\xd8", b"\x89PNG\r\n"):
        with pytest.raises(InputError):
            codec.decode_compressed(junk)


def test_compressed_depth() -> None:
    metres = np.array([[0.0, 0.8], [2.0, 4.0]], np.float32)
    png = cv2.imencode(".png", (metres * 1000).astype(np.uint16))[1].tobytes()
    header = struct.pack("<iff", 0, 0.0, 0.0)
    assert np.allclose(codec.decode_compressed_depth("16UC1; compressedDepth png", header + png), metres)
    assert np.allclose(codec.decode_compressed_depth("png", png), metres)
    quant_a, quant_b = 10000.0, -10.0
    with np.errstate(divide="ignore"):
        inverse = np.where(metres > 0, quant_a / metres + quant_b, 0).round().astype(np.uint16)
    packed = struct.pack("<iff", 0, quant_a, quant_b) + cv2.imencode(".png", inverse)[1].tobytes()
    assert np.allclose(codec.decode_compressed_depth("32FC1; compressedDepth", packed), metres, atol=2e-3)
    with pytest.raises(InputError, match="rvl"):
        codec.decode_compressed_depth("16UC1; compressedDepth rvl", header + png)


def test_a_claimed_size_is_refused_before_room_is_made_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorehoi_ros.io.pictures.header.MAX_PIXELS", 99)
    png = cv2.imencode(".png", np.ones((10, 10), np.uint16))[1].tobytes()
    for decode in (
        lambda: codec.decode_compressed_depth("png", png),
        lambda: codec.decode_compressed_depth("16UC1; compressedDepth png", bytes(12) + png),
        lambda: codec.decode_compressed(png),
    ):
        with pytest.raises(InputError, match="10x10"):
            decode()


@pytest.mark.parametrize(
    ("encoding", "height", "width", "step", "size", "words"),
    [
        ("rgb8", 0, 8, 24, 0, "0 pixels|8x0"),
        ("rgb8", 4, 0, 0, 0, "0x4"),
        ("rgb8", 4, 8, 24, 95, "truncated"),
        ("rgb8", 4, 8, 23, 96, "step"),
        ("rgb8", 4, 1 << 20, 24, 96, "1 to"),
        ("16UC1", 4, 8, 16, 64, "depth"),
        ("h264", 4, 8, 24, 96, "Supported"),
        ("", 4, 8, 24, 96, "Supported"),
        ("yuv422", 4, 7, 14, 56, "even"),
    ],
)
def test_bad_images_say_why(encoding: str, height: int, width: int, step: int, size: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        codec.decode_image(encoding, height, width, step, False, bytes(size))


def test_padding_after_the_last_row_costs_nothing() -> None:
    """A message may claim any step; one of 2 GB once ended in a MemoryError."""
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 8, 3)
    rgb = codec.decode_image("rgb8", 1, 8, 2**31 - 1, False, pixels.tobytes())
    assert np.array_equal(rgb, pixels)


def mono16(values: np.ndarray, bits: BitRange | None = None) -> np.ndarray:
    height, width = values.shape
    return codec.decode_image("mono16", height, width, 2 * width, False, values.astype("<u2").tobytes(), bits)


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bgra16", "bayer_rggb16", "png", "mono16; png"])
def test_bits_of_a_sensor_in_sixteen(depth: int, encoding: str) -> None:
    eight = np.repeat(np.repeat(smooth(16, 24), 2, axis=0), 2, axis=1)
    if "mono" in encoding or "bayer" in encoding:
        eight = np.repeat(eight[:, :, 2:], 3, axis=2)
    assert eight.max() == 255
    wide = (eight.astype(np.uint16) << (depth - 8)) | 1
    if "png" in encoding:
        file = cv2.imencode(".png", wide[:, :, ::-1])[1].tobytes()
        shown = codec.decode_compressed(file, fmt=encoding)
    else:
        packed = {
            "rgb16": wide, "bgra16": np.concatenate([wide[:, :, ::-1], wide[:, :, :1]], axis=2),
        }.get(encoding, wide[:, :, 0])  # fmt: skip
        step = packed.nbytes // 32
        shown = codec.decode_image(encoding, 32, 48, step, False, packed.astype("<u2").tobytes())
    assert np.abs(shown.astype(int) - eight).max() <= (10 if "bayer" in encoding else 1)


def test_the_range_of_a_camera_does_not_shrink_in_the_dark() -> None:
    bits = BitRange()
    bright = np.linspace(0, 4095, 64).reshape(8, 8).round()
    dark = bright / 8
    assert mono16(bright, bits).max() == 255
    assert mono16(dark, bits).max() == 31
    assert mono16(dark).max() == 127, "alone it is taken for 10 bits"
    assert mono16(np.zeros((8, 8)), bits).max() == 0


@pytest.mark.parametrize(
    ("values", "dark"),
    [
        (np.zeros((48, 64)), True),
        (np.full((48, 64), 15), True),
        (np.full((48, 64), 16), False),
        (np.pad(np.full((12, 16), 200), ((0, 36), (0, 48))), False),
        (np.pad(np.full((10, 10), 255), ((0, 470), (0, 630))), True),
        (np.full((1, 1), 3), True),
    ],
)
def test_darkness_is_said(values: np.ndarray, dark: bool) -> None:
    rgb = np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)
    assert ("almost black" in darkness(rgb)) == dark


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_compressed_mosaic_becomes_colours(suffix: str) -> None:
    tile = np.array([[200, 120], [120, 40]], np.uint8)
    file = cv2.imencode(suffix, np.tile(tile, (16, 16)))[1].tobytes()
    shown = codec.decode_compressed(file, fmt="bayer_rggb8; jpeg compressed ")
    assert np.abs(shown[8:-8, 8:-8].astype(int) - (200, 120, 40)).max() <= 12
    assert np.ptp(codec.decode_compressed(file, fmt="mono8; png")[0, 0]) == 0
    colour = cv2.imencode(".png", smooth()[:, :, ::-1])[1].tobytes()
    assert np.array_equal(codec.decode_compressed(colour, fmt="bayer_rggb8; png compressed bgr8"), smooth())

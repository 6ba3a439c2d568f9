"""The one rule of masks: what people store in pictures, and which pixels are meant."""

import io
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.image import decode_mask_file
from scorehoi_ros.io.masks.pixels import Pixels, mask_of
from scorehoi_ros.io.masks.shapes import polygon_mask, run_length_mask, segmentation_mask
from tests.test_misuse import png_of_size

SIZE = HEIGHT, WIDTH = 60, 80
ONE = np.zeros(SIZE, np.uint8)
ONE[10:45, 15:35] = 1
TWO = np.zeros(SIZE, np.uint8)
TWO[25:40, 40:60] = 1
BOTH = (ONE | TWO) > 0
DAVIS = [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
NOISE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
PHOTO = cv2.normalize(cv2.GaussianBlur(NOISE, (9, 9), 3), NOISE.copy(), 5, 255, cv2.NORM_MINMAX)


def stored(pixels: Any, suffix: str = ".png", quality: int = 80) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    return cv2.imencode(suffix, np.asarray(pixels), options)[1].tobytes()


def by_pillow(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def paletted(indices: Any, colours: list[tuple[int, int, int]], kind: str = "PNG", **options: Any) -> bytes:
    image = Image.fromarray(np.asarray(indices, np.uint8), "P")
    image.putpalette([value for colour in colours for value in colour])
    return by_pillow(image, kind, **options)


def coloured(mask: Any, *bgr: int) -> np.ndarray:
    return np.multiply.outer(np.asarray(mask), np.array(bgr)).astype(np.uint8)


JPEG_OF_ONE = cv2.imdecode(np.frombuffer(stored(ONE * 255, ".jpg", 60), np.uint8), cv2.IMREAD_GRAYSCALE)
WHITE = np.full((*SIZE, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("content", "mask"),
    [
        pytest.param(stored(ONE + 2 * TWO), BOTH, id="ids"),
        pytest.param(paletted(ONE + 2 * TWO, DAVIS), BOTH, id="DAVIS"),
        pytest.param(paletted(ONE + 2 * TWO, [(0, 0, 0)] * 3), BOTH, id="indices without colours"),
        pytest.param(paletted(1 - ONE, [(255, 255, 255), (0, 0, 0)]), ONE, id="black is not index 0"),
        pytest.param(paletted(ONE, [(68, 1, 84), (253, 231, 37)]), ONE, id="no black in the palette"),
        pytest.param(paletted(ONE, [(255, 255, 255)] * 2, transparency=0), ONE, id="see-through index"),
        pytest.param(paletted(ONE, DAVIS, "GIF"), ONE, id="GIF"),
        pytest.param(by_pillow(Image.fromarray(ONE > 0)), ONE, id="one bit"),
        pytest.param(stored(coloured(ONE, 0, 0, 255)), ONE, id="red on black"),
        pytest.param(stored(coloured(ONE, 90, 0, 0)), ONE, id="dark blue on black"),
        pytest.param(stored(ONE * 100), ONE, id="grey 100"),
        pytest.param(stored(ONE * 100, ".jpg"), ONE, id="grey 100 in a JPEG"),
        pytest.param(stored(JPEG_OF_ONE), ONE, id="noise of a JPEG in a PNG"),
        pytest.param(stored(ONE * 255 + TWO * 128), BOTH, id="two grey levels"),
        pytest.param(stored(ONE.astype(np.uint16)), ONE, id="16 bits, 0 and 1"),
        pytest.param(stored(ONE * np.uint16(26001) + TWO), BOTH, id="16 bits, instances"),
        pytest.param(stored(ONE * np.float32(0.9), ".tif"), ONE, id="probabilities"),
        pytest.param(stored(np.dstack([PHOTO, ONE * 255])), ONE, id="cut-out"),
        pytest.param(stored(np.dstack([WHITE, ONE * 255])), ONE, id="white with alpha"),
        pytest.param(stored(np.dstack([coloured(ONE, 255, 255, 255), 0 * ONE + 255])), ONE, id="full alpha"),
        pytest.param(stored(0 * ONE), 0 * ONE, id="empty"),
    ],
)
def test_what_is_inside(content: bytes, mask: Any) -> None:
    assert np.array_equal(decode_mask_file(content), np.asarray(mask) > 0)


def test_soft_edges_are_cut_at_one_half() -> None:
    soft = cv2.GaussianBlur(ONE * np.uint8(255), (0, 0), 2.0)
    assert (decode_mask_file(stored(soft)) != (ONE > 0)).sum() <= 12  # corners
    red = decode_mask_file(stored(coloured(ONE, 0, 0, 255), ".jpg"))  # colours are stored at half the size
    assert (red != (ONE > 0)).sum() <= 2 * 35


HUGE_CHUNK = stored(ONE)[:33] + b"\xf0\0\0\0" + stored(ONE)[37:]
ANIMATED = [Image.fromarray(part * np.uint8(255)) for part in (ONE, TWO)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(stored(PHOTO), r"not a mask: found the values .*and \d+ more", id="photo"),
        pytest.param(stored(PHOTO, ".jpg"), "not a mask", id="photo in a JPEG"),
        pytest.param(stored(ONE + 2 * TWO, ".jpg", 95), r"0 \(.*1 \(.*2 \(", id="ids in a JPEG"),
        pytest.param(stored(ONE + TWO * 255), r"1 \(14.6 %\), 255 \(6.25 %\).*human_mask_ids", id="void"),
        pytest.param(stored(ONE + 1), r"every pixel .*1 \(85.4 %\), 2 \(14.6 %\)", id="no zero"),
        pytest.param(stored(WHITE - coloured(ONE, 255, 255, 0)), "every pixel", id="red on white"),
        pytest.param(paletted(ONE + TWO * 2, [(255, 0, 0), (0, 0, 0), (0, 9, 0)]), "0, 1, 2.*black is 1",
                     id="background not clear"),
        pytest.param(stored(np.dstack([coloured(ONE, 255, 255, 255), np.eye(*SIZE) < 1]).astype(np.uint8)
                            * np.uint8(255)), "either could be", id="alpha and white"),
        pytest.param(by_pillow(ANIMATED[0], "GIF", save_all=True, append_images=ANIMATED[1:]), "2 pictures",
                     id="animation"),
        pytest.param(stored(ONE * 255)[:-30], "truncated", id="cut off"),
        pytest.param(png_of_size(12000, 12000), "claims 12000x12000", id="absurd size"),
        pytest.param(HUGE_CHUNK, "truncated", id="absurd chunk"),
        pytest.param(stored(np.where(ONE, np.nan, np.float32(0)), ".tif"), "not finite", id="NaN"),
    ],
)  # fmt: skip
def test_no_guess_where_the_rule_has_no_answer(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        decode_mask_file(content)


def test_ids_that_are_named_count_alone() -> None:
    content = paletted(ONE + 2 * TWO, DAVIS)
    assert np.array_equal(decode_mask_file(content, {2}), TWO > 0)
    assert np.array_equal(decode_mask_file(stored(ONE + TWO * 255), {1}), ONE > 0)
    assert not decode_mask_file(content, {7}).any()
    with pytest.raises(InputError, match="no ids such as 1"):
        decode_mask_file(stored(coloured(ONE, 0, 0, 255)), {1})


def test_signed_ids_and_bools() -> None:
    nothing_is_minus_one = ONE.astype(np.int32) - 1 + 70_000 * ONE.astype(np.int32)
    assert np.array_equal(mask_of(Pixels(nothing_is_minus_one)), ONE > 0)
    assert np.array_equal(mask_of(Pixels(BOTH)), BOTH)


def packed(runs: list[int]) -> str:
    """COCO's compressed text, written from the description of the format."""
    text = ""
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group, number = number & 31, number >> 5
            more = number != (-1 if group & 16 else 0)
            text += chr(48 + group + 32 * more)
    return text


def test_run_lengths_go_down_the_columns() -> None:
    rng = np.random.default_rng(1)
    for share in (0.0, 0.01, 0.5, 0.99, 1.0):
        mask = rng.random((37, 23)) < share
        flat = mask.T.ravel()
        changes = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *([0] if flat[0] else []), *changes, flat.size]).tolist()
        for counts in (runs, packed(runs)):
            assert np.array_equal(run_length_mask({"size": [37, 23], "counts": counts}), mask)


def test_run_lengths_as_published() -> None:
    # The first number counts pixels outside; "04" is 0, 4: all four pixels of the mask are inside.
    assert run_length_mask({"size": [2, 2], "counts": "04"}).all()
    assert run_length_mask({"size": [2, 3], "counts": [2, 1, 3]}).tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"size": [4, 4], "counts": [3, 4]}, "add up to 7"),
        ({"size": [4, 4], "counts": [-3, 19]}, "whole numbers"),
        ({"size": [4, 4], "counts": [1.5, 14.5]}, "whole numbers"),
        ({"size": [4, 4], "counts": "0\x7f\x7f"}, "damaged"),
        ({"size": [4, 4], "counts": "PPPPPPPPPPPPPPPPPPPPPP"}, "damaged"),
        ({"size": [4, 4], "counts": "`"}, "cut off"),
        ({"size": [10**6, 10**6], "counts": [10**12]}, r"size must be \[height, width\]"),
        ({"size": "4x4", "counts": [16]}, "size must be"),
        ({"counts": [16]}, "size must be"),
        ([[0, 0, 1, 1]], "3 to 100000 corners"),
        ([[0, 0, 1, 1, float("nan"), 2]], "corners"),
        ([[0, 0, 1e300, 1, 5, 2]], "corners"),
        ([[0, 0, "1", None, 5, 2]], "corners"),
        ([[0, 0, 5, 0, 5]], "corners"),
        ([[0, 0, 5, 0, 5, 5]] * 1001, "1001 polygons"),
        ([[0, -9e5, 5, 9e5] * 50_000], "too often"),
        ([], "run lengths"),
        ({"points": 3}, "run lengths"),
        (None, "run lengths"),
    ],
)
def test_damaged_segmentations(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        segmentation_mask(value, (2000, 2000))


def test_polygons_cover_the_pixels_whose_centres_they_hold() -> None:
    square = np.array([[10.0, 5.0], [20.0, 5.0], [20.0, 35.0], [10.0, 35.0]])
    mask = polygon_mask([square], SIZE)
    assert mask.sum() == 300 and mask[5:35, 10:20].all()
    outside = polygon_mask([square + [70.0, 40.0], square - 12.0], SIZE)  # cut at the border of the image
    assert outside.sum() == 8 * 23 and outside[:23, :8].all()
    assert np.array_equal(segmentation_mask([square.ravel().tolist(), (square + 5).ravel().tolist()], SIZE),
                          mask | polygon_mask([square + 5.0], SIZE))  # fmt: skip
    angles = np.linspace(0, 2 * np.pi, 200)
    circle = polygon_mask([30 + 20 * np.stack([np.cos(angles), np.sin(angles)], 1)], SIZE)
    assert circle.sum() == pytest.approx(np.pi * 400, rel=0.01)

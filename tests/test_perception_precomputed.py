"""Masks from files and topics: what is accepted, mended and refused."""

import logging

import cv2
import numpy as np
import pytest

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.masks.folder import load_masks
from scorehoi_ros.perception.precomputed import check_masks
from scorehoi_ros.types import Masks
from tests.shared_data import SHARED, needs_shared

HEIGHT, WIDTH = 60, 80
HUMAN = np.zeros((HEIGHT, WIDTH), bool)
HUMAN[10:50, 10:30] = True
OBJECT = np.zeros((HEIGHT, WIDTH), bool)
OBJECT[20:40, 25:60] = True


def write(path, mask, value=255):
    cv2.imwrite(str(path), mask.astype(np.uint8) * value)


def test_masks_are_found_by_stem(tmp_path):
    write(tmp_path / "0001_human.png", HUMAN)
    write(tmp_path / "0001_object.jpg", OBJECT)
    write(tmp_path / "0002_human.png", OBJECT)
    masks = load_masks(tmp_path, "0001", HEIGHT, WIDTH)
    np.testing.assert_array_equal(masks.human, HUMAN)
    np.testing.assert_array_equal(masks.object, OBJECT)
    assert masks.human_score == masks.object_score == 1.0


def test_a_missing_file_is_no_mask(tmp_path):
    write(tmp_path / "a_human.png", HUMAN)
    masks = load_masks(tmp_path, "a", HEIGHT, WIDTH)
    assert masks.object is None
    assert load_masks(tmp_path, "b", HEIGHT, WIDTH) == Masks()


def test_files_of_zero_and_one(tmp_path):
    write(tmp_path / "a_human.png", HUMAN, value=1)
    np.testing.assert_array_equal(load_masks(tmp_path, "a", HEIGHT, WIDTH).human, HUMAN)


def test_another_scale_is_resized(tmp_path):
    write(tmp_path / "a_human.png", np.kron(HUMAN, np.ones((2, 2), bool)))
    np.testing.assert_array_equal(load_masks(tmp_path, "a", HEIGHT, WIDTH).human, HUMAN)


def test_another_aspect_ratio_is_refused(tmp_path):
    write(tmp_path / "a_human.png", HUMAN[:, :-5])
    with pytest.raises(InputError, match=r"75x60.*80x60"):
        load_masks(tmp_path, "a", HEIGHT, WIDTH)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_unreadable_files_are_refused(tmp_path, content):
    (tmp_path / "a_object.png").write_bytes(content)
    with pytest.raises(InputError, match="a_object.png"):
        load_masks(tmp_path, "a", HEIGHT, WIDTH)


def test_two_files_for_one_mask_are_refused(tmp_path):
    write(tmp_path / "a_human.png", HUMAN)
    write(tmp_path / "a_human.jpg", HUMAN)
    with pytest.raises(InputError, match="more than one"):
        load_masks(tmp_path, "a", HEIGHT, WIDTH)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        load_masks(tmp_path / "none", "a", HEIGHT, WIDTH)


def test_empty_masks_are_missing_without_a_word_in_each_frame(caplog):
    with caplog.at_level(logging.INFO):
        masks = check_masks(Masks(HUMAN, np.zeros_like(HUMAN), 0.9, 0.8), HEIGHT, WIDTH)
    assert masks.object is None and masks.human_score == 0.9 and not caplog.text


def test_overlap_is_allowed_and_twins_are_refused():
    assert check_masks(Masks(HUMAN, OBJECT, 1.0, 1.0), HEIGHT, WIDTH).object is OBJECT
    nearly = HUMAN.copy()
    nearly[10, 10:20] = False
    with pytest.raises(InputError, match="nearly the same"):
        check_masks(Masks(HUMAN, nearly, 1.0, 1.0), HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "masks",
    [
        Masks(human=HUMAN[:-1]),
        Masks(object=OBJECT.astype(np.uint8)),
        Masks(human=HUMAN, human_score=float("nan")),
        Masks(human=HUMAN, human_score=1.5),
    ],
)
def test_wrong_shapes_types_and_scores_are_refused(masks):
    with pytest.raises(InputError):
        check_masks(masks, HEIGHT, WIDTH)


@needs_shared
def test_real_masks():
    masks = load_masks(SHARED / "behave_photos/masks", "050507", 1536, 2048)
    assert 0.01 < masks.human.mean() < 0.2 and 0.005 < masks.object.mean() < 0.2

"""Folders of masks and annotation files: which mask is whose, what is read, and what is told."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.errors import InputError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.masks.folder import load_masks
from scorehoi_ros.io.source import open_source
from tests.test_io_sources import frames_of, images, write_video

SIZE = HEIGHT, WIDTH = 30, 40
MAN = np.zeros(SIZE, bool)
MAN[5:20, 4:12] = True
BOX = np.zeros(SIZE, bool)
BOX[10:16, 16:30] = True
MAN_POLYGON = [4, 5, 12, 5, 12, 20, 4, 20]
BOX_POLYGON = [16, 10, 30, 10, 30, 16, 16, 16]

DOUBLE = [2 * x for x in BOX_POLYGON]


def corners(polygon: list[int]) -> list[list[int]]:
    """Labelme's form of a polygon."""
    return np.reshape(polygon, (-1, 2)).tolist()


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    changes = np.flatnonzero(np.diff(mask.T.ravel())) + 1
    return {"size": list(mask.shape), "counts": np.diff([0, *changes, mask.size]).tolist()}


def write(path: Path, pixels: np.ndarray) -> None:
    assert cv2.imwrite(str(path), pixels.astype(np.uint8))


def annotation(number: int, image: int, category: int, segmentation: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "image_id": image, "category_id": category, "segmentation": segmentation, **more
    }  # fmt: skip


def data_set(*annotations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    files = [(1, "photos/a.jpg"), (2, "C:\\photos\\b.jpg")]
    return {
        "images": [{"id": i, "file_name": name, "height": HEIGHT, "width": WIDTH} for i, name in files],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "person"}, {"id": 62, "name": "chair"}, {"id": 47, "name": "cup"}],
    } | changes


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "masks").mkdir()
    return images(tmp_path / "photos", ["a.png", "b.png"])


def labelled(photos: Path, **settings: list[float]) -> list[Any]:
    inputs = InputConfig(**settings)  # type: ignore[arg-type]
    return frames_of(open_source(photos, masks_dir=photos.parent / "masks", inputs=inputs))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(run_lengths(BOX), id="run lengths"),
        pytest.param({"segmentation": run_lengths(BOX), "bbox": [1, 2, 3, 4]}, id="annotation"),
        pytest.param([BOX_POLYGON], id="polygons"),
        pytest.param(BOX_POLYGON, id="one polygon"),
        pytest.param([{"segmentation": [BOX_POLYGON]}], id="list of one"),
        pytest.param({"image": {}, "annotations": [{"segmentation": run_lengths(BOX)}]}, id="SAM's"),
        pytest.param({"segmentation": [DOUBLE], "height": 60, "width": 80}, id="scaled"),
        pytest.param({"shapes": [{"label": "x", "points": corners(BOX_POLYGON)}]}, id="labelme"),
    ],
)  # fmt: skip
def test_json_of_one_mask(tmp_path: Path, value: Any) -> None:
    (tmp_path / "a_object.json").write_text(json.dumps(value))
    masks = load_masks(tmp_path, "a", HEIGHT, WIDTH)
    assert masks.human is None and np.array_equal(masks.object, BOX)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ("[]", "run lengths"),
        ("3", "run lengths"),
        ('{"a": 1}', "no segmentation"),
        ('{"annotations": [{"segmentation": [[0,0,9,0,9,9]]}, {"segmentation": []}]}', "2 masks"),
        ('{"shapes": [{"shape_type": "circle"}]}', "no polygon"),
        ('{"size": [60, 40], "counts": [2000, 100, 300]}', "40x60, the frame is 40x30"),
        ('{"segmentation": [[0,0,9,0,9,9]], "height": 1e9, "width": 3}', "size must be"),
    ],
)
def test_json_that_cannot_be_used_names_the_file(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a_object.json").write_text(text)
    with pytest.raises(InputError, match=rf"a_object\.json.*{words}"):
        load_masks(tmp_path, "a", HEIGHT, WIDTH)


def test_a_data_set_of_many_images(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    value = data_set(
        annotation(1, 1, 1, [MAN_POLYGON]),
        annotation(2, 1, 62, run_lengths(BOX)),
        annotation(3, 1, 1, run_lengths(BOX), iscrowd=1),
        annotation(4, 2, 1, [MAN_POLYGON]),
        annotation(5, 2, 62, [BOX_POLYGON]),
        annotation(6, 2, 47, [BOX_POLYGON]),
    )
    path = photos.parent / "masks" / "instances.json"
    path.write_text(json.dumps(value))
    first, second = labelled(photos)
    assert np.array_equal(first.masks.human, MAN) and np.array_equal(first.masks.object, BOX)
    assert isinstance(second, BadFrame)
    assert "more than one object mask for b (2)" in second.reason and "cup (annotation 6)" in second.reason
    chosen = labelled(photos, object_mask_ids=[62])[1]
    assert np.array_equal(chosen.masks.human, MAN) and np.array_equal(chosen.masks.object, BOX)
    assert "not used" not in caplog.text
    alone = frames_of(open_source(photos, masks_dir=path))[0]
    assert np.array_equal(alone.masks.object, BOX)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"categories": []}, "category 1 has no name"),
        ({"images": [{"id": 1}]}, "file_name"),
        ({"annotations": [{"segmentation": [MAN_POLYGON]}]}, "category_id"),
        ({"annotations": 3}, "not a COCO file"),
        ({"images": [{"id": 1, "file_name": 7}]}, "not a COCO file"),
        ({"images": [{"id": 1, "file_name": "a.png", "height": -1, "width": 2}]}, "size must be"),
    ],
)
def test_damaged_data_sets(photos: Path, changes: dict[str, Any], words: str) -> None:
    value = data_set(annotation(1, 1, 1, [MAN_POLYGON]), **changes)
    (photos.parent / "masks" / "coco.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=rf"coco\.json: .*{words}"):
        labelled(photos)


def test_labelme_beside_the_photos(photos: Path) -> None:
    shapes = [("Person", MAN_POLYGON), ("box", BOX_POLYGON), ("box", [0, 0, 2, 0, 2, 2, 0, 2])]
    value = {
        "shapes": [{"label": label, "points": corners(p)} for label, p in shapes],
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }
    (photos / "a.json").write_text(json.dumps(value))
    frame = frames_of(open_source(photos, masks_dir=photos))[0]
    assert np.array_equal(frame.masks.human, MAN)
    assert frame.masks.object.sum() == BOX.sum() + 4


def test_one_picture_of_ids_for_both(photos: Path) -> None:
    write(photos.parent / "masks" / "a.png", MAN + 2 * BOX)
    with pytest.raises(InputError, match=r"a\.png does not say .* 1 \(10 %\), 2 .*--human-mask-ids"):
        labelled(photos)
    frame = labelled(photos, human_mask_ids=[1], object_mask_ids=[2, 3])[0]
    assert np.array_equal(frame.masks.human, MAN) and np.array_equal(frame.masks.object, BOX)


@pytest.mark.parametrize(
    ("settings", "words"), [(([1], [1, 2]), "share"), (([1.5], []), "whole"), (([], [0]), "from 1")]
)
def test_ids_are_checked(settings: tuple[list[float], list[float]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        InputConfig(human_mask_ids=settings[0], object_mask_ids=settings[1])


@pytest.mark.parametrize("name", ["a_human.PNG", "a_Human.bmp", "a_human.tif", "a_human.tiff", "a_human.webp",
                                  "a_HUMAN.JPG"])  # fmt: skip
def test_suffixes_and_case(photos: Path, name: str) -> None:
    write(photos.parent / "masks" / name, MAN * 255)
    assert (labelled(photos)[0].masks.human == MAN).mean() > 0.99


def test_what_nothing_used_is_named(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    masks = photos.parent / "masks"
    write(masks / "a_human.png", MAN * 255)
    for name in ("b_human.psd", "b_object.npy", "z_human.png", "b_humna.png", "notes.txt", "what.json"):
        (masks / name).write_text("{}")
    (masks / "b_object").mkdir()
    (masks / ".DS_Store").touch()
    labelled(photos)
    lines = [record.getMessage() for record in caplog.records if "not used" in record.getMessage()]
    assert len(lines) == 1 and ".DS_Store" not in lines[0] and "a_human" not in lines[0]
    for words in ("b_human.psd (.psd is not read", "b_object.npy (.npy", "z_human.png (no frame",
                  "b_humna.png (", "notes.txt (.txt", "what.json (no C", "b_object (a folder)"):  # fmt: skip
        assert words in lines[0]


def test_masks_counted_from_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    photos = images(tmp_path / "photos", [f"{i:04d}.png" for i in range(4)])
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in range(1, 5):
        write(masks / f"{i:04d}_human.png", MAN * 255)
    frames = labelled(photos)
    assert [f.masks.human is not None for f in frames] == [False, True, True, True]
    assert "masks are numbered from 1, frames from 0" in caplog.text
    assert "0004_human.png (no frame" in caplog.text


@pytest.mark.parametrize("pattern", ["{:05d}_human.png", "{}_human.png", "mask-{:04d}_human.png"])
def test_other_names_are_paired_by_number_and_told(
    tmp_path: Path, pattern: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "clip.mp4", [0, 33, 66], size=(40, 30))
    photos = images(tmp_path / "photos", [f"frame_{i:06d}.png" for i in range(3)])
    (tmp_path / "masks").mkdir()
    write(tmp_path / "masks" / pattern.format(1), MAN * 255)
    for source, frame in ((tmp_path / "clip.mp4", "000001"), (photos, "frame_000001")):
        caplog.clear()
        frames = frames_of(open_source(source, masks_dir=tmp_path / "masks"))
        assert [f.masks.human is not None for f in frames] == [False, True, False]
        assert f"as their names differ: {pattern.format(1)[:-10]} with {frame}" in caplog.text


@pytest.mark.parametrize("names", [["x_human.png"], ["a1_human.png", "b1_human.png"], ["7_human.png"]])
def test_nothing_is_paired_by_chance(tmp_path: Path, names: list[str]) -> None:
    photos = images(tmp_path / "photos", ["p0.png", "p1.png"])
    (tmp_path / "masks").mkdir()
    for name in names:
        write(tmp_path / "masks" / name, MAN * 255)
    with pytest.raises(InputError, match=r"no mask in .*p0_human\.png"):
        open_source(photos, masks_dir=tmp_path / "masks")

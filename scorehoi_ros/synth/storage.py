"""Shards of synthetic scenes: npz files of plain arrays, equal bytes for equal content, written whole."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.io.pictures.codec import opencv_picture
from scorehoi_ros.npz import Field, Layout, damage_told, read_npz, write_npz
from scorehoi_ros.synth.sensor.observe import Observation
from scorehoi_ros.synth.truth import FIELDS, SceneTruth, pack, unpack
from scorehoi_ros.types import Bools, Floats, Landmarks, Masks

FORMAT = "scorehoi-synth-1"
INDEX = "index.json"
JPEG_QUALITY = 92
_TRUTH = "truth_"
_SEEN = {
    "rgb": Field("u", ("bytes",)),
    "rgb_end": Field("i", ("scenes",)),
    "planes": Field("u", ("scenes", "*")),
    "whole": Field("u", ("scenes", "*"), needed=False),
    "present": Field("b", ("scenes", 2)),
    "scores": Field("f", ("scenes", 2)),
    "pixels": Field("f", ("scenes", "landmarks", 2)),
    "world": Field("f", ("scenes", "landmarks", 3)),
    "confidence": Field("f", ("scenes", "landmarks")),
    "T_crop_image": Field("f", ("scenes", 3, 3)),
    "K_crop": Field("f", ("scenes", 3, 3)),
    "object_visible": Field("f", ("scenes",)),
    "penetration_mm": Field("f", ("scenes",)),
}
_TOLD = {f"{_TRUTH}{name}": field for name, field in FIELDS.items()} | {"recipe": Field("U")}
LAYOUT = Layout(
    "a shard of scenes",
    "It is damaged or cut short, or another program wrote it: run the same `scorehoi synth` with --resume to "
    "make it again.",
    _TOLD | _SEEN,
    version=("format", FORMAT),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Example:
    """One scene as training and tests read it: a square crop around body and object."""

    truth: SceneTruth
    rgb: NDArray[np.uint8] | None
    """(S, S, 3) as a JPEG of quality `JPEG_QUALITY` kept it; black beyond the image.  None = no pictures."""
    human_mask: Bools
    """(S, S) true, what is in front hides what is behind."""
    object_mask: Bools
    """(S, S)"""
    human_whole: Bools | None
    """(S, S) the whole outline inside the image, also where it is hidden; kept in shards without pictures."""
    object_whole: Bools | None
    """(S, S)"""
    masks: Masks
    """As a segmenter would give them, (S, S)."""
    landmarks: Landmarks
    """In pixels of the whole image of `truth.width` x `truth.height`."""
    T_crop_image: Floats
    """(3, 3) pixels of the image -> pixels of the crop."""
    K_crop: Floats
    """(3, 3)"""
    object_visible: float
    """Share of the object's outline that is neither hidden nor outside the crop, 0..1."""
    penetration_mm: float
    """How deep the deepest body vertex lies inside the object."""


@dataclass(frozen=True)
class Scene:
    """What goes into a shard for one scene."""

    truth: SceneTruth
    seen: Observation
    penetration_mm: float


@dataclass(frozen=True)
class Shard:
    """The arrays of one file; `example` decodes a row."""

    recipe: dict[str, Any]
    """What the shard was made from, see `produce.ShardRecipe`."""
    truths: list[SceneTruth]
    arrays: dict[str, NDArray]

    def __len__(self) -> int:
        return len(self.truths)

    def example(self, row: int) -> Example:
        """Scene `row` of the shard; raises IndexError beyond the end and InputError for a damaged picture."""
        a, truth = self.arrays, self.truths[row]
        planes = unpacked(a["planes"][row], 4)
        whole = unpacked(a["whole"][row], 2) if "whole" in a else (None, None)
        present, score = a["present"][row], a["scores"][row].astype(float)
        told = Masks(planes[2] if present[0] else None, planes[3] if present[1] else None, score[0], score[1])
        rgb = self.picture(row)
        if rgb is not None and rgb.shape[:2] != planes.shape[1:]:
            raise InputError(f"the picture of {truth.key} has another size than its masks. {LAYOUT.mend}")
        return Example(
            truth=truth,
            rgb=rgb,
            human_mask=planes[0],
            object_mask=planes[1],
            human_whole=whole[0],
            object_whole=whole[1],
            masks=told,
            landmarks=Landmarks(
                *(a[name][row].astype(np.float64) for name in ("pixels", "world", "confidence"))
            ),
            T_crop_image=a["T_crop_image"][row],
            K_crop=a["K_crop"][row],
            object_visible=float(a["object_visible"][row]),
            penetration_mm=float(a["penetration_mm"][row]),
        )

    def picture(self, row: int) -> NDArray[np.uint8] | None:
        """RGB (S, S, 3) of scene `row`, None when it was not drawn; raises InputError when damaged."""
        first, last = np.concatenate([[0], self.arrays["rgb_end"]])[[row, row + 1]]
        if first == last:
            return None
        bgr = opencv_picture(self.arrays["rgb"][first:last].tobytes(), cv2.IMREAD_COLOR)
        if bgr is None:
            raise InputError(f"the picture of {self.truths[row].key} is damaged. {LAYOUT.mend}")
        return np.ascontiguousarray(bgr[..., ::-1], np.uint8)


def unpacked(bits: NDArray[np.uint8], count: int) -> Bools:
    """Square planes (count, S, S) from their packed bits (n,)."""
    side = isqrt(8 * len(bits) // count)
    return np.unpackbits(bits, count=count * side * side).reshape(count, side, side).astype(bool)


def write_shard(path: Path, scenes: Sequence[Scene], recipe: dict[str, Any]) -> None:
    """Write scenes; equal scenes and recipe give equal bytes.  Raises OutputError, leaving no file.

    The outlines with their hidden parts are kept where there are no pictures.
    """
    arrays = {f"truth_{name}": value for name, value in pack([s.truth for s in scenes]).items()}
    arrays |= _observed([s.seen for s in scenes])
    arrays["penetration_mm"] = np.array([s.penetration_mm for s in scenes], np.float32)
    arrays |= {"format": np.array(FORMAT), "recipe": np.array(json.dumps(recipe, sort_keys=True))}
    write_npz(path, arrays, level=6, stored=("rgb",))


def _observed(seen: Sequence[Observation]) -> dict[str, NDArray]:
    pictures = [_jpeg(o.rgb) for o in seen]
    planes = [[o.human_mask, o.object_mask, o.masks.human, o.masks.object] for o in seen]
    empty = np.zeros(seen[0].human_mask.shape, bool)
    bits = [np.packbits(np.stack([empty if p is None else p for p in four])) for four in planes]
    whole = {} if any(map(len, pictures)) else {"whole": np.stack([_whole(o) for o in seen])}
    return whole | {
        "rgb": np.concatenate(pictures),
        "rgb_end": np.cumsum([len(p) for p in pictures], dtype=np.int64),
        "planes": np.stack(bits),
        "present": np.array([[p is not None for p in four[2:]] for four in planes]),
        "scores": np.array([[o.masks.human_score, o.masks.object_score] for o in seen], np.float32),
        "pixels": np.stack([o.landmarks.pixels for o in seen]).astype(np.float32),
        "world": np.stack([o.landmarks.world for o in seen]).astype(np.float32),
        "confidence": np.stack([o.landmarks.confidence for o in seen]).astype(np.float32),
        "T_crop_image": np.stack([o.view.T_view_image for o in seen]),
        "K_crop": np.stack([o.view.K for o in seen]),
        "object_visible": np.array([o.object_visible for o in seen], np.float32),
    }


def _whole(seen: Observation) -> NDArray[np.uint8]:
    return np.packbits(np.stack([seen.human_whole, seen.object_whole]))


def _jpeg(rgb: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if rgb is None:
        return np.empty(0, np.uint8)
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return np.asarray(data, np.uint8).ravel()


def read_shard(path: Path, only: Sequence[str] | None = None) -> Shard:
    """Read a file of `write_shard`; `only` names the arrays wanted besides the truth (None = all).

    Raises InputError when it is missing, cut short, damaged or of another version.
    """
    wanted = None if only is None else {*only, *_TOLD}
    with damage_told(path, LAYOUT):
        arrays = read_npz(path, LAYOUT, wanted)
        recipe = json.loads(str(arrays["recipe"]))
        truths = unpack({n.removeprefix(_TRUTH): a for n, a in arrays.items() if n.startswith(_TRUTH)})
        seen = {n: a for n, a in arrays.items() if n in _SEEN}
        _check_seen(seen)
    return Shard(recipe, truths, seen)


def _check_seen(arrays: dict[str, NDArray]) -> None:
    """Raise ValueError where bits are no square planes or pictures do not lie one after the other."""
    for name, count in (("planes", 4), ("whole", 2)):
        if name in arrays:
            width = arrays[name].shape[1]
            side = isqrt(8 * width // count)
            if (count * side * side + 7) // 8 != width:
                raise ValueError(f"{name} has {width} bytes a scene, which are no {count} square planes")
    if "rgb_end" in arrays:
        ends = np.concatenate([[0], arrays["rgb_end"]])
        if (np.diff(ends) < 0).any() or ("rgb" in arrays and ends[-1] != len(arrays["rgb"])):
            raise ValueError("rgb_end does not say where the pictures in rgb end")


def shard_paths(folder: Path) -> list[Path]:
    """The shards that the index of a folder lists; raises InputError without a usable index."""
    try:
        index = json.loads((folder / INDEX).read_text())
        found, names = index["format"], [str(s["file"]) for s in index["shards"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} has no usable {INDEX} ({error}). Expected a folder written by `scorehoi synth`."
        ) from error
    if found != FORMAT:
        raise InputError(f"{folder / INDEX} has format {found}, this version reads {FORMAT}. Make it again.")
    return [folder / Path(name).name for name in names]


def finished_shards(folder: Path) -> list[Path]:
    """All shards of a folder that is still being filled: shards appear whole, the index when all are there.

    Raises InputError when there is none yet.
    """
    found = sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
    if not found:
        raise InputError(f"{folder} holds no shard. Expected a folder written by `scorehoi synth`.")
    return found


def read_shards(
    paths: Sequence[Path], only: Sequence[str] | None = None, skipped: list[str] | None = None
) -> Iterator[Shard]:
    """Shards one after the other; bad ones are left out, logged, and told in `skipped`."""
    for path in paths:
        try:
            yield read_shard(path, only)
        except InputError as error:
            _log.warning("skipped: %s", error)
            if skipped is not None:
                skipped.append(str(error))

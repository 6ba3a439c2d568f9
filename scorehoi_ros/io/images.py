"""A folder of images, or one image file, as a source."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from scorehoi_ros.errors import CameraError, InputError, ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.frames import CameraOf, Source
from scorehoi_ros.io.masks.annotations import MaskIds
from scorehoi_ros.io.masks.folder import MASK_NAME, MaskFolder, open_mask_folder
from scorehoi_ros.io.masks.names import FrameNames
from scorehoi_ros.io.pictures.bit_range import darkness
from scorehoi_ros.io.pictures.photos import IMAGE_SUFFIXES, decode_photo, why_not
from scorehoi_ros.io.topics.frames import WarnOnce
from scorehoi_ros.types import Frame, Masks

log = logging.getLogger(__name__)


def open_images(
    path: Path,
    camera_of: CameraOf,
    masks_dir: Path | None = None,
    rate_hz: float = 1.0,
    mask_ids: MaskIds | None = None,
) -> Source:
    """Images in natural order of their names ("2.png" before "10.png"), stamps `index / rate_hz`.

    Masks lie in `masks_dir` (`io.masks.folder`).  One line says which other files are left out.  Raises
    InputError when there is no image, when two images share a stem, or when no mask belongs to any image.
    """
    if not rate_hz > 0:
        raise InputError(f"the image rate must be above 0 Hz. Got {rate_hz}.")
    files = [path] if path.is_file() else list_images(path, masks_dir)
    if path.is_dir():
        _say_left_out(path, files, masks_dir)
    masks = None
    if masks_dir is not None:
        names = FrameNames(tuple(file.stem for file in files))
        masks = open_mask_folder(masks_dir, names, mask_ids or {}, files)

    def frames() -> Iterator[Frame | BadFrame]:
        fits, warn = False, WarnOnce()
        for index, file in enumerate(files):
            stamp_ns = round(index * 1e9 / rate_hz)
            try:
                frame = _read(file, stamp_ns, camera_of, masks)
            except CameraError as error:
                if not fits:
                    raise
                yield BadFrame(file.stem, stamp_ns, str(error))
            except ScorehoiError as error:
                yield BadFrame(file.stem, stamp_ns, f"{file.name}: {error}")
            else:
                fits = True
                warn("darkness", darkness(frame.rgb))
                yield frame

    return Source("images", frames, len(files), rate_hz)


def list_images(folder: Path, masks_dir: Path | None = None) -> list[Path]:
    """Image files of a folder in natural order; masks that lie among them are left out."""
    found = [
        file
        for file in folder.iterdir()
        if file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")
    ]
    if masks_dir is not None and masks_dir.resolve() == folder.resolve():
        found = [file for file in found if not MASK_NAME.fullmatch(file.stem)]
    if not found:
        there = ", ".join(sorted(file.name for file in folder.iterdir())[:3]) or "nothing"
        raise InputError(
            f"{folder} holds no images. Expected files ending in {', '.join(IMAGE_SUFFIXES)}; found {there}. "
            "A video or a bag is given by its own name."
        )
    doubles = [stem for stem, n in Counter(file.stem for file in found).items() if n > 1]
    if doubles:
        raise InputError(
            f"{folder} holds several images named {doubles[0]!r} with different suffixes. "
            "Outputs are named by the stem: rename or remove one."
        )
    return sorted(found, key=natural_key)


def natural_key(file: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key by which "2.png" comes before "10.png"."""
    parts = re.split(r"(\d+)", file.stem)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], file.name


def frame_masks(masks: MaskFolder | None, name: str, height: int, width: int) -> Masks:
    """Masks of one frame; none when no folder was given."""
    return Masks() if masks is None else masks.masks(name, height, width)


def indexed_masks(masks_dir: Path | None, mask_ids: MaskIds) -> MaskFolder | None:
    """Masks of a video or bag, whose frames are named by their index; raises InputError when none fits."""
    return None if masks_dir is None else open_mask_folder(masks_dir, FrameNames(), mask_ids)


def _read(file: Path, stamp_ns: int, camera_of: CameraOf, masks: MaskFolder | None) -> Frame:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}.") from error
    rgb = decode_photo(content)
    height, width = rgb.shape[:2]
    camera = camera_of(width, height)
    return Frame(rgb, camera, stamp_ns, name=file.stem, masks=frame_masks(masks, file.stem, height, width))


def _say_left_out(folder: Path, files: Sequence[Path], masks_dir: Path | None) -> None:
    """One line about the files of a folder that are not labelled; masks among them are not meant."""
    among = masks_dir is not None and masks_dir.resolve() == folder.resolve()
    others = [
        file.suffix.lower() or "without suffix"
        for file in set(folder.iterdir()) - set(files)
        if file.is_file() and not file.name.startswith(".") and not (among and MASK_NAME.fullmatch(file.stem))
    ]
    if others:
        counts = sorted(Counter(others).items())
        listed = "; ".join(f"{count} {suffix} ({why_not(suffix)})" for suffix, count in counts)
        log.warning("%d of %d files are labelled; left out: %s", len(files), len(files) + len(others), listed)

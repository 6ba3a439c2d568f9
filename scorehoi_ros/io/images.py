"""A folder of images, or one image file, as a source."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scorehoi_ros.errors import CameraError, InputError, ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.bit_range import darkness
from scorehoi_ros.io.frames import CameraOf, Source
from scorehoi_ros.io.image_codec import decode_compressed
from scorehoi_ros.io.ros_frames import WarnOnce
from scorehoi_ros.perception.precomputed import load_masks
from scorehoi_ros.types import Frame, Masks

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_MASK_NAME = re.compile(r"(.+)_(human|object)")


def open_images(
    path: Path, camera_of: CameraOf, masks_dir: Path | None = None, rate_hz: float = 1.0
) -> Source:
    """Images in natural order of their names ("2.png" before "10.png"), stamps `index / rate_hz`.

    Masks are `<stem>_human.*` and `<stem>_object.*` in `masks_dir`.  Raises InputError when there is no
    image, when two images share a stem, or when no mask belongs to any image.
    """
    if not rate_hz > 0:
        raise InputError(f"the image rate must be above 0 Hz. Got {rate_hz}.")
    files = [path] if path.is_file() else list_images(path, masks_dir)
    if masks_dir is not None:
        check_mask_names(masks_dir, {file.stem for file in files}, files[0].stem)

    def frames() -> Iterator[Frame | BadFrame]:
        fits, warn = False, WarnOnce()
        for index, file in enumerate(files):
            stamp_ns = round(index * 1e9 / rate_hz)
            try:
                frame = _read(file, stamp_ns, camera_of, masks_dir)
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
        found = [file for file in found if not _MASK_NAME.fullmatch(file.stem)]
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


def frame_masks(masks_dir: Path | None, stem: str, height: int, width: int) -> Masks:
    """Masks of one frame; none when no folder was given."""
    return Masks() if masks_dir is None else load_masks(masks_dir, stem, height, width)


def _read(file: Path, stamp_ns: int, camera_of: CameraOf, masks_dir: Path | None) -> Frame:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}.") from error
    rgb = decode_compressed(content)
    height, width = rgb.shape[:2]
    camera = camera_of(width, height)
    return Frame(
        rgb, camera, stamp_ns, name=file.stem, masks=frame_masks(masks_dir, file.stem, height, width)
    )


def check_indexed_masks(masks_dir: Path | None) -> None:
    """Raise InputError when a masks folder for a video or bag holds no mask of any frame index."""
    if masks_dir is not None:
        indices = {mask.stem[:6] for mask in masks_dir.iterdir() if mask.stem[:6].isdecimal()}
        check_mask_names(masks_dir, indices, "000000")


def check_mask_names(masks_dir: Path, stems: set[str], example: str) -> None:
    """Raise InputError when no mask in the folder belongs to a frame: a wrong folder must be noticed."""
    found = {match[1] for mask in masks_dir.iterdir() if (match := _MASK_NAME.fullmatch(mask.stem))}
    if not found & stems:
        raise InputError(
            f"no mask in {masks_dir} belongs to a frame. Expected names like {example}_human.png and "
            f"{example}_object.png; found masks for {', '.join(sorted(found)[:3]) or 'nothing'}."
        )

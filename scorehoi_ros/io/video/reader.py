"""A video file as a source, decoded by FFmpeg through PyAV."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, ScorehoiError
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.frames import CameraOf, Source
from scorehoi_ros.io.images import frame_masks, indexed_masks
from scorehoi_ros.io.masks.annotations import MaskIds
from scorehoi_ros.io.masks.folder import MaskFolder
from scorehoi_ros.io.pictures.bit_range import darkness
from scorehoi_ros.io.topics.frames import WarnOnce
from scorehoi_ros.io.video.colour import ShownPicture
from scorehoi_ros.types import Frame

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".ogv", ".wmv")

_log = logging.getLogger(__name__)


def open_video(
    path: Path, camera_of: CameraOf, masks_dir: Path | None = None, mask_ids: MaskIds | None = None
) -> Source:
    """Frames of the first video stream as a player shows them: square pixels, upright, in its own colours.

    Masks and calibration are those of the shown picture.  Stamps are the presentation times from the start
    of the stream, so a variable frame rate is kept.  Frames are named by their index ("000000"), which also
    names their masks.  Raises InputError when the file is not a video, or of a codec that is not known.
    """
    masks = indexed_masks(masks_dir, mask_ids or {})
    with _open(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate) if stream.average_rate else None
        duration = _duration_s(container)
        count = stream.frames or (round(duration * rate) if duration and rate else None)

    def frames() -> Iterator[Frame | BadFrame]:
        return _frames(path, camera_of, masks)

    return Source("video", frames, count, rate)


def _open(path: Path) -> Any:
    import av

    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened as a video: {_reason(error)}. The file may be incomplete (an MP4 whose "
            "recording was cut off has no index) or of another type."
        ) from error
    if not container.streams.video:
        container.close()
        raise InputError(f"{path} holds no video stream.")
    # What FFmpeg cannot name has no codec context, and asking such a stream for more ends the process.
    if container.streams.video[0].codec_context is None:
        container.close()
        raise InputError(
            f"{path} cannot be decoded: its codec is not known, or the file is cut short before it says "
            "which. Copy the file again, or convert it: ffmpeg -i IN -c:v libx264 OUT.mp4."
        )
    return container


def _duration_s(container: Any) -> float | None:
    """Length of the video stream; the container's own length may be that of a longer sound track."""
    stream = container.streams.video[0]
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    alone = len(container.streams) == 1 and container.duration is not None
    return container.duration / 1e6 if alone else None


def _missing_tail(container: Any, packets: int, last_ns: int, step_ns: int) -> str:
    """Why the stream ended too early, or nothing; a decoder reports the end of a cut file as a normal end."""
    expected = container.streams.video[0].frames
    if packets < expected:
        return f"the file ends after {packets} of {expected} frames"
    duration = _duration_s(container)
    if not expected and duration is not None and last_ns + 3 * step_ns < duration * 1e9:
        return f"the file ends after {last_ns / 1e9:.2f} of {duration:.2f} s"
    return ""


def _frames(path: Path, camera_of: CameraOf, masks: MaskFolder | None) -> Iterator[Frame | BadFrame]:
    import av

    with _open(path) as container:
        stream = container.streams.video[0]
        shown = ShownPicture(stream)
        if shown.note:
            _log.info("%s: %s", path.name, shown.note)
        step_ns = round(1e9 / float(stream.average_rate)) if stream.average_rate else 33_333_333
        start_ns: int | None = None
        index, last_ns, packets = 0, -step_ns, 0
        damage, warn = "", WarnOnce()
        try:
            for packet in container.demux(stream):
                packets += packet.size > 0
                for picture in packet.decode():
                    time_ns = _time_ns(picture, last_ns + step_ns + (start_ns or 0))
                    start_ns = time_ns if start_ns is None else start_ns
                    last_ns = max(time_ns - start_ns, last_ns + 1)
                    frame = _frame(picture, shown, f"{index:06d}", last_ns, camera_of, masks)
                    if isinstance(frame, Frame):
                        warn("darkness", darkness(frame.rgb))
                    yield frame
                    index += 1
        except (av.error.FFmpegError, OSError) as error:
            damage = _reason(error)
        damage = damage or _missing_tail(container, packets, last_ns, step_ns)
        if damage or not index:
            reason = f"{path.name} is damaged at frame {index}: {damage or 'no frame could be decoded'}."
            yield BadFrame(f"{index:06d}", last_ns + step_ns, reason, is_loss=True)


def _frame(
    picture: Any,
    shown: ShownPicture,
    name: str,
    stamp_ns: int,
    camera_of: CameraOf,
    folder: MaskFolder | None,
) -> Frame | BadFrame:
    if picture.is_corrupt:
        return BadFrame(name, stamp_ns, f"frame {name} of the video is damaged.")
    rgb = _upright(shown.rgb(picture), picture.rotation)
    height, width = rgb.shape[:2]
    camera = camera_of(width, height)
    try:
        masks = frame_masks(folder, name, height, width)
    except ScorehoiError as error:
        return BadFrame(name, stamp_ns, str(error))
    return Frame(rgb, camera, stamp_ns, name=name, masks=masks)


def _time_ns(picture: Any, expected_ns: int) -> int:
    if picture.pts is None or picture.time_base is None:
        return expected_ns
    return round(picture.pts * picture.time_base * 1_000_000_000)


def _upright(rgb: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turn the stored picture by the container's counter-clockwise display rotation in degrees."""
    return np.ascontiguousarray(np.rot90(rgb, k=round(rotation / 90) % 4))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")

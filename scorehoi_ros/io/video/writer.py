"""Pictures as an H.264 video that browsers and README viewers play; complete or absent."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError, OutputError
from scorehoi_ros.files import Spare, whole_file

TICKS = 90_000
SPARE_BYTES = 4 << 20
"""For the pictures that an encoder still holds, and for the index, which comes to the front at the end."""
MAX_GAP_S = 2.0
"""Longer pauses between stamps are shortened to this: nobody watches a still picture."""


@contextmanager
def mp4_file(path: str | Path, rate_hz: float | None = None, quality: int = 21) -> Iterator["Mp4"]:
    """A new MP4 at `path`, under a temporary name until the block ends; without any picture none is left.

    An error leaves nothing there, but after `Mp4.keep` a whole video of the pictures before it.
    `rate_hz`: usual picture rate (25 when not known).  `quality`: x264's constant rate factor, less is finer.
    Raises OutputError when it cannot be written.
    """
    import av

    path, failure = Path(path), None
    with whole_file(path) as temporary:
        spare = Spare(temporary.parent, SPARE_BYTES)
        try:
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
                video = Mp4(path, container, rate_hz or 25.0, quality)
                try:
                    yield video
                except BaseException as error:
                    if not video.kept:
                        raise
                    failure = error
                spare.release()
                video.flush()
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot write the video {path}: {error.strerror or error}.") from error
        finally:
            spare.release()
    if not video.pictures:
        path.unlink(missing_ok=True)
    if failure is not None:
        raise failure


class Mp4:
    """Adds pictures; made by `mp4_file`."""

    def __init__(self, path: Path, container: Any, rate_hz: float, quality: int) -> None:
        self._path = path
        self._container = container
        self._step = max(round(TICKS / rate_hz), 1)
        self._rate = Fraction(rate_hz).limit_denominator(1001)
        self._quality = quality
        self._stream: Any = None
        self._last_ns, self._pts = 0, 0
        self.pictures = 0
        self.kept = False

    def keep(self) -> None:
        """From now on an error leaves the video of the pictures before it."""
        self.kept = True

    def add(self, rgb: NDArray[np.uint8], stamp_ns: int) -> None:
        """Show (H, W, 3) uint8 RGB from `stamp_ns` on; another size is fitted into the first's."""
        if rgb.ndim != 3 or rgb.shape[2] != 3 or min(rgb.shape[:2]) < 2:
            raise InputError(f"a video picture must be (H, W, 3) with at least 2x2 pixels. Got {rgb.shape}.")
        if self._stream is None:
            self._stream = self._make_stream(rgb)
        import av

        fitted = fit_picture(rgb, self._stream.width, self._stream.height)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(fitted), format="rgb24")
        picture.pts, picture.time_base = self._next_pts(stamp_ns), Fraction(1, TICKS)
        try:
            self._container.mux(self._stream.encode(picture))
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"cannot write the video {self._path}: {error.strerror or error}.") from error
        self.pictures += 1

    def flush(self) -> None:
        """Write what the encoder still holds."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())

    def _make_stream(self, rgb: NDArray[np.uint8]) -> Any:
        stream = self._container.add_stream("libx264", rate=self._rate)
        stream.width, stream.height = rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.options = {"crf": str(self._quality), "preset": "veryfast"}
        return stream

    def _next_pts(self, stamp_ns: int) -> int:
        if self.pictures:
            gap = round((stamp_ns - self._last_ns) * TICKS / 1e9)
            # A stamp that goes back (a looping bag) must not stop the video.
            self._pts += self._step if gap <= 0 else min(gap, round(MAX_GAP_S * TICKS))
        self._last_ns = stamp_ns
        return self._pts


def fit_picture(rgb: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The picture scaled into (height, width) with black borders, losing one row or column at most."""
    if 0 <= rgb.shape[0] - height <= 1 and 0 <= rgb.shape[1] - width <= 1:
        return rgb[:height, :width]
    import cv2

    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    size = max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1)
    page = np.zeros((height, width, 3), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    page[y : y + size[1], x : x + size[0]] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return page

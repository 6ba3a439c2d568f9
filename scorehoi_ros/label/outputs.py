"""The files of a run: frames/, overlays/, labels.mcap and overlay.mp4, all made from what a frame gave.

Bag and video can be made again from the files of the frames and the images of the source: the video shows the
pictures as they are in their files, so that a run that is resumed makes the very same ones.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.frame.session import PipelineLike
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.io.bags.writer import LabelBag, label_bag
from scorehoi_ros.io.npz import load_label, save_label
from scorehoi_ros.io.pictures.codec import decode_compressed, encode_jpeg
from scorehoi_ros.io.video.writer import Mp4, mp4_file
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Frame, Reconstruction

JPEG_QUALITY = 90
Draw = Callable[[NDArray[np.uint8], Reconstruction, BodyModel, ObjectTemplate | None], NDArray[np.uint8]]
"""(rgb, reconstruction, body, template) -> picture, as `render.overlay.panel`."""


class Outputs:
    """Opens bag and video; `draw` None = no pictures, `rate_hz` as for `mp4_file`, `video` False = none.

    Closed by `close`, with the error that ended the run, if any.  Raises OutputError.
    """

    def __init__(
        self, out: Path, pipeline: PipelineLike, draw: Draw | None, *, video: bool, rate_hz: float | None
    ) -> None:
        self._out, self._draw = out, draw
        self._pipeline = pipeline
        self._stack = ExitStack()
        self._video: Mp4 | None = None
        bag = label_bag(out / "labels.mcap", pipeline.body, pipeline.template)
        self._bag: LabelBag = self._stack.enter_context(bag)
        if draw is not None and video:
            self._video = self._stack.enter_context(mp4_file(out / "overlay.mp4", rate_hz))

    def use(self, pipeline: PipelineLike) -> None:
        """The frames that follow were made by this one."""
        self._pipeline = pipeline
        self._bag.set_template(pipeline.template)

    def keep(self) -> None:
        """From now on an error leaves bag and video of the frames before it."""
        self._bag.keep()
        if self._video is not None:
            self._video.keep()

    def write(self, r: Reconstruction, log_ns: int | None) -> None:
        """A new frame; `log_ns` when its image arrived, if known."""
        save_label(self._out / "frames" / f"{r.name}.npz", r)
        if self._draw is not None and r.flat is not None:
            picture = self._draw(r.flat, r, self._pipeline.body, self._pipeline.template)
            with whole_file(self._picture(r.name)) as temporary:
                temporary.write_bytes(encode_jpeg(picture, JPEG_QUALITY))
        self._append(r, log_ns)

    def write_again(self, frame: Frame | BadFrame, pictured: bool) -> Reconstruction:
        """A frame whose files are there, into bag and video; the result, as it was.

        `pictured`: the result came with its image.  Raises InputError when its files are not
        those of `frame`.
        """
        path = self._out / "frames" / f"{frame.name}.npz"
        r = load_label(path)
        if (r.name, r.stamp_ns) != (frame.name, frame.stamp_ns):
            raise InputError(
                f"{path} is of another frame (stamp {r.stamp_ns}, now {frame.stamp_ns}): the input has "
                "changed. Run again without --resume."
            )
        if pictured and isinstance(frame, Frame):
            r = replace(r, flat=undistort_frame(frame).rgb)
        self._append(r, frame.log_ns)
        return r

    def close(self, *error: Any) -> None:
        """Close everything; arguments as for the `__exit__` of a context."""
        self._stack.__exit__(*error)

    def _append(self, r: Reconstruction, log_ns: int | None) -> None:
        self._bag.write(r, log_ns)
        if self._video is not None and r.flat is not None:
            picture = self._picture(r.name)
            try:
                self._video.add(decode_compressed(picture.read_bytes()), r.stamp_ns)
            except OSError as error:
                raise InputError(f"cannot read {picture}: {error.strerror or error}.") from error

    def _picture(self, name: str) -> Path:
        return self._out / "overlays" / f"{name}.jpg"

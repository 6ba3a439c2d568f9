"""overlay.mp4, sheet.png and labels.mcap from the recorded results."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.clip import thumbnail
from scorehoi_ros.demo.results import Result
from scorehoi_ros.errors import OutputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.io.bag_writer import label_bag
from scorehoi_ros.io.mp4 import mp4_file
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.overlay import panel, sheet
from scorehoi_ros.types import Frame

SHEET_PICTURES, SHEET_COLUMNS, SHEET_WIDTH_PX = 12, 3, 640


class Pictures:
    """Collects what is seen while the frames are gone through once."""

    def __init__(
        self, out: Path, results: Sequence[Result], body: BodyModel, template: ObjectTemplate | None
    ):
        """`results` are those that will be shown, in order."""
        self._out, self._body, self._template = out, body, template
        wanted = np.linspace(0, len(results) - 1, min(SHEET_PICTURES, len(results))).round().astype(int)
        self._wanted = {results[k].reconstruction.stamp_ns for k in wanted}
        self._sheet: list[NDArray[np.uint8]] = []

    def write(self, pairs: Sequence[tuple[Frame, Result]], rate_hz: float | None) -> None:
        """Draw every pair into the video and the bag, and some of them into the sheet."""
        bag_path, video_path = self._out / "labels.mcap", self._out / "overlay.mp4"
        with label_bag(bag_path, self._body, self._template) as bag, mp4_file(video_path, rate_hz) as video:
            for frame, result in pairs:
                r = result.reconstruction
                picture = panel(frame.rgb, r, self._body, self._template)
                video.add(picture, frame.stamp_ns)
                bag.write(r, frame.rgb)
                if frame.stamp_ns in self._wanted:
                    self._sheet.append(thumbnail(picture, SHEET_WIDTH_PX))
        save_png(self._out / "sheet.png", sheet(self._sheet, SHEET_COLUMNS))


def save_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a PNG; raises OutputError when it cannot be encoded."""
    done, data = cv2.imencode(".png", rgb[..., ::-1])
    if not done:
        raise OutputError(f"cannot encode {path}. Choose another folder.")
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())

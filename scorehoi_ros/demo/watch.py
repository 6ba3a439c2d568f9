"""overlay.mp4, sheet.png and labels.mcap from the recorded results."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.clip import thumbnail
from scorehoi_ros.errors import OutputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.io.bags.writer import label_bag
from scorehoi_ros.io.video.writer import mp4_file
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.overlay import panel, sheet
from scorehoi_ros.types import Reconstruction

SHEET_PICTURES, SHEET_COLUMNS, SHEET_WIDTH_PX = 12, 3, 640


def write_pictures(
    out: Path,
    results: Iterable[Reconstruction],
    count: int,
    rate_hz: float | None,
    body: BodyModel,
    template: ObjectTemplate | None,
) -> None:
    """Draw every result over its image into the video and the bag, and some of them into the sheet.

    `results` in order, `count` of them, each with `flat`.  Raises OutputError when a file cannot be written.
    """
    wanted = set(np.linspace(0, count - 1, min(SHEET_PICTURES, count)).round().astype(int))
    pictures: list[NDArray[np.uint8]] = []
    bag_path, video_path = out / "labels.mcap", out / "overlay.mp4"
    with label_bag(bag_path, body, template) as bag, mp4_file(video_path, rate_hz) as video:
        for k, r in enumerate(results):
            assert r.flat is not None
            picture = panel(r.flat, r, body, template)
            video.add(picture, r.stamp_ns)
            bag.write(r)
            if k in wanted:
                pictures.append(thumbnail(picture, SHEET_WIDTH_PX))
    save_png(out / "sheet.png", sheet(pictures, SHEET_COLUMNS))


def save_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a PNG; raises OutputError when it cannot be encoded."""
    done, data = cv2.imencode(".png", rgb[..., ::-1])
    if not done:
        raise OutputError(f"cannot encode {path}. Choose another folder.")
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())

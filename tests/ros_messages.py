"""Plain objects with the fields of ROS messages."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image


def header(stamp_ns: int = 0, frame: str = "cam") -> Any:
    stamp = SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return SimpleNamespace(stamp=stamp, frame_id=frame)


def info(
    stamp_ns: int = 0,
    frame: str = "cam",
    focal: float = 50.0,
    size: tuple[int, int] = (64, 48),
    **fields: Any,
) -> Any:
    """A CameraInfo; `fields` win."""
    width, height = size
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    told = {
        "k": [focal, 0, 32, 0, focal, 24, 0, 0, 1], "d": [], "r": [0.0] * 9, "p": [0.0] * 12,
        "distortion_model": "", "binning_x": 0, "binning_y": 0, "roi": roi,
    }  # fmt: skip
    return SimpleNamespace(header=header(stamp_ns, frame), width=width, height=height, **(told | fields))


def image(values: np.ndarray, encoding: str, stamp_ns: int = 0, frame: str = "cam") -> Any:
    height, width = values.shape[:2]
    return SimpleNamespace(
        header=header(stamp_ns, frame), encoding=encoding, height=height, width=width,
        step=values.strides[0], is_bigendian=0, data=np.frombuffer(values.tobytes(), np.uint8),
    )  # fmt: skip


def colour(stamp_ns: int = 0, frame: str = "cam", size: tuple[int, int] = (64, 48)) -> Any:
    return image(np.full((size[1], size[0], 3), 70, np.uint8), "rgb8", stamp_ns, frame)


def depth(stamp_ns: int = 0, frame: str = "cam", size: tuple[int, int] = (64, 48)) -> Any:
    return image(np.full((size[1], size[0]), 1500, np.uint16), "16UC1", stamp_ns, frame)


def png_of_ids(ids: np.ndarray, stamp_ns: int = 5) -> Any:
    """A CompressedImage whose PNG has a palette, as DAVIS stores masks."""
    picture = Image.fromarray(ids, "P")
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    target = io.BytesIO()
    picture.save(target, "PNG")
    return SimpleNamespace(header=header(stamp_ns), format="png", data=target.getvalue())


def mask(columns: slice, stamp_ns: int = 0, size: tuple[int, int] = (64, 48)) -> Any:
    values = np.zeros((size[1], size[0]), np.uint8)
    values[:, columns] = 255
    return image(values, "mono8", stamp_ns)


def transform(
    parent: str,
    child: str,
    quaternion: tuple[float, float, float, float],
    place: tuple[float, float, float] = (0.0, 0.0, 0.0),
    stamp_ns: int = 0,
) -> Any:
    rotation = SimpleNamespace(**dict(zip("xyzw", quaternion, strict=True)))
    translation = SimpleNamespace(**dict(zip("xyz", place, strict=True)))
    one = SimpleNamespace(
        header=header(stamp_ns, parent),
        child_frame_id=child,
        transform=SimpleNamespace(rotation=rotation, translation=translation),
    )
    return SimpleNamespace(transforms=[one])

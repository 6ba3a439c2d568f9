"""The demo's motion file: poses of the free body and of the box it carries."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.types import Floats

FRAME_RATE_HZ = 12.0
BOX_SIZE_M = (0.42, 0.24, 0.32)
"""Width, height and depth of the carried box."""
SHAPES = {"pose": (52, 3), "root": (3,), "T_world_box": (4, 4)}


@dataclass(frozen=True)
class Motion:
    """World frame: x to the right of the picture, y up, z towards the viewer, floor at y = 0."""

    pose: Floats
    """(T, 52, 3) axis-angle, row 0 = body -> world."""
    root: Floats
    """(T, 3) metres, the pelvis joint."""
    T_world_box: Floats
    """(T, 4, 4)"""
    betas: Floats
    """(10,)"""


def save_motion(path: Path, motion: Motion) -> None:
    """Write a compressed npz of float32 arrays."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            pose=motion.pose.astype(np.float32),
            root=motion.root.astype(np.float32),
            T_world_box=motion.T_world_box.astype(np.float32),
            betas=motion.betas.astype(np.float32),
        )


def load_motion(path: Path) -> Motion:
    """Read what `save_motion` wrote; raises InputError when the file is damaged or of another layout."""
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name].astype(np.float64) for name in (*SHAPES, "betas")}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"{path} is not a demo motion ({error}). Restore it from the repository.") from error
    count = len(arrays["root"])
    for name, shape in SHAPES.items():
        if arrays[name].shape != (count, *shape) or not np.isfinite(arrays[name]).all():
            raise InputError(
                f"{path}: {name} must be finite with the shape ({count}, {shape}). Got {arrays[name].shape}. "
                "Restore the file from the repository."
            )
    return Motion(arrays["pose"], arrays["root"], arrays["T_world_box"], arrays["betas"])

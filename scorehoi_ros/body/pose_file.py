"""Files of body poses from motion capture: frames of clips, with what is known of each clip."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.npz import Field, Layout, damage_told, read_npz

BODY_JOINTS = 22
LAYOUT = Layout(
    "a pose corpus",
    "Expected an .npz with poses (N, 22, 3), clip (N,), t (N,) and clips (JSON).",
    {
        "poses": Field("f", ("frames", BODY_JOINTS, 3)),
        "clip": Field("iu", ("frames",)),
        "t": Field("iu", ("frames",), needed=False),
        "clips": Field("u", ("bytes",)),
    },
)


@dataclass(frozen=True)
class PoseFile:
    """What such a file holds; at least one frame."""

    poses: NDArray[np.float32]
    """(N, 22, 3) axis-angle."""
    clip: NDArray[np.int64]
    """(N,) index into `names`."""
    frame: NDArray[np.int64] | None
    """(N,) frame of the clip at 20 frames a second."""
    names: tuple[str, ...]
    tags: tuple[str, ...]
    """First tag of each clip, empty where it has none."""


def read_pose_file(path: Path) -> PoseFile:
    """Read npz with `poses` (N, 22, 3), `clip` (N,), `t` (N,), maybe, and `clips` (JSON bytes: name, tags).

    Raises InputError when it is missing, damaged or of another layout.
    """
    with damage_told(path, LAYOUT):
        arrays = read_npz(path, LAYOUT, only=LAYOUT.fields)
        clips = json.loads(arrays["clips"].tobytes())
        if not isinstance(clips, list) or not all(isinstance(clip, dict) for clip in clips):
            raise ValueError("clips is no list of mappings")
        clip = arrays["clip"].astype(np.int64)
        if not len(clip) or clip.min() < 0 or clip.max() >= len(clips):
            raise ValueError(f"its {len(clip)} frames do not all belong to one of {len(clips)} clips")
        return PoseFile(
            arrays["poses"].astype(np.float32),
            clip,
            arrays["t"].astype(np.int64) if "t" in arrays else None,
            tuple(str(one.get("name", "")) for one in clips),
            tuple(_first_tag(one) for one in clips),
        )


def _first_tag(clip: dict[str, Any]) -> str:
    tags = clip.get("tags") or [""]
    return str(tags[0] if isinstance(tags, list) else tags)

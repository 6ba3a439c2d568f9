"""The demo's own clip: a synthetic sequence with known truth, and what a user would have to tell the node."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scorehoi_ros.assets import model_file
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.datasets.registry import open_dataset
from scorehoi_ros.demo.clip import FIRST_STAMP_NS, FRAME_ID, Clip, write_clip
from scorehoi_ros.types import Bools, Masks

TRUTH_FILE = "demo/truth.npz"
PROMPT_MARGIN_PX = 4


@dataclass(frozen=True)
class OwnClip:
    """The clip as a bag, and the truth of its frames."""

    clip: Clip
    samples: list[Sample]
    """In order, with the stamps of the bag."""
    told: dict[str, Any]
    """Parameters that a user would give the node: the object, a box around it in the first image, and
    gravity, which a robot knows from its own pose or an accelerometer."""


def write_own_clip(folder: Path) -> OwnClip:
    """Write the clip into `folder` as a bag; the same on every run.  Its pictures are kept in the cache."""
    samples = own_samples()
    # the node has to find everything itself: it gets no masks
    clip = write_clip(folder, (replace(s.frame, masks=Masks(), frame_id=FRAME_ID) for s in samples))
    return OwnClip(clip, samples, told_by_user(samples[0]))


def own_samples(limit: int | None = None) -> list[Sample]:
    """The first `limit` frames of the clip (None = all) with their truth, rendered or from the cache."""
    items = open_dataset("synhoi-test", model_file(TRUTH_FILE)).sequences[0]
    return [_restamped(item.load()) for item in items[:limit]]


def told_by_user(first: Sample) -> dict[str, Any]:
    """Parameters `object`, `prompt_box` and `gravity` of the node, from the first frame's truth."""
    assert first.truth.object_mask is not None and first.truth.floor is not None
    return {
        "object": first.truth.template.source,
        "prompt_box": box_around(first.truth.object_mask),
        "gravity": [-float(v) for v in first.truth.floor.normal],
    }


def box_around(mask: Bools) -> list[float]:
    """x0, y0, x1, y1 in pixels around a mask, drawn a little too wide, but within the picture."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    low = np.array([columns[0], rows[0]]) - PROMPT_MARGIN_PX
    high = np.array([columns[-1], rows[-1]]) + 1 + PROMPT_MARGIN_PX
    inside = np.concatenate([np.maximum(low, 0), np.minimum(high, mask.shape[::-1])])
    return [float(value) for value in inside]


def _restamped(sample: Sample) -> Sample:
    return replace(sample, frame=replace(sample.frame, stamp_ns=FIRST_STAMP_NS + sample.frame.stamp_ns))

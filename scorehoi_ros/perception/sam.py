"""Segment Anything (Kirillov et al., 2023) as an object segmenter, apart from what runs the network.

`sam_torch` runs the original checkpoints, `sam_onnx` an exported pair; both give a `SamEngine`.  Images go in
as the original does it: longer side scaled to the network's size, normalised, padded at the right and bottom.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.perception.window import prompted_box
from scorehoi_ros.types import Bools, Box, Floats, Prompt

POSITIVE = 1.0
"""Label of a click on the object, in SAM's numbering."""
PRIOR_LOGIT = 6.0
"""Log-odds that a mask prior gives inside, and minus that outside."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SamPrompt:
    """A prompt in the pixels of the network's input."""

    box: Floats | None
    """(4,) x0 y0 x1 y1 or None."""
    points: Floats
    """(n, 2) clicks on the object; n may be 0."""
    mask_logits: NDArray[np.float32] | None
    """(size / 4, size / 4) log-odds or None."""


class SamEngine(Protocol):
    """Runs the network."""

    size: int
    """Side of the square input in pixels (1024 in the published models)."""

    def masks(
        self, rgb: NDArray[np.uint8], prompt: SamPrompt, height: int, width: int
    ) -> tuple[Floats, Floats]:
        """Logits (n, size / 4, size / 4) of candidate masks and their predicted IoU (n,).

        `rgb` (h, w, 3) is already scaled: max(h, w) = size; `height`, `width` are those of the full image.
        """
        ...


class SamSegmenter:
    """A `Segmenter` on a `SamEngine`; the score is the IoU that SAM predicts."""

    def __init__(self, engine: SamEngine) -> None:
        self._engine = engine

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; raises InputError when a mask has another size than the image."""
        height, width = rgb.shape[:2]
        for name, mask in (("prior mask", prompt.mask), ("mask to exclude", exclude)):
            if mask is not None and mask.shape != (height, width):
                raise InputError(
                    f"the {name} must have the size of the image, {width}x{height}. Got shape {mask.shape}."
                )
        size = self._engine.size
        sam_prompt = make_prompt(prompt, height, width, size)
        if sam_prompt is None:
            return empty_segmentation(height, width)
        scaled = cv2.resize(rgb, scaled_size(height, width, size), interpolation=cv2.INTER_AREA)
        logits, ious = self._engine.masks(np.asarray(scaled, np.uint8), sam_prompt, height, width)
        candidates = [full_logits(one, height, width, size) for one in logits]
        return _best(candidates, ious, exclude)


def _best(candidates: list[Floats], ious: Floats, exclude: Bools | None) -> Segmentation:
    """Of the masks that SAM offers the most probable that is not mostly the excluded thing."""
    scores = np.clip(np.nan_to_num(np.asarray(ious, float)), 0.0, 1.0)
    masks = [logits > 0.0 for logits in candidates]
    ranks = [s * _free_share(m, exclude) if m.any() else -1.0 for s, m in zip(scores, masks, strict=True)]
    best = int(np.argmax(ranks))
    height, width = masks[best].shape
    if not masks[best].any():
        return empty_segmentation(height, width)
    probability = 1.0 / (1.0 + np.exp(-np.clip(candidates[best], -30.0, 30.0)))
    return Segmentation(masks[best], probability.astype(np.float32), float(scores[best]))


def _free_share(mask: Bools, exclude: Bools | None) -> float:
    """1 when the mask avoids the excluded pixels, 0.5 when it lies inside: held things overlap with hands."""
    return 1.0 if exclude is None else 1.0 - 0.5 * float((mask & exclude).sum()) / float(mask.sum())


def make_prompt(prompt: Prompt, height: int, width: int, size: int) -> SamPrompt | None:
    """The prompt in network pixels; a mask prior brings its box; None when nothing is prompted."""
    points = np.zeros((0, 2)) if prompt.points is None else np.reshape(prompt.points, (-1, 2)).astype(float)
    points = points[np.isfinite(points).all(axis=1)]
    boxed = Prompt(box=prompt.box, mask=prompt.mask)
    box = prompted_box(boxed, height, width, mask_margin=0.05)
    if box is None and len(points) == 0:
        return None
    new_width, new_height = scaled_size(height, width, size)
    scale = np.array([new_width / width, new_height / height])
    return SamPrompt(
        box=None if box is None else _box_array(box) * np.tile(scale, 2),
        # Our pixel (0, 0) is the centre of the first pixel, SAM adds that half pixel itself.
        points=(points + 0.5) * scale - 0.5,
        mask_logits=None if prompt.mask is None else _mask_logits(prompt.mask, size),
    )


def _box_array(box: Box) -> Floats:
    return np.array([box.x0, box.y0, box.x1, box.y1])


def _mask_logits(mask: Bools, size: int) -> NDArray[np.float32]:
    width, height = scaled_size(mask.shape[0], mask.shape[1], size // 4)
    logits = np.full((size // 4, size // 4), -PRIOR_LOGIT, np.float32)
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    logits[:height, :width] = (2.0 * small - 1.0) * PRIOR_LOGIT
    return logits


def scaled_size(height: int, width: int, size: int) -> tuple[int, int]:
    """(width, height) of the image with its longer side scaled to `size`, as cv2 wants it."""
    scale = size / max(height, width)
    return max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))


def full_logits(logits: Floats, height: int, width: int, size: int) -> Floats:
    """(height, width) logits in the full image from the network's padded (size / 4, size / 4)."""
    padded = cv2.resize(np.asarray(logits, np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    new_width, new_height = scaled_size(height, width, size)
    full = cv2.resize(padded[:new_height, :new_width], (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full, np.float32)


def log_weights(path: Path) -> None:
    """Write the file's sha256 to the log, so that a result can be traced to its weights."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    log.info("SAM weights %s sha256 %s", path.name, digest)

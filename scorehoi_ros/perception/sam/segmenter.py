"""Segment Anything (Kirillov et al., 2023) as an object segmenter, apart from what runs the network.

`sam_torch` runs the original checkpoints, `sam_onnx` an exported pair; both give a `SamEngine`.  What goes
in is the part of the image around the prompt, as the original does it with whole images: longer side scaled
to the network's size, normalised, padded at the right and bottom.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import InputError
from scorehoi_ros.perception.object.window import Window, prompted_box, window_around
from scorehoi_ros.perception.protocols import Segmentation, empty_segmentation
from scorehoi_ros.types import Bools, Box, Floats, Prompt

CONTEXT = 0.3
"""How much is looked at on each side of the prompted box, in its longer sides."""
NEGATIVE, POSITIVE = 0.0, 1.0
"""Labels of clicks beside the object and on it, in SAM's numbering."""
MASK_MARGIN = 0.05
"""How much larger than a mask prior its box is, in its longer sides."""
PRIOR_LOGIT = 6.0
"""Log-odds that a mask prior gives inside, and minus that outside."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SamPrompt:
    """A prompt in the pixels of the network's input."""

    box: Floats | None
    """(4,) x0 y0 x1 y1 or None."""
    points: Floats
    """(n, 2) clicks; n may be 0."""
    labels: Floats
    """(n,) POSITIVE or NEGATIVE."""
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


class LastImage:
    """Calls `embed` unless the image is the one before: several prompts for one image cost one embedding."""

    def __init__(self, embed: Callable[[NDArray[np.uint8]], Any]) -> None:
        self._embed = embed
        self._last: tuple[NDArray[np.uint8], Any] | None = None

    def __call__(self, rgb: NDArray[np.uint8]) -> Any:
        """The embedding of an image (h, w, 3) uint8."""
        last = self._last
        if last is None or not np.array_equal(last[0], rgb):
            last = self._last = rgb.copy(), self._embed(rgb)
        return last[1]


class SamSegmenter:
    """A `Segmenter` on a `SamEngine`; the score is the IoU that SAM predicts."""

    def __init__(self, engine: SamEngine, context: float = CONTEXT) -> None:
        self._engine = engine
        self._context = context

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """See `Segmenter.segment`; raises InputError when a mask has another size than the image."""
        height, width = rgb.shape[:2]
        for name, mask in (("prior mask", prompt.mask), ("mask to exclude", exclude)):
            if mask is not None and mask.shape != (height, width):
                raise InputError(
                    f"the {name} must have the size of the image, {width}x{height}. Got shape {mask.shape}."
                )
        box = prompted_box(prompt, height, width, MASK_MARGIN)
        if box is None:
            return empty_segmentation(height, width)
        window = window_around(box, height, width, self._context, self._engine.size)
        part = np.s_[window.y0 : window.y1, window.x0 : window.x1]
        found = self._in_window(rgb[part], cut_prompt(prompt, box, window), _part(exclude, window))
        mask, probability = np.zeros((height, width), bool), np.zeros((height, width), np.float32)
        mask[part], probability[part] = found.mask, found.probability
        return Segmentation(mask, probability, found.score)

    def _in_window(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        height, width = rgb.shape[:2]
        size = self._engine.size
        scaled = cv2.resize(rgb, scaled_size(height, width, size), interpolation=cv2.INTER_AREA)
        sam_prompt = make_prompt(prompt, height, width, size)
        logits, ious = self._engine.masks(np.asarray(scaled, np.uint8), sam_prompt, height, width)
        candidates = [full_logits(one, height, width, size) for one in logits]
        return _best(candidates, ious, exclude)


def cut_prompt(prompt: Prompt, box: Box, window: Window) -> Prompt:
    """The prompt in pixels of the window; a mask prior brings its `box`, and clicks outside are left out."""
    boxed = prompt.box is not None or prompt.mask is not None
    moved = Box(box.x0 - window.x0, box.y0 - window.y0, box.x1 - window.x0, box.y1 - window.y0)
    return Prompt(
        box=moved if boxed else None,
        points=_clicks(prompt.points, window),
        background=_clicks(prompt.background, window),
        mask=_part(prompt.mask, window),
    )


def _part(mask: Bools | None, window: Window) -> Bools | None:
    return None if mask is None else mask[window.y0 : window.y1, window.x0 : window.x1]


def _clicks(points: Floats | None, window: Window) -> Floats:
    """(n, 2) of the clicks inside the window, in its pixels."""
    moved = np.zeros((0, 2)) if points is None else np.reshape(points, (-1, 2)) - [window.x0, window.y0]
    inside = (moved >= 0.0) & (moved < [window.x1 - window.x0, window.y1 - window.y0])
    return np.asarray(moved[inside.all(axis=1)])


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


def make_prompt(prompt: Prompt, height: int, width: int, size: int) -> SamPrompt:
    """A prompt in pixels of an image (height, width) in those of the network."""
    groups = [np.reshape(p, (-1, 2)) for p in (prompt.points, prompt.background) if p is not None]
    points = np.concatenate([np.zeros((0, 2)), *groups])
    on_object = 0 if prompt.points is None else len(np.reshape(prompt.points, (-1, 2)))
    new_width, new_height = scaled_size(height, width, size)
    scale = np.array([new_width / width, new_height / height])
    return SamPrompt(
        box=None if prompt.box is None else _box_array(prompt.box) * np.tile(scale, 2),
        # Our pixel (0, 0) is the centre of the first pixel, SAM adds that half pixel itself.
        points=(points + 0.5) * scale - 0.5,
        labels=np.where(np.arange(len(points)) < on_object, POSITIVE, NEGATIVE),
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

"""Slow looks at the object beside the frames: wanted in one, answered by another thread, used in a later one.

All of it is plain values, so that what a frame says depends on nothing but what it is given.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.object.propose import confirmed
from scorehoi_ros.perception.protocols import CloseSegmenter, Segmentation
from scorehoi_ros.types import Bools, Frame, Prompt


@dataclass(frozen=True)
class Answer:
    """What a slow look found in an earlier frame."""

    found: Segmentation
    frame_id: str
    """Of the camera that took the frame."""

    def fits(self, frame: Frame) -> bool:
        """Whether the mask may be laid on a frame: the same camera, and images of the same size."""
        return self.frame_id == frame.frame_id and self.found.mask.shape == frame.rgb.shape[:2]


@dataclass(frozen=True)
class CloseLook:
    """A slow look that a frame would have liked; calling it takes that look, in any thread."""

    segmenter: CloseSegmenter
    rgb: NDArray[np.uint8]
    """(H, W, 3) undistorted."""
    prompt: Prompt
    exclude: Bools | None
    """(H, W) pixels of other things."""
    frame_id: str
    told: bool = False
    """The user said where to look."""

    def __call__(self) -> Answer:
        """Raises what the segmenter raises."""
        found = self.segmenter.segment_closely(self.rgb, self.prompt, self.exclude)
        return Answer(found if self.told else confirmed(found, self.prompt), self.frame_id)


@dataclass(frozen=True)
class Aside:
    """With a frame: that slow looks are taken beside it, and what the last one found."""

    answer: Answer | None = None
    """Heard since the frame before."""
    wanted: CloseLook | None = None
    """After the frame: what is to be looked at."""

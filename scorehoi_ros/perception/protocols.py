"""What the pipeline asks of perception; any class with these methods can be plugged in."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types import Bools, Floats, Hint, HumanObservation, Prompt

GOOD_SCORE = 0.4
"""With a `Segmentation.score` from here on, a tracked object is taken without looking for it elsewhere."""

NO_HINT = Hint()
"""Nothing is known of who is meant."""


@dataclass(frozen=True)
class Segmentation:
    """An object mask with its soft version and how far it can be trusted."""

    mask: Bools
    """(H, W) bool."""
    probability: NDArray[np.float32]
    """(H, W) float32, 0..1."""
    score: float
    """0..1, predicted overlap (IoU) of `mask` with the true mask; 0 = nothing was found."""
    appearance: Floats | None = None
    """What the object looks like, for `Prompt.appearance` of later frames; None if the segmenter has none."""


class HumanDetector(Protocol):
    """Finds the person who is meant in one image, without memory of earlier calls."""

    def detect(
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None, hint: Hint = NO_HINT
    ) -> HumanObservation | None:
        """Landmarks and soft mask of the person in `rgb` (H, W, 3) uint8, or None when nobody is in view.

        `before` is what this detector said of the frame before, from which it may follow that person;
        None = it looks afresh.  `hint` says who of several people is meant.
        """
        ...

    def close(self) -> None:
        """Free native resources; the detector must not be used afterwards."""
        ...


class Segmenter(Protocol):
    """Finds the prompted object in one image, without memory of earlier images."""

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """Mask of the object that `prompt` points at.

        `rgb` is (H, W, 3) uint8; `exclude` (H, W) bool are pixels of other things, above all the human.
        A prompt without box, points and mask gives an empty mask with score 0.
        """
        ...


@runtime_checkable
class CloseSegmenter(Segmenter, Protocol):
    """A segmenter that has a slow look beside its quick one."""

    def segment_closely(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        """The same as `segment`, by the slow look alone, also where the quick one would do.

        It may run in another thread while `segment` runs.
        """
        ...


def empty_segmentation(height: int, width: int) -> Segmentation:
    """The answer "nothing found" for an image of this size."""
    return Segmentation(np.zeros((height, width), bool), np.zeros((height, width), np.float32), 0.0)

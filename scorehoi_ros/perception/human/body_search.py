"""MediaPipe's person detector: where in an image the body network should look."""

import cv2
import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.region import body_region, cut_out, lay_back, whole
from scorehoi_ros.perception.human.tflite import Network
from scorehoi_ros.types import Bools, Floats, Region

GRIDS = ((28, 2), (14, 2), (7, 6))
"""Cells in a row, and guesses in each, of the three grids that the network looks at."""
LEAST_SCORE = 0.5
SAME_PERSON_IOU = 0.3
"""Boxes that overlap more than this are one person: MediaPipe's thresholds."""
BOX, CENTRE, RIM = slice(0, 4), slice(4, 6), slice(6, 8)
"""Columns of a guess: middle and size of the face's box; mid-hip; top of the circle around the person."""


class BodySearch:
    """The network `pose_detection`."""

    def __init__(self) -> None:
        self._network = Network("pose_detection/pose_detection")
        self._anchors = anchors()

    def __call__(self, rgb: NDArray[np.uint8]) -> Region | None:
        """Where in `rgb` (H, W, 3) the most prominent person is; None for nobody."""
        everything = whole(*rgb.shape[:2])
        image = 2.0 * cut_out(rgb, everything, self._network.size, cv2.BORDER_CONSTANT) - 1.0
        guesses, logits = self._network(image)
        sure = logits[0, :, 0] >= np.log(LEAST_SCORE / (1.0 - LEAST_SCORE))
        if not sure.any():
            return None
        found = guesses[0, sure] / self._network.size
        found[:, BOX.start : BOX.start + 2] += self._anchors[sure]
        found[:, CENTRE] += self._anchors[sure]
        found[:, RIM] += self._anchors[sure]
        centre, rim = lay_back(_most_prominent(found, logits[0, sure, 0]), everything)
        return body_region(centre, rim)


def anchors() -> Floats:
    """(2254, 2) x, y in 0..1: the middle of the cell that each guess is told from."""
    middles = []
    for cells, times in GRIDS:
        line = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        middles.append(np.repeat(grid, times, axis=0))
    return np.concatenate(middles).astype(np.float32)


def _most_prominent(found: Floats, logits: Floats) -> Floats:
    """(2, 2) centre and rim: the mean of the best guess and those that overlap it, by their scores."""
    scores = 1.0 / (1.0 + np.exp(-logits))
    scores = scores * _overlapping(found[:, BOX], found[np.argmax(scores), BOX])
    return np.asarray(np.average(found[:, CENTRE.start : RIM.stop], axis=0, weights=scores).reshape(2, 2))


def _overlapping(boxes: Floats, one: Floats) -> Bools:
    """Which boxes (n, 4), middle and size, are the same person as `one` (4,)."""
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, one[:2] - one[2:] / 2)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, one[:2] + one[2:] / 2)
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    return np.asarray(shared > SAME_PERSON_IOU * (boxes[:, 2:].prod(axis=1) + one[2:].prod() - shared))

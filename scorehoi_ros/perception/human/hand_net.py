"""MediaPipe's hand networks on a body that was found, as Holistic uses them."""

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.perception.human.region import cut_out, hand_region, hand_region_again, lay_back
from scorehoi_ros.perception.human.tflite import Network
from scorehoi_ros.types import Floats

WRISTS, PINKIES, INDICES = (15, 16), (17, 18), (19, 20)
"""Rows of the body's points, left and right."""
LEAST_VISIBLE = 0.1
"""Visibility of the wrist from which Holistic looks for the hand."""
PRESENCE = 0.5
DEPTH_SCALE = 0.4
"""What MediaPipe divides a hand's depth by."""


class HandNetwork:
    """The networks `hand_recrop`, which says where exactly a hand is, and `hand_landmark_full`."""

    def __init__(self) -> None:
        self._place = Network("holistic_landmark/hand_recrop")
        self._points = Network("hand_landmark/hand_landmark_full")

    def __call__(self, rgb: NDArray[np.uint8], body: Floats, side: int) -> Floats | None:
        """(21, 3) pixels, and depth on their scale, of a hand of a body (33, 2); None when it is not seen.

        `side` is 0 for the left hand, 1 for the right one.
        """
        region = hand_region(body[WRISTS[side]], body[PINKIES[side]], body[INDICES[side]])
        if region.side < 1.0:
            return None
        (ends,) = self._place(cut_out(rgb, region, self._place.size))
        centre, rim = lay_back(ends.reshape(2, 2) / self._place.size, region)
        region = hand_region_again(centre, rim)
        if not np.isfinite(region.side) or region.side < 1.0:
            return None
        points, presence, _, _ = self._points(cut_out(rgb, region, self._points.size))
        if not presence.item() >= PRESENCE:
            return None
        return lay_back(points.reshape(21, 3) / self._points.size / (1.0, 1.0, DEPTH_SCALE), region)

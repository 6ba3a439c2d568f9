"""Human landmarks and mask from one image with MediaPipe Holistic, whose models come inside its wheel."""

from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.errors import MissingExtraError
from scorehoi_ros.perception.hands import hand_confidence, hand_world, one_hand_twice, pixels_per_metre
from scorehoi_ros.perception.human_search import find_small
from scorehoi_ros.perception.native_log import quiet_native_log
from scorehoi_ros.types import Floats, HumanObservation, Landmarks

BODY = slice(0, 33)
LEFT_HAND = slice(33, 54)
RIGHT_HAND = slice(54, 75)
LEFT_WRIST, RIGHT_WRIST = 15, 16


class MediapipeHuman:
    """MediaPipe Holistic on single images: the result for an image does not depend on earlier images.

    Left and right are the person's.  Body world coordinates are MediaPipe's own (metres, origin mid-hip,
    x right, y down, z away from the camera, as in the camera's optical frame, for a camera that looks
    straight at the person); hand world coordinates are built here, see `hands.hand_world`.

    Raises MissingExtraError when mediapipe is not installed.
    """

    def __init__(self) -> None:
        try:
            from mediapipe.python.solutions.holistic import Holistic
        except ImportError as error:
            raise MissingExtraError(
                f"human perception needs the package mediapipe, which cannot be imported ({error}). "
                "Install it with: pip install mediapipe==0.10.21"
            ) from error
        with quiet_native_log():
            self._holistic: Any = Holistic(
                static_image_mode=True, model_complexity=1, smooth_landmarks=False, enable_segmentation=True
            )
            self._process(np.zeros((64, 64, 3), np.uint8))
        self._settled = False

    def detect(
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None
    ) -> HumanObservation | None:
        """Landmarks and soft mask of the most prominent person in `rgb` (H, W, 3) uint8; None for nobody.

        A person small in the image is searched for in parts of it, see `human_search`: an image without
        anybody takes longest.
        """
        found = self._look(rgb)
        return find_small(rgb, self._look) if found is None else found

    def _look(self, rgb: NDArray[np.uint8]) -> HumanObservation | None:
        if self._settled:
            return _observation(self._process(rgb), *rgb.shape[:2])
        # One more native warning comes with the first person ever seen.
        with quiet_native_log():
            observation = _observation(self._process(rgb), *rgb.shape[:2])
        self._settled = observation is not None
        return observation

    def close(self) -> None:
        """Free the native graph."""
        self._holistic.close()

    def __enter__(self) -> "MediapipeHuman":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _process(self, rgb: NDArray[np.uint8]) -> Any:
        return self._holistic.process(np.ascontiguousarray(rgb))


def _observation(result: Any, height: int, width: int) -> HumanObservation | None:
    if result.pose_landmarks is None or result.pose_world_landmarks is None:
        return None
    mask = result.segmentation_mask
    return HumanObservation(
        landmarks=_landmarks(result, height, width),
        mask=None if mask is None else np.clip(np.asarray(mask, np.float32), 0.0, 1.0),
    )


def _landmarks(result: Any, height: int, width: int) -> Landmarks:
    """The 75 rows of `Landmarks` from a Holistic result."""
    body = _points(result.pose_landmarks, height, width)
    body_world = np.array([(p.x, p.y, p.z) for p in result.pose_world_landmarks.landmark])
    visibility = np.array([p.visibility for p in result.pose_landmarks.landmark])
    pixels, world, confidence = np.zeros((75, 2)), np.zeros((75, 3)), np.zeros(75)
    pixels[BODY], world[BODY], confidence[BODY] = body[:, :2], body_world, np.clip(visibility, 0.0, 1.0)
    scale = pixels_per_metre(body[:, :2], body_world[:, :2], visibility)
    found = [
        (LEFT_HAND, LEFT_WRIST, result.left_hand_landmarks),
        (RIGHT_HAND, RIGHT_WRIST, result.right_hand_landmarks),
    ]
    for rows, wrist, hand in found:
        if hand is not None:
            points = _points(hand, height, width)
            pixels[rows], world[rows] = points[:, :2], hand_world(points)
            confidence[rows] = hand_confidence(points, body[wrist, :2], scale)
    _drop_the_worse_of_twins(pixels, confidence)
    confidence[_outside(pixels, height, width)] = 0.0
    return Landmarks(pixels=pixels, world=world, confidence=confidence)


def _drop_the_worse_of_twins(pixels: Floats, confidence: Floats) -> None:
    """When both hands were laid on the same hand in the image, only the more plausible one stays."""
    left, right = confidence[LEFT_HAND][0], confidence[RIGHT_HAND][0]
    if left > 0.0 and right > 0.0 and one_hand_twice(pixels[LEFT_HAND], pixels[RIGHT_HAND]):
        confidence[LEFT_HAND if left < right else RIGHT_HAND] = 0.0


def _points(landmarks: Any, height: int, width: int) -> Floats:
    """(n, 3) x, y, z in pixels; pixel (0, 0) is the centre of the top-left pixel, z has the scale of x."""
    normalised = np.array([(p.x, p.y, p.z) for p in landmarks.landmark], dtype=float)
    return normalised * (width, height, width) - (0.5, 0.5, 0.0)


def _outside(pixels: Floats, height: int, width: int) -> NDArray[np.bool_]:
    """Points beyond the image border are MediaPipe's guesses: nobody saw them."""
    return ((pixels < -0.5) | (pixels >= np.array([width, height]) - 0.5)).any(axis=1)

"""Frames that cannot be used, and the result that stands for them."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.types import Camera, Frame, Reconstruction, Status


@dataclass(frozen=True)
class BadFrame:
    """A frame that the source holds but that cannot be used."""

    name: str
    stamp_ns: int
    reason: str
    """In words for the user."""
    frame_id: str = "camera_optical_frame"
    log_ns: int | None = None
    is_loss: bool = False
    """It stands for what a damaged source has lost, however many frames that were."""


def bad_input(frame: Frame | BadFrame, reason: str) -> Reconstruction:
    """The result for a frame that cannot be used; without a camera K is zeros and the source "guess"."""
    unknown = Camera(np.zeros((3, 3)), 0, 0, source="guess")
    camera = unknown if isinstance(frame, BadFrame) else frame.camera
    return Reconstruction(frame.stamp_ns, frame.frame_id, frame.name, camera, Status.BAD_INPUT, reason)

"""What a frame is made of: image, camera, masks, prompts, landmarks."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types.arrays import Bools, Floats

Model = Literal["plumb_bob", "rational_polynomial", "equidistant"]
"""Distortion models, by their names in sensor_msgs/CameraInfo."""


@dataclass(frozen=True)
class Camera:
    """Pinhole camera with optional distortion, for images of one size."""

    K: Floats
    """(3, 3) float64 intrinsics in pixels; (0, 0) is the
    centre of the top-left pixel, as in OpenCV and ROS."""
    width: int
    height: int
    distortion: Floats = field(default_factory=lambda: np.zeros(0))
    """(n,) float64 in OpenCV's order k1 k2 p1 p2 k3 k4 k5 k6; (4,) for "equidistant"; empty = none."""
    model: Model = "plumb_bob"
    source: Literal["camera_info", "user", "guess"] = "user"
    """"guess" = focal length assumed; every output then says so, because metric scale depends on it."""


@dataclass(frozen=True)
class Masks:
    """Where the human and the object are in the image; either may be missing."""

    human: Bools | None = None
    """(H, W) bool."""
    object: Bools | None = None
    """(H, W) bool."""
    human_score: float = 1.0
    """0..1, how far the mask can be trusted; without a mask it says nothing."""
    object_score: float = 1.0
    """0..1, how far the mask can be trusted."""


@dataclass(frozen=True)
class Frame:
    """One camera image with everything known about it."""

    rgb: NDArray[np.uint8]
    """(H, W, 3) uint8 RGB."""
    camera: Camera
    stamp_ns: int
    """Capture time, nanoseconds since the epoch of the source."""
    frame_id: str = "camera_optical_frame"
    name: str = ""
    """File stem or index in the source, used to name outputs."""
    depth: Floats | None = None
    """(H, W) float32 metres aligned with rgb, 0 or NaN where unknown."""
    masks: Masks = Masks()
    """Masks that came with the frame (files or a topic); they win over segmentation."""
    log_ns: int | None = None
    """When the image arrived, nanoseconds: bag: log time; topic: monotonic clock; None for other sources."""
    gravity: Floats | None = None
    """(3,) direction of gravity in the camera frame (from TF); None = not known."""


@dataclass(frozen=True)
class Box:
    """Axis-aligned box in pixels, x1 and y1 exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class Prompt:
    """What the user, or the tracker, says about where the object is; any combination may be set."""

    box: Box | None = None
    points: Floats | None = None
    """(n, 2) pixels on the object."""
    background: Floats | None = None
    """(n, 2) pixels beside the object; they alone prompt nothing."""
    mask: Bools | None = None
    """(H, W) bool prior, for example the projected template of the last frame."""
    appearance: Floats | None = None
    """`Segmentation.appearance` of an earlier frame with a good score, of the same segmenter: lets it find an
    object that has moved away from the prior, and lowers the score of things that look different."""
    closely: bool = True
    """False: only a quick look, though a slow segmenter might find it better."""


@dataclass(frozen=True)
class Landmarks:
    """What a human landmark detector saw: MediaPipe's 33 body points and 21 points for each hand.

    Rows 0..32 body, 33..53 left hand, 54..74 right hand (MediaPipe's orders; left = the person's left).
    """

    pixels: Floats
    """(75, 2) float64 in the full image."""
    world: Floats
    """(75, 3) float64 metres, camera-aligned axes (x right, y down, z forward), body rows relative to the
    mid-hip, hand rows relative to that hand's wrist (its row 0)."""
    confidence: Floats
    """(75,) 0..1; 0 where a point (or a whole hand) was not found."""


@dataclass(frozen=True)
class Region:
    """A turned square of an image, in pixels; pixel (0, 0) is the centre of the top-left pixel."""

    x: float
    y: float
    """Its centre."""
    side: float
    turn: float
    """Radians by which its axes are turned against the image's, clockwise as seen."""


ChosenBy = Literal["prominence", "mask", "object", "trail"]
"""Why it is this one of several people: the most visible one, the one in a given mask, the one nearest to the
object, the one who was followed before."""


@dataclass(frozen=True)
class Trail:
    """What a detector must know of the frame before to follow somebody into the next."""

    region: Region
    """Where the person will be looked for."""
    hand_seen: tuple[int, int]
    """Frames since the left and the right hand were found; 0 = in this frame."""
    hand_sought: tuple[int, int]
    """Frames since they were last looked for."""
    searched: int
    """Frames since the whole image was searched for people."""
    people: int = 1
    """How many were in view when this one was chosen."""
    chosen_by: ChosenBy = "prominence"
    """Why it is this one."""
    colours: Floats | None = None
    """Of the clothes when the person was chosen among several, see `perception.object.colours`."""


@dataclass(frozen=True)
class Hint:
    """What is known, before looking, of who is meant and where to look; pixels of the image."""

    person: Bools | None = None
    """(H, W) mask of the person that came with the frame: whoever is in it is meant, also while another is
    followed."""
    thing: Box | None = None
    """Around the object, as this frame or the user says: of several people who handles it is meant."""
    choose: bool = False
    """The user has just said where the object is: whoever is followed is chosen anew."""
    old_thing: Box | None = None
    """Around the object where it was when it was last told."""
    lost: Trail | None = None
    """Of the person who was followed, and then not found for some frames."""
    empty: int = 0
    """How many frames before this one showed nobody."""


@dataclass(frozen=True)
class HumanObservation:
    """The result of human perception for one frame in which somebody is in view."""

    landmarks: Landmarks
    mask: Floats | None
    """(H, W) float32 soft mask 0..1, or None."""
    trail: Trail | None = None
    """For the detector, when it looks at the next frame; None = the landmarks have to do."""

"""The values that travel between stages: frozen, typed, in metres, in the camera's optical frame.

Frames and names follow `docs/conventions.md`: camera optical frame x right, y down, z forward (REP 103);
`T_dst_src` maps points of `src` into `dst`.  Arrays are numpy and must not be written to.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer]
Model = Literal["plumb_bob", "rational_polynomial", "equidistant"]
"""Distortion models, by their names in sensor_msgs/CameraInfo."""

NUM_JOINTS = 52
NUM_BETAS = 10
NUM_HUMAN_TOKENS = 431
NUM_OBJECT_POINTS = 64
CONTACT_DISTANCE_M = 0.05
"""A human vertex, an object point or a floor point is in contact within this distance (CONTHO's protocol)."""


class Status(IntEnum):
    """How far a result can be trusted; the numbers equal the constants in the messages."""

    OK = 0
    UNTRUSTED = 1
    """There is an estimate, but the image does not support it well enough."""
    ABSENT = 2
    """Not in view and not being tracked: a normal result."""
    LOST = 3
    """Was tracked, and is not found in this frame."""
    BAD_INPUT = 4
    """The frame itself was unusable."""

    @property
    def is_present(self) -> bool:
        """True when a state of this status carries an estimate from the frame itself."""
        return self in (Status.OK, Status.UNTRUSTED)


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
    human_score: float = 0.0
    """0..1, how far the mask can be trusted."""
    object_score: float = 0.0
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
    """When the source bag recorded the image, nanoseconds; None for other sources."""
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
    mask: Bools | None = None
    """(H, W) bool prior, for example the projected template of the last frame."""
    appearance: Floats | None = None
    """`Segmentation.appearance` of an earlier frame with a good score, of the same segmenter: lets it find an
    object that has moved away from the prior, and lowers the score of things that look different."""


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
class HumanObservation:
    """The result of human perception for one frame in which somebody is in view."""

    landmarks: Landmarks
    mask: Floats | None
    """(H, W) float32 soft mask 0..1, or None."""


@dataclass(frozen=True)
class Floor:
    """Plane `normal . x = offset` in the camera frame; `normal` points up, away from the ground."""

    normal: Floats
    """(3,) unit."""
    offset: float
    """Metres: height of a point x above the floor is `normal . x - offset`."""
    source: Literal["gravity", "guess"] = "guess"
    """"guess" = the camera was taken to be level."""


@dataclass(frozen=True)
class HumanPose:
    """The human part of the paper's state, with the camera translation."""

    theta: Floats
    """(52, 6) 6D rotations (Zhou et al. 2019), SMPL-H joint order; row 0 = global_orient, body -> camera."""
    betas: Floats
    """(10,) in standard deviations of the body model."""
    t_cam: Floats
    """(3,) metres, the pelvis joint in the camera frame."""


@dataclass(frozen=True)
class ObjectPose:
    """The 6-DoF pose of an object."""

    R_o: Floats
    """(6,) 6D rotation object -> camera."""
    origin: Floats
    """(3,) metres, the object's origin in the camera frame."""


@dataclass(frozen=True)
class Estimate:
    """One person and one object, either of which may be missing: what a method solves for.

    With both it is the state x = {theta, beta, R_o, t_o} of the paper and the camera translation.
    """

    human: HumanPose | None = None
    object: ObjectPose | None = None

    @property
    def t_o(self) -> Floats:
        """(3,) metres, object origin relative to the human root (pelvis joint), camera axes; needs both."""
        if self.human is None or self.object is None:
            raise ValueError("t_o joins a person and an object; this estimate lacks one of them")
        return self.object.origin - self.human.t_cam


@dataclass(frozen=True)
class Contacts:
    """Where one human, one object and the floor touch."""

    human_vertices: NDArray[np.int32]
    """(n,) indices into the full body mesh."""
    human_probabilities: Floats
    """(n,) 0..1."""
    body_parts: tuple[str, ...]
    """Names of body regions that hold at least one contact vertex, most touched first."""
    object_points: Floats
    """(m, 3) metres in the object's frame, the template points in contact with the human."""
    object_probabilities: Floats
    """(m,) 0..1."""
    floor_points: Floats
    """(k, 3) metres in the object's frame, the template points in contact with the floor."""
    floor_probabilities: Floats
    """(k,) 0..1."""
    human_id: str = ""
    """`HumanState.id` of the person; empty when only the object and the floor touch."""
    object_id: str = ""
    """`ObjectState.id` of the object."""
    source: Literal["geometry", "predicted"] = "geometry"
    """"geometry" = measured on the result by the 5 cm rule, "predicted" = what the method said."""


@dataclass(frozen=True)
class HumanState:
    """A reconstructed person."""

    id: str
    """Track id, "human_1"; a new track gets a new number."""
    status: Status
    confidence: float
    """0..1."""
    betas: Floats
    """(10,)"""
    pose: Floats
    """(52, 3) axis-angle radians, SMPL-H order; row 0 = global_orient, body -> camera."""
    root: Floats
    """(3,) metres, pelvis joint in the camera frame."""
    joints: Floats
    """(52, 3) metres, camera frame."""
    vertices: NDArray[np.float32]
    """(V, 3) metres, camera frame."""


@dataclass(frozen=True)
class ObjectState:
    """A reconstructed object."""

    id: str
    """Track id, "object_1"; empty for an object that has never been seen."""
    status: Status
    confidence: float
    """0..1."""
    label: str
    """Class or file stem of the template."""
    template_id: str
    """Content hash of the template."""
    T_cam_object: Floats
    """(4, 4) float64."""
    covariance: Floats
    """(6, 6) x y z (m^2) then rotation about x y z (rad^2), camera frame, ROS order."""


@dataclass(frozen=True)
class Reconstruction:
    """Everything known about one frame.

    Humans and objects that are tracked but not found are in the lists with status LOST; an object that is
    looked for and was never seen is there as ABSENT; people who were never there are not.
    """

    stamp_ns: int
    frame_id: str
    name: str
    camera: Camera
    """The ideal pinhole camera of `flat`, on which everything here projects."""
    status: Status
    """The worst status of humans and objects that are or were there; ABSENT when nothing is in view, or
    BAD_INPUT."""
    message: str
    """Why the status is not OK, in words for the user; empty when OK."""
    humans: tuple[HumanState, ...] = ()
    objects: tuple[ObjectState, ...] = ()
    contacts: tuple[Contacts, ...] = ()
    floor: Floor | None = None
    estimate: Estimate | None = None
    """Of the primary pair, as the method left it; without the parts that were rejected."""
    masks: Masks = Masks()
    """The masks that were used."""
    landmarks: Landmarks | None = None
    quality: dict[str, float] = field(default_factory=dict)
    """human_iou, object_iou (against the masks used), keypoint_px (median, pixels at 256-pixel crop
    scale), penetration_mm; a key is missing where it could not be measured."""
    stage_ms: dict[str, float] = field(default_factory=dict)
    """Wall milliseconds of each stage."""
    flat: NDArray[np.uint8] | None = None
    """(H, W, 3) uint8 RGB, the undistorted image that `camera` belongs to; None when there was none."""

    @property
    def human(self) -> HumanState | None:
        """The primary person."""
        return self.humans[0] if self.humans else None

    @property
    def object(self) -> ObjectState | None:
        """The primary object."""
        return self.objects[0] if self.objects else None

    @property
    def contact(self) -> Contacts | None:
        """Contacts of the primary pair."""
        return self.contacts[0] if self.contacts else None

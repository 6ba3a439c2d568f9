"""What is said about a frame: poses, states, contacts, the reconstruction."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.types.arrays import Floats
from scorehoi_ros.types.inputs import Camera, Landmarks, Masks


class Status(IntEnum):
    """How far a result can be trusted; the numbers equal the constants in the messages."""

    OK = 0
    UNTRUSTED = 1
    """There is an estimate, but it may well be wrong."""
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
class Floor:
    """Plane `normal . x = offset` in the camera frame; `normal` points up, away from the ground."""

    normal: Floats
    """(3,) unit."""
    offset: float
    """Metres: height of a point x above the floor is `normal . x - offset`."""
    source: Literal["gravity", "estimated", "guess"] = "guess"
    """"gravity" = across a direction that was given, "estimated" = from what person and furniture say of it,
    "guess" = a level camera was assumed (labels of earlier releases)."""
    tilt_sigma: float = 0.0
    """Radians, standard deviation of the tilt about each of two axes across `normal`; 0 = not known."""
    offset_sigma: float = 0.0
    """Metres, standard deviation of the height of the floor under the person; 0 = not known."""


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
    """0..1, probability that the person is right, see `frame/trust.py`."""
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
    """0..1, probability that the object is right, see `frame/trust.py`."""
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
    """The worst of humans and objects that are listed, so ABSENT while an object is looked for and not found;
    ABSENT when nothing is in view; or BAD_INPUT."""
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
    scale), penetration_mm, human_mask_off_px and object_mask_off_px (given masks that had to be moved, pixels
    at that scale), and what probabilities are made of: human_doubt_* and object_doubt_*, with names
    and units of `frame/trust.py`; people: how many are in view, where several are; sides_exchanged: 1 where
    the detector took left for right; smoothing_ms: the time over which poses were smoothed afterwards, and by
    which they come later.  A key is missing where it could not be measured."""
    stage_ms: dict[str, float] = field(default_factory=dict)
    """Wall milliseconds of each stage."""
    flat: NDArray[np.uint8] | None = None
    """(H, W, 3) uint8 RGB, the undistorted image that `camera` belongs to; None when there was none."""
    track_ns: int | None = None
    """Time in the track: the stamp, or where stamps stand still the time of arrival; None = of no track."""

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

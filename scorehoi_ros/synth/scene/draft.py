"""A scene while it is being made: what is asked of the body and of the object, in the world frame.

World: y up, floor at y = 0, the body faces z, x to its left.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.scene.hands import Grasp
from scorehoi_ros.synth.scene.kinds import Instance
from scorehoi_ros.types import Floats

LOOSE_ARM = {"collar": 1.0, "shoulder": 0.02, "elbow": 0.03, "wrist": 0.12}
_STIFF = {
    "pelvis": 8.0, "hip": 4.0, "knee": 4.0, "ankle": 4.0, "foot": 8.0, "spine1": 1.5, "spine2": 1.5,
    "spine3": 1.5, "neck": 0.5, "head": 0.5, "collar": 4.0, "shoulder": 0.6, "elbow": 0.6, "wrist": 0.6,
}  # fmt: skip


def default_stiffness() -> Floats:
    """(22,) how much each joint resists being moved by the solver, 1 / rad^2."""
    stiff = np.zeros(22)
    for name, joint in JOINT_INDEX.items():
        if joint < 22:
            stiff[joint] = _STIFF[name.removeprefix("left_").removeprefix("right_")]
    return stiff


@dataclass(frozen=True)
class HandGoal:
    """Places where a palm may touch the object, in the object's frame; the most comfortable one is taken."""

    side: str
    points: Floats
    """(n, 3) where the middle of the palm touches."""
    facing: Floats
    """(n, 3) unit, where the palm faces: into the object."""
    thumbs: Floats
    """(n, 3) unit, where the thumb's side of the hand points."""
    touch: float = 1.0
    """Weight of palm skin on the surface; 0 = keep a distance (reaching, typing)."""
    fingers: bool = True
    """Whether the fingers close around the object."""


@dataclass(frozen=True)
class Goal:
    """A group of skin vertices that is wanted somewhere or on the object."""

    group: str
    """One of `anchors.GROUPS`."""
    target: Floats | None = None
    """(3,) for the mean of the group; world, or object's frame."""
    frame: Literal["world", "object"] = "world"
    pull: float = 0.0
    """Weight of the distance to the target."""
    touch: float = 0.0
    """Weight of the group's distance to the object's surface."""


@dataclass
class Draft:
    """One scene on its way; filled in by the planners and changed by the solver."""

    interaction: str
    instance: Instance
    template: ObjectTemplate
    pose_source: str
    betas: Floats
    local: Floats
    """(22, 3, 3) body pose relative to the parents."""
    root: Floats
    """(3,) pelvis joint."""
    hand_poses: Floats
    """(30, 3) axis-angle."""
    R_object: Floats = field(default_factory=lambda: np.eye(3))
    """(3, 3) object -> world."""
    t_object: Floats = field(default_factory=lambda: np.zeros(3))
    hands: list[HandGoal] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    stiffness: Floats = field(default_factory=default_stiffness)
    object_stiffness: Floats = field(default_factory=lambda: np.full(3, 1e4))
    """(3,) resistance of the object's place along the world's axes, 1 / m^2; 1e4 and more = fixed."""
    turn_stiffness: float = 1e3
    """Resistance of the object's orientation, 1 / rad^2."""
    root_stiffness: Floats = field(default_factory=lambda: np.array([300.0, 300.0, 300.0]))
    pinned_feet: bool = True
    """Both soles stay where they are."""
    touching: tuple[str, ...] = ()
    """Body parts of which one at least must touch: regions or "hands"."""
    grasps: dict[str, Grasp] = field(default_factory=dict)
    """How the hands close that hold something, by side."""

    def loosen(self, **joints: float) -> None:
        """Set the stiffness of joints by name; "arm_left" and "arm_right" mean the four joints of an arm."""
        for name, value in joints.items():
            if name in ("arm_left", "arm_right"):
                for part, stiff in LOOSE_ARM.items():
                    self.stiffness[JOINT_INDEX[f"{name[4:]}_{part}"]] = stiff * value
            elif name in ("hip", "knee", "ankle"):
                for side in ("left", "right"):
                    self.stiffness[JOINT_INDEX[f"{side}_{name}"]] = value
            else:
                self.stiffness[JOINT_INDEX[name]] = value

    def object_points(self, points: Floats) -> Floats:
        """World points (..., 3) in the object's frame."""
        return np.asarray((points - self.t_object) @ self.R_object)

    def object_directions(self, directions: Floats) -> Floats:
        """World directions (..., 3) in the object's frame."""
        return np.asarray(directions @ self.R_object)

    def world_points(self, points: Floats) -> Floats:
        """Points (..., 3) of the object's frame in the world."""
        return np.asarray(points @ self.R_object.T + self.t_object)

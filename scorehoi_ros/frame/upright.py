"""Which way is up, as a frame shows it: feet, legs and trunk of a person, furniture, how cameras are held."""

from collections.abc import Sequence

import numpy as np
import torch

from scorehoi_ros.body.posed import pose_matrices
from scorehoi_ros.body.skeleton import JOINT_INDEX
from scorehoi_ros.frame.floor import Hint, even_hint, floor_under
from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.geometry.rigid import object_transform
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Estimate, Floats, Floor, HumanPose, ObjectPose

FOOT_SIGMA, LEGS_SIGMA, TRUNK_SIGMA, FURNITURE_SIGMA = np.radians((13.0, 9.0, 14.0, 6.0))
"""Standard deviations about each axis, of hints that are not wrong altogether (validation scenes)."""
ROLL_SIGMA, PITCH_SIGMA = np.radians((5.5, 22.0))
"""Of cameras about a level one."""
STANDING = 0.5
"""Probability from which a point of the furniture counts as touching the floor."""


def floor_of(
    estimate: Estimate,
    mesh: tuple[Floats, Floats],
    template: ObjectTemplate | None,
    contacts: ContactMasks | None,
    gravity: Sequence[float] | Floats,
) -> Floor:
    """The floor under the person of an estimate, whose `mesh` is vertices (V, 3) and joints (52, 3).

    `contacts` are those that the method predicts; `gravity` (3,) in the camera frame, empty = not known.
    """
    hints = () if len(gravity) else hints_of(estimate, mesh[1], template, contacts)
    return floor_under(mesh[0], gravity, hints)


def hints_of(
    estimate: Estimate, joints: Floats, template: ObjectTemplate | None, contacts: ContactMasks | None
) -> list[Hint]:
    """Hints of an estimate with a person, whose joints are (52, 3) in the camera frame.

    Furniture counts where its template has an up axis and the method predicts contact with the floor.
    """
    assert estimate.human is not None
    hints = [level_camera(), *person_hints(estimate.human, joints)]
    axis = up_of(estimate.object, template)
    if axis is not None and stands(contacts):
        hints.append(even_hint(axis, FURNITURE_SIGMA))
    return hints


def person_hints(human: HumanPose, joints: Floats) -> list[Hint]:
    """Both soles, from the feet to the pelvis, from the pelvis to the neck."""
    at = {name: joints[JOINT_INDEX[name]] for name in ("pelvis", "neck", "left_ankle", "right_ankle")}
    feet = (at["left_ankle"] + at["right_ankle"]) / 2
    return [
        *(even_hint(sole, FOOT_SIGMA) for sole in soles(human)),
        even_hint(at["pelvis"] - feet, LEGS_SIGMA),
        even_hint(at["neck"] - at["pelvis"], TRUNK_SIGMA),
    ]


def soles(human: HumanPose) -> tuple[Floats, Floats]:
    """(3,) out of the upper side of the left and of the right foot, as it lies on a floor, camera frame."""
    R = pose_matrices(human)

    def up(side: str) -> Floats:
        chain = ("pelvis", f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        return np.asarray(np.linalg.multi_dot([R[JOINT_INDEX[name]] for name in chain])[:, 1])

    return up("left"), up("right")


def level_camera() -> Hint:
    """Cameras are held level about their axis, and look up or down by more."""
    sigmas = np.array([ROLL_SIGMA, PITCH_SIGMA, PITCH_SIGMA])
    return Hint(np.array([0.0, -1.0, 0.0]), np.diag(sigmas**-2.0), doubtful=False)


def up_of(pose: ObjectPose | None, template: ObjectTemplate | None) -> Floats | None:
    """(3,) the up axis of a posed object in the camera frame; None without a pose or without an axis."""
    if pose is None or template is None or template.up is None:
        return None
    return np.asarray(object_transform(pose)[:3, :3] @ template.up)


def stands(contacts: ContactMasks | None) -> bool:
    """Whether the method predicts that the object touches the floor."""
    return contacts is not None and bool(torch.max(contacts.floor) > STANDING)

"""What the alignment is asked for, from the evidence of a frame."""

import numpy as np

from scorehoi_ros.alignment.target import Contacts, Region, Target
from scorehoi_ros.frame.evidence import Evidence, distance_outside, thin_points
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.types import Bools, Floats, Floor

_HUMAN_POINTS, _OBJECT_POINTS = 150, 120
"""Pixels of each mask that must be covered."""


def target_of(evidence: Evidence, view: View, contacts: Contacts, plane: Floats | None) -> Target:
    """The target of one frame that shows a person; `plane` (4,) is the floor, see `plane_in_view`."""
    planes = evidence.masks.cpu().numpy()
    human, thing = regions(planes, evidence.human is not None, evidence.object is not None)
    seen = evidence.landmarks
    return Target(
        P=view.P,
        size=view.size,
        focal=view.focal,
        landmarks=None if seen is None else seen.pixels.double().cpu().numpy(),
        confidence=None if seen is None else seen.confidence.double().cpu().numpy(),
        human=human,
        object=thing,
        contacts=contacts,
        floor=plane,
    )


def regions(planes: Bools, person: bool, thing: bool) -> tuple[Region | None, Region | None]:
    """Where human and object may be, from planes (3, S, S): human, object, inside the image.

    Either may go on behind the other and beyond the image.
    """
    human, object_, inside = planes
    return (
        _region(human, object_ | ~inside, _HUMAN_POINTS) if person else None,
        _region(object_, human | ~inside, _OBJECT_POINTS) if thing else None,
    )


def plane_in_view(floor: Floor, view: View) -> Floats:
    """(4,) normal and offset of the floor in the view frame."""
    return np.append(view.R_cam_view.T @ floor.normal, floor.offset)


def _region(mask: Bools, free: Bools, count: int) -> Region | None:
    if not mask.any():
        return None
    return Region(distance_outside(mask | free), thin_points(mask, count))

"""Furniture stands upright: what that says of the rotation of an object whose template has an up axis."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.frame.upright import stands
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats, Floor

STANDING_SIGMA, HELD_SIGMA = np.radians((2.0, 9.0))
"""How far furniture leans about each axis on the floor, and in somebody's hands (validation scenes)."""
TIPPED = 0.1
"""Share of it that lies anyhow.  Not from the scenes, in which it is rarer than where people work."""


@dataclass(frozen=True)
class Upright:
    """Where the up axis of an object should point."""

    axis: Floats
    """(3,) unit, object frame."""
    up: Floats
    """(3,) unit, view frame."""
    sigma: float
    """Radians about each axis across `up`."""

    def straightened(self, R: Floats, sigma: float) -> Floats:
        """Rotations R (H, 3, 3) object -> view, joined with what is known of the tilt.

        Each is off by `sigma` radians about each axis, and loses the precision-weighted share of its tilt;
        one that is so far from upright that the object rather lies stays.
        """
        axes = R @ self.axis
        across = np.cross(axes, self.up)
        sine = np.linalg.norm(across, axis=1)
        tilt = np.arctan2(sine, axes @ self.up)
        total = np.hypot(sigma, self.sigma)
        # A normal density about `up` against an even one on the sphere.
        odds = (1 / TIPPED - 1) * 2 / total**2 * np.exp(-0.5 * (tilt / total) ** 2)
        share = (sigma / total) ** 2 * odds / (1 + odds)
        turn = across * (share * tilt / np.maximum(sine, 1e-9))[:, None]
        return np.asarray(Rotation.from_rotvec(turn).as_matrix() @ R, np.float64)


def upright_of(
    template: ObjectTemplate, floor: Floor | None, contacts: ContactMasks | None, view: View
) -> Upright | None:
    """What is known of the tilt of an object; None without an up axis or without a floor.

    `contacts` are those that the network predicts.
    """
    if template.up is None or floor is None:
        return None
    leans = STANDING_SIGMA if stands(contacts) else HELD_SIGMA
    up = view.R_cam_view.T @ floor.normal
    return Upright(template.up, np.asarray(up), float(np.hypot(leans, floor.tilt_sigma)))

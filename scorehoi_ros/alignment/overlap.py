"""How well hypotheses of an object's pose, rendered, agree with its mask and with the shading inside it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorehoi_ros.alignment.shading import Shaded, explained
from scorehoi_ros.geometry.mesh import Mesh, face_normals
from scorehoi_ros.render.fast import draw_fast, project_fast
from scorehoi_ros.types import Bools, Floats


class Agreement(NamedTuple):
    """Of H poses; 0..1."""

    overlap: NDArray[np.float64]
    """(H,) intersection over union of the mask and what is rendered."""
    shading: NDArray[np.float64]
    """(H,) share of the picture's variance that the faces explain (`shading`); zeros without a picture."""


def agreement(
    mesh: Mesh,
    R_o: Floats,
    origin: Floats,
    P: Floats,
    mask: Bools,
    free: Bools | None = None,
    shaded: Shaded | None = None,
) -> Agreement:
    """Each pose R_o (H, 3, 3), origin (H, 3) metres, against the object's mask (S, S) and its picture.

    P (3, 3) takes view axes to pixels of the crop (`Target.P`).  What is rendered on `free` (S, S) pixels
    that are not mask, the human before it, counts neither way.
    """
    size = len(mask)
    hidden = np.zeros_like(mask) if free is None else free & ~mask
    normals = np.zeros((0, 3)) if shaded is None else face_normals(mesh)
    found = Agreement(np.empty(len(R_o)), np.zeros(len(R_o)))
    for h, (R, t) in enumerate(zip(R_o, origin, strict=True)):
        screen = project_fast((mesh.vertices @ R.T + t) @ P.T, np.eye(3))
        key, face = draw_fast(screen, mesh.faces, size, size, cull=False)
        shown = (key > 0) & ~hidden
        found.overlap[h] = (shown & mask).sum() / max(int((shown | mask).sum()), 1)
        if shaded is not None:
            found.shading[h] = explained(shaded, normals @ R.T, face)
    return found

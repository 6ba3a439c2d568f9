"""Several calibrated cameras on one state: their energies summed, all by the unknowns of the first.

The body turns about its pelvis joint, so that another camera sees the same person with row 0 of theta, the
pelvis and the object moved rigidly.  The others add what they see and nothing else: contact, penetration and
floor are the same in every view.  (ScoreHMR's equation 13 is about cameras that nobody calibrated; there
only body poses can be compared.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.align import Energy, Pulling
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import BETAS, CAMERA, PLACE, TURN, Belief, Float64
from scorehoi_ros.alignment.target import Contacts, Shape, Target
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.geometry.view import LEAST_DEPTH_M, camera_of, origin_of, pelvis_of, place_of
from scorehoi_ros.types import Floats

_ROOT = slice(0, 6)
_EVERYWHERE = ("human_contact", "object_contact", "penetration", "floor", "sunk")
"""Terms of no camera."""


@dataclass(frozen=True)
class Beside:
    """What one more camera sees at the same moment."""

    target: Target
    """Its landmarks, outlines and depths; contacts and floor are those of the first camera."""
    T_beside_view: Floats
    """(4, 4) rigid, view frame of the first camera -> that of this one, metres."""


@dataclass(frozen=True)
class Moved:
    """The energy of a further camera, for the unknowns of the first."""

    energy: Energy
    """In the view frame of the further one."""
    beside: Beside
    focal: float
    """Of the first, in sides of its crop."""

    def row(self, hypothesis: int) -> "Moved":
        """The energy of one hypothesis alone."""
        return replace(self, energy=self.energy.row(hypothesis))

    def at(self, values: Float64, rotations: Float64) -> tuple[Float64, Float64]:
        """Terms (H, 12) and the gradient (H, 331) of their sum by `values`, see `align.Energy.at`."""
        T, free = self.beside.T_beside_view, torch.tensor(values, requires_grad=True)
        there = seen_from(free, self.focal, T, self.beside.target.focal)
        terms, gradient = self.energy.at(there.detach().numpy(), T[:3, :3] @ rotations)
        (back,) = torch.autograd.grad(there, free, torch.from_numpy(gradient))
        return terms, back.numpy()


@dataclass(frozen=True)
class Together:
    """Energies of one state, summed term by term."""

    parts: Sequence[Pulling]

    def at(self, values: Float64, rotations: Float64) -> tuple[Float64, Float64]:
        """See `align.Energy.at`."""
        terms, gradients = zip(*(part.at(values, rotations) for part in self.parts), strict=True)
        return np.sum(terms, axis=0), np.sum(gradients, axis=0)


def summed(first: Pulling, further: Sequence[Pulling]) -> Pulling:
    """The energy of one state that all of them see."""
    return Together([first, *further]) if further else first


def seen_from(values: Tensor, focal: float, T: Floats, beside: float) -> Tensor:
    """Unknowns (H, 331), in their own units, as another camera would say them.

    T (4, 4) takes the view frame of `values` to that of the other camera; `focal` and `beside` are the focal
    lengths of both in sides of their crops.
    """
    R, t = torch.from_numpy(np.ascontiguousarray(T[:3, :3])), torch.from_numpy(T[:3, 3].copy())
    f, other = values.new_full((len(values),), focal), values.new_full((len(values),), beside)
    pelvis = pelvis_of(values[:, CAMERA], f)
    origin = origin_of(values[:, PLACE], pelvis, f) @ R.T + t
    pelvis = pelvis @ R.T + t
    # Its depth is told as a logarithm.
    pelvis = torch.cat((pelvis[:, :2], pelvis[:, 2:].clamp_min(LEAST_DEPTH_M)), -1)
    # Two columns of a rotation matrix, each turned.
    root = (values[:, _ROOT].unflatten(-1, (2, 3)) @ R.T).flatten(-2)
    parts = (
        root,
        values[:, _ROOT.stop : BETAS.stop],
        camera_of(pelvis, other),
        place_of(origin, pelvis, other),
        values[:, TURN] @ R.T,
    )
    return torch.cat(parts, -1)


def energy_beside(
    rig: Rig, beside: Beside, shape: Shape | None, belief: Belief, focal: float, weights: Weights
) -> Energy:
    """What a further camera sees, in its own view frame, of what the first believes."""
    T, means = beside.T_beside_view, torch.from_numpy(belief.means())
    there = seen_from(means, focal, T, beside.target.focal).numpy()
    told = replace(
        belief,
        theta=there[:, : BETAS.start],
        betas=there[:, BETAS],
        camera=there[:, CAMERA],
        place=there[:, PLACE],
        rotations=T[:3, :3] @ belief.rotations,
    )
    target = replace(beside.target, contacts=Contacts(), floor=None)
    return Energy(rig, target, shape, told, replace(weights, **dict.fromkeys(_EVERYWHERE, 0.0)))

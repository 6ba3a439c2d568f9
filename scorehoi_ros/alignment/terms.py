"""The energy in torch: any device, any number of hypotheses, gradients by autograd.

`kernels.py` is the same energy with its gradient written out, for one CPU thread.
"""

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import THETA, State, decode
from scorehoi_ros.alignment.target import Packed
from scorehoi_ros.alignment.weights import NEAR_M, SMOOTH, Weights, prior_weights
from scorehoi_ros.body.points import HumanPoints, PosedBody
from scorehoi_ros.geometry.sdf import sample_torch
from scorehoi_ros.types import Floats


def robust(square: Tensor, most: float) -> Tensor:
    """A squared distance in scales: quadratic at 0, about the distance then, `most` from far away."""
    return square / ((square + SMOOTH) * (1 + square / most**2)).sqrt()


class TorchEnergy:
    """The terms of one frame as a function of the unknowns."""

    def __init__(
        self, body: PosedBody, rig: Rig, frame: Packed, weights: Weights, precision: Floats | None = None
    ) -> None:
        """`body` gives device and dtype; `rig` is of the same body; `precision` is that of the belief."""
        self._body, self._w, self._frame = body, weights, frame
        arrays = {name: x for name, x in frame._asdict().items() if isinstance(x, np.ndarray)}
        arrays |= {"tokens": rig.spacing, "prior": prior_weights(weights)}
        arrays |= {} if precision is None else {"precision": precision}
        self._t = {
            name: torch.as_tensor(x, dtype=body.dtype, device=body.device) for name, x in arrays.items()
        }

    def __call__(self, u: Tensor, mean: Tensor, sigma: Tensor, rotation: Tensor) -> Tensor:
        """Weighted terms (..., 12) in the order of `TERMS`; arguments as of `state.decode`."""
        state = decode(u, mean, sigma, rotation, self._frame.focal)
        start = decode(torch.zeros_like(u), mean, sigma, rotation, self._frame.focal)
        zero = u.new_zeros(u.shape[:-1])
        human = self._body(state.theta, state.betas, state.root) if self._frame.person else None
        surface, points = self._placed(state)
        terms = [
            self._prior(u),
            zero if human is None else self._landmarks(human),
            *((zero, zero) if human is None else self._human_image(human, start)),
            *((zero, zero) if not len(self._frame.surface) else self._object_image(surface, start)),
            *self._touch(human, points, state, zero),
            *self._ground(points, zero),
            self._depth(state, zero),
        ]
        return torch.stack(terms, -1)

    def _placed(self, state: State) -> tuple[Tensor, Tensor]:
        """Surface points (..., n, 3) and template points (..., 64, 3) in the view frame."""
        both = (self._t["surface"], self._t["points"])
        a, b = (x @ state.R_o.mT + state.origin[..., None, :] for x in both)
        return a, b

    def _prior(self, u: Tensor) -> Tensor:
        held = u
        if (precision := self._t.get("precision")) is not None:
            held = torch.cat((u[..., THETA] @ precision, u[..., THETA.stop :]), -1)
        return 0.5 * (self._t["prior"] * u * held).sum(-1)

    def _project(self, points: Tensor) -> Tensor:
        p = points @ self._t["P"].T
        return p[..., :2] / p[..., 2:].clamp_min(NEAR_M)

    def _landmarks(self, human: HumanPoints) -> Tensor:
        w = self._w
        square = (self._project(human.landmarks) - self._t["pixels"]).square().sum(-1)
        square = square / (w.landmark_scale**2 * w.landmark_tail)
        return w.landmarks * w.landmark_tail * (self._t["confidence"] * square.log1p()).sum(-1)

    def _human_image(self, human: HumanPoints, start: State) -> tuple[Tensor, Tensor]:
        w = self._w
        pixels = self._project(human.tokens)
        tolerance = self._tolerance(self._t["tokens"], start.root)
        outside = w.human_outline * self._outside(pixels, self._t["human_field"], w.human_most)
        return outside, w.human_cover * self._uncovered(
            pixels, self._t["human_points"], tolerance, w.human_most
        )

    def _object_image(self, surface: Tensor, start: State) -> tuple[Tensor, Tensor]:
        w = self._w
        pixels = self._project(surface)
        tolerance = self._tolerance(self._t["spacing"], start.origin)
        outside = w.object_outline * self._outside(pixels, self._t["object_field"], w.object_most)
        return outside, w.object_cover * self._uncovered(
            pixels, self._t["object_points"], tolerance, w.object_most
        )

    def _tolerance(self, spacing: Tensor, centre: Tensor) -> Tensor:
        """(..., n) crop coordinates, fixed by the proposal's depth so that it has no gradient."""
        return self._w.tolerance * spacing * (2 * self._frame.focal / centre[..., 2:])

    def _outside(self, pixels: Tensor, values: Tensor, most: float) -> Tensor:
        """Mean over points (..., n, 2) of the distance to where they may be, `values` (S, S)."""
        if not len(values):
            return pixels.new_zeros(pixels.shape[:-2])
        size = len(values)
        inside = pixels.clamp(1 / size - 1, 1 - 1 / size)
        # Corners of `align_corners=False` are the outer edges of pixels, as in the crop coordinates.
        grid = inside.reshape(1, -1, 1, 2)
        value = torch.nn.functional.grid_sample(values[None, None], grid, align_corners=False)
        beyond = _root((pixels - inside).square().sum(-1))
        distance = value.reshape(pixels.shape[:-1]) + beyond
        return robust((distance / self._w.outline_scale).square(), most).mean(-1)

    def _uncovered(self, pixels: Tensor, wanted: Tensor, tolerance: Tensor, most: float) -> Tensor:
        """Mean over mask points `wanted` (m, 2) of the distance to the nearest of pixels (..., n, 2)."""
        if not len(wanted):
            return pixels.new_zeros(pixels.shape[:-2])
        square, nearest = (wanted[:, None] - pixels[..., None, :, :]).square().sum(-1).min(-1)
        excess = (_root(square) - tolerance.gather(-1, nearest)).clamp_min(0)
        return robust((excess / self._w.outline_scale).square(), most).mean(-1)

    def _touch(
        self, human: HumanPoints | None, points: Tensor, state: State, zero: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Contact of tokens, contact of template points (..., 64, 3), penetration."""
        w, f = self._w, self._frame
        if human is None or not len(f.points):
            return zero, zero, zero
        local = (human.tokens - state.origin[..., None, :]) @ state.R_o
        distance = sample_torch(self._t["sdf"], self._t["sdf_origin"], f.sdf_spacing, local)
        depth = (-distance - w.allowance).clamp_min(0) / w.penetration_scale
        gap = (points[..., :, None, :] - human.tokens[..., None, :, :]).square().sum(-1).amin(-1)
        return (
            w.human_contact * self._contact(distance.square(), self._t["M_h"]),
            w.object_contact * self._contact(gap, self._t["M_o"]),
            w.penetration * robust(depth.square(), w.penetration_most).sum(-1),
        )

    def _contact(self, square: Tensor, probability: Tensor) -> Tensor:
        w = self._w
        cost = robust(square / w.contact_scale**2, w.contact_most)
        return (probability * cost).sum(-1) / probability.sum().clamp_min(w.contact_mass)

    def _ground(self, points: Tensor, zero: Tensor) -> tuple[Tensor, Tensor]:
        """Contact of template points (..., 64, 3) with the floor, and what is under it."""
        w, f = self._w, self._frame
        plane = self._t["plane"]
        if not len(f.points) or not f.plane.any():
            return zero, zero
        height = (points @ plane[:3] - plane[3]) / w.floor_scale
        touching = self._t["M_f"]
        cost = (touching * robust(height.square(), w.floor_most)).sum(-1)
        sunk = robust((-height).clamp_min(0).square(), w.floor_most).mean(-1)
        return w.floor * cost / touching.sum().clamp_min(w.contact_mass), w.sunk * sunk

    def _depth(self, state: State, zero: Tensor) -> Tensor:
        w, total = self._w, zero
        for z, measured in zip((state.root[..., 2], state.origin[..., 2]), self._frame.depths, strict=True):
            if measured == measured:  # not NaN
                total = total + w.depth * robust(((z - measured) / w.depth_scale).square(), w.depth_most)
        return total


def _root(square: Tensor) -> Tensor:
    """Square root with gradient 0 at 0."""
    some = square > 0
    return torch.where(some, torch.where(some, square, 1.0).sqrt(), 0.0)

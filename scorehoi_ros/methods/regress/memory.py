"""What one frame leaves for the next, and what the next one makes of it: a filter over all unknowns.

The last answer, moved on and less sure by what may have changed since, is one belief; what the network says
of the new frame is another.  Their precision-weighted mean is where the refinement starts, and what holds it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from scorehoi_ros.alignment.state import Belief, Sigma
from scorehoi_ros.frame.stages import ContactMasks, Prediction
from scorehoi_ros.geometry.turns import (
    matrix_of_6d,
    matrix_of_vector,
    six_of_matrix,
    vector_of_matrix,
)
from scorehoi_ros.geometry.view import LEAST_DEPTH_M, camera_of, place_of
from scorehoi_ros.methods.regress.modes import SPREAD, Modes
from scorehoi_ros.methods.regress.view import View
from scorehoi_ros.networks.regressor import Guess
from scorehoi_ros.types import Estimate, Floats

DRIFT = Sigma(
    theta=np.full((52, 6), 0.35),
    betas=np.zeros(10),
    camera=np.array([0.1, 0.1, 0.05]),
    place=np.full(3, 0.17),
    turn=np.full(3, 0.5),
)
"""Standard deviations by which an answer is off after a second in which nothing was seen; they grow with the
root of time.  Chosen on validation sequences."""


_FASTEST_SPIN, _SPIN_BLEND = 5.0, 0.5
"""Radians a second beyond which a turn says nothing of the next one; share of the newest turn in the spin."""
_LONGEST_S = 0.5
"""An answer older than this says too little of a frame for the network to be left out."""
_HOLD = 0.5
"""Share of its uncertainty by which the image alone may move an answer in a step of its size."""


@dataclass(frozen=True)
class Said:
    """What the network says of a frame, for the refiner."""

    guess: Guess
    """In the view frame of the frame that it looked at."""
    view: View
    """Of the frame that is refined."""
    order: tuple[int, ...]
    """Rows of the hypotheses, likeliest first."""
    age_s: float = 0.0
    """How long ago it looked; more than 0 = at an earlier frame."""


@dataclass(frozen=True)
class Memory:
    """The answer to one frame."""

    estimate: Estimate
    """In the camera's frame; with a human."""
    aligned: Estimate
    """The same before it was corrected: what the next frame goes on from."""
    step: Floats | None
    """(331,) how it was corrected, in the units of the unknowns, view frame; None = it was not."""
    sigma: Sigma
    """How far off it may be."""
    modes: Modes | None
    """Rotations of the object, object -> camera, uncorrected, the kept one first; None without an object."""
    spin: Floats
    """(3,) how the object turns, radians a second, camera frame."""
    said: Said
    """What the network said last."""
    contacts: ContactMasks | None
    """What was predicted of the answer."""
    settled: bool
    """The answer agrees so well with its image that the next frame may do without the network."""

    def lasts(self, prediction: Prediction, thing: bool, period_s: float) -> bool:
        """Whether a frame may do without the network; `thing` = it shows the object.

        It is not asked within `period_s`, and not in two frames that follow each other: it takes longer than
        all the rest, and must not be what makes frames so rare that each of them asks.  After a longer gap
        it is.
        """
        known = self.modes is not None and prediction.object_tracked
        young = self.said.age_s == 0 or self.said.age_s + prediction.elapsed_s < period_s
        young = young and prediction.elapsed_s <= _LONGEST_S
        return period_s > 0 and self.settled and young and thing == known


@dataclass(frozen=True)
class Carried:
    """A memory in the view frame of a new frame."""

    belief: Belief
    """Without rotations."""
    modes: Modes | None
    """Object -> view; None = nothing is known of the object."""
    step: Floats | None
    """See `Memory.step`."""


def carried(prediction: Prediction | None, view: View) -> Carried | None:
    """What is known before the network speaks; None when the track does not go on from a memory."""
    memory = followed(prediction)
    if prediction is None or memory is None:
        return None
    # Not from the corrected answer: aligned and corrected by turns, it would go back and forth.
    then, said, now = memory.aligned, memory.estimate, prediction.moved
    assert then.human is not None and said.human is not None and now.human is not None
    into = view.R_cam_view.T
    theta = np.array(then.human.theta, np.float64)
    theta[0] = six_of_matrix(into @ matrix_of_6d(theta[0]))
    focal = torch.tensor([view.focal], dtype=torch.float64)
    pelvis = _in_front(into @ (then.human.t_cam + now.human.t_cam - said.human.t_cam))
    place = np.zeros(3)
    modes = memory.modes if prediction.object_tracked and now.object is not None else None
    if modes is not None and now.object is not None:
        assert then.object is not None and said.object is not None
        origin = into @ (then.object.origin + now.object.origin - said.object.origin)
        place = place_of(_in_front(origin), pelvis, focal)[0].numpy()
        turn = matrix_of_vector(prediction.elapsed_s * memory.spin)
        modes = modes.in_frame(into @ turn)
    belief = Belief(
        theta,
        np.asarray(then.human.betas, np.float64),
        camera_of(pelvis, focal)[0].numpy(),
        place,
        np.zeros((0, 3, 3)),
        drifted(memory.sigma, prediction.elapsed_s),
    )
    return Carried(belief, modes, memory.step)


def _in_front(point: Floats) -> torch.Tensor:
    """(1, 3) a point of the view frame (3,), no nearer than anything is seen."""
    return torch.as_tensor(np.append(point[:2], max(point[2], LEAST_DEPTH_M)), dtype=torch.float64)[None]


def followed(prediction: Prediction | None) -> Memory | None:
    """The memory from whose very answer the track goes on; None when there is none."""
    if prediction is None or not isinstance(prediction.memory, Memory):
        return None
    then, known = prediction.memory.estimate, prediction.previous
    return prediction.memory if then.human is known.human and known.human is not None else None


def spin_of(prediction: Prediction | None, modes: Modes | None) -> Floats:
    """(3,) radians a second, camera frame, from the answer to the frame before to that of this one.

    Smoothed; zero where the object was not followed, or turned so fast that it was rather found anew.
    """
    memory = followed(prediction)
    if prediction is None or memory is None or memory.modes is None or modes is None:
        return np.zeros(3)
    turn = vector_of_matrix(modes.rotations[0] @ memory.modes.rotations[0].T)
    spin = turn / prediction.elapsed_s
    if np.linalg.norm(spin) > _FASTEST_SPIN:
        return np.zeros(3)
    return np.asarray(_SPIN_BLEND * spin + (1 - _SPIN_BLEND) * memory.spin, np.float64)


def drifted(sigma: Sigma, seconds: float) -> Sigma:
    """Standard deviations after some time in which nothing was seen."""
    return _each(lambda s, q: np.hypot(s, q * np.sqrt(seconds)), sigma, DRIFT)


def held(known: Belief) -> Belief:
    """What is known of a frame at which the network does not look: one frame changes little."""
    return replace(known, sigma=_each(lambda s: _HOLD * s, known.sigma))


def gain_of(told: Sigma, known: Sigma) -> Sigma:
    """Share of the way from what is known to what is told now, 0..1, for each unknown."""
    return _each(lambda n, s: np.square(s) / (np.square(s) + np.square(n)), told, known)


def _each(rule: Callable[..., Floats], *sigmas: Sigma) -> Sigma:
    return Sigma(*(rule(*(getattr(s, f.name) for s in sigmas)) for f in fields(Sigma)))


def fused(told: Belief, known: Belief, thing: bool) -> Belief:
    """What the network says, joined with what is known; `thing` False = of the object only the former counts.

    Rotations are those of `told`; the shape is joined too, unless it is locked later.
    """
    # A tracked object is turned by all proposals (`modes.met`), each less sure than the network says.
    turn = np.hypot(told.sigma.turn, SPREAD)
    gain = gain_of(replace(told.sigma, turn=turn), known.sigma)
    sigma = _each(lambda k, s: np.sqrt(1 - k) * s, gain, known.sigma)
    joined = replace(
        told,
        theta=known.theta + gain.theta * (told.theta - known.theta),
        betas=known.betas + gain.betas * (told.betas - known.betas),
        camera=known.camera + gain.camera * (told.camera - known.camera),
        place=known.place + gain.place * (told.place - known.place),
        sigma=sigma,
    )
    if thing:
        return joined
    alone = replace(sigma, place=told.sigma.place, turn=told.sigma.turn)
    return replace(joined, place=told.place, sigma=alone)

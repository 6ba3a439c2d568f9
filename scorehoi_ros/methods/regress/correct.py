"""The last correction of a refined answer, and the few steps that bring it back to its image.

The corrector knows how network and alignment err together, and moves all unknowns towards where the truth is
likelier, most of all in depth.  What it says is then aligned once more, held tightly, so that limbs meet
their landmarks again, hands their object, and nothing is inside anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from scorehoi_ros.alignment.align import Aligned, Schedule, align
from scorehoi_ros.alignment.prior import Prior
from scorehoi_ros.alignment.rig import Rig
from scorehoi_ros.alignment.state import BETAS, CAMERA, PLACE, THETA, TURN, Belief, Float64, Sigma
from scorehoi_ros.alignment.target import Shape, Target
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.geometry.turns import matrix_of_6d, matrix_of_vector, six_of_matrix, vector_of_matrix
from scorehoi_ros.methods.regress.refine import Found
from scorehoi_ros.methods.regress.start import belief_of
from scorehoi_ros.networks.corrector import Refined
from scorehoi_ros.networks.regressor import Guess, Seen
from scorehoi_ros.runtime.corrector import Correct
from scorehoi_ros.types import NUM_JOINTS

HOLD = 0.3
"""Share of the uncertainty before the alignment by which the image alone may move what is corrected in a step
of its size.  Less gains more on validation scenes, but on photographs outlines slip (docs/ablations.md)."""

RENEWED = 0.4
"""Share of a new correction in the one that is made, where a frame goes on from one that was corrected: in
two frames one errs alike, and what the corrector says of them differs by chance."""

PUSHED = Weights(penetration=1.8, allowance=0.0)
"""Of the steps after the correction, which are the last: they push out what is inside something."""

RATE = 0.2
"""Standard deviations of what holds, in each of these steps.  There must be many: in ten, hands that are
pushed out of an object let go of it."""

_LEAST_SIGMA = 0.02
"""The corrector counts in no smaller standard deviations."""


@dataclass(frozen=True)
class Correction:
    """The corrector, and the alignment after it."""

    net: Correct
    posed: PosedBody
    rig: Rig
    steps: int
    hold: float = HOLD
    rate: float = RATE
    weights: Weights = PUSHED
    renewed: float = RENEWED

    def step(self, found: Found, guess: Guess, seen: Seen, before: Float64 | None = None) -> Float64:
        """(331,) what is to be added to the unknowns of the kept hypothesis, whose object's mask is seen.

        `before` = what was added to those of the frame before, from which this one goes on.
        """
        said = self.net(refined_of(found, [found.best], guess, seen, self.posed))[0].double().numpy()
        step = _units(guess) * said
        return step if before is None else before + self.renewed * (step - before)

    def __call__(self, found: Found, guess: Guess, step: Float64, target: Target, shape: Shape) -> Found:
        """The same with this step added to the kept hypothesis, which is then aligned once more."""
        told = corrected(found, guess, step)
        sigma = found.start.belief.sigma
        held = replace(told, sigma=Sigma(*(self.hold * getattr(sigma, f.name) for f in fields(Sigma))))
        after = align(self.rig, target, shape, held, self.weights, Schedule(self.steps, self.rate))
        return _with_kept(found, after, held)


def refined_of(found: Found, rows: Sequence[int], guess: Guess, seen: Seen, posed: PosedBody) -> Refined:
    """What the corrector is told of some aligned hypotheses of one frame."""
    state, said = found.aligned.state, belief_of(guess)
    values, sigma = _values(found)[rows], _units(guess)
    R_o = state.R_o[rows].numpy()
    steps = (values - replace(said, rotations=R_o).means()) / sigma
    human = (getattr(state, name)[rows].float() for name in ("theta", "betas", "root"))
    theta, betas, root = (value.to(posed.device) for value in human)
    assert found.seen is not None
    with torch.no_grad():
        body = posed(theta, betas, root)

    def each(value: torch.Tensor) -> torch.Tensor:
        return value.expand(len(rows), *value.shape[1:])

    return Refined(
        values=_tensor(values[:, : TURN.start]),
        R_o=_tensor(six_of_matrix(R_o)),
        steps=_tensor(steps),
        log_sigma=_tensor(np.tile(np.log(sigma), (len(rows), 1))),
        focal=each(seen.focal),
        joints=body.joints - root[:, None],
        points=body.landmarks,
        seen=each(seen.landmarks),
        world=each(seen.world),
        confidence=each(seen.confidence),
        terms=_tensor(found.aligned.terms[rows]),
        overlap=_tensor(found.seen.overlap[rows]),
        template=each(seen.points),
        shapes=each(seen.shapes),
        queries=each(guess.queries),
        landmark_tokens=each(guess.landmark_tokens),
        features=each(guess.features),
    )


def corrected(found: Found, guess: Guess, step: Float64) -> Belief:
    """The kept hypothesis with a step (331,) added to it, as a belief with its one rotation.

    What is known from elsewhere than the network is not corrected: a measured depth, a known height, the
    shape of a tracked person.
    """
    told = found.start.told
    free = np.isclose(told.sigma.flat(), belief_of(guess).sigma.flat())
    # Size and distance are one unknown: whoever knows one of them knows both.
    free[BETAS] &= free[CAMERA.stop - 1]
    step = np.where(free, step, 0.0)
    values = _values(found)[found.best] + step
    theta = six_of_matrix(matrix_of_6d(values[THETA].reshape(NUM_JOINTS, 6)))
    R_o = matrix_of_vector(step[TURN]) @ found.aligned.state.R_o[found.best].numpy()
    return replace(
        told,
        theta=theta,
        betas=values[BETAS],
        camera=values[CAMERA],
        place=values[PLACE],
        rotations=R_o[None],
    )


def _units(guess: Guess) -> Float64:
    """(331,) in what the corrector counts, for what it is told and for what it says."""
    return np.maximum(belief_of(guess).sigma.flat(), _LEAST_SIGMA)


def _values(found: Found) -> Float64:
    """(H, 331) unknowns of the aligned hypotheses; turns are from where each started."""
    belief = found.start.belief
    return np.asarray(belief.means() + belief.sigma.flat() * found.aligned.u, np.float64)


def _with_kept(found: Found, after: Aligned, held: Belief) -> Found:
    """`after`, of one hypothesis, in the place of the kept one; its steps are told from the belief before."""
    aligned, begun, k = found.aligned, found.start.belief, found.best
    values = (held.means() + held.sigma.flat() * after.u)[0]
    u = aligned.u.copy()
    u[k] = (values - begun.means()[k]) / begun.sigma.flat()
    R_o = after.state.R_o[0].numpy()
    u[k, TURN] = vector_of_matrix(R_o @ begun.rotations[k].T) / begun.sigma.turn
    terms, state = aligned.terms.copy(), {}
    terms[k] = after.terms[0]
    terms[k, 0] = Prior.of(begun)(u[k : k + 1])[0][0]
    for f in fields(aligned.state):
        state[f.name] = getattr(aligned.state, f.name).clone()
        state[f.name][k] = getattr(after.state, f.name)[0]
    rotations, origins = found.rotations.copy(), found.origins.copy()
    rotations[found.kept], origins[found.kept] = R_o, after.state.origin[0].numpy()
    moved = Aligned(type(aligned.state)(**state), u, terms, aligned.first)
    return replace(found, aligned=moved, rotations=rotations, origins=origins)


def _tensor(values: Float64) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)

"""The alignment: two implementations of one energy, its terms, missing parts, the descent."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.align import Energy, Schedule, align, warm_up
from scorehoi_ros.alignment.kernels import evaluate
from scorehoi_ros.alignment.overlap import agreement
from scorehoi_ros.alignment.state import BETAS, CAMERA, NUM_UNKNOWNS, PLACE, THETA, TURN
from scorehoi_ros.alignment.target import Contacts, Target, pack, shape_of
from scorehoi_ros.alignment.terms import TorchEnergy, robust
from scorehoi_ros.alignment.weights import TERMS, Weights
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.objects.load import load_template
from tests.alignment_scenes import (
    BODY,
    POSED,
    RIG,
    SHAPE,
    SIZE,
    TEMPLATE,
    masks,
    points_of,
    project,
    state_of,
    target_of,
    truth,
    wrong,
)

TRUE = truth()
TARGET = target_of(TRUE)
BELIEF = truth(1, hypotheses=3)
WRONG = wrong(TRUE, 2)
U = np.random.default_rng(3).normal(0, 0.7, (3, NUM_UNKNOWNS))
MISSING: dict[str, dict[str, Any]] = {
    "nothing": {},
    "object mask": {"object": None},
    "human mask": {"human": None},
    "landmarks": {"landmarks": None},
    "a limb": {"confidence": np.where(np.arange(75) % 2, 0.0, 1.0)},
    "contacts": {"contacts": Contacts()},
    "floor": {"floor": None},
    "depths": {"pelvis_depth": None, "object_depth": None},
    "person": {"person": False},
    "object": {},
    "all": {"landmarks": None, "human": None, "object": None, "contacts": Contacts(), "floor": None},
}


def in_torch(target: Target, shape, belief, u) -> tuple[np.ndarray, np.ndarray]:
    """Terms and gradient of the torch energy."""
    energy = TorchEnergy(POSED, RIG, pack(target, shape, Weights()), Weights(), belief.precision)
    free = torch.tensor(u, requires_grad=True)
    means, sigma = torch.tensor(belief.means()), torch.tensor(belief.sigma.flat())
    terms = energy(free, means, sigma, torch.tensor(belief.rotations))
    (gradient,) = torch.autograd.grad(terms.sum(), free)
    return terms.detach().numpy(), gradient.numpy()


def assert_same(target: Target, shape, belief, u) -> None:
    wanted, slope = in_torch(target, shape, belief, u)
    terms, gradient = Energy(RIG, target, shape, belief)(u)
    np.testing.assert_allclose(terms, wanted, rtol=1e-6, atol=1e-9)
    for part in (THETA, BETAS, CAMERA, PLACE, TURN):
        size = np.abs(slope[:, part]).max()
        np.testing.assert_allclose(gradient[:, part], slope[:, part], rtol=1e-5, atol=1e-5 * size)


def test_errors_that_go_together() -> None:
    turned, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(THETA.stop, THETA.stop)))
    precision = turned * np.linspace(0.3, 3, THETA.stop) @ turned.T
    together = replace(BELIEF, precision=precision)
    assert_same(TARGET, SHAPE, together, U)
    alone, _ = Energy(RIG, TARGET, SHAPE, BELIEF)(U)
    assert not np.allclose(Energy(RIG, TARGET, SHAPE, together)(U)[0][:, 0], alone[:, 0], rtol=1e-2)


@pytest.mark.parametrize("missing", MISSING)
def test_compiled_equals_torch_whatever_is_missing(missing: str) -> None:
    target = replace(TARGET, **MISSING[missing])
    assert_same(target, None if missing == "object" else SHAPE, BELIEF, U)


@pytest.mark.parametrize("size", [0.0, 3.0])
def test_compiled_equals_torch_at_the_belief_and_far_from_it(size: float) -> None:
    assert_same(TARGET, SHAPE, BELIEF, size * U)


def test_compiled_equals_torch_for_another_template() -> None:
    assert_same(TARGET, shape_of(load_template("box:0.4x0.3x0.3"), 150), BELIEF, U)


def test_compiled_equals_torch_where_the_object_is_at_the_camera() -> None:
    belief = replace(BELIEF, place=np.array([0.1, 0.1, -2.9]))
    assert_same(TARGET, SHAPE, belief, U)


def test_one_compilation_serves_all() -> None:
    warm_up(RIG)
    locked = TARGET.landmarks.copy()
    locked.flags.writeable = False
    assert_same(replace(TARGET, landmarks=locked), SHAPE, BELIEF, U)
    assert len(evaluate.signatures) == 1


def test_hypotheses_together_are_what_they_are_alone() -> None:
    terms, gradient = Energy(RIG, TARGET, SHAPE, BELIEF)(U)
    batch, _ = in_torch(TARGET, SHAPE, BELIEF, U)
    for h in range(len(U)):
        one = replace(BELIEF, rotations=BELIEF.rotations[h : h + 1])
        alone, slope = Energy(RIG, TARGET, SHAPE, one)(U[h : h + 1])
        np.testing.assert_allclose(alone[0], terms[h], rtol=1e-12)
        np.testing.assert_allclose(slope[0], gradient[h], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(in_torch(TARGET, SHAPE, one, U[h : h + 1])[0][0], batch[h], rtol=1e-9)


def test_single_precision_will_do() -> None:
    """As on an accelerator; leading dimensions may be many."""
    energy = TorchEnergy(PosedBody(BODY), RIG, pack(TARGET, SHAPE, Weights()), Weights())
    arrays = (U, BELIEF.means(), BELIEF.sigma.flat(), BELIEF.rotations)
    u, mean, sigma, R0 = (torch.tensor(x, dtype=torch.float32) for x in arrays)
    terms = energy(u.expand(2, -1, -1), mean, sigma, R0)
    assert terms.shape == (2, 3, len(TERMS)) and terms.dtype == torch.float32
    np.testing.assert_allclose(terms[1], in_torch(TARGET, SHAPE, BELIEF, U)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("term", TERMS)
def test_a_step_along_the_gradient_of_a_term_lowers_it(term: str) -> None:
    off = {name: 0.0 for name in TERMS if name != term and name != "prior"}
    if term != "prior":
        off |= {f.name: 0.0 for f in fields(Weights) if f.name.startswith("prior_")}
    energy = Energy(RIG, TARGET, SHAPE, WRONG, replace(Weights(), **off))
    u = 0.5 * U[:1]
    terms, gradient = energy(u)
    assert terms.sum() == pytest.approx(terms[0, TERMS.index(term)])
    assert np.abs(gradient).max() > 1e-3
    steepness = float(np.linalg.norm(gradient))
    after, _ = energy(u - 1e-4 * gradient / steepness)
    assert terms.sum() - after.sum() == pytest.approx(1e-4 * steepness, rel=0.2)


def test_the_truth_looks_right() -> None:
    image = [TERMS.index(name) for name in TERMS if name.endswith(("landmarks", "outline", "cover"))]
    right, off = (Energy(RIG, TARGET, SHAPE, b)(0 * U[:1])[0][0, image].sum() for b in (TRUE, WRONG))
    assert right < 0.15 * off


def test_robust_is_about_the_distance_and_saturates() -> None:
    d = torch.tensor([0.0, 1.0, 2.0, 1e6], dtype=torch.float64)
    value = robust(d.square(), 10.0)
    assert value[0] == 0 and value[3] == pytest.approx(10)
    np.testing.assert_allclose(value[1:3], d[1:3], rtol=0.04)


def turn_error(R: torch.Tensor) -> float:
    """Degrees from the true rotation, modulo the half turns of a box."""
    halves = 2 * torch.eye(3, dtype=torch.float64) - 1
    symmetric = torch.cat((torch.eye(3, dtype=torch.float64)[None], torch.diag_embed(halves)))
    turns = R.mT @ torch.tensor(TRUE.rotations[0]) @ symmetric
    return float(np.degrees(Rotation.from_matrix(turns.numpy()).magnitude().min()))


def test_alignment_brings_a_wrong_belief_to_the_image() -> None:
    belief = wrong(TRUE, 5, hypotheses=4)
    before, true = state_of(belief), state_of(TRUE)
    result = align(RIG, TARGET, SHAPE, belief)
    start = Energy(RIG, TARGET, SHAPE, belief)(np.zeros_like(result.u))[0]
    assert (result.energy < 0.5 * start.sum(1)).all()
    best = int(result.energy.argmin())
    assert turn_error(result.state.R_o[best]) < 0.8 * turn_error(before.R_o[best])
    for place in (lambda s: s.origin, lambda s: points_of(s).joints[:, :22].flatten(0, 1)):
        at, came, went = (
            project(place(s).numpy()).reshape(-1, len(place(s)) // len(s.root), 2)
            for s in (true, before, result.state)
        )
        assert np.linalg.norm(went - at, axis=-1).mean() < 0.6 * np.linalg.norm(came - at, axis=-1).mean()
    assert sum(result.named(best).values()) == pytest.approx(result.energy[best])


def test_the_energy_tells_a_wrong_hypothesis() -> None:
    belief = wrong(TRUE, 6, hypotheses=2, size=0.5)
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    rotations = np.stack((belief.rotations[0] @ quarter, belief.rotations[1]))
    result = align(RIG, TARGET, SHAPE, replace(belief, rotations=rotations))
    assert result.energy.argmin() == 1


def test_no_steps_give_the_belief() -> None:
    result = align(RIG, TARGET, SHAPE, BELIEF, schedule=Schedule(steps=0))
    assert not result.u.any()
    torch.testing.assert_close(result.state.R_o, torch.tensor(BELIEF.rotations))
    torch.testing.assert_close(result.state.root[:, 2], torch.full((3,), 2.6, dtype=torch.float64))


def test_overlap_is_one_for_the_truth_and_less_elsewhere() -> None:
    state, free = state_of(TRUE), np.zeros((SIZE, SIZE), bool)
    _, thing = masks(state)
    poses = torch.cat((state.R_o, state.R_o)).numpy(), torch.cat((state.origin, state.origin + 0.05)).numpy()
    same, moved = agreement(TEMPLATE.mesh, *poses, TARGET.P, thing, free).overlap
    assert same > 0.99 and 0.1 < moved < 0.8
    hidden = thing & (np.arange(SIZE) < np.argwhere(thing)[:, 1].mean())
    seen = thing & ~hidden
    assert agreement(TEMPLATE.mesh, *poses, TARGET.P, seen, hidden).overlap[0] > 0.98
    assert agreement(TEMPLATE.mesh, *poses, TARGET.P, seen).overlap[0] < 0.7

"""The correction after the alignment: what the corrector is told, and what becomes of what it says."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from scorehoi_ros.alignment.align import Energy, align
from scorehoi_ros.alignment.state import BETAS, CAMERA, PLACE, TURN, Belief
from scorehoi_ros.alignment.weights import TERMS, Weights
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.errors import WeightsError
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.geometry.turns import matrix_of_vector
from scorehoi_ros.geometry.view import camera_of, place_of
from scorehoi_ros.methods.regress.choice import Outline
from scorehoi_ros.methods.regress.correct import PUSHED, Correction, corrected, refined_of
from scorehoi_ros.methods.regress.refine import Found
from scorehoi_ros.methods.regress.start import Start, Thing, belief_of
from scorehoi_ros.networks.corrector import NUM_TERMS, UNKNOWNS, Corrector, Refined
from scorehoi_ros.networks.pointnext import POINT_FEATURES
from scorehoi_ros.networks.regressor import Guess, Seen
from scorehoi_ros.runtime.corrector import blank_refined, load_corrector, onnx_correct, torch_correct
from scorehoi_ros.runtime.layouts import load_network
from scorehoi_ros.train.corrector import moved
from tests.alignment_scenes import (
    BODY,
    FOCAL,
    RIG,
    SHAPE,
    TEMPLATE,
    P,
    masks,
    state_of,
    target_of,
    truth,
    wrong,
)
from tests.tiny_networks import TINY, tiny_sizes, write_networks

TRUE = truth(4)
TARGET = target_of(TRUE)
HUMAN, MASK = masks(state_of(TRUE))
THING = Thing(TEMPLATE.mesh, TEMPLATE.symmetry, SHAPE, Outline(P, MASK, HUMAN))
POSED = PosedBody(BODY)
BEST = 1
WIDTH = 8


def found_of(belief: Belief, told: Belief | None = None) -> Found:
    """Three hypotheses a few steps on, of which the second is kept."""
    aligned = align(RIG, TARGET, SHAPE, belief)
    state, even = aligned.state, np.zeros(len(belief.rotations))
    begun = Start(told or belief, belief, even, belief.rotations, np.exp(even), belief.sigma, "cold")
    R, origins = state.R_o.numpy(), state.origin.numpy()
    seen = THING.seen(R, origins)
    return Found(aligned, begun, BEST, R, origins, np.full(3, 1 / 3), seen)


BELIEF = wrong(TRUE, 5, 3)
FOUND = found_of(BELIEF)


def guess_and_seen() -> tuple[Guess, Seen]:
    """What the network said is what the alignment began with."""
    dice = torch.Generator().manual_seed(0)

    def some(*shape: int) -> torch.Tensor:
        return torch.randn(1, *shape, generator=dice)

    fields_ = {name: torch.zeros(1) for name in Guess._fields}
    for name in ("theta", "betas", "camera", "place"):
        fields_[name] = torch.as_tensor(getattr(BELIEF, name))[None]
        fields_[f"log_{name}"] = torch.as_tensor(np.log(getattr(BELIEF.sigma, name)))[None]
    fields_ |= {"logits": torch.zeros(1, 3), "log_turn": torch.full((1, 3), np.log(BELIEF.sigma.turn[0]))}
    fields_ |= {
        "queries": some(28, WIDTH),
        "landmark_tokens": some(75, WIDTH),
        "features": some(WIDTH, 2, 2),
    }
    guess = Guess(**fields_)
    seen = Seen(
        some(2, 32, 32),
        some(75, 2),
        some(75, 3),
        some(75).sigmoid(),
        torch.tensor([FOCAL]),
        some(2),
        torch.as_tensor(SHAPE.points, dtype=torch.float32)[None],
        some(64, POINT_FEATURES),
    )
    return guess, seen


def correction(steps: np.ndarray, after: int = 0) -> Correction:
    """What always says the same steps."""
    return Correction(lambda refined: torch.as_tensor(steps, dtype=torch.float32)[None], POSED, RIG, after)


def corrected_by(steps: np.ndarray, after: int = 0, weights: Weights = PUSHED) -> Found:
    """The scene after them."""
    made, (guess, seen) = replace(correction(steps, after), weights=weights), guess_and_seen()
    return made(FOUND, guess, made.step(FOUND, guess, seen), TARGET, SHAPE)


def step_of(steps: np.ndarray, guess: Guess) -> np.ndarray:
    """The same steps in the units of the unknowns."""
    return np.asarray(np.maximum(belief_of(guess).sigma.flat(), 0.02) * steps)


def test_no_steps_change_nothing() -> None:
    told = corrected(FOUND, guess_and_seen()[0], np.zeros(331))
    before, after = FOUND.aligned.state, state_of(told)
    for name in ("betas", "root", "origin", "R_o"):
        np.testing.assert_allclose(getattr(after, name)[0], getattr(before, name)[BEST], atol=1e-9)
    unmoved = corrected_by(np.zeros(331))
    np.testing.assert_allclose(unmoved.aligned.u[:, BETAS], FOUND.aligned.u[:, BETAS], atol=1e-6)
    np.testing.assert_allclose(unmoved.aligned.u[:, TURN], FOUND.aligned.u[:, TURN], atol=1e-6)


def test_the_last_steps_push_out_what_is_inside() -> None:
    """The box, brought to the middle of the chest, ends less deep than the alignment alone would leave it."""
    steps = np.zeros(331)
    steps[PLACE.stop - 1] = 4.0
    inside, usual = TERMS.index("penetration"), Energy(RIG, TARGET, SHAPE, FOUND.start.belief)
    sunk, pushed, left = (
        usual(found.aligned.u)[0][BEST, inside]
        for found in (corrected_by(steps), corrected_by(steps, 30), corrected_by(steps, 30, Weights()))
    )
    assert pushed < 0.5 * sunk and pushed < 0.9 * left


def test_the_kept_one_goes_where_the_corrector_says_and_the_others_stay() -> None:
    steps = np.zeros(331)
    steps[PLACE], steps[CAMERA.start + 2], steps[TURN] = (0.5, -0.5, 2.0), 1.0, (0.3, 0.0, -0.2)
    after = corrected_by(steps)
    before, sigma = FOUND.aligned.state, FOUND.start.told.sigma
    f = torch.full((3,), FOCAL, dtype=torch.float64)
    moved = place_of(after.aligned.state.origin, after.aligned.state.root, f)
    was = place_of(before.origin, before.root, f)
    np.testing.assert_allclose(moved[BEST] - was[BEST], sigma.place * steps[PLACE], atol=1e-6)
    away = camera_of(after.aligned.state.root, f) - camera_of(before.root, f)
    np.testing.assert_allclose(away[BEST], [0, 0, sigma.camera[2]], atol=1e-6)
    turn = after.aligned.state.R_o[BEST].numpy() @ before.R_o[BEST].numpy().T
    np.testing.assert_allclose(turn, matrix_of_vector(sigma.turn * steps[TURN]), atol=1e-6)
    for f_ in fields(before):
        other = [0, 2]
        assert torch.equal(getattr(after.aligned.state, f_.name)[other], getattr(before, f_.name)[other])
    assert after.best == BEST and np.array_equal(after.shares, FOUND.shares)
    np.testing.assert_array_equal(after.rotations[BEST], after.aligned.state.R_o[BEST])


def test_the_steps_that_are_told_lead_to_the_state_that_is_told() -> None:
    """`u` is from the belief before, whatever was corrected and aligned after it."""
    dice = np.random.default_rng(3)
    after = corrected_by(0.3 * dice.normal(size=331), after=4)
    again = state_of(after.start.belief, after.aligned.u)
    for f in fields(again):
        np.testing.assert_allclose(
            getattr(again, f.name)[BEST], getattr(after.aligned.state, f.name)[BEST], atol=1e-6
        )
    prior = after.aligned.terms[:, TERMS.index("prior")]
    assert prior[BEST] > 0
    np.testing.assert_allclose(np.delete(prior, BEST), np.delete(FOUND.aligned.terms[:, 0], BEST))


def test_steps_after_it_bring_it_back_to_the_image() -> None:
    steps = np.zeros(331)
    steps[PLACE] = 1.5, 1.5, 0
    image = slice(1, None)
    there, back = (corrected_by(steps, after).aligned.terms[BEST, image].sum() for after in (0, 20))
    assert back < 0.8 * there


@pytest.mark.parametrize("known", ["shape", "distance"])
def test_what_is_known_from_elsewhere_is_not_corrected(known: str) -> None:
    """The shape of a tracked person; a measured depth, with which the size is known too."""
    sigma = BELIEF.sigma
    if known == "shape":
        sigma = replace(sigma, betas=np.full(10, 1e-3))
    else:
        sigma = replace(sigma, camera=sigma.camera * [1, 1, 0.1])
    found, steps = found_of(replace(BELIEF, sigma=sigma)), np.zeros(331)
    steps[BETAS], steps[CAMERA] = 2.0, (2.0, 0.0, 2.0)
    guess = guess_and_seen()[0]
    before, after = found.aligned.state, state_of(corrected(found, guess, step_of(steps, guess)))
    f = torch.full((3,), FOCAL, dtype=torch.float64)
    moved = (camera_of(after.root, f[:1]) - camera_of(before.root, f)[BEST])[0].numpy()
    away = 2.0 if known == "shape" else 0.0
    np.testing.assert_allclose(moved / BELIEF.sigma.camera, [2.0, 0.0, away], atol=1e-6)
    grown = (after.betas[0] - before.betas[BEST]).numpy() / BELIEF.sigma.betas
    np.testing.assert_allclose(grown, 0.0, atol=1e-5)


def test_what_the_corrector_is_told() -> None:
    guess, seen = guess_and_seen()
    told = refined_of(FOUND, [2, BEST], guess, seen, POSED)
    assert told.values.shape == (2, 328) and told.terms.shape == (2, NUM_TERMS) == (2, len(TERMS))
    assert sum(UNKNOWNS) == 331 and told.steps.shape == (2, 331)
    np.testing.assert_allclose(told.steps, FOUND.aligned.u[[2, BEST]], atol=1e-4)
    np.testing.assert_allclose(told.joints[:, 0], 0, atol=1e-6)
    mine = POSED(*(getattr(FOUND.aligned.state, n)[BEST].float() for n in ("theta", "betas", "root")))
    np.testing.assert_allclose(told.points[1], mine.landmarks, atol=1e-5)
    assert told.features.shape == (2, WIDTH, 2, 2)


def test_a_step_goes_as_far_as_in_training() -> None:
    """Also where the network is surer than the corrector counts."""
    guess, seen = guess_and_seen()
    sure = guess._replace(log_camera=guess.log_camera - 3, log_theta=guess.log_theta - 3)
    sigma = replace(BELIEF.sigma, camera=BELIEF.sigma.camera / np.e**3, theta=BELIEF.sigma.theta / np.e**3)
    begun = replace(FOUND.start, told=replace(BELIEF, sigma=sigma))
    steps = 0.3 * np.random.default_rng(5).normal(size=331)
    mine = state_of(corrected(replace(FOUND, start=begun), sure, step_of(steps, sure)))
    told = refined_of(FOUND, [BEST], sure, seen, POSED)
    assert float(told.log_sigma.min()) == pytest.approx(np.log(0.02))
    theirs = moved(told, torch.as_tensor(steps, dtype=torch.float32)[None])
    np.testing.assert_allclose(mine.theta[0], theirs.theta[0], atol=1e-5)
    np.testing.assert_allclose(mine.root[0], theirs.pelvis[0], atol=1e-5)
    np.testing.assert_allclose(mine.origin[0], theirs.origin[0], atol=1e-5)
    np.testing.assert_allclose(mine.betas[0], theirs.betas[0], atol=1e-5)
    R_o = rotation_6d_to_matrix(theirs.R_o[0])
    np.testing.assert_allclose(mine.R_o[0], R_o, atol=1e-5)


def test_one_correction_goes_over_into_the_next() -> None:
    """Two frames err alike: of what is said anew only a share counts."""
    guess, seen = guess_and_seen()
    said, before = step_of(np.full(331, 0.2), guess), step_of(np.full(331, -0.1), guess)
    correct = replace(correction(np.full(331, 0.2)), renewed=0.25)
    np.testing.assert_allclose(correct.step(FOUND, guess, seen), said, atol=1e-6)
    np.testing.assert_allclose(
        correct.step(FOUND, guess, seen, before), 0.25 * said + 0.75 * before, atol=1e-6
    )


def test_everything_that_it_is_told_counts() -> None:
    """No input is forgotten, and an untrained one says nothing."""
    torch.manual_seed(0)
    net = Corrector(WIDTH, 4, POINT_FEATURES, 16, 2)
    told = refined_of(FOUND, [0, 1, 2], *guess_and_seen(), POSED)
    assert not net(told).any()
    with torch.no_grad():
        for parameter in net.out.parameters():
            parameter.normal_(std=0.1)
    said = net(told)
    for name, value in told._asdict().items():
        other = net(told._replace(**{name: value + 0.1}))
        assert not torch.allclose(other, said, atol=1e-6), name


def test_onnx_says_what_torch_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tiny_sizes(monkeypatch)
    folder = write_networks(tmp_path, "live-corrector")
    net, weights = load_network("live-corrector", Corrector, folder)
    with torch.no_grad():
        for parameter in net.out.parameters():
            parameter.normal_(std=0.1)
    blank, dice = blank_refined("live"), torch.Generator().manual_seed(0)
    told = Refined(*(torch.randn(v.shape, generator=dice) for v in blank))
    assert blank.queries.shape[-1] == TINY.width
    said = torch_correct(net)(told)
    torch.testing.assert_close(onnx_correct(net, weights, "live")(told), said, atol=1e-4, rtol=1e-4)
    assert said.abs().max() > 0.01


def test_where_nobody_trained_one_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_sizes(monkeypatch)
    assert load_corrector("live", str(tmp_path)) is None
    load_corrector.cache_clear()
    (tmp_path / "live-corrector.safetensors").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="not a file of weights"):
        load_corrector("live", str(tmp_path))

"""The method `score`: guides, Algorithm 1 and the method around it, with networks that nobody trained."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from scorehoi_ros.alignment.align import Energy
from scorehoi_ros.alignment.state import Belief, State
from scorehoi_ros.alignment.target import Contacts
from scorehoi_ros.alignment.weights import TERMS, Weights
from scorehoi_ros.body.load import load_body
from scorehoi_ros.config.methods import FitConfig, RegressConfig, ScoreConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.stages import Method
from scorehoi_ros.geometry.rotation import (
    axis_angle_to_matrix,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)
from scorehoi_ros.methods.registry import make_method
from scorehoi_ros.methods.regress.method import AlignRefiner
from scorehoi_ros.methods.regress.proposal import Said
from scorehoi_ros.methods.score import kernels
from scorehoi_ros.methods.score.guide import by_unknowns, values_of, x_of
from scorehoi_ros.methods.score.method import Sampling
from scorehoi_ros.methods.score.prior import frame_prior, gaussian_of, noise_of
from scorehoi_ros.methods.score.recipe import PHYSICAL, RECIPES, Recipe
from scorehoi_ros.methods.score.sampling import Scene, Step, sample, state_of
from scorehoi_ros.networks.contact import ContactPredictor
from scorehoi_ros.networks.denoiser import Conditions, Denoiser, conditions_of
from scorehoi_ros.runtime.contact import torch_touch
from scorehoi_ros.runtime.denoiser import load_prior, torch_prior
from scorehoi_ros.runtime.layouts import load_network
from tests import alignment_scenes as scenes
from tests.test_regress import BOX, evidence
from tests.tiny_networks import tiny_sizes, write_networks

FOCAL = scenes.FOCAL
NOTHING = Conditions(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
KEPT = torch.ones(1, 2, dtype=torch.bool)
QUICK = Recipe(rounds=1, dt=5, learned=0.0, recontact=False)


def scene_of(belief: Belief, **changes) -> Scene:
    target = replace(scenes.target_of(scenes.truth()), **changes)
    prior = frame_prior(belief, FOCAL, None, NOTHING, KEPT)
    return Scene(scenes.RIG, target, scenes.SHAPE, belief, prior, None)


@pytest.fixture(scope="module")
def wrong() -> Belief:
    return scenes.wrong(scenes.truth(), 5, 2)


def test_x_and_the_energy_s_values_are_two_ways_to_say_a_state(wrong: Belief) -> None:
    x, camera = gaussian_of(wrong, FOCAL).mean, wrong.means()[:, 322:325]
    again = torch.from_numpy(x_of(values_of(x.numpy(), camera, FOCAL), FOCAL))
    theta = rotation_6d_to_matrix(x[:, :312].unflatten(-1, (52, 6)))
    torch.testing.assert_close(rotation_6d_to_matrix(again[:, :312].unflatten(-1, (52, 6))), theta)
    torch.testing.assert_close(again[:, 312:], x[:, 312:])


def test_the_gradient_by_x_is_that_of_differences(wrong: Belief) -> None:
    scene = scene_of(wrong)
    energy = Energy(scene.rig, scene.target, scene.shape, wrong)
    x, camera = gaussian_of(wrong, FOCAL).mean.numpy(), wrong.means()[:, 322:325]

    def total(at: np.ndarray) -> np.ndarray:
        state = values_of(at, camera, FOCAL)
        return energy.at(state.values, state.R_o)[0].sum(1)

    state = values_of(x, camera, FOCAL)
    gradient = by_unknowns(energy.at(state.values, state.R_o)[1], x, state, FOCAL)
    for k in (0, 7, 130, 313, *range(322, 331)):
        step = np.zeros(331)
        step[k] = 1e-6
        slope = (total(x + step) - total(x - step)) / 2e-6
        np.testing.assert_allclose(gradient[:, k], slope, rtol=5e-3, atol=1e-3)


def test_only_turns_of_a_gradient_are_kept() -> None:
    """A gradient along a turn stays, one across the orthonormal rotations goes."""
    x = np.tile([1.0, 0, 0, 0, 1, 0], 56)[None, :331]
    turn, longer = [0, 0.3, 0.1, -0.3, 0, 0.2], [0.5, 0.2, 0, 0.2, -0.4, 0]
    score, held = np.zeros((1, 331)), np.empty((1, 331))
    score[0, 6:18] = turn + longer
    kernels.by_values(score, np.ones((1, 331)), x, np.eye(3)[None], np.ones(3), held)
    np.testing.assert_allclose(held[0, 6:18], turn + [0.0] * 6, atol=1e-15)


def test_the_prior_s_gradient_by_a_turn_is_that_of_differences() -> None:
    """Half of it, for the prior counts the six numbers of a turn twice."""
    rng = np.random.default_rng(0)
    score, held, R = rng.normal(size=(1, 331)), np.empty((1, 331)), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    kernels.by_values(score, np.ones((1, 331)), np.ones((1, 331)), R[None], np.full(3, 0.1), held)
    for k in range(3):
        turn = axis_angle_to_matrix(torch.tensor(1e-6 * np.eye(3)[k])).numpy()
        moved = matrix_to_rotation_6d(torch.tensor(turn @ R - R)).numpy() / 1e-6
        assert held[0, 328 + k] == pytest.approx(0.5 * 0.1 * (moved @ score[0, 322:328]), rel=1e-4)


PULLS = TERMS[1:]
"""All terms but the prior; each is named like its weight."""


@pytest.mark.parametrize("term", PULLS)
def test_each_term_has_a_gradient_and_falls_over_the_loop(wrong: Belief, term: str) -> None:
    usual = Weights()
    alone = replace(usual, **dict.fromkeys(PULLS, 0.0) | {term: getattr(usual, term)}, prior_theta=0.0)
    # The box sinks into the chest and into the floor.
    belief = replace(wrong, place=wrong.place + np.array([0.0, 0.05, 0.15]))
    scene = scene_of(belief)
    energy = Energy(scene.rig, scene.target, scene.shape, belief, alone)
    state = values_of(gaussian_of(belief, FOCAL).mean.numpy(), belief.means()[:, 322:325], FOCAL)
    before, gradient = energy.at(state.values, state.R_o)
    assert (np.abs(gradient).max(1) > 0).all()
    done = sample(scene, replace(QUICK, weights=alone))
    assert (energy(done.u)[0][:, 1:].sum(1) < before.sum(1)).all()


def test_guided_sampling_explains_the_image_better_and_unguided_changes_nothing(wrong: Belief) -> None:
    scene = scene_of(wrong)
    guided, free = sample(scene, QUICK), sample(scene, replace(QUICK, guided=False))
    assert (guided.energy < 0.5 * guided.first).all()
    assert np.abs(free.u).max() < 0.02


def test_what_noise_is_left_is_polished_away_but_not_where_nothing_guides(wrong: Belief) -> None:
    scene = scene_of(wrong)
    noisy, polished = (sample(scene, replace(QUICK, polish=steps)) for steps in (0, 10))
    assert (polished.energy < 0.9 * noisy.energy).all()
    free = replace(QUICK, guided=False)
    assert np.array_equal(sample(scene, replace(free, polish=10)).u, sample(scene, free).u)


def test_the_published_guide_brings_contacts_nearer(wrong: Belief) -> None:
    """With a prior of metres, as the paper's: one that knows the ray takes a push off it for depth."""
    touching = Contacts(np.zeros(431), np.full(64, 0.9), np.zeros(64))
    scene = scene_of(wrong, contacts=touching)
    metres = noise_of(scene.prior.gaussian, np.zeros((2, 2)))
    scene = replace(scene, prior=replace(scene.prior, denoise=metres))
    done = sample(scene, replace(QUICK, weights=PHYSICAL, published=True))
    energy = Energy(scene.rig, scene.target, scene.shape, wrong, PHYSICAL)
    before, after = (energy(u)[0][:, 7] for u in (np.zeros_like(done.u), done.u))
    assert (after < before).all()


def test_contacts_are_asked_again_in_each_round_and_followed(wrong: Belief) -> None:
    """Who says that everything touches pulls the object nearer than who says that nothing does."""
    asked: list[int] = []

    def says(value: float):
        def ask(state: State) -> list[Contacts]:
            asked.append(len(state.root))
            return [Contacts(np.zeros(431), np.full(64, value), np.zeros(64))] * len(state.root)

        return ask

    all_touch = scene_of(wrong, contacts=Contacts(np.zeros(431), np.ones(64), np.zeros(64))).target
    judge = Energy(scenes.RIG, all_touch, scenes.SHAPE, wrong)
    twice = replace(QUICK, rounds=2)
    ends = [judge(sample(replace(scene_of(wrong), ask=says(v)), twice).u)[0][:, 7] for v in (0.0, 1.0)]
    assert asked == [2] * 4
    assert (ends[1] < ends[0]).all()


def test_the_trace_sees_each_step_and_the_end_of_each_round(wrong: Belief) -> None:
    """And changes nothing."""
    seen: list[Step] = []
    three = replace(QUICK, rounds=3)
    done = sample(scene_of(wrong), three, seen.append)
    levels = [*range(50, 0, -5), 0]
    assert [(s.number, s.level) for s in seen] == [(n, t) for n in range(3) for t in levels]
    assert (seen[-1].terms.sum(1) < 0.5 * seen[0].terms.sum(1)).all()
    torch.testing.assert_close(seen[-1].state.origin, done.state.origin)
    assert np.array_equal(done.u, sample(scene_of(wrong), three).u)


def test_a_round_ends_once_the_loss_has_settled(wrong: Belief) -> None:
    """At the very step after which nothing changes by more, at the level that has no noise."""
    seen: list[Step] = []
    patient = replace(QUICK, rounds=4, dt=2)
    early = sample(scene_of(wrong), replace(patient, tolerance=0.03), seen.append)
    for number in range(4):
        losses = np.array([s.terms.sum(1) for s in seen if s.number == number and s.level])
        change = np.abs(np.diff(losses, axis=0)) / losses[1:]
        assert (change[:-1].max(1) >= 0.03).all() and (len(losses) == 25 or change[-1].max() < 0.03)
    assert 8 < len(seen) < 80
    assert (early.terms[:, 1:].sum(1) < 0.1 * early.first).all()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineConfig]:
    folder = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as patch:
        tiny_sizes(patch)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        weights = write_networks(
            folder, "geometry", "live", "live-contact", "live-denoiser", "live-corrector"
        )
        yield PipelineConfig(
            method="score",
            fit=FitConfig(3, 3),
            regress=RegressConfig(size="live", weights=weights, hypotheses=2),
            score=ScoreConfig(rounds=1),
        )


@pytest.fixture(scope="module")
def method(config: PipelineConfig) -> Method:
    return make_method(load_body(), BOX, config)


def test_onnx_and_torch_denoise_alike(config: PipelineConfig, method: Method, wrong: Belief) -> None:
    said = method.estimator(evidence(), None).features
    assert isinstance(said, Said)
    given = conditions_of(said.guess, torch.rand(1, 64, 3), torch.rand(1, 64, 64))
    net, _ = load_network("live-denoiser", Denoiser, config.regress.weights)
    exported, direct = load_prior("live", config.regress.weights), torch_prior(net)
    told = gaussian_of(wrong, FOCAL)
    a, b = (p(given, told, KEPT)(told.mean.numpy() + 0.1, 50) for p in (exported, direct))
    np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-4)


def test_a_refinement_is_the_same_with_the_networks_in_torch(config: PipelineConfig) -> None:
    """As on a GPU, but for the device.

    The other guide, Adam, makes much of the last bits where a gradient is nearly nothing.
    """
    usual = make_method(load_body(), BOX, replace(config, method="score-n2"))
    refiner, folder = usual.refiner, config.regress.weights
    assert isinstance(refiner, AlignRefiner) and isinstance(refiner.descent, Sampling)
    net, _ = load_network("live-denoiser", Denoiser, folder)
    predictor, _ = load_network("live-contact", ContactPredictor, folder)
    by_torch = replace(
        refiner,
        descent=replace(refiner.descent, prior=torch_prior(net)),
        contact=replace(refiner.contact, net=torch_touch(predictor)),
    )
    proposal = usual.estimator(evidence(), None)
    a, b = (r(proposal, evidence(), None, None) for r in (refiner, by_torch))
    np.testing.assert_allclose(b.estimate.human.theta, a.estimate.human.theta, atol=1e-5)
    np.testing.assert_allclose(b.estimate.object.origin, a.estimate.object.origin, atol=1e-5)
    torch.testing.assert_close(b.contacts.human, a.contacts.human, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_answers_for_both_and_the_same_twice(config: PipelineConfig, name: str) -> None:
    method = make_method(load_body(), BOX, replace(config, method=name))
    proposal = method.estimator(evidence(), None)
    first, second = (method.refiner(proposal, evidence(), None, None) for _ in range(2))
    assert first.estimate.human is not None and first.estimate.object is not None
    assert first.contacts is not None and first.covariance is not None
    assert np.array_equal(first.estimate.human.theta, second.estimate.human.theta)
    assert not np.array_equal(first.estimate.human.theta, proposal.best.human.theta)


def test_a_recipe_that_leaves_something_out_answers_otherwise(config: PipelineConfig, method: Method) -> None:
    proposal = method.estimator(evidence(), None)
    usual = method.refiner(proposal, evidence(), None, None).estimate.object.origin
    parts = {"guided": False}, {"recontact": False}, {"corrected": False}, {"weights": {"landmarks": 0.0}}
    for change in parts:
        other = make_method(load_body(), BOX, config, change)
        assert not np.array_equal(
            other.refiner(proposal, evidence(), None, None).estimate.object.origin, usual
        )


def test_without_an_object_only_the_human_is_refined(method: Method) -> None:
    seen = evidence(thing=False)
    refined = method.refiner(method.estimator(seen, None), seen, None, None)
    assert refined.estimate.object is None and np.isfinite(refined.estimate.human.theta).all()


def test_a_state_of_x_has_its_object_where_x_says(wrong: Belief) -> None:
    gaussian = gaussian_of(wrong, FOCAL)
    state = state_of(gaussian.mean.numpy(), wrong.means()[:, 322:325], FOCAL)
    told = scenes.state_of(wrong)
    torch.testing.assert_close(state.root, told.root)
    torch.testing.assert_close(state.origin, told.origin)
    torch.testing.assert_close(state.R_o, told.R_o)

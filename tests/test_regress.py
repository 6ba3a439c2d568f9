"""The method `regress` with weights that nobody trained: shapes, frames and rules, not accuracy."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.target import Contacts
from scorehoi_ros.body.load import load_body
from scorehoi_ros.body.points import PosedBody
from scorehoi_ros.config.methods import FitConfig, RegressConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.frame.evidence import Evidence, build_evidence
from scorehoi_ros.frame.stages import Method, Prediction
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.methods.regress import proposal as regress
from scorehoi_ros.methods.regress.method import AlignRefiner, build
from scorehoi_ros.methods.regress.refine import Found, refine
from scorehoi_ros.methods.regress.spread import UNIFORM, pose_covariance
from scorehoi_ros.methods.regress.start import Effort, Known
from scorehoi_ros.methods.regress.target import target_of
from scorehoi_ros.methods.regress.view import View, seen_of, view_of
from scorehoi_ros.networks.regressor import Regressor, Seen
from scorehoi_ros.networks.sizes import RegressorSize
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.perception.human.placing import place_person
from scorehoi_ros.runtime.regressor import _blank, load_networks, onnx_answer, torch_answer
from scorehoi_ros.runtime.weights import Weights
from scorehoi_ros.types import Camera, Estimate, Frame, Landmarks, Masks
from tests.synthetic import CAMERA, make_scene
from tests.tiny_networks import TINY, tiny_sizes, write_networks

BODY = load_body()
BOX = load_template("box:0.40x0.30x0.20")
WIDE = 1000
"""Pixels of an image in which the scene may lie anywhere."""


@cache
def scene():
    return make_scene(BODY, BOX, turn=0.4)


@cache
def evidence(shift: int = 0, thing: bool = True, person: bool = True) -> Evidence:
    """The scene, its content moved `shift` pixels to the right in a wide image."""
    first = scene()

    def moved(mask):
        wide = np.zeros((CAMERA.height, WIDE), bool)
        wide[:, shift : shift + CAMERA.width] = mask
        return wide

    masks = Masks(
        moved(first.frame.masks.human) if person else None,
        moved(first.frame.masks.object) if thing else None,
        0.9,
        0.8,
    )
    seen = first.seen.landmarks
    landmarks = Landmarks(seen.pixels + np.array([shift, 0]), seen.world, seen.confidence) if person else None
    frame = Frame(np.zeros((CAMERA.height, WIDE, 3), np.uint8), Camera(CAMERA.K, WIDE, CAMERA.height), 0)
    stood = place_person(PosedBody(BODY), landmarks, CAMERA.K, None) if person else None
    return build_evidence(frame, masks, landmarks, stood)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineConfig]:
    folder = tmp_path_factory.mktemp("networks")
    with pytest.MonkeyPatch.context() as patch:
        tiny_sizes(patch)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        weights = write_networks(folder, "geometry", "live", "live-contact")
        yield PipelineConfig(
            method="regress",
            fit=FitConfig(3, 3),
            regress=RegressConfig(size="live", weights=weights, hypotheses=3, steps=6),
        )


@pytest.fixture(scope="module")
def method(config: PipelineConfig) -> Method:
    return build(BODY, BOX, config)


@pytest.fixture(scope="module")
def found(method: Method) -> Found:
    """The aligned hypotheses of the scene."""
    refiner = method.refiner
    assert isinstance(refiner, AlignRefiner)
    said = method.estimator(evidence(), None).features
    target = target_of(evidence(), said.view, Contacts(), None)
    thing = refiner._thing(evidence(), said.view, None, None)
    descend = refiner.descent(said.guess, said.view, None, None)
    return refine(descend, refiner.search, target, thing, said, Known(), Effort(hypotheses=3))


def matrix(sixes) -> np.ndarray:
    return rotation_6d_to_matrix(torch.as_tensor(np.asarray(sixes), dtype=torch.float64)).numpy()


def orthonormal(sixes) -> bool:
    a, b = np.asarray(sixes)[..., :3], np.asarray(sixes)[..., 3:]
    one = np.allclose((a * a).sum(-1), 1, atol=1e-6) and np.allclose((b * b).sum(-1), 1, atol=1e-6)
    return bool(one and np.allclose((a * b).sum(-1), 0, atol=1e-6))


def test_all_hypotheses_are_proposed_likeliest_first(method: Method) -> None:
    proposal = method.estimator(evidence(), None)
    assert len(proposal.estimates) == len(proposal.probabilities) == TINY.hypotheses
    assert sum(proposal.probabilities) == pytest.approx(1.0)
    assert list(proposal.probabilities) == sorted(proposal.probabilities, reverse=True)
    assert len(set(proposal.probabilities)) > 1
    assert sorted(proposal.features.order) == list(range(TINY.hypotheses))
    for estimate in proposal.estimates:
        assert estimate.human is not None and estimate.object is not None
        assert orthonormal(estimate.human.theta) and orthonormal(estimate.object.R_o)
        assert np.array_equal(estimate.object.origin, proposal.best.object.origin)
    R = [matrix(e.object.R_o) for e in proposal.estimates]
    assert min(np.abs(R[0] - other).max() for other in R[1:]) > 0.05
    touch = proposal.contacts
    assert [len(p) for p in (touch.human, touch.object, touch.floor)] == [431, 64, 64]
    assert all(((p >= 0) & (p <= 1)).all() for p in (touch.human, touch.object, touch.floor))


def network_input(one: Evidence) -> Seen:
    shapes = torch.zeros(1, 64, 64)
    return seen_of(one, view_of(one), torch.zeros(1, 64, 3), shapes, TINY.pixels)


def in_view(estimate: Estimate, view: View) -> list[np.ndarray]:
    """Root, orientation, origin and rotation of an estimate as the crop sees them."""
    R = view.R_cam_view.T
    human, thing = estimate.human, estimate.object
    return [R @ human.t_cam, R @ matrix(human.theta[0]), R @ thing.origin, R @ matrix(thing.R_o)]


def test_where_the_crop_lies_in_the_image_changes_only_the_view(method: Method) -> None:
    """Content that is moved in the image is a camera that was turned, but for the perspective."""
    here, there = evidence(0), evidence(260)
    one, other = network_input(here), network_input(there)
    for name in ("masks", "landmarks", "confidence", "focal", "scores"):
        assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-4), name
    assert torch.allclose(one.world, other.world, atol=0.05)
    turn = view_of(there).R_cam_view @ view_of(here).R_cam_view.T
    assert np.degrees(Rotation.from_matrix(turn).magnitude()) > 15
    a, b = (in_view(method.estimator(e, None).best, view_of(e)) for e in (here, there))
    for first, second in zip(a, b, strict=True):
        assert np.abs(first - second).max() < 0.05
    raw = [method.estimator(e, None).best.human.t_cam for e in (here, there)]
    assert np.abs(raw[0] - raw[1]).max() > 0.3


def test_the_pelvis_is_where_the_network_says(method: Method) -> None:
    proposal = method.estimator(evidence(260), None)
    view, guess = proposal.features.view, proposal.features.guess
    x, y, z = view.R_cam_view.T @ proposal.best.human.t_cam
    told = guess.camera[0].double().numpy()
    assert np.log(z / view.focal) == pytest.approx(told[2], abs=1e-6)
    assert np.allclose([2 * view.focal * x / z, 2 * view.focal * y / z], told[:2], atol=1e-6)


def test_onnx_answers_as_torch_does(config: PipelineConfig, method: Method) -> None:
    loaded = load_networks("live", config.regress.weights)
    assert isinstance(method.estimator, regress.RegressEstimator)
    network = method.estimator.network
    seen = network.seen(evidence(), view_of(evidence()))
    exported, direct = (f(seen, network.tokens, None) for f in (loaded.answer, torch_answer(loaded.net)))
    for name, a, b in zip(exported._fields, exported, direct, strict=True):
        assert a.shape == b.shape and torch.allclose(a, b, atol=1e-4), name
    caches = [path.name for path in (Path(config.regress.weights) / "cache").rglob("*.onnx")]
    assert len(caches) == 2 and any(name.startswith("live-contact-") for name in caches)


def test_a_network_that_looks_at_pictures_is_given_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch.manual_seed(0)
    net = Regressor(RegressorSize("paper", 64, 32, 1)).eval()
    seen, tokens, grey = blank_of(net)
    colours = torch.rand(1, 3, 64, 64)
    exported, direct = onnx_answer(net, Weights({}, {"kind": "x"}, "0" * 64)), torch_answer(net)
    for answer in (exported, direct):
        assert not torch.allclose(answer(seen, tokens, colours).theta, answer(seen, tokens, grey).theta)
    for a, b in zip(exported(seen, tokens, colours), direct(seen, tokens, colours), strict=True):
        assert torch.allclose(a, b, atol=1e-4)
    red = np.zeros((CAMERA.height, WIDE, 3), np.uint8)
    red[..., 0] = 255
    told: list[Any] = []

    def spy(seen: Seen, template: torch.Tensor, picture: torch.Tensor | None) -> Any:
        told.append(picture)
        return direct(seen, template, picture)

    network = regress.Network(spy, net.size, seen.points, seen.shapes, tokens)
    network(replace(evidence(), rgb=red), view_of(evidence()))
    assert told[0].shape == (1, 3, 64, 64) and told[0][0, 0].mean() > 0.2 and told[0][0, 1:].max() == 0


def blank_of(net: Regressor) -> tuple[Seen, torch.Tensor, torch.Tensor]:
    *fields, tokens, _ = _blank(net)
    return Seen(*fields), tokens, torch.full((1, 3, 64, 64), 0.5)


def test_without_the_object_s_mask_only_a_human_is_proposed(method: Method) -> None:
    seen = evidence(thing=False)
    proposal = method.estimator(seen, None)
    assert len(proposal.estimates) == 1 and proposal.probabilities == (1.0,)
    assert proposal.best.human is not None and proposal.best.object is None and proposal.contacts is None
    refined = method.refiner(proposal, seen, None, None)
    assert refined.estimate.human is not None and refined.estimate.object is None
    assert refined.covariance is None and refined.contacts is None


def test_without_a_template_only_a_human_is_proposed(config: PipelineConfig) -> None:
    alone = build(BODY, None, config)
    proposal = alone.estimator(evidence(), None)
    assert len(proposal.estimates) == 1 and proposal.best.object is None
    refined = alone.refiner(proposal, evidence(), None, None)
    assert refined.estimate.object is None and np.isfinite(refined.estimate.human.theta).all()


def test_without_a_person_the_optimiser_answers(method: Method) -> None:
    seen = evidence(person=False)
    proposal = method.estimator(seen, None)
    assert proposal.best.human is None and proposal.best.object is not None
    assert not isinstance(proposal.features, regress.Said)
    refined = method.refiner(proposal, seen, None, None)
    assert refined.estimate.human is None and refined.estimate.object is not None
    assert isinstance(method.estimator, regress.RegressEstimator)
    assert method.estimator.alone() is method.estimator.alone()
    assert refined.memory is None
    marker = object()
    before = Prediction(Estimate(), Estimate(), memory=marker)
    assert method.refiner(proposal, seen, None, before).memory is marker, "one such frame forgets nothing"


def test_the_alignment_answers_for_both(method: Method) -> None:
    proposal = method.estimator(evidence(), None)
    refined = method.refiner(proposal, evidence(), None, None)
    assert orthonormal(refined.estimate.human.theta) and orthonormal(refined.estimate.object.R_o)
    assert np.isfinite(list(refined.energy.values())).all() and refined.contacts is not None
    assert refined.covariance.shape == (6, 6)
    again = method.refiner(proposal, evidence(), None, None)
    assert np.array_equal(again.estimate.human.theta, refined.estimate.human.theta)
    assert np.array_equal(again.covariance, refined.covariance)


def test_a_locked_shape_stays(method: Method) -> None:
    betas = np.linspace(-1, 1, 10)
    proposal = method.estimator(evidence(), None)
    known = Prediction(proposal.best, proposal.best, betas=betas)
    proposal = method.estimator(evidence(), known)
    assert all(np.array_equal(e.human.betas, betas) for e in proposal.estimates)
    refined = method.refiner(proposal, evidence(), None, known)
    assert np.abs(refined.estimate.human.betas - betas).max() < 0.02
    free = method.refiner(proposal, evidence(), None, None)
    assert np.abs(free.estimate.human.betas - betas).max() > 0.1


def proper(covariance: np.ndarray) -> bool:
    """Symmetric and positive semi-definite."""
    least = np.linalg.eigvalsh(covariance).min()
    return bool(np.allclose(covariance, covariance.T, atol=1e-12) and least > -1e-9)


def test_a_tie_makes_the_pose_uncertain(found: Found) -> None:
    view, none = view_of(evidence()), Symmetry(np.eye(3)[None])
    sure, tie = (
        pose_covariance(replace(found, best=0, shares=np.array(shares)), none, view)
        for shares in ([1.0, 0.0, 0.0], [0.5, 0.5, 0.0])
    )
    assert proper(sure) and proper(tie)
    assert np.linalg.eigvalsh(tie - sure).min() > -1e-9 and np.trace(tie) > np.trace(sure) + 0.01
    told = np.sqrt(np.linalg.eigvalsh(sure[3:, 3:]))
    assert np.allclose(told, found.start.told.sigma.turn[0], atol=1e-6)


def test_free_turns_are_unknown(found: Found) -> None:
    view = view_of(evidence())
    ball = pose_covariance(found, Symmetry(np.eye(3)[None], sphere=True), view)
    assert proper(ball) and np.allclose(ball[3:, 3:], UNIFORM * np.eye(3), atol=1e-9)
    axis = np.array([0.0, 0.0, 1.0])
    round_ = pose_covariance(found, Symmetry(np.eye(3)[None], axis=axis), view)
    told = view.R_cam_view @ found.aligned.state.R_o[found.best].numpy() @ axis
    assert proper(round_) and told @ round_[3:, 3:] @ told == pytest.approx(UNIFORM)


def test_shares_are_probabilities(found: Found) -> None:
    assert len(found.shares) == 3 and found.shares.sum() == pytest.approx(1.0) and (found.shares >= 0).all()
    assert found.best == found.shares.argmax()

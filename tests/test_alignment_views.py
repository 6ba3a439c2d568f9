"""Several calibrated cameras: unknowns in another view, gradients, and what a second one is worth."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.align import Energy
from scorehoi_ros.alignment.state import BETAS, CAMERA, PLACE, TURN, Belief, State
from scorehoi_ros.alignment.target import Contacts
from scorehoi_ros.alignment.views import Beside, Moved, energy_beside, seen_from, summed
from scorehoi_ros.alignment.weights import Weights
from scorehoi_ros.geometry.rigid import invert_transform, make_transform
from scorehoi_ros.methods.score.prior import frame_prior
from scorehoi_ros.methods.score.recipe import Recipe
from scorehoi_ros.methods.score.sampling import Scene, sample
from scorehoi_ros.networks.denoiser import Conditions
from tests import alignment_scenes as scenes

FOCAL, OTHER = scenes.FOCAL, 1.1
CENTRE = np.array([0.0, 0.0, 2.6])
R = Rotation.from_rotvec([0.1, 1.2, 0.05]).as_matrix()
T = make_transform(R, CENTRE - R @ CENTRE)
"""To a camera that looks at the same place from the side."""


def at_the_side(belief: Belief, focal: float) -> Belief:
    """The same belief in the view frame of that camera."""
    there = seen_from(torch.tensor(belief.means()), FOCAL, T, focal)[0].numpy()
    return Belief(
        there[: BETAS.start].reshape(52, 6),
        there[BETAS],
        there[CAMERA],
        there[PLACE],
        R @ belief.rotations,
        belief.sigma,
    )


@pytest.fixture(scope="module")
def beside() -> Beside:
    """What it sees of the truth; `alignment_scenes` has one focal length."""
    target = scenes.target_of(at_the_side(scenes.truth(), FOCAL), 1)
    return Beside(replace(target, pelvis_depth=None, object_depth=None), T)


@pytest.fixture(scope="module")
def wrong() -> Belief:
    """Farther away than the truth, and beside it."""
    belief = scenes.wrong(scenes.truth(), 5, 2)
    return replace(belief, camera=belief.camera + [0, 0, 0.08], place=belief.place + [0, 0, 0.15])


def test_unknowns_of_another_view_are_the_same_points_moved(wrong: Belief) -> None:
    values = torch.tensor(wrong.means())
    there = seen_from(values, FOCAL, T, OTHER)
    assert (there[:, CAMERA] - values[:, CAMERA]).abs().max() > 0.01
    torch.testing.assert_close(seen_from(there, OTHER, invert_transform(T), FOCAL), values)
    here, other = scenes.state_of(wrong), scenes.state_of(at_the_side(wrong, FOCAL))
    moved = scenes.points_of(here).tokens @ torch.tensor(R).T + torch.tensor(T[:3, 3])
    torch.testing.assert_close(scenes.points_of(other).tokens, moved)
    torch.testing.assert_close(other.origin, here.origin @ torch.tensor(R).T + torch.tensor(T[:3, 3]))


def test_the_gradient_of_another_view_is_that_of_differences(wrong: Belief, beside: Beside) -> None:
    moved = Moved(energy_beside(scenes.RIG, beside, scenes.SHAPE, wrong, FOCAL, Weights()), beside, FOCAL)
    values, rotations = wrong.means(), wrong.rotations
    terms, gradient = moved.at(values, rotations)
    assert (terms[:, [1, 2, 3, 5]] > 0).all() and (terms[:, 6:] == 0).all()
    for k in (0, 4, 130, 313, *range(CAMERA.start, TURN.stop)):
        step = np.zeros(331)
        step[k] = 1e-6
        up, down = (moved.at(values + s * step, rotations)[0].sum(1) for s in (1, -1))
        np.testing.assert_allclose(gradient[:, k], (up - down) / 2e-6, rtol=5e-3, atol=1e-3)


def test_a_sum_of_views_is_the_sum_of_their_terms(wrong: Belief, beside: Beside) -> None:
    first = Energy(scenes.RIG, scenes.target_of(scenes.truth()), scenes.SHAPE, wrong)
    second = Moved(energy_beside(scenes.RIG, beside, scenes.SHAPE, wrong, FOCAL, Weights()), beside, FOCAL)
    where = wrong.means(), wrong.rotations
    for both, one, other in zip(
        summed(first, [second]).at(*where), first.at(*where), second.at(*where), strict=True
    ):
        np.testing.assert_allclose(both, one + other)
    assert summed(first, []) is first


def test_a_second_camera_sees_how_far_away_both_are(wrong: Belief, beside: Beside) -> None:
    """One camera sees places along its rays badly; the one at the side sees them well."""
    target = replace(
        scenes.target_of(scenes.truth()),
        pelvis_depth=None,
        object_depth=None,
        contacts=Contacts(),
        floor=None,
    )
    nothing = Conditions(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
    prior = frame_prior(wrong, FOCAL, None, nothing, torch.ones(1, 2, dtype=torch.bool))
    alone = Scene(scenes.RIG, target, scenes.SHAPE, wrong, prior, None)
    quick = Recipe(rounds=1, dt=2, learned=0.0, recontact=False)
    true = scenes.state_of(scenes.truth())

    def off(state: State) -> np.ndarray:
        return torch.stack(
            [(state.root - true.root).norm(dim=1), (state.origin - true.origin).norm(dim=1)]
        ).numpy()

    one, two = (off(sample(scene, quick).state) for scene in (alone, replace(alone, beside=[beside])))
    assert (two < 0.7 * one).all()

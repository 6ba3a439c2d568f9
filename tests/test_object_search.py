"""Orientations, depth order and motion hypotheses of the object search."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.frame.agreement import iou
from scorehoi_ros.frame.evidence import Silhouette
from scorehoi_ros.frame.stages import carried_along
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.methods.fit.object_search import misordered
from scorehoi_ros.methods.fit.orientations import quarter_turns, rotation_distance, spread_rotations
from scorehoi_ros.objects.symmetry import NONE, SPHERE, Symmetry, cyclic, dihedral, octahedral, revolution
from scorehoi_ros.types import HumanPose, ObjectPose

Y = np.array([0.0, 1.0, 0.0])
X = np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("symmetry", "count"),
    [
        (NONE, 23),
        (SPHERE, 0),
        (Symmetry(octahedral()), 0),
        (Symmetry(dihedral(2, Y, X)), 5),
        (revolution(Y, True), 2),
    ],
)
def test_quarter_turns_leave_out_what_symmetry_makes_equal(symmetry: Symmetry, count: int) -> None:
    R = Rotation.from_rotvec([0.3, -0.2, 0.7]).as_matrix()
    turns = quarter_turns(R, symmetry)
    assert len(turns) == count
    for turn in turns:
        assert rotation_distance(turn[None], R, symmetry)[0] > np.radians(20)


def test_spread_rotations_cover_every_orientation() -> None:
    rng = np.random.default_rng(0)
    for symmetry in (NONE, Symmetry(cyclic(2, Y)), revolution(Y, False)):
        spread = spread_rotations(symmetry)
        for R in Rotation.random(50, random_state=int(rng.integers(1000))).as_matrix():
            assert np.degrees(rotation_distance(spread, R, symmetry).min()) < 45


def test_distance_ignores_turns_of_a_bottle_but_not_its_tilt() -> None:
    bottle = revolution(Y, False)
    turned = Rotation.from_rotvec(1.2 * Y).as_matrix()
    tilted = Rotation.from_rotvec(0.5 * X).as_matrix()
    assert rotation_distance(np.eye(3)[None], turned, bottle)[0] == pytest.approx(0, abs=1e-6)
    assert rotation_distance(np.eye(3)[None], tilted, bottle)[0] == pytest.approx(0.5, abs=1e-6)


def target(mask: np.ndarray, free: np.ndarray) -> Silhouette:
    return Silhouette(torch.eye(3), mask, free, 1.0, np.zeros_like(mask))


def test_seen_object_must_not_stand_behind_the_body() -> None:
    mask, free = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    mask[:4], free[4:] = True, True
    body = np.full((8, 8), 2.0)
    in_front, behind = np.full((8, 8), 1.5), np.full((8, 8), 2.5)
    assert misordered(np.where(mask, in_front, 0), body, target(mask, free)) == 0
    assert misordered(np.where(mask, behind, 0), body, target(mask, free)) == 1
    assert misordered(np.where(free, behind, 0), body, target(mask, free)) == 0
    assert misordered(np.where(free, in_front, 0), body, target(mask, free)) == 1


def test_overlap_leaves_free_pixels_out() -> None:
    rendered, mask = np.ones((4, 4), bool), np.zeros((4, 4), bool)
    mask[:2] = True
    assert iou(rendered, mask, ~mask) == 1.0
    assert iou(rendered, mask, np.zeros_like(mask)) == 0.5


def test_carried_object_turns_with_the_person() -> None:
    def person(R: np.ndarray, t: list[float]) -> HumanPose:
        theta = np.tile([1.0, 0, 0, 0, 1, 0], (52, 1))
        theta[0] = matrix_to_rotation_6d(torch.as_tensor(R)).numpy()
        return HumanPose(theta, np.zeros(10), np.array(t))

    turn = Rotation.from_rotvec(np.pi / 2 * Y).as_matrix()
    thing = ObjectPose(np.array([1.0, 0, 0, 0, 1, 0]), np.array([0.0, 0, 2.6]))
    now = person(turn, [1, 0, 3])
    after = carried_along(person(np.eye(3), [0, 0, 3]), thing, now)
    np.testing.assert_allclose(after.origin - now.t_cam, turn @ [0, 0, -0.4], atol=1e-9)
    np.testing.assert_allclose(rotation_6d_to_matrix(torch.as_tensor(after.R_o)), turn, atol=1e-9)

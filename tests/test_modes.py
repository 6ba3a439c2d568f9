"""Rotations that a tracked object may have: who is kept, and when another one takes the place."""

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.methods.regress.modes import MARGIN, Modes, modes_after, ordered, weighed

TURNS = Rotation.from_rotvec([[0.0, 0, 0], [0, 0, 1.5], [0, 1.5, 0]]).as_matrix()


def test_the_answered_rotation_comes_first_though_another_is_likelier() -> None:
    modes = modes_after(TURNS, np.array([0.3, 0.2, 0.5]), kept=1)
    np.testing.assert_array_equal(modes.rotations, TURNS[[1, 2, 0]])
    np.testing.assert_allclose(modes.log_weights, np.log([1.0, 2.5, 1.5]), atol=1e-6)


def test_one_odd_frame_is_no_flip_and_steady_evidence_is() -> None:
    modes, frames = Modes(TURNS, np.zeros(3)), 0
    while np.array_equal(modes.rotations[0], TURNS[0]):
        told = [0.0 if np.array_equal(R, TURNS[1]) else -2.0 for R in modes.rotations]
        modes = ordered(weighed(modes, np.array(told)))
        frames += 1
        assert frames < 10
    assert frames > 1 and np.array_equal(modes.rotations[0], TURNS[1])
    assert modes.log_weights[0] == 0 and modes.log_weights[1:].max() <= -MARGIN

"""Rotations in numpy against those in torch and in scipy."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry import rotation, turns

RNG = np.random.default_rng(0)
ANGLES = np.concatenate(
    (np.linspace(0, np.pi, 60), 10.0 ** np.linspace(-16, -1, 30), np.pi - 10.0 ** np.linspace(-12, -1, 30))
)
AXES = turns.unit(RNG.normal(size=(len(ANGLES), 3)))
VECTORS = AXES * ANGLES[:, None]


def test_vectors_to_matrices_and_back_also_near_zero_and_at_half_turns() -> None:
    matrices = Rotation.from_rotvec(VECTORS).as_matrix()
    np.testing.assert_allclose(turns.matrix_of_vector(VECTORS), matrices, atol=1e-14)
    np.testing.assert_allclose(turns.matrix_of_vector(turns.vector_of_matrix(matrices)), matrices, atol=1e-14)
    assert (np.linalg.norm(turns.vector_of_matrix(matrices), axis=1) <= np.pi + 1e-12).all()


def test_single_ones_equal_many() -> None:
    matrices = turns.matrix_of_vector(VECTORS)
    for k in (0, 7, 40, 70, 119):
        np.testing.assert_array_equal(turns.matrix_of_vector(VECTORS[k]), matrices[k])
        np.testing.assert_array_equal(
            turns.vector_of_matrix(matrices[k]), turns.vector_of_matrix(matrices)[k]
        )


@pytest.mark.parametrize("shape", [(6,), (52, 6), (2, 3, 6)])
def test_six_numbers_are_read_as_by_torch(shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=shape)
    expected = rotation.rotation_6d_to_matrix(torch.as_tensor(x))
    found = turns.matrix_of_6d(x)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_array_equal(
        turns.six_of_matrix(found), rotation.matrix_to_rotation_6d(torch.as_tensor(found))
    )


def test_cross_products_and_unit_vectors() -> None:
    a, b = RNG.normal(size=(2, 4, 3, 3))
    np.testing.assert_allclose(turns.cross(a, b), np.cross(a, b), atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(turns.unit(a), axis=-1), 1.0)
    assert not turns.unit(np.zeros(3)).any()

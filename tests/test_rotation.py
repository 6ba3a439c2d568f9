"""Rotation representations: bijections and gradients."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry import rotation as rot

vectors = st.lists(st.floats(-3.0, 3.0, width=32), min_size=3, max_size=3)


@given(vectors)
def test_axis_angle_agrees_with_scipy(v: list[float]) -> None:
    matrix = rot.axis_angle_to_matrix(torch.tensor(v, dtype=torch.float64))
    np.testing.assert_allclose(matrix, Rotation.from_rotvec(v).as_matrix(), atol=1e-9)


@given(vectors)
def test_six_numbers_come_back(v: list[float]) -> None:
    matrix = rot.axis_angle_to_matrix(torch.tensor(v, dtype=torch.float64))
    np.testing.assert_allclose(
        rot.rotation_6d_to_matrix(rot.matrix_to_rotation_6d(matrix)), matrix, atol=1e-12
    )


@given(st.lists(st.floats(-2, 2, width=32), min_size=6, max_size=6))
def test_six_numbers_give_a_rotation(x: list[float]) -> None:
    a, b = np.array(x[:3]), np.array(x[3:])
    if np.linalg.norm(np.cross(a, b)) < 1e-3 or np.linalg.norm(a) < 1e-3:
        return  # no rotation is defined by parallel or zero columns
    matrix = rot.rotation_6d_to_matrix(torch.tensor(x, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix) > 0.999


def test_gradients() -> None:
    x = torch.tensor(
        [[0.3, -0.2, 0.9], [0.0, 0.0, 0.0], [1e-5, 0, 0]], dtype=torch.float64, requires_grad=True
    )
    assert torch.autograd.gradcheck(rot.axis_angle_to_matrix, (x,))
    y = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(rot.rotation_6d_to_matrix, (y,))

"""Mesh helpers: volumes, watertightness, orientation, welding, sampling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.errors import TemplateError
from scorehoi_ros.geometry.mesh import (
    Mesh,
    components,
    concatenate,
    extents,
    face_areas,
    facing_outwards,
    flipped,
    is_watertight,
    signed_volume,
    surface_centroid,
    transformed,
    welded,
)
from scorehoi_ros.geometry.surface import balanced_points, even_points, farthest_points, surface_points
from scorehoi_ros.objects.level_set import level_set
from scorehoi_ros.objects.solids import ball, box, open_box

SIDES = st.floats(0.05, 2.0)


@settings(max_examples=30)
@given(SIDES, SIDES, SIDES, st.integers(0, 1000))
def test_box_measures(x: float, y: float, z: float, seed: int) -> None:
    """Area and volume of a turned and moved box are those of the formulas."""
    R = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    R *= np.sign(np.linalg.det(R))
    mesh = transformed(box((x, y, z)), R, np.array([3.0, -1.0, 2.0]))
    assert signed_volume(mesh) == pytest.approx(x * y * z)
    assert face_areas(mesh).sum() == pytest.approx(2 * (x * y + y * z + z * x))
    np.testing.assert_allclose(surface_centroid(mesh), [3, -1, 2], atol=1e-9)
    assert is_watertight(mesh)


def test_orientation_is_restored() -> None:
    """Pieces that point inwards are turned, and a hollow body keeps its inner wall."""
    parts = [flipped(box((1, 1, 1))), transformed(box((1, 1, 1)), t=np.array([3.0, 0, 0]))]
    assert signed_volume(facing_outwards(concatenate(parts))) == pytest.approx(2.0)
    hollow = concatenate([box((1, 1, 1)), flipped(box((0.8, 0.8, 0.8)))])
    assert signed_volume(facing_outwards(hollow)) == pytest.approx(1 - 0.8**3)


def test_holes_are_seen() -> None:
    """A missing or a turned face is not watertight; an open box of walls is."""
    mesh = box((1, 1, 1))
    assert not is_watertight(Mesh(mesh.vertices, mesh.faces[1:]))
    turned = mesh.faces.copy()
    turned[0] = turned[0, ::-1]
    assert not is_watertight(Mesh(mesh.vertices, turned))
    assert is_watertight(open_box((0.5, 0.3, 0.4), 0.01))


def test_weld_closes_a_triangle_soup() -> None:
    """Separate triangles become one closed surface again, without useless faces."""
    mesh = box((1, 2, 3))
    soup = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
    soup = concatenate([soup, Mesh(np.full((3, 3), 0.5), np.array([[0, 1, 2]]))])
    whole = welded(soup, 1e-6)
    assert len(whole.vertices) == 8 and len(whole.faces) == 12 and is_watertight(whole)


def test_components_are_counted() -> None:
    """Parts that share no vertex are told apart."""
    labels = components(concatenate([box((1, 1, 1)), ball(1.0), box((2, 2, 2))]))
    assert [len(set(labels[s])) for s in (slice(0, 12), slice(12, -12), slice(-12, None))] == [1, 1, 1]
    assert len(set(labels)) == 3


def test_samples_lie_on_the_surface_evenly() -> None:
    """Samples of a box are on it, and every side gets its share."""
    mesh = box((1, 2, 3))
    drawn = surface_points(mesh.vertices, mesh.faces, 6000, np.random.default_rng(0), even=True)
    assert np.abs(np.abs(drawn.on(mesh.vertices)) - [0.5, 1.0, 1.5]).min(axis=1).max() < 1e-12
    share = [(drawn.corners == face).all(axis=1).mean() for face in mesh.faces]
    np.testing.assert_allclose(share, face_areas(mesh) / 22, atol=1e-3)


def test_points_are_spread_and_balanced() -> None:
    """64 points keep their distance from each other, repeat exactly, and have the centroid as mean."""
    samples = even_points(box((0.4, 0.3, 0.2)), 4000)
    points = samples[farthest_points(samples, 64)]
    np.testing.assert_array_equal(points, samples[farthest_points(samples, 64)])
    moved = balanced_points(points, samples, np.zeros(3))
    assert np.abs(moved.mean(axis=0)).max() < 1e-4
    apart = np.linalg.norm(moved[:, None] - moved, axis=2)[np.triu_indices(64, 1)].min()
    assert apart > 0.4 * np.sqrt(0.52 / 64)


def test_level_set_of_a_sphere() -> None:
    """Surface nets give a closed outward sphere of the right radius."""
    axis = np.arange(32) - 15.3
    values = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) - 10
    mesh = level_set(values)
    assert is_watertight(mesh)
    assert signed_volume(mesh) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices - 15.3, axis=1), 10, atol=0.25)


@pytest.mark.parametrize(
    ("vertices", "faces"),
    [
        (np.zeros((3, 2)), np.zeros((1, 3), int)),
        (np.zeros((3, 3)), np.array([[0, 1, 3]])),
        (np.zeros((3, 3)), [[0, 1]]),
    ],
)
def test_wrong_shapes_are_refused(vertices: np.ndarray, faces: np.ndarray) -> None:
    """Shapes and indices that make no mesh are errors with the numbers."""
    with pytest.raises(TemplateError):
        Mesh(vertices, faces)


def test_extents() -> None:
    """Sides of the bounding box."""
    np.testing.assert_allclose(extents(box((1, 2, 3), (5, 5, 5))), [1, 2, 3])

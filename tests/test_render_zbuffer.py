import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.errors import CameraError, InputError
from scorehoi_ros.render.zbuffer import NEAR_M, rasterise, silhouette

K = np.array([[300.0, 0, 101.3], [0, 330.0, 77.6], [0, 0, 1]])
W, H = 200, 160
QUAD = np.array([[0, 1, 2], [0, 2, 3]])


def rays():
    u, v = np.meshgrid(np.arange(W), np.arange(H))
    return np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones((H, W))], -1)


def sphere_hit(centre, radius):
    d = rays()
    a, b = (d * d).sum(-1), d @ centre
    disc = b * b - a * (centre @ centre - radius * radius)
    return disc >= 0, np.where(disc >= 0, (b - np.sqrt(np.maximum(disc, 0))) / a, 0)


@settings(max_examples=15)
@given(st.floats(-0.5, 0.5), st.floats(-0.4, 0.4), st.floats(1.5, 6.0), st.floats(0.1, 0.5))
def test_sphere_silhouette_and_depth_match_the_closed_form(x, y, z, radius):
    centre = np.array([x, y, z])
    ball = trimesh.creation.icosphere(4, radius)
    hit, depth = sphere_hit(centre, radius)
    drawn, face = rasterise(ball.vertices + centre, ball.faces, K, W, H)
    mask = silhouette(ball.vertices + centre, ball.faces, K, W, H)
    assert np.array_equal(mask, face >= 0) and np.array_equal(mask, drawn > 0)
    inside, _ = sphere_hit(centre, radius * 0.99)
    assert not (mask & ~hit).any()  # an inscribed polyhedron never leaves its sphere
    assert mask[inside].all()
    # 0.2 % of the radius is the sagitta of the icosphere's faces; grazing rays are left out
    core, _ = sphere_hit(centre, radius * 0.8)
    np.testing.assert_allclose(drawn[core], depth[core], atol=0.006 * radius + 1e-5)


def test_tilted_plane_depth():
    normal, offset = np.array([0.3, -0.5, -0.8]), -2.0
    corners = np.array([[-3, -3], [3, -3], [3, 3], [-3, 3.0]])
    z = (offset - corners @ normal[:2]) / normal[2]
    vertices = np.c_[corners, z]
    depth, face = rasterise(vertices, QUAD, K, W, H)
    expected = offset / (rays() @ normal)
    covered = face >= 0
    assert covered.mean() > 0.9
    np.testing.assert_allclose(depth[covered], expected[covered], atol=1e-4)


@settings(max_examples=30)
@given(st.integers(2, W - 3), st.integers(2, H - 3), st.floats(0.3, 20.0))
def test_pixel_centres_are_at_integers(u, v, z):
    """A square that projects to half a pixel around (u, v) covers exactly that pixel."""
    pixels = np.array([[u - 0.4, v - 0.4], [u + 0.4, v - 0.4], [u + 0.4, v + 0.4], [u - 0.4, v + 0.4]])
    vertices = np.c_[(pixels - K[:2, 2]) / K[[0, 1], [0, 1]] * z, np.full(4, z)]
    mask = silhouette(vertices, QUAD, K, W, H)
    assert mask.sum() == 1 and mask[v, u]


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_agrees_with_projection_of_points_on_the_surface(seed):
    rng = np.random.default_rng(seed)
    vertices = rng.uniform([-0.6, -0.5, 1], [0.6, 0.5, 3], (3, 3))
    depth, face = rasterise(vertices, np.array([[0, 1, 2]]), K, W, H)
    v, u = np.nonzero(face == 0)
    points = rays()[v, u] * depth[v, u, None]
    weights = np.linalg.solve(vertices.T, points.T).T  # barycentric when they sum to 1
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-4)
    assert (weights > -1e-4).all()


def test_nearest_surface_wins_and_no_cracks():
    near = np.array([[-1, -1, 2], [1, -1, 2], [1, 1, 2], [-1, 1, 2.0]])
    far = near * 2
    depth, face = rasterise(np.r_[far, near], np.r_[QUAD, QUAD + 4], K, W, H)
    assert (face[70:90, 90:110] >= 2).all()
    np.testing.assert_allclose(depth[70:90, 90:110], 2)
    ball = trimesh.creation.icosphere(4, 0.5)
    mask = silhouette(ball.vertices + [0, 0, 3], ball.faces, K, W, H)
    filled = np.maximum.accumulate(mask, 1) & np.maximum.accumulate(mask[:, ::-1], 1)[:, ::-1]
    assert np.array_equal(mask, filled)


def test_floor_through_the_camera_plane_is_clipped():
    """A floor from behind the camera to far ahead is drawn up to the picture's lower edge."""
    floor = np.array([[-50, 1.5, -5], [50, 1.5, -5], [50, 1.5, 40], [-50, 1.5, 40.0]])
    depth, face = rasterise(floor, QUAD, K, W, H)
    below = rays()[..., 1] > 1.5 / 40 + 1e-6
    assert np.array_equal(face >= 0, below)
    np.testing.assert_allclose(depth[below], 1.5 / rays()[..., 1][below], rtol=1e-4)


def test_nothing_behind_the_camera_or_not_finite_is_drawn():
    quad = np.array([[-1, -1, -2], [1, -1, -2], [1, 1, -2], [-1, 1, -2.0]])
    assert not silhouette(quad, QUAD, K, W, H).any()
    quad[:, 2] = 2
    for bad in (np.nan, np.inf):
        broken = quad.copy()
        broken[1, 2] = bad
        depth, face = rasterise(broken, QUAD, K, W, H)
        assert set(np.unique(face)) == {-1, 1} and np.isfinite(depth).all()
    depth, face = rasterise(quad * 1e-6 + [0, 0, NEAR_M / 2], QUAD, K, W, H)
    assert not depth.any()


def test_a_silhouette_covers_what_is_drawn_also_of_a_mesh_around_the_camera():
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 1.0, 3.0):
        vertices = rng.normal(0, 0.4, (80, 3)) + [0, 0, shift]
        vertices[rng.integers(0, 80, 3)] = np.nan, np.inf, 0.0
        faces = rng.integers(0, 80, (120, 3))
        mask = silhouette(vertices, faces, K, W, H)
        assert mask.any() and np.array_equal(mask, rasterise(vertices, faces, K, W, H)[1] >= 0)


def test_culling_leaves_the_picture_of_a_closed_mesh_alone():
    ball = trimesh.creation.icosphere(3, 0.5)
    points = ball.vertices + [0.1, 0, 2]
    full, culled = (rasterise(points, ball.faces, K, W, H, cull=c)[1] for c in (False, True))
    assert np.array_equal(full, culled)
    back = rasterise(points, ball.faces[:, ::-1], K, W, H, cull=True)[0]
    assert (back[full >= 0] > 1.85).mean() > 0.995  # limb faces may differ


def test_empty_mesh_and_one_pixel_picture():
    depth, face = rasterise(np.zeros((0, 3)), np.zeros((0, 3), int), K, W, H)
    assert not depth.any() and (face == -1).all()
    assert silhouette(np.eye(3) * 9 + [-3, -3, 1], np.array([[0, 1, 2]]), np.eye(3), 1, 1).shape == (1, 1)


@pytest.mark.parametrize(
    ("vertices", "faces", "intrinsics", "size", "error"),
    [
        (np.zeros((4, 2)), QUAD, K, (W, H), InputError),
        (np.zeros((4, 3)), QUAD + 4, K, (W, H), InputError),
        (np.zeros((4, 3)), np.zeros((2, 4), int), K, (W, H), InputError),
        (np.zeros((4, 3)), QUAD, K * np.nan, (W, H), CameraError),
        (np.zeros((4, 3)), QUAD, K, (0, H), InputError),
    ],
)
def test_wrong_input_is_refused(vertices, faces, intrinsics, size, error):
    with pytest.raises(error):
        rasterise(vertices, faces, intrinsics, *size)
    with pytest.raises(error):
        silhouette(vertices, faces, intrinsics, *size)

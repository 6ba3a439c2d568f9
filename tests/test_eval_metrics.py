"""Every metric against a slow plain version, and figures that were worked out by hand."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.geometry.surface import penetration_volume_cm3, surface_points
from scorehoi_ros.types import Floor

SEEDS = st.integers(0, 2**32 - 1)
CLOSE: dict[str, Any] = {"rel": 1e-6, "abs": 1e-6}


def distance(a, b) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True)))


def plain_chamfer_cm(a, b) -> float:
    forth = sum(min(distance(p, q) for q in b) for p in a) / len(a)
    back = sum(min(distance(p, q) for p in a) for q in b) / len(b)
    return 100 * (forth + back)


def plain_contact(human, surface) -> list[bool]:
    return [min(distance(p, q) for q in surface) < 0.05 for p in human]


def plain_precision_recall(predicted, true) -> tuple[float | None, float | None]:
    hits = sum(1 for p, t in zip(predicted, true, strict=True) if p and t)
    predictions, trues = sum(map(bool, predicted)), sum(map(bool, true))
    return hits / predictions if predictions else None, hits / trues if trues else None


def plain_mpjpe_mm(joints, true) -> float:
    total = 0.0
    for j, t in zip(joints, true, strict=True):
        total += distance([j[c] - joints[0][c] for c in range(3)], [t[c] - true[0][c] for c in range(3)])
    return 1000 * total / len(joints)


def plain_similarity_cost(source, target) -> float:
    """Least squares over scale, rotation and translation by Horn's quaternion method (not the SVD)."""
    s, t = source - source.mean(0), target - target.mean(0)
    M = s.T @ t
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = M
    N = np.array(
        [
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, -xx + yy - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, -xx - yy + zz],
        ]
    )
    w, x, y, z = np.linalg.eigh(N)[1][:, -1]
    R = Rotation.from_quat([x, y, z, w]).as_matrix()
    turned = s @ R.T
    scale = float((turned * t).sum() / (s * s).sum())
    return float(((scale * turned - t) ** 2).sum())


def plain_rotation_deg(R, true, group) -> float:
    return min(math.degrees(np.linalg.norm(Rotation.from_matrix(true.T @ R @ g).as_rotvec())) for g in group)


def plain_acceleration_mm(joints, true) -> float:
    total, count = 0.0, 0
    for t in range(1, len(joints) - 1):
        for j in range(joints.shape[1]):
            mine = joints[t + 1, j] - 2 * joints[t, j] + joints[t - 1, j]
            other = true[t + 1, j] - 2 * true[t, j] + true[t - 1, j]
            total += distance(mine, other)
            count += 1
    return 1000 * total / count


def plain_volume_cm3(vertices, faces, signed) -> float:
    total = 0.0
    for a, b, c in faces:
        area = 0.5 * float(np.linalg.norm(np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a])))
        total += area * sum(max(0.0, -float(signed[i])) for i in (a, b, c)) / 3
    return 1e6 * total


@settings(max_examples=25)
@given(SEEDS)
def test_vectorised_metrics_agree_with_plain_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (
        rng.normal(0, 0.1, (int(rng.integers(1, 30)), 3)),
        rng.normal(0, 0.1, (int(rng.integers(1, 30)), 3)),
    )
    assert metrics.chamfer_cm(a, b) == pytest.approx(plain_chamfer_cm(a, b), **CLOSE)
    assert metrics.contact_vertices(a, b).tolist() == plain_contact(a, b)
    predicted, true = rng.random(20) < 0.3, rng.random(20) < 0.3
    score = metrics.contact_score(predicted, true)
    assert (score.precision, score.recall) == plain_precision_recall(predicted, true)
    joints, others = rng.normal(size=(22, 3)), rng.normal(size=(22, 3))
    assert metrics.mpjpe_mm(joints, others) == pytest.approx(plain_mpjpe_mm(joints, others), **CLOSE)
    moved = metrics.similarity_procrustes(joints, others).apply(joints)
    assert ((moved - others) ** 2).sum() == pytest.approx(plain_similarity_cost(joints, others), **CLOSE)
    assert metrics.pa_mpjpe_mm(joints, others) == pytest.approx(
        1000 * sum(distance(p, q) for p, q in zip(moved, others, strict=True)) / 22, **CLOSE
    )
    track, truth = rng.normal(size=(6, 5, 3)), rng.normal(size=(6, 5, 3))
    assert metrics.acceleration_error_mm(track, truth) == pytest.approx(
        plain_acceleration_mm(track, truth), **CLOSE
    )


@settings(max_examples=25)
@given(SEEDS)
def test_more_metrics_agree_with_plain_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    signed = rng.normal(0, 0.02, 40)
    inside = [-1000 * v for v in signed if v < 0]
    depth = metrics.penetration(signed)
    assert depth.max_mm == pytest.approx(max(inside, default=0.0), **CLOSE)
    assert depth.mean_mm == pytest.approx(sum(inside) / max(len(inside), 1), **CLOSE)
    vertices, faces = rng.normal(size=(40, 3)), rng.integers(0, 40, (60, 3))
    assert penetration_volume_cm3(vertices, faces, signed) == pytest.approx(
        plain_volume_cm3(vertices, faces, signed), **CLOSE
    )
    normal = rng.normal(size=3)
    floor = Floor(normal / np.linalg.norm(normal), float(rng.normal()))
    heights = [sum(float(n) * float(x) for n, x in zip(floor.normal, v, strict=True)) for v in vertices]
    assert metrics.floor_gap_mm(vertices, floor) == pytest.approx(
        1000 * (min(heights) - floor.offset), **CLOSE
    )
    masks = rng.random((2, 9, 7)) < 0.5
    both = sum(bool(p and q) for p, q in zip(masks[0].flat, masks[1].flat, strict=True))
    either = sum(bool(p or q) for p, q in zip(masks[0].flat, masks[1].flat, strict=True))
    assert metrics.mask_iou(*masks) == pytest.approx(both / either if either else 1.0, **CLOSE)
    pixels, others = rng.normal(0, 50, (15, 2)), rng.normal(0, 50, (15, 2))
    errors = sorted(distance(p, q) for p, q in zip(pixels, others, strict=True))
    assert metrics.keypoint_px(pixels, others, np.ones(15), 300.0) == pytest.approx(
        errors[7] * 256 / 300, **CLOSE
    )


@settings(max_examples=25)
@given(SEEDS)
def test_rotation_error_agrees_with_trying_every_symmetry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    R, true = Rotation.random(2, random_state=seed % 2**31).as_matrix()
    quarter = Rotation.from_rotvec(np.arange(4)[:, None] * [0, 0, np.pi / 2]).as_matrix()
    finite = SimpleNamespace(rotations=quarter, axis=None, sphere=False)
    assert metrics.rotation_error_deg(R, true, finite) == pytest.approx(
        plain_rotation_deg(R, true, quarter), **CLOSE
    )
    nearest = metrics.nearest_equivalent(R, true, finite)
    assert min(np.abs(R @ g - nearest).max() for g in quarter) < 1e-9
    axis = rng.normal(size=3)
    turning = SimpleNamespace(rotations=np.eye(3)[None], axis=axis, sphere=False)
    unit = axis / np.linalg.norm(axis)
    tilt = math.degrees(math.acos(float(np.clip((true @ unit) @ (R @ unit), -1, 1))))
    assert metrics.rotation_error_deg(R, true, turning) == pytest.approx(tilt, rel=1e-5, abs=1e-5)


def test_chamfer_by_hand() -> None:
    """From (0,0,0), (1,0,0) to (0,0,0.03): (0.03 + sqrt(1.0009)) / 2; back: 0.03; together 0.545224949 m."""
    a, b = np.array([[0.0, 0, 0], [1, 0, 0]]), np.array([[0.0, 0, 0.03]])
    assert metrics.chamfer_cm(a, b) == pytest.approx(54.5224949, abs=1e-6)


def test_contact_by_hand() -> None:
    """Vertices 4 cm, 5 cm and 6 cm from one point: only the first is nearer than 5 cm."""
    human = np.array([[0.04, 0, 0], [0.05, 0, 0], [0, 0.06, 0]])
    assert metrics.contact_vertices(human, np.zeros((1, 3))).tolist() == [True, False, False]
    scores = [
        metrics.ContactScore(1.0, 0.5),
        metrics.ContactScore(None, 0.0),
        metrics.ContactScore(0.5, None),
    ]
    mean = metrics.mean_contact(scores)
    assert (mean.precision, mean.recall) == (0.75, 0.25) and mean.f == pytest.approx(0.375)


def test_volume_by_hand() -> None:
    """A square of 10 cm that dips 5 mm into something everywhere: 100 cm2 x 0.5 cm = 50 cm3."""
    square = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    assert penetration_volume_cm3(square, faces, np.full(4, -0.005)) == pytest.approx(50.0)
    assert penetration_volume_cm3(square, faces, np.full(4, 0.005)) == 0.0


def test_surface_points_lie_on_the_surface_evenly() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 5.0], [3, 0, 5], [0, 3, 5]])
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    points = surface_points(vertices, faces, 4000, np.random.default_rng(0))
    placed = points.on(vertices)
    np.testing.assert_allclose(points.weights.sum(1), 1)
    assert (points.weights >= 0).all() and set(placed[:, 2].round(9)) == {0.0, 5.0}
    assert (placed[:, 2] > 1).mean() == pytest.approx(0.9, abs=0.02)  # nine times the area
    np.testing.assert_allclose(placed[placed[:, 2] < 1].mean(0), [1 / 3, 1 / 3, 0], atol=0.03)
    np.testing.assert_allclose(points.on(vertices + 1.0), placed + 1)
    with pytest.raises(InputError, match="without area"):
        surface_points(np.zeros((3, 3)), faces[:1], 5, np.random.default_rng(0))

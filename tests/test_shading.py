"""The shading of an object speaks for the pose that explains it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scorehoi_ros.alignment.overlap import agreement
from scorehoi_ros.alignment.shading import shaded_of
from scorehoi_ros.geometry.mesh import face_normals
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.render.fast import draw_fast, project_fast
from scorehoi_ros.types import Bools, Floats

SIZE = 128
P = np.array([[160.0, 0, 63.5], [0, 160.0, 63.5], [0, 0, 1]])
BOX = load_template("box:0.4x0.4x0.4").mesh
PLACE = np.array([0.0, 0.0, 1.5])
TRUE = Rotation.from_euler("yx", (35, 25), degrees=True).as_matrix()
LEANING = Rotation.from_euler("yx", (35, -25), degrees=True).as_matrix()
"""The same box as if seen from below: its outline is nearly the same."""
LIGHT = np.array([0.5, -0.8, -0.4])
poses = st.tuples(*(st.floats(-180, 180),) * 3).map(
    lambda angles: np.asarray(Rotation.from_euler("xyz", angles, degrees=True).as_matrix())
)


def lit(R: Floats, albedo: Floats | None = None) -> tuple[np.ndarray, Bools]:
    """A picture (S, S, 3) of the box under one light, and its mask."""
    screen = project_fast((BOX.vertices @ R.T + PLACE) @ P.T, np.eye(3))
    key, face = draw_fast(screen, BOX.faces, SIZE, SIZE)
    bright = 0.35 + 0.3 * (face_normals(BOX) @ R.T) @ LIGHT
    picture = np.where((key > 0)[..., None], bright[face][..., None] * np.array([1.0, 0.8, 0.6]), 0.9)
    if albedo is not None:
        picture = picture * albedo[..., None]
    return (255 * picture.clip(0, 1)).astype(np.uint8), key > 0


def told(picture: np.ndarray, mask: Bools, *rotations: Floats) -> Floats:
    """How much each rotation explains."""
    origins = np.tile(PLACE, (len(rotations), 1))
    return agreement(BOX, np.stack(rotations), origins, P, mask, None, shaded_of(mask, picture)).shading


def test_the_true_pose_explains_what_another_one_with_its_outline_does_not() -> None:
    picture, mask = lit(TRUE)
    true, leaning = told(picture, mask, TRUE, LEANING)
    assert true > 0.95
    assert leaning < true - 0.2


def test_it_survives_a_pattern_on_the_object() -> None:
    stripes = np.where((np.arange(SIZE) // 4) % 2, 1.0, 0.8) * np.ones((SIZE, 1))
    true, leaning = told(*lit(TRUE, stripes), TRUE, LEANING)
    assert 0.3 < true < 0.95
    assert leaning < true - 0.1


@settings(max_examples=20)
@given(R=poses, other=poses, gain=st.floats(0.7, 1.0), lift=st.integers(0, 60))
def test_it_is_a_share_and_does_not_change_with_exposure(
    R: Floats, other: Floats, gain: float, lift: int
) -> None:
    picture, mask = lit(R)
    shaded = shaded_of(mask, picture)
    # Where all that is seen is lit alike the noise floor decides.
    assume(shaded is not None and shaded.spread > 0.005 * shaded.inner.sum())
    shares = told(picture, mask, R, other)
    assert ((shares >= 0) & (shares <= 1 + 1e-9)).all()
    exposed = np.round(gain * picture + lift).astype(np.uint8)
    # Rounded colours and the noise floor count more where there is less contrast.
    np.testing.assert_allclose(told(exposed, mask, R, other), shares, atol=0.1)


def test_what_is_not_covered_is_not_explained() -> None:
    picture, mask = lit(TRUE)
    shaded = shaded_of(mask, picture)
    away = np.array([PLACE, PLACE + [0.2, 0, 0], PLACE + [3.0, 0, 0]])
    here, beside, gone = agreement(BOX, np.stack([TRUE] * 3), away, P, mask, None, shaded).shading
    assert here > beside > gone == 0


def test_a_picture_without_contrast_says_nothing() -> None:
    _, mask = lit(TRUE)
    assert told(np.full((SIZE, SIZE, 3), 40, np.uint8), mask, TRUE, LEANING) == pytest.approx(
        [0, 0], abs=1e-6
    )


def test_a_mask_of_a_few_pixels_says_nothing() -> None:
    picture, mask = lit(TRUE)
    speck = np.zeros_like(mask)
    speck[60:63, 60:63] = True
    assert shaded_of(speck, picture) is None
    assert told(picture, speck, TRUE) == pytest.approx([0])

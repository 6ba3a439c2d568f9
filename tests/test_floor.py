"""Which way is up: how hints are joined, what a person and furniture say, and which objects know it."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.posed import human_mesh
from scorehoi_ros.commands.options import add_config_options, config_from_args
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError, TemplateError
from scorehoi_ros.frame.floor import Hint, combined, even_hint, floor_under, low_quantile
from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.frame.upright import floor_of, hints_of
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d
from scorehoi_ros.methods.regress.upright import Upright
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.types import Estimate, Floats, HumanPose, ObjectPose

UP = np.array([0.0, -1.0, 0.0])


def turned(axis: str, degrees: float) -> Floats:
    return np.asarray(Rotation.from_euler(axis, degrees, degrees=True).as_matrix())


def angle(a: Floats, b: Floats) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


@pytest.mark.parametrize("seed", range(5))
def test_joining_hints_does_not_depend_on_the_axes_nor_on_their_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    R = Rotation.random(random_state=seed).as_matrix()
    hints = [even_hint(UP + rng.normal(0, 0.2, 3), s) for s in rng.uniform(0.05, 0.3, 4)]
    moved = [Hint(R @ h.up, R @ h.precision @ R.T, h.doubtful) for h in hints]
    (up, sigma), (other, same) = combined(hints), combined(moved[::-1])
    np.testing.assert_allclose(other, R @ up, atol=1e-12)
    assert same == pytest.approx(sigma)


def test_sure_hints_count_by_their_precision() -> None:
    near = replace(even_hint(UP, 0.1), doubtful=False)
    far = replace(even_hint(turned("x", 10) @ UP, 0.2), doubtful=False)
    up, sigma = combined([near, far])
    assert angle(up, near.up) == pytest.approx(2.0, abs=0.02)
    assert sigma == pytest.approx((0.1**-2 + 0.2**-2) ** -0.5, rel=0.01)


def test_a_doubtful_hint_that_is_wrong_altogether_hardly_pulls() -> None:
    good = [even_hint(turned("z", d) @ UP, 0.2) for d in (-3, 0, 3)]
    wrong = even_hint(turned("x", 80) @ UP, 0.2)
    assert angle(combined([*good, wrong])[0], UP) < 2
    assert angle(combined([*good, replace(wrong, doubtful=False)])[0], UP) > 10


@pytest.fixture(scope="module")
def layer() -> BodyLayer:
    return BodyLayer(free_body())


def standing(R: Floats) -> HumanPose:
    """The body at rest, on a floor whose up is R @ UP, in front of the camera."""
    theta = np.tile(np.eye(3)[:2].ravel(), (52, 1))
    theta[0] = matrix_to_rotation_6d(torch.as_tensor(R @ turned("x", 180))).numpy()
    return HumanPose(theta, np.zeros(10), np.array([0.0, 0.0, 3.0]))


@pytest.mark.parametrize("pitch", [-25.0, 0.0, 25.0])
def test_a_standing_person_says_how_the_camera_is_pitched(layer: BodyLayer, pitch: float) -> None:
    R = turned("x", pitch)
    human = standing(R)
    mesh = human_mesh(layer, human)
    floor = floor_of(Estimate(human), mesh, None, None, ())
    assert floor.source == "estimated" and np.degrees(floor.tilt_sigma) < 8
    assert angle(floor.normal, R @ UP) < 4
    known = floor_of(Estimate(human), mesh, None, None, 9.8 * -(R @ UP))
    assert known.source == "gravity" and 0 < known.tilt_sigma < floor.tilt_sigma
    np.testing.assert_allclose(known.normal, R @ UP, atol=1e-12)
    assert abs((mesh[0] @ known.normal).min() - known.offset) < 0.02


def test_furniture_counts_where_it_stands_on_the_floor(layer: BodyLayer) -> None:
    human, chair = standing(np.eye(3)), load_template("chair")
    R = turned("z", 8) @ turned("x", 180)
    pair = Estimate(human, ObjectPose(R[:2].ravel(), np.array([1.0, 0.5, 3.0])))
    joints = human_mesh(layer, human)[1]
    none = torch.zeros(431), torch.zeros(64)
    stands, flies = ContactMasks(*none, torch.ones(64)), ContactMasks(*none, torch.zeros(64))
    ups = [combined(hints_of(pair, joints, chair, c))[0] for c in (stands, flies, None)]
    np.testing.assert_array_equal(ups[1], ups[2])
    assert angle(ups[0], ups[1]) > 1
    ball = combined(hints_of(pair, joints, load_template("ball"), stands))[0]
    np.testing.assert_array_equal(ball, ups[1])


def test_the_floor_lies_under_the_lowest_points() -> None:
    points = np.stack([np.linspace(-1, 1, 50), np.linspace(0.5, 1.0, 50), np.full(50, 2.0)], 1)
    assert floor_under(points, [0, 2.0, 0], []).offset == pytest.approx(-1.0, abs=0.01)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=40), st.floats(0, 1))
def test_low_quantile_is_numpys(values: list[float], share: float) -> None:
    assert low_quantile(np.array(values), share) == pytest.approx(np.quantile(values, share), abs=1e-12)


def test_furniture_knows_its_up_axis_and_other_families_have_none() -> None:
    for spec in ("chair", "chairwood", "office_chair", "stool", "table", "tablesmall", "bench"):
        np.testing.assert_array_equal(load_template(spec).up, [0, 1, 0], err_msg=spec)
    assert load_template("box:0.4x0.3x0.3").up is None
    np.testing.assert_allclose(load_template("chair", up=[0, 0, 2]).up, [0, 0, 1])


@pytest.mark.parametrize("up", [[0.0, 1.0], [0.0, 0.0, 0.0], [0.0, float("nan"), 1.0]])
def test_an_up_axis_that_is_no_direction_is_refused(up: list[float]) -> None:
    with pytest.raises(InputError, match="object_up must be three finite numbers"):
        PipelineConfig(object_up=up)
    with pytest.raises(TemplateError, match="up axis must be three finite numbers"):
        load_template("chair", up=up)


def test_the_option_is_read_and_belongs_to_its_object() -> None:
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    config = config_from_args(parser.parse_args(["--object", "a.xyz", "--object-up=0,0,1"]))
    assert config.object_up == [0, 0, 1] and config.looking_for("a.xyz").object_up == [0, 0, 1]
    assert config.looking_for("ball").object_up == []
    with pytest.raises(SystemExit):
        parser.parse_args(["--object-up=up"])


def test_a_hypothesis_loses_its_share_of_the_tilt_and_keeps_its_heading() -> None:
    upright = Upright(np.array([0.0, 1.0, 0.0]), UP, 0.1)
    stood = turned("y", 40) @ turned("x", 180)
    tilts = [0.0, 9.0, 90.0, 180.0]
    R = np.stack([turned("z", t) @ stood for t in tilts])
    after = upright.straightened(R, 0.1)
    assert [angle(r[:, 1], UP) for r in after] == pytest.approx([0.0, 4.5, 90.0, 180.0], abs=0.2)
    np.testing.assert_allclose(after[1], turned("z", angle(after[1][:, 1], UP)) @ stood, atol=1e-9)
    surer = upright.straightened(R, 0.3)
    assert angle(surer[1][:, 1], UP) < 1.0

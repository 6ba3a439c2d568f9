"""Results in another frame, frames of people and objects, and TF at a time."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry.rigid import make_transform, transform_points
from scorehoi_ros.io.topics.tf_tree import HOLD_NS, KEEP_NS, MAX_FRAMES, TfTree
from scorehoi_ros.messages import builders
from scorehoi_ros.messages.factory import header
from scorehoi_ros.messages.frames import body_pose, transforms
from scorehoi_ros.messages.moved import moved
from tests import ros_messages as ros
from tests.message_libraries import LIBRARIES, sent
from tests.reconstructions import EVERY_CASE, both_lost, nobody, pair, two_of_each

T = make_transform(
    Rotation.from_euler("zyx", [70, -20, 100], degrees=True).as_matrix(), np.array([1.0, -2, 0.5])
)
SECOND = 10**9
UNTURNED = (0.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.mark.parametrize("case", EVERY_CASE)
def test_everything_of_a_result_moves(case: Any) -> None:
    r = case(1, 5)
    m = moved(r, T, "map")
    assert (m.frame_id, m.stamp_ns, m.status, m.contacts) == ("map", 5, r.status, r.contacts)
    for before, after in zip(r.humans, m.humans, strict=True):
        if not before.status.is_present:
            assert after is before
            continue
        for name in ("joints", "root", "vertices"):
            expected = transform_points(T, getattr(before, name))
            np.testing.assert_allclose(getattr(after, name), expected, atol=1e-5, err_msg=name)
        turned = T[:3, :3] @ Rotation.from_rotvec(before.pose[0]).as_matrix()
        np.testing.assert_allclose(Rotation.from_rotvec(after.pose[0]).as_matrix(), turned, atol=1e-9)
        np.testing.assert_array_equal(after.pose[1:], before.pose[1:])
        assert after.vertices.dtype == np.float32
        np.testing.assert_allclose(body_pose(after), T @ body_pose(before), atol=1e-9)
    for o, after_o in zip(r.objects, m.objects, strict=True):
        if o.status.is_present:
            np.testing.assert_allclose(after_o.T_cam_object, T @ o.T_cam_object)
        else:
            assert after_o is o
    if r.floor is not None and m.floor is not None:
        point = r.floor.normal * r.floor.offset + np.cross(r.floor.normal, [0.3, 0.5, 2.0])
        height = m.floor.normal @ transform_points(T, point + 0.7 * r.floor.normal) - m.floor.offset
        assert height == pytest.approx(0.7)


def test_a_covariance_turns_with_the_frame() -> None:
    r = pair()
    rng = np.random.default_rng(0)
    samples = rng.multivariate_normal(np.zeros(6), np.diag([9, 4, 1, 0.4, 0.2, 0.1]), 200_000)
    state = r.objects[0]
    object.__setattr__(state, "covariance", np.cov(samples.T))
    turned = np.concatenate((samples[:, :3] @ T[:3, :3].T, samples[:, 3:] @ T[:3, :3].T), 1)
    np.testing.assert_allclose(moved(r, T, "map").objects[0].covariance, np.cov(turned.T), atol=1e-9)


def test_the_body_frame_of_rep_155(library: Any) -> None:
    """A person who stands upright before a level camera and looks into it."""
    human = pair().humans[0]
    pose = np.zeros((52, 3))
    pose[0] = Rotation.from_euler("x", 180, degrees=True).as_rotvec()
    object.__setattr__(human, "pose", pose)
    B = body_pose(human)
    out, left, up = B[:3, :3].T
    np.testing.assert_allclose(out, [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(left, [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(up, [0, -1, 0], atol=1e-9)
    np.testing.assert_allclose(B[:3, 3], (human.joints[1] + human.joints[2]) / 2)
    # As in the pose of a message: the rotation there has the axes of SMPL.
    root = builders.human_state(human, header(0, "", library.make), library.make).root.orientation
    R = Rotation.from_quat([root.x, root.y, root.z, root.w]).as_matrix()
    np.testing.assert_allclose([R[:, 2], R[:, 0], R[:, 1]], [out, left, up], atol=1e-9)


def test_frames_of_who_is_present(library: Any) -> None:
    r = two_of_each(2, 7)
    message = sent(library, transforms(r, "body_", "thing_", library.make), "tf2_msgs/msg/TFMessage")
    by_name = {t.child_frame_id: t for t in message.transforms}
    assert list(by_name) == ["body_human_1", "body_human_2", "thing_object_1", "thing_object_2"]
    one = by_name["thing_object_2"]
    assert one.header.frame_id == r.frame_id and one.header.stamp.nanosec == 7
    p, q = one.transform.translation, one.transform.rotation
    np.testing.assert_allclose([p.x, p.y, p.z], r.objects[1].T_cam_object[:3, 3])
    R = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix()
    np.testing.assert_allclose(R, r.objects[1].T_cam_object[:3, :3], atol=1e-9)
    people = transforms(r, "body_", "", library.make)
    assert [t.child_frame_id for t in people.transforms] == ["body_human_1", "body_human_2"]
    assert transforms(r, "", "", library.make) is None
    assert transforms(nobody(), "body_", "thing_", library.make) is None
    assert transforms(both_lost(), "body_", "thing_", library.make) is None


def tf_at(*entries: tuple[float, float]) -> TfTree:
    """odom -> base that is at x metres at these seconds, and a camera on the base."""
    tree = TfTree()
    quarter = tuple(Rotation.from_euler("z", 90, degrees=True).as_quat())
    tree.update(ros.transform("base", "cam", quarter, (0.0, 0.0, 1.0)), static=True)
    for seconds, x in entries:
        turn = tuple(Rotation.from_euler("x", 10 * x, degrees=True).as_quat())
        tree.update(ros.transform("odom", "base", turn, (x, 0.0, 0.0), round(seconds * SECOND)))
    return tree


@pytest.mark.parametrize(
    ("seconds", "x"),
    [(100, 1), (101, 2), (100.25, 1.25), (101.05, 2), (101.2, None), (99.9, None), (0, None)],
)
def test_a_moving_frame_at_a_time(seconds: float, x: float | None) -> None:
    tree = tf_at((100, 1), (101, 2))
    found = tree.transform("odom", "/cam", round(seconds * SECOND))
    if x is None:
        assert found is None
        return
    assert found is not None
    turn = Rotation.from_euler("x", 10 * x, degrees=True).as_matrix()
    np.testing.assert_allclose(found[:3, 3], [x, 0, 0] + turn @ [0, 0, 1.0], atol=1e-6)
    np.testing.assert_allclose(found[:3, :3] @ [1, 0, 0], turn @ [0, 1.0, 0], atol=1e-6)
    back = tree.transform("cam", "odom", round(seconds * SECOND))
    np.testing.assert_allclose(back @ found, np.eye(4), atol=1e-9)


def test_repeated_and_late_transforms_leave_the_history_as_it_is() -> None:
    at = round(100.25 * SECOND)
    clean = tf_at((100, 1), (100.5, 2), (101, 3)).transform("odom", "cam", at)
    assert clean is not None
    for entries in (
        ((100, 1), (100.5, 2), (100.5, 2), (101, 3)),
        ((100, 1), (100.55, 2.1), (100.5, 2), (101, 3)),
    ):
        np.testing.assert_allclose(tf_at(*entries).transform("odom", "cam", at), clean, atol=1e-9)
    still = tf_at((0, 1), (0, 2)).transform("odom", "base", 0)
    assert still is not None and still[0, 3] == 2, "without stamps the newest counts"


def test_static_frames_are_known_at_all_times_and_moving_ones_not_for_ever() -> None:
    tree = tf_at((100, 1))
    assert tree.transform("base", "cam", 5) is not None and tree.transform("odom", "cam", 5) is None
    assert HOLD_NS < KEEP_NS
    tree = tf_at((100, 1), (101, 2), (120, 3))
    assert tree.transform("odom", "cam", 101 * SECOND) is None, "it is forgotten"
    assert tree.transform("odom", "cam", 120 * SECOND) is not None
    looped = tf_at((100, 1), (101, 2), (50, 7))
    assert looped.transform("odom", "cam", 101 * SECOND) is None
    assert looped.transform("odom", "cam", 50 * SECOND) is not None


def test_names_that_come_and_go_do_not_pile_up() -> None:
    tree = tf_at((100, 1))
    for i in range(MAX_FRAMES + 50):
        tree.update(ros.transform("odom", f"body_{i}", UNTURNED, stamp_ns=i))
    assert len(tree._links) == MAX_FRAMES
    assert tree.transform("base", "cam", None) is not None, "what is static stays"

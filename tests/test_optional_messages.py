"""Detections (vision_msgs) and people after REP 155 (hri_msgs), by definitions alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.joint_angles import ANGLE_NAMES, joint_angles
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.messages import ros4hri
from scorehoi_ros.messages.detections import DETECTIONS_2D, DETECTIONS_3D, detections_2d, detections_3d
from scorehoi_ros.messages.factory import RosbagsFactory, header
from scorehoi_ros.messages.frames import body_pose
from scorehoi_ros.messages.outline import image_box
from scorehoi_ros.types import Box, Camera, Landmarks
from tests.optional_messages import optional_store
from tests.reconstructions import FakeTemplate, K, both_lost, human_only, nobody, pair, two_of_each

MAKE = RosbagsFactory(optional_store())
CAMERA = Camera(K, 64, 48)


def arrives(message: Any, kind: str) -> Any:
    store = optional_store()
    return store.deserialize_cdr(store.serialize_cdr(message, kind), kind)


def matrix(pose: Any) -> np.ndarray:
    p, q = pose.position, pose.orientation
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), (p.x, p.y, p.z)
    return T


def corners(box: Any) -> np.ndarray:
    """(8, 3) of a BoundingBox3D."""
    signs = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T
    return transform_points(matrix(box.center), signs * [box.size.x, box.size.y, box.size.z])


def test_boxes_in_space() -> None:
    r = two_of_each(1, 7)
    got = arrives(detections_3d(r, FakeTemplate(), MAKE), DETECTIONS_3D)
    assert got.header.frame_id == r.frame_id and got.header.stamp.nanosec == 7
    assert [d.id for d in got.detections] == ["human_1", "human_2", "object_1", "object_2"]
    assert [d.results[0].hypothesis.class_id for d in got.detections] == ["person", "person", "box", "box"]
    assert [d.results[0].hypothesis.score for d in got.detections] == [0.9, 0.9, 0.8, 0.8]
    person, thing = got.detections[1], got.detections[3]
    np.testing.assert_allclose(matrix(person.results[0].pose.pose), body_pose(r.humans[1]), atol=1e-9)
    np.testing.assert_allclose(matrix(thing.results[0].pose.pose), r.objects[1].T_cam_object, atol=1e-9)
    np.testing.assert_array_equal(thing.results[0].pose.covariance, r.objects[1].covariance.reshape(-1))
    np.testing.assert_allclose([thing.bbox.size.x, thing.bbox.size.y, thing.bbox.size.z], [0.4, 0.3, 0.2])
    np.testing.assert_allclose(matrix(thing.bbox.center), r.objects[1].T_cam_object, atol=1e-9)
    # A ball of radius 0.25 m, whichever way the axes lie.
    np.testing.assert_allclose([person.bbox.size.x, person.bbox.size.z], [0.5, 0.5], atol=0.02)
    vertices, box = r.humans[1].vertices, corners(person.bbox)
    np.testing.assert_allclose(box.mean(axis=0), vertices.mean(axis=0), atol=0.01)


def test_boxes_in_the_image() -> None:
    r = pair(1, 7)
    got = arrives(detections_2d(r, FakeTemplate(), MAKE), DETECTIONS_2D)
    person, thing = got.detections
    for detection, points in (
        (person, r.humans[0].vertices),
        (thing, transform_points(r.objects[0].T_cam_object, FakeTemplate().mesh.vertices)),
    ):
        box = image_box(points, r.camera)
        center = detection.bbox.center.position
        assert box is not None and detection.bbox.size_x == pytest.approx(box.x1 - box.x0)
        assert (center.x, center.y) == pytest.approx(((box.x0 + box.x1 - 1) / 2, (box.y0 + box.y1 - 1) / 2))
    np.testing.assert_allclose(matrix(thing.results[0].pose.pose), r.objects[0].T_cam_object, atol=1e-9)
    away = replace(r.objects[0], T_cam_object=np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 50)
    only = arrives(detections_2d(replace(r, objects=(away,)), FakeTemplate(), MAKE), DETECTIONS_2D)
    assert [d.id for d in only.detections] == ["human_1"], "it is not in the image"


def test_an_object_of_another_template_has_no_size_and_what_is_lost_is_no_detection() -> None:
    r = pair()
    thing = detections_3d(r, FakeTemplate(template_id="other"), MAKE).detections[1]
    assert (thing.bbox.size.x, thing.bbox.size.y, thing.bbox.size.z) == (0, 0, 0)
    for none in (nobody(), both_lost()):
        assert detections_3d(none, FakeTemplate(), MAKE).detections == []
        assert detections_2d(none, None, MAKE).detections == []


def test_box_of_points() -> None:
    pixels = np.array([[10.0, 5], [20, 9]])
    points = np.c_[(pixels - K[:2, 2]) / 90, np.ones(2)] * 2.0
    box = image_box(points, CAMERA)
    assert box is not None and (box.x0, box.y0, box.x1, box.y1) == pytest.approx((10.5, 5.5, 20.5, 9.5))
    behind = np.concatenate((points, [[0, 0, -1.0]]))
    assert image_box(behind, CAMERA) == image_box(points, CAMERA)
    assert image_box(np.array([[0, 0, -1.0]]), CAMERA) is None
    assert image_box(np.array([[9.0, 0, 1], [9.1, 0.1, 1]]), CAMERA) is None, "beside the image"
    wide = np.array([[-9.0, -9, 1], [9, 9, 1]])
    assert image_box(wide, CAMERA) == Box(0, 0, 64, 48)


def test_who_is_there() -> None:
    got = arrives(ros4hri.tracked(two_of_each(0, 9), MAKE), ros4hri.IDS_LIST)
    assert got.ids == ["human_1", "human_2"] and got.header.stamp.nanosec == 9
    assert arrives(ros4hri.tracked(both_lost(), MAKE), ros4hri.IDS_LIST).ids == []


def test_region_and_angles_of_a_body() -> None:
    r = human_only(3, 9)
    human, head = r.humans[0], header(9, "cam", MAKE)
    got = arrives(ros4hri.region(Box(16, 12, 48, 36), r.camera, human, head, MAKE), ros4hri.REGION)
    assert (got.xmin, got.ymin, got.xmax, got.ymax) == (0.25, 0.25, 0.75, 0.75)
    assert got.c == pytest.approx(0.9) and got.header.frame_id == "cam"
    joints = arrives(ros4hri.joint_state(human, head, MAKE), ros4hri.JOINTS)
    assert joints.name == [f"{name}_human_1" for name in ANGLE_NAMES] and len(joints.name) == 20
    np.testing.assert_array_equal(joints.position, joint_angles(human.pose))


def test_skeleton_in_the_image() -> None:
    human = pair().humans[0]
    joints = np.tile([9.0, 9.0, 1.0], (52, 1))
    # left elbow and wrist in view, shoulders too; all else is beside the image
    joints[[16, 17, 18, 20]] = [[0.2, 0, 2.0], [-0.2, 0, 2.0], [0.3, 0.1, 2.0], [0.3, 0.2, 2.0]]
    human = replace(human, joints=joints)
    pixels, confidence = np.full((75, 2), 500.0), np.zeros(75)
    pixels[[0, 2, 5, 7, 8]] = [[30, 5], [32, 4], [28, 4], [34, 5], [26, 5]]
    confidence[[0, 2, 5, 7, 8]] = [0.9, 0.8, 0.7, 0.6, 0.5]
    seen = Landmarks(pixels, np.zeros((75, 3)), confidence)
    message = ros4hri.skeleton(human, CAMERA, seen, header(0, "cam", MAKE), MAKE)
    got = arrives(message, ros4hri.SKELETON).skeleton
    assert len(got) == 18
    expected = (project(joints[[16, 17, 18, 20]], K) + 0.5) / [64, 48]
    places = [5, 2, 6, 7]  # left shoulder, right shoulder, left elbow, left wrist of OpenPose's COCO
    np.testing.assert_allclose([(got[i].x, got[i].y) for i in places], expected, atol=1e-6)
    assert [round(got[i].c, 3) for i in places] == [0.9] * 4
    neck = expected[:2].mean(axis=0)
    np.testing.assert_allclose((got[1].x, got[1].y), neck, atol=1e-6)
    np.testing.assert_allclose([got[i].c for i in (0, 14, 15, 16, 17)], [0.9, 0.8, 0.7, 0.6, 0.5], atol=1e-6)
    np.testing.assert_allclose((got[15].x, got[15].y), (28.5 / 64, 4.5 / 48), atol=1e-6)
    for unseen in (3, 4, 8, 9, 10, 11, 12, 13):
        assert (got[unseen].x, got[unseen].y, got[unseen].c) == (0, 0, 0)
    without = ros4hri.skeleton(human, CAMERA, None, header(0, "cam", MAKE), MAKE).skeleton
    assert without[0].c == 0 and without[5].c > 0

"""What is looked up before any fit: the person's first pose, the places of the object, the crop's edge."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.load import free_body
from scorehoi_ros.body.posed import body_landmarks
from scorehoi_ros.frame.contacts import Pair, measured_contacts
from scorehoi_ros.frame.evidence import inside_image
from scorehoi_ros.geometry.camera import crop_image, guess_camera, intrinsics, square_crop
from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.geometry.turns import matrix_of_vector, six_of_matrix
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.perception.human.placing import _LIMB_ROWS, analytic_pose, rest_landmarks
from scorehoi_ros.perception.object.colours import COLOURS
from scorehoi_ros.perception.object.propose import PROPOSED_SCORE, propose
from scorehoi_ros.perception.observe import LEAST_SCORE, ObjectMemory, head_of, see_object
from scorehoi_ros.perception.protocols import Segmentation
from scorehoi_ros.types import (
    CONTACT_DISTANCE_M,
    Bools,
    Box,
    Camera,
    Floats,
    Frame,
    HumanPose,
    Landmarks,
    Masks,
    ObjectPose,
    Prompt,
)

BODY = free_body()
BOX = load_template("box:width=0.3,height=0.25,depth=0.2")


def landmarks_of(rotations: Floats) -> Floats:
    mesh = BodyLayer(BODY).skin.pose(rotations, np.zeros(10), np.zeros(3))
    return body_landmarks(BODY, mesh)


@pytest.mark.parametrize("sigma", [0.0, 0.4])
def test_the_first_pose_points_the_limbs_along_the_landmarks(sigma: float) -> None:
    """With straight limbs, which define no hinge, and with bent ones."""
    rng = np.random.default_rng(0)
    vectors = np.zeros((52, 3))
    vectors[0] = rng.normal(size=3)
    vectors[[16, 17, 1, 2]] = sigma * rng.normal(size=(4, 3))
    vectors[[18, 19], 1] = np.array([-2.0, 2.0]) * sigma
    vectors[[4, 5], 0] = 2.0 * sigma
    world = landmarks_of(matrix_of_vector(vectors))
    found = landmarks_of(analytic_pose(BODY, world))
    for bone in (slice(0, 2), slice(1, 3)):
        ends, ours = (np.diff(points[_LIMB_ROWS[:, bone]], axis=1)[:, 0] for points in (world, found))
        cosine = (ends * ours).sum(1) / np.linalg.norm(ends, axis=1) / np.linalg.norm(ours, axis=1)
        assert (cosine > np.cos(np.radians(6))).all()


def test_the_rest_pose_turned_as_a_whole_is_found() -> None:
    R = Rotation.random(random_state=1).as_matrix()
    found = analytic_pose(BODY, rest_landmarks(BODY) @ R.T)
    np.testing.assert_allclose(found[0], R, atol=1e-9)
    np.testing.assert_allclose(found[1:22], np.tile(np.eye(3), (21, 1, 1)), atol=1e-6)


@pytest.mark.parametrize("box", [Box(40, 30, 80, 70), Box(0, 0, 60, 40), Box(110, 70, 160, 120)])
@pytest.mark.parametrize("interpolation", [cv2.INTER_AREA, cv2.INTER_NEAREST])
def test_what_of_a_crop_is_in_the_image(box: Box, interpolation: int) -> None:
    crop = square_crop(box, np.eye(3), margin=0.2, size=64)
    expected = crop_image(np.ones((120, 160), bool), crop, interpolation)
    np.testing.assert_array_equal(inside_image(crop, (120, 160), interpolation), expected)


def test_contacts_of_the_points_need_only_the_vertices_nearby() -> None:
    vertices = BodyLayer(BODY).skin.pose(np.tile(np.eye(3), (52, 1, 1)), np.zeros(10), np.zeros(3))[0]
    T = make_transform(np.eye(3), np.array([0.6, 0.25, 0.1]))
    pair = Pair(vertices, T, None, BODY, BOX)
    contacts = measured_contacts(pair, pair.distances())
    all_distances = cKDTree(pair.in_object()).query(BOX.points)[0]
    near = all_distances < CONTACT_DISTANCE_M
    assert 0 < near.sum() < len(near)
    np.testing.assert_array_equal(contacts.object_points, BOX.points[near])
    far = Pair(vertices + np.float32(5.0), T, None, BODY, BOX)
    assert not len(measured_contacts(far, far.distances()).object_points)


class Blind:
    """A segmenter that finds nothing, and remembers where it was sent."""

    def __init__(self) -> None:
        self.sent: list[Prompt] = []

    def segment(self, rgb: np.ndarray, prompt: Prompt, exclude: Bools | None) -> Segmentation:
        self.sent.append(prompt)
        return Segmentation(np.zeros(rgb.shape[:2], bool), np.zeros(rgb.shape[:2], np.float32), 0.0)


def test_two_places_that_look_alike_are_searched_once() -> None:
    camera = guess_camera(160, 120)
    frame = Frame(np.zeros((120, 160, 3), np.uint8), camera, 0)
    here = ObjectPose(six_of_matrix(np.eye(3)), np.array([0.0, 0.0, 1.5]))
    beside = replace(here, origin=here.origin + [0.01, 0.0, 0.0])
    elsewhere = replace(here, origin=here.origin + [0.3, 0.0, 0.0])
    blind = Blind()
    memory = ObjectMemory([here, beside, elsewhere])
    see_object(frame, Masks(), blind, None, BOX, None, memory)
    assert len(blind.sent) == 2


@dataclass(frozen=True)
class Finds:
    """Whatever is asked, it is there."""

    mask: Bools
    score: float = 0.8

    def segment(self, rgb: NDArray[np.uint8], prompt: Prompt, exclude: Bools | None) -> Segmentation:
        return Segmentation(self.mask, self.mask.astype(np.float32), self.score)


def test_what_is_found_is_not_the_persons_in_the_detectors_mask() -> None:
    """It covers what is held; a mask that came with the frame stays as it is."""
    human, found = np.zeros((48, 64), bool), np.zeros((48, 64), bool)
    human[10:40, 10:40], found[20:30, 20:50] = True, True
    frame = Frame(np.zeros((48, 64, 3), np.uint8), guess_camera(64, 48), 0)
    ask = Finds(found), Prompt(box=Box(20, 20, 50, 30)), BOX, None, ObjectMemory()
    own = see_object(frame, Masks(human, human_score=0.9), *ask).masks
    given = see_object(replace(frame, masks=Masks(human)), Masks(human), *ask).masks
    assert own.human is not None and (own.human == human & ~found).all() and own.human_score == 0.9
    assert given.human is human
    assert all(m.object is found and m.object_score == 0.8 for m in (own, given))
    assert see_object(frame, Masks(), *ask).masks.human is None


def test_a_tracked_object_that_is_not_found_is_not_invented() -> None:
    """A doubtful mask counts where the user said where to look, not where the object was only expected."""
    frame = Frame(np.zeros((120, 160, 3), np.uint8), guess_camera(160, 120), 0)
    mask = np.zeros((120, 160), bool)
    mask[50:70, 70:90] = True
    was_here = ObjectMemory([ObjectPose(six_of_matrix(np.eye(3)), np.array([0.0, 0.0, 1.5]))])
    for score, found in ((LEAST_SCORE - 0.01, False), (LEAST_SCORE, True)):
        sighting = see_object(frame, Masks(), Finds(mask, score), None, BOX, None, was_here)
        assert (sighting.masks.object is not None) == found
    prompt = Prompt(box=Box(60, 40, 100, 80))
    asked = see_object(frame, Masks(), Finds(mask, 0.1), prompt, BOX, None, ObjectMemory())
    assert asked.masks.object is mask and asked.masks.object_score == 0.1


BALL = load_template("ball:0.22")
DISC: Bools = np.hypot(*(np.indices((240, 320)) - np.array([120, 200])[:, None, None])) < 22
"""A ball of 0.22 m at 3 m, (200, 120)."""
SQUARE: Bools = np.zeros_like(DISC)
SQUARE[98:142, 178:198] = True


def ball_scene() -> tuple[Frame, HumanPose]:
    """The ball before a grey wall, beside a person at its distance."""
    rgb = np.full((240, 320, 3), 90, np.uint8)
    rgb[DISC] = 220
    camera = Camera(intrinsics(600.0, 600.0, 159.5, 119.5), 320, 240)
    theta = np.tile(six_of_matrix(np.eye(3)), (52, 1))
    return Frame(rgb, camera, 0), HumanPose(theta, np.zeros(10), np.array([0.0, 0.0, 3.0]))


@pytest.mark.parametrize(
    ("mask", "score", "known", "told", "seen"),
    [
        (DISC, PROPOSED_SCORE, False, False, True),
        (DISC, PROPOSED_SCORE - 0.01, False, False, False),
        (SQUARE, 0.9, False, False, False),
        (SQUARE, 0.9, True, False, True),
        (SQUARE, 0.5, False, True, True),
    ],
    ids=["round", "doubtful", "not round", "of its colours", "pointed at"],
)
def test_a_ball_that_nobody_pointed_at_must_look_like_one(
    mask: Bools, score: float, known: bool, told: bool, seen: bool
) -> None:
    frame, person = ball_scene()
    memory = ObjectMemory(appearance=np.ones(COLOURS) / COLOURS if known else None)
    prompt = Prompt(box=Box(170, 90, 230, 150)) if told else None
    sighting = see_object(frame, Masks(), Finds(mask, score), prompt, BALL, person, memory)
    assert (sighting.masks.object is not None) == seen


def test_a_head_is_no_ball() -> None:
    frame, person = ball_scene()
    for head, found in ((None, True), (np.array([60.0, 120.0]), True), (np.array([200.0, 130.0]), False)):
        assert (propose(frame, BALL, person, head) is not None) == found
    landmarks = Landmarks(np.tile([200.0, 130.0], (75, 1)), np.zeros((75, 3)), np.ones(75))
    np.testing.assert_array_equal(head_of(landmarks), [200.0, 130.0])

"""Made-up bodies, templates and reconstructions for tests of files and messages."""

from dataclasses import dataclass, field, replace

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Estimate,
    Floor,
    HumanPose,
    HumanState,
    Landmarks,
    ObjectPose,
    ObjectState,
    Reconstruction,
    Status,
)

_BALL = trimesh.creation.icosphere(subdivisions=3)
K = np.array([[90.0, 0, 31.5], [0, 90, 23.5], [0, 0, 1]])


@dataclass
class FakeBody:
    """What writers need of a BodyModel: a ball for a body."""

    name: str = "ball"
    version: str = "abc"
    v_template: np.ndarray = field(default_factory=lambda: np.asarray(_BALL.vertices, np.float64))
    faces: np.ndarray = field(default_factory=lambda: np.asarray(_BALL.faces, np.int32))
    joint_names: tuple[str, ...] = tuple(f"joint_{i}" for i in range(52))
    parents: np.ndarray = field(default_factory=lambda: np.arange(-1, 51, dtype=np.int32))
    region_names: tuple[str, ...] = ("left_hand", "back")
    regions: np.ndarray = field(default_factory=lambda: np.zeros(len(_BALL.vertices), np.uint8))


@dataclass(frozen=True)
class FakeTemplate:
    """What writers need of an ObjectTemplate: a box."""

    label: str = "box"
    template_id: str = "box_id"
    mesh: Mesh = field(
        default_factory=lambda: Mesh(
            np.asarray(trimesh.creation.box((0.4, 0.3, 0.2)).vertices, np.float64),
            np.asarray(trimesh.creation.box((0.4, 0.3, 0.2)).faces, np.int32),
        )
    )


def human(index: int = 0, number: int = 1) -> HumanState:
    """A person whose numbers depend on `index` (of the frame) and `number` (of the track)."""
    rng = np.random.default_rng((index, number))
    root = np.array([0.6 * (number - 1), 0.1, 2.5])
    return HumanState(
        id=f"human_{number}",
        status=Status.OK,
        confidence=0.9,
        betas=rng.normal(size=10),
        pose=rng.normal(size=(52, 3)) * 0.2,
        root=root,
        joints=rng.normal(size=(52, 3)) * 0.3 + root,
        vertices=(FakeBody().v_template * 0.25 + root).astype(np.float32),
    )


def thing(index: int = 0, number: int = 1) -> ObjectState:
    """A box whose place depends on `index` (of the frame) and `number` (of the track)."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec([0.1, 0.2, 0.3 * number]).as_matrix()
    T[:3, 3] = [0.1 * index - 0.5 * number, 0.2, 2.4]
    covariance = np.eye(6) * 0.01 * number
    return ObjectState(f"object_{number}", Status.OK, 0.8, "box", "box_id", T, covariance)


def contact(index: int = 0, number: int = 1) -> Contacts:
    """What person and object of this number touch; the amounts differ between numbers."""
    rng = np.random.default_rng((index, number, 7))
    return Contacts(
        human_vertices=np.array([1, 5, 7, 11][: 2 + number], np.int32),
        human_probabilities=np.array([0.9, 0.8, 0.7, 0.6][: 2 + number]),
        body_parts=("left_hand", "back")[:number],
        object_points=rng.normal(size=(3 + number, 3)) * 0.1,
        object_probabilities=rng.random(3 + number),
        floor_points=rng.normal(size=(number, 3)),
        floor_probabilities=rng.random(number),
        human_id=f"human_{number}",
        object_id=f"object_{number}",
        source="geometry" if number == 1 else "predicted",
    )


def estimate(index: int = 0) -> Estimate:
    """What a method solved for."""
    rng = np.random.default_rng((index, 3))
    return Estimate(
        HumanPose(rng.normal(size=(52, 6)), rng.normal(size=10), rng.normal(size=3)),
        ObjectPose(rng.normal(size=6), rng.normal(size=3)),
    )


def nobody(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A usable frame without anybody and anything."""
    return Reconstruction(
        stamp_ns=stamp_ns,
        frame_id="camera_color_optical_frame",
        name=f"{index:06d}",
        camera=Camera(K, 64, 48, source="user"),
        status=Status.ABSENT,
        message="nobody in view",
        stage_ms={"detect": 20.0},
        flat=np.full((48, 64, 3), (30, 150, 220), np.uint8),
    )


def pair(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A person, an object, what they touch: a full result whose numbers depend on `index`."""
    rng = np.random.default_rng(index)
    return replace(
        nobody(index, stamp_ns),
        status=Status.OK,
        message="",
        humans=(human(index),),
        objects=(thing(index),),
        contacts=(contact(index),),
        floor=Floor(np.array([0, -1.0, 0]), -1.2, "estimated", 0.09, 0.1),
        estimate=estimate(index),
        landmarks=Landmarks(rng.random((75, 2)), rng.random((75, 3)), rng.random(75)),
        quality={
            "human_iou": 0.8 + 0.01 * index,
            "object_iou": 0.6,
            "keypoint_px": 3.0,
            "penetration_mm": 2.0,
        },
        stage_ms={"human": 20.0, "fit": 100.0 + index},
    )


def human_only(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A person; no object is looked for."""
    r = pair(index, stamp_ns)
    return replace(r, objects=(), contacts=(), estimate=replace(estimate(index), object=None))


def object_only(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """An object that stays tracked when the person has left; it stands on the floor."""
    r = pair(index, stamp_ns)
    floor_only = replace(
        contact(index), human_id="", human_vertices=np.zeros(0, np.int32), human_probabilities=np.zeros(0),
        body_parts=(), object_points=np.zeros((0, 3)), object_probabilities=np.zeros(0),
    )  # fmt: skip
    return replace(
        r, humans=(), contacts=(floor_only,), estimate=replace(estimate(index), human=None), landmarks=None
    )


def two_of_each(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """Two people with one object each."""
    r = pair(index, stamp_ns)
    return replace(
        r,
        humans=(human(index, 1), human(index, 2)),
        objects=(thing(index, 1), thing(index, 2)),
        contacts=(contact(index, 1), contact(index, 2)),
    )


def lost(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A person with an object that was tracked and is not found."""
    return replace(
        pair(index, stamp_ns),
        status=Status.LOST,
        message="the object was not found",
        objects=(missing_thing(Status.LOST, "object_1"),),
        contacts=(),
        estimate=replace(estimate(index), object=None),
        quality={"human_iou": 0.8, "keypoint_px": 3.0},
    )


def both_lost(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """Nobody and nothing is found of what was tracked."""
    lost_object, none = lost(index, stamp_ns), np.zeros((0, 3))
    gone = HumanState(
        "human_1", Status.LOST, 0.0, np.zeros(0), none, np.zeros(3), none, none.astype(np.float32)
    )
    return replace(
        lost_object,
        message="the person was not found",
        humans=(gone,),
        estimate=None,
        landmarks=None,
        quality={},
    )


def never_seen(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A person; the object that is looked for was never in view."""
    r = human_only(index, stamp_ns)
    return replace(r, objects=(missing_thing(Status.ABSENT, ""),))


def bad_input(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A frame that could not be used; not even its camera is known."""
    camera = Camera(np.zeros((3, 3)), 0, 0, source="guess")
    r = nobody(index, stamp_ns)
    return replace(
        r, camera=camera, status=Status.BAD_INPUT, message="the image is truncated", stage_ms={}, flat=None
    )


def missing_thing(status: Status, track_id: str) -> ObjectState:
    """An object without a pose."""
    return ObjectState(track_id, status, 0.0, "box", "box_id", np.eye(4), np.zeros((6, 6)))


EVERY_CASE = (
    nobody, human_only, object_only, pair, two_of_each, lost, both_lost, never_seen, bad_input,
)  # fmt: skip
"""Each makes a reconstruction from (index, stamp_ns)."""

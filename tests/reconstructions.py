"""Made-up bodies, templates and reconstructions for tests of files and messages."""

from dataclasses import dataclass, field, replace

import numpy as np
import trimesh

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Estimate,
    Floor,
    HumanState,
    Landmarks,
    ObjectState,
    Reconstruction,
    Status,
)

_BALL = trimesh.creation.icosphere(subdivisions=3)
K = np.array([[90.0, 0, 31.5], [0, 90, 23.5], [0, 0, 1]])


@dataclass(frozen=True)
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


def reconstruction(index: int = 0, stamp_ns: int = 0) -> Reconstruction:
    """A full result whose numbers depend on `index`."""
    rng = np.random.default_rng(index)
    T = np.eye(4)
    T[:3, 3] = [0.1 * index, 0.2, 2.5]
    human = HumanState(
        Status.OK,
        0.9,
        rng.normal(size=10),
        rng.normal(size=(52, 3)) * 0.2,
        np.array([0, 0, 2.5]),
        rng.normal(size=(52, 3)) * 0.3 + [0, 0, 2.5],
        (FakeBody().v_template * 0.5 + [0, 0, 2.5]).astype(np.float32),
    )
    contacts = Contacts(
        np.array([1, 5, 7], np.int32),
        np.array([0.9, 0.8, 0.7]),
        ("left_hand", "back"),
        rng.normal(size=(4, 3)),
        rng.random(4),
        rng.normal(size=(2, 3)),
        rng.random(2),
    )
    return Reconstruction(
        stamp_ns=stamp_ns,
        frame_id="camera_color_optical_frame",
        name=f"{index:06d}",
        camera=Camera(K, 64, 48, source="user"),
        status=Status.OK,
        message="",
        human=human,
        object=ObjectState(Status.OK, 0.8, "box", "box_id", T, np.eye(6) * 0.01),
        contacts=contacts,
        floor=Floor(np.array([0, -1.0, 0]), -1.2, "guess"),
        estimate=Estimate(
            rng.normal(size=(52, 6)), rng.normal(size=10), rng.normal(size=6), rng.normal(size=3), T[:3, 3]
        ),
        landmarks=Landmarks(rng.random((75, 2)), rng.random((75, 3)), rng.random(75)),
        quality={
            "human_iou": 0.8 + 0.01 * index,
            "object_iou": 0.6,
            "keypoint_px": 3.0,
            "penetration_mm": 2.0,
        },
        stage_ms={"human": 20.0, "fit": 100.0 + index},
    )


def lost(index: int, stamp_ns: int) -> Reconstruction:
    """A frame in which the object is lost."""
    r = reconstruction(index, stamp_ns)
    assert r.object is not None
    quality = {"human_iou": 0.8, "keypoint_px": 3.0}
    return replace(
        r, status=Status.LOST, message="the object was not found", contacts=None, quality=quality,
        object=replace(r.object, status=Status.LOST),
    )  # fmt: skip


def nobody(index: int, stamp_ns: int) -> Reconstruction:
    """A frame without anybody and anything."""
    r = reconstruction(index, stamp_ns)
    return Reconstruction(stamp_ns, r.frame_id, r.name, r.camera, Status.ABSENT, "nobody in view")

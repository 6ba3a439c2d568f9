"""A scene with known truth: a body that holds a box, seen perfectly, and a detector that reports it."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.camera import intrinsics, project
from scorehoi_ros.geometry.rigid import make_transform, transform_points
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.perception.protocols import NO_HINT
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import Camera, Floats, Frame, Hint, HumanObservation, Landmarks, Masks

WIDTH, HEIGHT = 480, 480
CAMERA = Camera(intrinsics(520.0, 520.0, 239.5, 239.5), WIDTH, HEIGHT)
FACING = Rotation.from_euler("xyz", [np.pi, 0.0, 0.0]).as_matrix()
"""Body -> camera for somebody who stands upright and looks at the camera."""


NO_SPIN = np.zeros(3)


@dataclass(frozen=True)
class Scene:
    """Truth of one frame."""

    frame: Frame
    seen: HumanObservation
    joints: Floats
    vertices: Floats
    betas: Floats
    T_cam_object: Floats


def holding_pose(body: BodyModel, sway: float = 0.0) -> Floats:
    """(52, 3) axis-angle of a person with both forearms forward."""
    pose = np.zeros((52, 3))
    pose[16], pose[17] = (0, 0, -1.3), (0, 0, 1.3)
    pose[18], pose[19] = (0, -1.4, 0), (0, 1.4, 0)
    pose[3] = (0.1, sway, 0)
    pose[22:] = body.hand_mean
    return pose


def make_scene(
    body: BodyModel,
    template: ObjectTemplate,
    stamp_ns: int = 0,
    shift: float = 0.0,
    turn: float = 0.0,
    spin: Floats = NO_SPIN,
) -> Scene:
    """The person at 3 m, moved `shift` metres to the right, the object in front of the belly.

    `turn` of both is radians about the vertical, `spin` (3,) turns the object in the camera's frame.
    """
    rotations = Rotation.from_rotvec(holding_pose(body)).as_matrix()
    rotations[0] = FACING @ Rotation.from_rotvec([0, turn, 0]).as_matrix()
    betas, root = np.linspace(0.5, -0.5, 10), np.array([shift, 0.1, 3.0])
    with torch.no_grad():
        arrays = BodyLayer(body, dtype=torch.float64)(
            torch.as_tensor(rotations)[None], torch.as_tensor(betas)[None], torch.as_tensor(root)[None]
        )
    vertices, joints = (a[0].numpy() for a in arrays)
    hands = 0.5 * (joints[20] + joints[21])
    R = rotations[0] @ Rotation.from_rotvec([0, 0.3, 0]).as_matrix()
    T = make_transform(Rotation.from_rotvec(spin).as_matrix() @ R, hands + [0.0, 0.0, -0.12])
    return _observe(body, template, vertices, joints, betas, T, stamp_ns)


def _observe(
    body: BodyModel,
    template: ObjectTemplate,
    vertices: Floats,
    joints: Floats,
    betas: Floats,
    T: Floats,
    stamp: int,
) -> Scene:
    m = body.landmarks
    points = np.asarray(m.joint_weights @ joints + m.vertex_weights @ vertices[m.vertex_ids], float)
    world = points - points[[23, 24]].mean(0)
    for first in (33, 54):
        world[first : first + 21] = points[first : first + 21] - points[first]
    confidence = np.ones(75)
    confidence[33:] = 0.0
    landmarks = Landmarks(project(points, CAMERA.K), world, confidence)
    moved = transform_points(T, template.mesh.vertices)
    K = np.asarray(CAMERA.K)
    human_depth, _ = rasterise(vertices, body.faces, K, WIDTH, HEIGHT)
    object_depth, _ = rasterise(moved, template.mesh.faces, K, WIDTH, HEIGHT)
    in_front = (object_depth > 0) & ((human_depth == 0) | (object_depth < human_depth))
    human = (human_depth > 0) & ~in_front
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rgb[human], rgb[in_front] = (60, 90, 200), (220, 160, 40)
    frame = Frame(rgb, CAMERA, stamp, masks=Masks(human, in_front, 1.0, 1.0))
    return Scene(frame, HumanObservation(landmarks, human.astype(np.float32)), joints, vertices, betas, T)


class TruthfulDetector:
    """Reports the observation of the scene that a test put in; None = nobody."""

    def __init__(self, seen: HumanObservation | None) -> None:
        self.seen = seen

    def detect(
        self, rgb: NDArray[np.uint8], before: HumanObservation | None = None, hint: Hint = NO_HINT
    ) -> HumanObservation | None:
        return self.seen

    def close(self) -> None:
        pass

"""Where the demo's camera stands and what it sees."""

from dataclasses import dataclass

import numpy as np

from scorehoi_ros.geometry.rigid import make_transform
from scorehoi_ros.types import Camera, Floats

WIDTH, HEIGHT = 960, 720
FX, FY, CX, CY = 923.1, 922.6, 478.3, 361.9
"""Like an RGB-D camera's colour stream: about 55 degrees wide, centre a little off."""
POSITION = (0.05, 1.45, 3.75)
TILT_DEG = 9.5
"""Looking down."""


@dataclass(frozen=True)
class Viewpoint:
    """A pinhole camera in the demo's world (x right, y up, z towards the viewer)."""

    K: Floats
    width: int
    height: int
    R_cam_world: Floats
    position: Floats

    @property
    def T_cam_world(self) -> Floats:
        """(4, 4) world to camera."""
        return make_transform(self.R_cam_world, -self.R_cam_world @ self.position)

    @property
    def up(self) -> Floats:
        """(3,) the world's up, camera frame; gravity is its opposite."""
        return np.asarray(self.R_cam_world[:, 1])

    @property
    def camera(self) -> Camera:
        """As the pipeline knows it."""
        return Camera(self.K, self.width, self.height, source="camera_info")

    def to_camera(self, points: Floats) -> Floats:
        """World points (..., 3) to the camera frame."""
        return np.asarray((points - self.position) @ self.R_cam_world.T)

    def world_rays(self, K: Floats, width: int, height: int) -> tuple[Floats, Floats]:
        """Directions (height, width, 3) through the pixels of a picture with K, and their origin (3,)."""
        u, v = np.meshgrid(np.arange(width), np.arange(height))
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], axis=-1)
        return rays @ self.R_cam_world, self.position


def demo_view() -> Viewpoint:
    """The demo's camera: breast height, tilted down a little."""
    c, s = np.cos(np.radians(TILT_DEG)), np.sin(np.radians(TILT_DEG))
    R = np.array([[1.0, 0, 0], [0, -c, s], [0, -s, -c]])
    K = np.array([[FX, 0, CX], [0, FY, CY], [0, 0, 1.0]])
    return Viewpoint(K, WIDTH, HEIGHT, R, np.array(POSITION))

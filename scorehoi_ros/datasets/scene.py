"""From what a data set says (body, object, camera) to a sample."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.datasets.dataset import Human, Sample, Truth
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.mesh_file import parse_mesh, read_bytes
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.visible import visible
from scorehoi_ros.types import Camera, Floats, Frame, Masks

MASKS_NOTE = "masks of the data, rendered from the truth where it has none"


def rotation_matrix(values: Floats, source: Path) -> Floats:
    """(3, 3) from nine numbers or an axis-angle vector; raises InputError when it is not a rotation."""
    R = Rotation.from_rotvec(values).as_matrix() if np.size(values) == 3 else np.reshape(values, (3, 3))
    if not np.allclose(R @ R.T, np.eye(3), atol=1e-3) or np.linalg.det(R) < 0:
        raise InputError(
            f"{source}: {np.round(R, 3).tolist()} is not a rotation. The calibration is damaged."
        )
    return np.asarray(R, np.float64)


@lru_cache(maxsize=32)
def load_once(path: Path) -> ObjectTemplate:
    """The template made from a mesh of the data set."""
    return load_template(path)


@lru_cache(maxsize=32)
def vertex_mean(path: Path) -> tuple[float, float, float]:
    """Mean of the vertices as they stand in a mesh file, about which some data sets turn their objects."""
    data = read_bytes(path)
    if path.suffix.lower() == ".obj":  # readers of .obj split vertices along seams of the texture
        rows = [
            line.split()[1:4] for line in data.decode("utf-8", "replace").splitlines() if line[:2] == "v "
        ]
        vertices = np.array(rows, np.float64)
    else:
        vertices = parse_mesh(data, path.suffix.lower(), path.name).vertices
    if not len(vertices) or not np.isfinite(vertices).all():
        raise InputError(f"{path} holds no usable vertices. Get the file again.")
    x, y, z = vertices.mean(axis=0)
    return float(x), float(y), float(z)


@dataclass(frozen=True)
class Annotated:
    """One frame as a data set tells it, in the world of the data set."""

    key: str
    stamp_ns: int
    rgb: NDArray[np.uint8]
    """(H, W, 3) as recorded, with distortion."""
    masks: Masks
    """Those that come with the data; what is missing is rendered from the truth."""
    camera: Camera
    T_cam_world: Floats
    """(4, 4)"""
    human: Human
    mesh: Path
    """Of the object."""
    rotvec: Floats
    """(3,) turn of the object, mesh -> world."""
    translation: Floats
    """(3,) metres."""
    about_mean: bool
    """The object is turned about the mean of the mesh's vertices, not about its origin."""


def make_sample(told: Annotated) -> Sample:
    """A sample in the camera frame, with the image undistorted.

    Raises InputError when the person or the object is not in front of the camera.
    """
    template = load_once(told.mesh)
    T = told.T_cam_world @ _world_from_template(told, template)
    joints = transform_points(told.T_cam_world, told.human.joints)
    if not (joints[0, 2] > 0.1 and T[2, 3] > 0.1):
        raise InputError(
            f"{told.key}: the person is at z = {joints[0, 2]:.2f} m and the object at z = {T[2, 3]:.2f} m; "
            "both must be in front of the camera. The calibration belongs to another recording."
        )
    human = Human(transform_points(told.T_cam_world, told.human.vertices), told.human.faces, joints)
    flat = undistort_frame(Frame(told.rgb, told.camera, told.stamp_ns, name=told.key, masks=told.masks))
    mesh = template.mesh
    person, thing = visible(
        human.vertices, human.faces, transform_points(T, mesh.vertices), mesh.faces, flat.camera
    )
    masks = Masks(
        person if flat.masks.human is None else flat.masks.human,
        thing if flat.masks.object is None else flat.masks.object,
        1.0,
        1.0,
    )
    truth = Truth(human, T, template, None, masks.human, masks.object)
    return Sample(told.key, replace(flat, masks=masks), truth)


def _world_from_template(told: Annotated, template: ObjectTemplate) -> Floats:
    """T_world_template: the data place the mesh by `R (x - centre) + translation`."""
    centre = np.array(vertex_mean(told.mesh)) if told.about_mean else np.zeros(3)
    R = Rotation.from_rotvec(told.rotvec).as_matrix()
    T_world_mesh = make_transform(R, told.translation)
    return T_world_mesh @ make_transform(np.eye(3), template.origin_shift - centre)


def camera_from_world(R: Floats, t: Floats, inverse: bool) -> Floats:
    """T_cam_world from a calibration that says camera -> world (`inverse`) or world -> camera."""
    T = make_transform(R, np.reshape(t, 3))
    return invert_transform(T) if inverse else T

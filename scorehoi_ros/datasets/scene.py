"""From what a data set says (body, object, camera) to a sample of the evaluation."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from scorehoi_ros.datasets.dataset import Human, Sample, Truth
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.scores import visible
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.objects.mesh_file import parse_mesh, read_bytes
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import Floats, Frame, Masks

MASKS_NOTE = "masks of the data, rendered from the truth where it has none"


def rigid(rotvec: Floats, translation: Floats) -> Floats:
    """(4, 4) from an axis-angle vector (3,) and a translation (3,)."""
    return make_transform(Rotation.from_rotvec(rotvec).as_matrix(), translation)


def rotation_matrix(values: Floats, source: Path) -> Floats:
    """(3, 3) from nine numbers or an axis-angle vector; raises InputError when it is not a rotation."""
    R = Rotation.from_rotvec(values).as_matrix() if np.size(values) == 3 else np.reshape(values, (3, 3))
    if not np.allclose(R @ R.T, np.eye(3), atol=1e-3) or np.linalg.det(R) < 0:
        raise InputError(
            f"{source}: {np.round(R, 3).tolist()} is not a rotation. The calibration is damaged."
        )
    return np.asarray(R, np.float64)


@lru_cache(maxsize=32)
def template_of(path: Path) -> ObjectTemplate:
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


def template_pose(template: ObjectTemplate, T_world_mesh: Floats, centre: Floats) -> Floats:
    """T_world_template when the data place the mesh by `T_world_mesh @ (x - centre)`."""
    return T_world_mesh @ make_transform(np.eye(3), template.origin_shift - np.asarray(centre))


def make_sample(
    key: str,
    frame: Frame,
    human: Human,
    T_world_template: Floats,
    T_cam_world: Floats,
    template: ObjectTemplate,
) -> Sample:
    """A sample in the camera frame, with the image undistorted.

    Masks that `frame` lacks are rendered from the truth.  Raises InputError when the person or the object
    is not in front of the camera.
    """
    vertices = transform_points(T_cam_world, human.vertices)
    joints = transform_points(T_cam_world, human.joints)
    T = T_cam_world @ T_world_template
    if not (joints[0, 2] > 0.1 and T[2, 3] > 0.1):
        raise InputError(
            f"{key}: the person is at z = {joints[0, 2]:.2f} m and the object at z = {T[2, 3]:.2f} m; both "
            "must be in front of the camera. The calibration belongs to another recording."
        )
    flat = undistort_frame(frame)
    posed = Human(vertices, human.faces, joints)
    person, thing = visible(posed, T, template.mesh, flat.camera)
    masks = Masks(
        person if flat.masks.human is None else flat.masks.human,
        thing if flat.masks.object is None else flat.masks.object,
        1.0,
        1.0,
    )
    truth = Truth(posed, T, template, None, masks.human, masks.object)
    return Sample(key, replace(flat, masks=masks), truth)


def camera_from_world(R: Floats, t: Floats, inverse: bool) -> Floats:
    """T_cam_world from a calibration that says camera -> world (`inverse`) or world -> camera."""
    T = make_transform(R, np.reshape(t, 3))
    return invert_transform(T) if inverse else T

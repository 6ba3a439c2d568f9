"""The demo's ground truth: bodies posed from the motion, and the file that lies beside the bag."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.demo.camera import Viewpoint
from scorehoi_ros.demo.motion import Motion
from scorehoi_ros.errors import InputError
from scorehoi_ros.files import whole_file
from scorehoi_ros.geometry.rigid import transform_points
from scorehoi_ros.types import Floats


@dataclass(frozen=True)
class Posed:
    """One frame of the motion as meshes, world frame."""

    vertices: Floats
    """(V, 3) metres."""
    joints: Floats
    """(52, 3) metres."""
    T_world_box: Floats


@dataclass(frozen=True)
class Truth:
    """Ground truth of a clip, camera optical frame."""

    stamps_ns: NDArray[np.int64]
    """(T,) stamps of the images in the bag."""
    vertices: NDArray[np.float32]
    """(T, V, 3) metres."""
    joints: NDArray[np.float32]
    """(T, 52, 3) metres."""
    T_cam_object: Floats
    """(T, 4, 4)"""
    K: Floats
    gravity: Floats
    """(3,) unit, downwards."""


def posed(body: BodyModel, motion: Motion) -> Iterator[Posed]:
    """Meshes of every frame."""
    import torch

    from scorehoi_ros.body.layer import BodyLayer

    layer = BodyLayer(body)
    matrices = Rotation.from_rotvec(motion.pose.reshape(-1, 3)).as_matrix().reshape(-1, 52, 3, 3)
    for k in range(len(motion.root)):
        arguments = (matrices[k], motion.betas, motion.root[k])
        with torch.no_grad():
            v, j = layer(*(torch.as_tensor(a[None], dtype=torch.float32) for a in arguments))
        yield Posed(v[0].double().numpy(), j[0].double().numpy(), motion.T_world_box[k])


def camera_truth(body: BodyModel, motion: Motion, view: Viewpoint, stamps_ns: NDArray[np.int64]) -> Truth:
    """The motion in the camera's frame; `stamps_ns` (T,) belongs to its frames."""
    states = list(posed(body, motion))
    return Truth(
        stamps_ns,
        np.stack([view.to_camera(s.vertices) for s in states]).astype(np.float32),
        np.stack([view.to_camera(s.joints) for s in states]).astype(np.float32),
        np.stack([view.T_cam_world @ s.T_world_box for s in states]),
        view.K,
        -view.up,
    )


def save_truth(path: Path, truth: Truth) -> None:
    """Write a compressed npz."""
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(truth))


def load_truth(path: Path) -> Truth:
    """Read what `save_truth` wrote; raises InputError when the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return Truth(**{name: data[name] for name in Truth.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise InputError(
            f"{path} is not a demo truth ({error}). Delete the folder and run the demo again."
        ) from error


def object_points(T_cam_object: Floats, points: Floats) -> Floats:
    """Points (n, 3) of the object in the camera frame."""
    return transform_points(T_cam_object, points)

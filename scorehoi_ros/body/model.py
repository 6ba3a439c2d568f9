"""The body model as plain arrays, and its checks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from scorehoi_ros.body.skeleton import JOINT_NAMES, PARENTS
from scorehoi_ros.errors import BodyError
from scorehoi_ros.types import NUM_BETAS, NUM_HUMAN_TOKENS, NUM_JOINTS

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

NUM_LANDMARKS = 75
NUM_POSE_FEATURES = (NUM_JOINTS - 1) * 9
"""Entries of the rotation matrices of all joints but the pelvis, minus the identity."""


@dataclass(frozen=True)
class LandmarkMap:
    """Where MediaPipe's 75 points are on the body.

    ``landmarks = joint_weights @ joints + vertex_weights @ vertices[vertex_ids]`` in any frame: the weights
    of every row sum to 1.
    """

    names: tuple[str, ...]
    """75 names in the order of `types.Landmarks`: 33 body, 21 left hand, 21 right hand."""
    joint_weights: Float32
    """(75, 52)"""
    vertex_ids: Int32
    """(m,) indices into the full mesh."""
    vertex_weights: Float32
    """(75, m)"""


@dataclass(frozen=True)
class BodyModel:
    """A body in the SMPL-H parameterisation: T-pose at zero pose, metres, x to the left, y up, z forward."""

    name: str
    version: str
    """sha256 of the file the model came from, in hexadecimal."""
    v_template: Float32
    """(V, 3) mean body."""
    shapedirs: Float32
    """(V, 3, 10) metres for one standard deviation of each beta."""
    posedirs: Float32 | None
    """(V, 3, 459) metres for every entry of (R - I) of joints 1..51, row-major; None = no correctives."""
    joints_template: Float32
    """(52, 3) joints of the mean body."""
    joints_shapedirs: Float32
    """(52, 3, 10) how betas move the joints."""
    weights: Float32
    """(V, 52) skinning weights, rows sum to 1."""
    parents: Int32
    """(52,) -1 for the pelvis."""
    faces: Int32
    """(F, 3) counter-clockwise seen from outside."""
    joint_names: tuple[str, ...]
    regions: NDArray[np.uint8]
    """(V,) index into `region_names`."""
    region_names: tuple[str, ...]
    token_ids: Int32
    """(431,) vertices spread over the skin, denser on the hands."""
    landmarks: LandmarkMap
    hand_mean: Float32
    """(30, 3) axis-angle of relaxed hands, joints 22..51."""

    @cached_property
    def nearest_token(self) -> Int32:
        """(V,) for each vertex the row in `token_ids` of the token nearest to it on the mean body."""
        return cKDTree(self.v_template[self.token_ids]).query(self.v_template)[1].astype(np.int32)


def validate_body(model: BodyModel, source: str) -> BodyModel:
    """Return ``model`` when shapes, ranges and values are consistent; ``source`` names it in errors.

    Raises BodyError.
    """
    _check_shapes(model, source)
    _check_finite(model, source)
    _check_indices(model, source)
    _check_sums(model, source)
    return model


def _check_shapes(model: BodyModel, source: str) -> None:
    v, m = len(model.v_template), len(model.landmarks.vertex_ids)
    expected: dict[str, tuple[int, ...]] = {
        "v_template": (v, 3),
        "shapedirs": (v, 3, NUM_BETAS),
        "joints_template": (NUM_JOINTS, 3),
        "joints_shapedirs": (NUM_JOINTS, 3, NUM_BETAS),
        "weights": (v, NUM_JOINTS),
        "parents": (NUM_JOINTS,),
        "faces": (len(model.faces), 3),
        "regions": (v,),
        "token_ids": (NUM_HUMAN_TOKENS,),
        "hand_mean": (30, 3),
    }
    if model.posedirs is not None:
        expected["posedirs"] = (v, 3, NUM_POSE_FEATURES)
    arrays = {name: getattr(model, name) for name in expected}
    arrays |= {"landmarks.joint_weights": model.landmarks.joint_weights}
    arrays |= {"landmarks.vertex_weights": model.landmarks.vertex_weights}
    expected |= {"landmarks.joint_weights": (NUM_LANDMARKS, NUM_JOINTS)}
    expected |= {"landmarks.vertex_weights": (NUM_LANDMARKS, m)}
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise BodyError(
                f"{source}: {name} has shape {arrays[name].shape}, expected {shape}. "
                "The file is damaged or of another layout."
            )
    if v == 0 or len(model.faces) == 0:
        raise BodyError(f"{source}: the mesh has {v} vertices and {len(model.faces)} faces; it is empty.")


def _check_finite(model: BodyModel, source: str) -> None:
    names = (
        "v_template",
        "shapedirs",
        "posedirs",
        "joints_template",
        "joints_shapedirs",
        "weights",
        "hand_mean",
    )
    for name in names:
        array = getattr(model, name)
        # a sum is quicker than isfinite on 70 MB and is not finite when any entry is not
        if array is not None and not np.isfinite(array.sum(dtype=np.float64)):
            raise BodyError(f"{source}: {name} has values that are not finite. The file is damaged.")


def _check_indices(model: BodyModel, source: str) -> None:
    v = len(model.v_template)
    for name, ids in (
        ("faces", model.faces),
        ("token_ids", model.token_ids),
        ("landmarks.vertex_ids", model.landmarks.vertex_ids),
    ):
        if ids.size and (ids.min() < 0 or ids.max() >= v):
            raise BodyError(
                f"{source}: {name} goes from {ids.min()} to {ids.max()}, but the mesh has {v} vertices. "
                "The file is damaged."
            )
    if int(model.regions.max()) >= len(model.region_names):
        raise BodyError(
            f"{source}: region {model.regions.max()} has no name; there are {len(model.region_names)}. "
            "The file is damaged."
        )
    if not np.array_equal(model.parents, PARENTS) or tuple(model.joint_names) != JOINT_NAMES:
        raise BodyError(
            f"{source}: the kinematic tree is not SMPL-H's 52 joints. SMPL, SMPL-X and MANO files cannot be "
            "used; choose the SMPL-H file."
        )


def _check_sums(model: BodyModel, source: str) -> None:
    error = float(np.abs(model.weights.sum(axis=1) - 1.0).max())
    if error > 1e-2 or float(model.weights.min()) < -1e-3:
        raise BodyError(
            f"{source}: skinning weights must be positive and sum to 1 for each vertex; they are off by "
            f"{error:.3g}. The file is damaged."
        )
    size = float(np.ptp(model.v_template, axis=0).max())
    if not 0.5 < size < 3.0:
        raise BodyError(f"{source}: the body is {size:.3g} m large; expected metres, 0.5 to 3.")

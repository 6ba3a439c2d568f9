"""The body and the template as the tensors that the optimiser moves."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.energy.physical import ObjectField
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import NUM_HUMAN_TOKENS, Floats, Ints

HAND_JOINT_0 = 22
_SURFACE_POINTS = 400
_HULL_POINTS = 300


@dataclass(frozen=True)
class HumanPoints:
    """Points of a posed body in the camera frame."""

    tokens: Tensor
    """(431, 3) metres."""
    landmarks: Tensor
    """(75, 3) metres, MediaPipe rows."""
    joints: Tensor
    """(52, 3) metres."""


class PosedBody:
    """The body reduced to what the energy looks at: 431 tokens and 75 landmarks."""

    def __init__(self, body: BodyModel) -> None:
        self.body = body
        m = body.landmarks
        self._layer = BodyLayer(body, np.concatenate((body.token_ids, m.vertex_ids)))
        self._face_layer = BodyLayer(body, faces_of(body.faces, body.token_ids).ravel())
        self._joint_weights = _tensor(m.joint_weights)
        self._vertex_weights = _tensor(m.vertex_weights)

    def __call__(self, theta: Tensor, betas: Tensor, t_cam: Tensor) -> HumanPoints:
        """Points for theta (52, 6), betas (10,), t_cam (3,)."""
        vertices, joints = self._layer(rotation_6d_to_matrix(theta)[None], betas[None], t_cam[None])
        tokens, anchors = vertices[0, :NUM_HUMAN_TOKENS], vertices[0, NUM_HUMAN_TOKENS:]
        landmarks = self._joint_weights @ joints[0] + self._vertex_weights @ anchors
        return HumanPoints(tokens, landmarks, joints[0])

    def token_normals(self, theta: Tensor, betas: Tensor, t_cam: Tensor) -> Tensor:
        """(431, 3) outward unit normals at the tokens, from one adjacent face each; no gradient."""
        with torch.no_grad():
            vertices, _ = self._face_layer(rotation_6d_to_matrix(theta)[None], betas[None], t_cam[None])
            a, b, c = vertices.reshape(NUM_HUMAN_TOKENS, 3, 3).unbind(1)
            return torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)


def faces_of(faces: Ints, vertices: Ints) -> Ints:
    """(n, 3) for each vertex (n,) the first face that holds it."""
    order = np.argsort(faces.ravel(), kind="stable")
    first = np.searchsorted(faces.ravel()[order], vertices)
    return faces[order[first] // 3]


@dataclass(frozen=True)
class ObjectTensors:
    """A template as tensors."""

    field: ObjectField
    points: Tensor
    """(64, 3) metres, object frame."""
    surface: Tensor
    """(400, 3) metres, an even sample of the surface, for silhouettes."""
    hull: Tensor
    """(h, 3) metres, points of the convex hull, for the outline."""
    spacing: float
    """Metres, the typical distance between neighbours in `surface`."""


def object_tensors(template: ObjectTemplate) -> ObjectTensors:
    """Tensors of a template; the surface sample is drawn with a fixed seed."""
    surface = sample_surface(template.mesh.vertices, template.mesh.faces, _SURFACE_POINTS)
    gaps = torch.cdist(_tensor(surface), _tensor(surface))
    gaps.fill_diagonal_(float("inf"))
    grid = template.sdf
    return ObjectTensors(
        ObjectField(_tensor(grid.values), _tensor(grid.origin), float(grid.spacing)),
        _tensor(template.points),
        _tensor(surface),
        _tensor(hull_points(template.mesh.vertices)),
        float(gaps.amin(1).mean()),
    )


def sample_surface(vertices: Floats, faces: Ints, count: int) -> Floats:
    """(count, 3) points on a mesh, by area, from a fixed seed; a stratified draw keeps them even."""
    rng = np.random.default_rng(0)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    levels = (np.arange(count) + rng.random(count)) / count
    face = np.minimum(np.searchsorted(np.cumsum(area) / area.sum(), levels), len(faces) - 1)
    u, v = rng.random((2, count, 1))
    flip = u + v > 1
    u, v = np.where(flip, 1 - u, u), np.where(flip, 1 - v, v)
    return a[face] + u * (b[face] - a[face]) + v * (c[face] - a[face])


def hull_points(vertices: Floats) -> Floats:
    """(h, 3) vertices of the convex hull, thinned to `_HULL_POINTS`; all of them when the object is flat."""
    try:
        corners = vertices[ConvexHull(vertices).vertices]
    except QhullError:
        corners = vertices
    return corners[:: -(-len(corners) // _HULL_POINTS)]


def place(points: Tensor, R_o: Tensor, origin: Tensor) -> Tensor:
    """Object points (n, 3) to the camera frame: R_o (6,) object -> camera, origin (3,) camera frame."""
    return points @ rotation_6d_to_matrix(R_o).T + origin


def _tensor(values: Floats) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)

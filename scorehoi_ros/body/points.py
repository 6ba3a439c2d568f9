"""The body reduced to the points that the image and the energy look at: 431 tokens and 75 landmarks."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.geometry.rotation import rotation_6d_to_matrix
from scorehoi_ros.geometry.turns import matrix_of_6d
from scorehoi_ros.types import NUM_HUMAN_TOKENS, Floats, HumanPose, Ints


@dataclass(frozen=True)
class HumanPoints:
    """Points of posed bodies in the camera frame, metres; leading dimensions are samples."""

    tokens: Tensor
    """(..., 431, 3)"""
    landmarks: Tensor
    """(..., 75, 3) MediaPipe rows."""
    joints: Tensor
    """(..., 52, 3)"""


class PosedBody:
    """Poses of one body model as points; differentiable, for any number of leading dimensions."""

    def __init__(
        self, body: BodyModel, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.body, self.device, self.dtype = body, torch.device(device), dtype
        m = body.landmarks
        self._layer = BodyLayer(body, np.concatenate((body.token_ids, m.vertex_ids)), dtype).to(self.device)
        self._token_layer = BodyLayer(body, body.token_ids)
        corners = _faces_of(body.faces, body.token_ids).ravel()
        self._face_layer = BodyLayer(body, corners, dtype).to(self.device)
        self._anchors = BodyLayer(body, m.vertex_ids)
        self._joint_weights = self._tensor(m.joint_weights)
        self._vertex_weights = self._tensor(m.vertex_weights)

    def __call__(self, theta: Tensor, betas: Tensor, t_cam: Tensor) -> HumanPoints:
        """Points for theta (..., 52, 6), betas (..., 10), t_cam (..., 3)."""
        vertices, joints = _skin(self._layer, theta, betas, t_cam)
        tokens, anchors = vertices[..., :NUM_HUMAN_TOKENS, :], vertices[..., NUM_HUMAN_TOKENS:, :]
        landmarks = self._joint_weights @ joints + self._vertex_weights @ anchors
        return HumanPoints(tokens, landmarks, joints)

    def tokens(self, theta: Tensor, betas: Tensor, t_cam: Tensor) -> Tensor:
        """Tokens (H, 431, 3) for theta (H, 52, 6), betas (H, 10), t_cam (H, 3): quicker, without gradient."""
        if self.device.type != "cpu":
            with torch.no_grad():
                return self(theta, betas, t_cam).tokens
        skin, R = self._token_layer.skin, matrix_of_6d(theta.numpy())
        posed = [skin.pose(*one)[0] for one in zip(R, betas.numpy(), t_cam.numpy(), strict=True)]
        return torch.from_numpy(np.stack(posed)).to(self.dtype)

    def landmarks_of(self, human: HumanPose) -> Floats:
        """(75, 3) float64 landmarks of one pose in the camera frame, compiled and without gradients."""
        m = self.body.landmarks
        vertices, joints = self._anchors.skin.pose(matrix_of_6d(human.theta), human.betas, human.t_cam)
        return np.asarray(m.joint_weights @ joints + m.vertex_weights @ vertices)

    def tensors(self, human: HumanPose) -> tuple[Tensor, Tensor, Tensor]:
        """Theta (52, 6), betas (10,), t_cam (3,) of a pose as arguments of this body."""
        return self._tensor(human.theta), self._tensor(human.betas), self._tensor(human.t_cam)

    def token_normals(self, theta: Tensor, betas: Tensor, t_cam: Tensor) -> Tensor:
        """(..., 431, 3) outward unit normals at the tokens, from one adjacent face each; no gradient."""
        with torch.no_grad():
            corners, _ = _skin(self._face_layer, theta, betas, t_cam)
            a, b, c = corners.unflatten(-2, (NUM_HUMAN_TOKENS, 3)).unbind(-2)
            return torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)

    def stature(self, betas: Tensor) -> Tensor:
        """Height (...) in metres of the standing body, from the lowest to the highest vertex of the mean."""
        mean, slope = stature_of(self.body)
        return mean + betas @ self._tensor(slope)

    def _tensor(self, values: Floats) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), dtype=self.dtype, device=self.device)


def _skin(layer: BodyLayer, theta: Tensor, betas: Tensor, t_cam: Tensor) -> tuple[Tensor, Tensor]:
    lead = theta.shape[:-2]
    flat = (rotation_6d_to_matrix(theta), betas.expand(*lead, -1), t_cam.expand(*lead, -1))
    vertices, joints = layer(*(x.reshape(-1, *x.shape[len(lead) :]) for x in flat))
    return vertices.reshape(*lead, *vertices.shape[1:]), joints.reshape(*lead, *joints.shape[1:])


def stature_of(body: BodyModel) -> tuple[float, Floats]:
    """Height in metres of the mean body, and its change (10,) with each shape coefficient."""
    top, bottom = body.v_template[:, 1].argmax(), body.v_template[:, 1].argmin()
    mean = float(body.v_template[top, 1] - body.v_template[bottom, 1])
    return mean, body.shapedirs[top, 1] - body.shapedirs[bottom, 1]


def _faces_of(faces: Ints, vertices: Ints) -> Ints:
    """(n, 3) for each vertex (n,) the first face that holds it."""
    order = np.argsort(faces.ravel(), kind="stable")
    first = np.searchsorted(faces.ravel()[order], vertices)
    return faces[order[first] // 3]

"""Geometry of a scene in the camera frame: the dressed body, the object, the landmarks."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.synth.picture.anatomy import BodyKey, anatomy
from scorehoi_ros.synth.picture.appearance import Look, put_on, sample_look
from scorehoi_ros.synth.truth import SceneTruth
from scorehoi_ros.types import Floats

LOOKS, ROOM, LENS, LANDMARKS, MASKS, CROP, GRAIN = range(7)
"""Streams of randomness of one scene, so that a change in one leaves the others as they are."""


@dataclass(frozen=True)
class Posed:
    """Body and object of a scene in the camera frame, metres."""

    skin: Floats
    """(V, 3) the body itself: the truth."""
    vertices: Floats
    """(V, 3) with clothes and hair: what is seen."""
    joints: Floats
    """(52, 3)"""
    landmarks: Floats
    """(75, 3)"""
    thing: Floats
    """(n, 3) vertices of the template's mesh."""
    look: Look


def stream(truth: SceneTruth, purpose: int) -> np.random.Generator:
    """Randomness of a scene for one purpose.

    Looks, room and lens of a sequence stay the same, so they come from its name; the rest from the frame.
    """
    name, slash, frame = truth.key.rpartition("/")
    if "/" not in name:
        return np.random.default_rng([truth.seed, 1, purpose])
    whole = purpose in (LOOKS, ROOM, LENS)
    return np.random.default_rng([zlib.crc32((name if whole else name + slash + frame).encode()), 1, purpose])


def pose_scene(truth: SceneTruth, body: BodyModel, template: ObjectTemplate) -> Posed:
    """Body, clothes, landmarks and object of a scene."""
    vertices, joints = pose_bodies([truth], body)
    m = body.landmarks
    landmarks = m.joint_weights @ joints[0] + m.vertex_weights @ vertices[0][m.vertex_ids]
    T = truth.T_cam_object
    thing = template.mesh.vertices @ T[:3, :3].T + T[:3, 3]
    form = anatomy(BodyKey(body))
    look = sample_look(stream(truth, LOOKS), form.at)
    dressed = put_on(look, form, vertices[0], body.faces)
    return Posed(vertices[0], dressed, joints[0], landmarks, thing, look)


def pose_bodies(truths: Sequence[SceneTruth], body: BodyModel) -> tuple[Floats, Floats]:
    """Vertices (n, V, 3) and joints (n, 52, 3) of the bodies, computed in single precision."""
    pose = np.stack([t.pose for t in truths]).reshape(-1, 3)
    rotations = Rotation.from_rotvec(pose).as_matrix().reshape(len(truths), -1, 3, 3)
    arrays = (rotations, np.stack([t.betas for t in truths]), np.stack([t.root for t in truths]))
    with torch.no_grad():
        out = _layer(BodyKey(body))(*(torch.as_tensor(a, dtype=torch.float32) for a in arrays))
    return out[0].numpy().astype(np.float64), out[1].numpy().astype(np.float64)


@lru_cache(maxsize=2)
def _layer(body: BodyKey) -> BodyLayer:
    return BodyLayer(body.model)

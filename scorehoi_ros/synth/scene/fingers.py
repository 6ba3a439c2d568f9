"""Fingers of a batch of scenes close around the objects, each until it touches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import FINGERS, SIDES
from scorehoi_ros.synth.scene.anchors import Anchors
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.field import stack_fields
from scorehoi_ros.synth.scene.hands import LEVELS, closed_levels, closing_path
from scorehoi_ros.synth.scene.kinematics import matrices
from scorehoi_ros.types import Floats

_NEAR_M = 0.012
"""A finger that comes this near without being stopped stays where it is nearest."""
_BONE_CLEAR_M = 0.004
_BONE_SAMPLES = 4
_TIP_SHARE = 0.7
"""From the last joint to the tip, against the bone before it."""


@dataclass(frozen=True)
class FingerSkin:
    """A small layer with the skin of all fingers."""

    layer: BodyLayer
    rows: dict[tuple[str, str], Tensor]
    """(side, finger) -> rows of the layer's vertices."""


def make_skin(body: BodyModel, anchors: Anchors) -> FingerSkin:
    """Collect the fingers' vertices in one layer."""
    ids = np.unique(np.concatenate(list(anchors.fingers.values())))
    rows = {key: torch.as_tensor(np.searchsorted(ids, value)) for key, value in anchors.fingers.items()}
    return FingerSkin(BodyLayer(body, ids), rows)


def close_fingers(skin: FingerSkin, drafts: Sequence[Draft]) -> None:
    """Set the poses of the hands that have a grasp, in place."""
    active = [draft for draft in drafts if draft.grasps]
    if not active:
        return
    distance, bones = _distances(skin, active)
    for row, draft in enumerate(active):
        for side, grasp in draft.grasps.items():
            gaps = np.stack([distance[row][:, skin.rows[side, finger]].min(1) for finger in FINGERS])
            # a bone near the surface: the skin is on both sides of a thin wall
            start = 0 if side == "left" else 15
            inner = bones[row][:, 5 * (start // 15) : 5 * (start // 15) + 5].T - _BONE_CLEAR_M
            gaps = np.minimum(gaps, inner)
            rest = np.full(len(FINGERS), grasp.relaxed)
            level = closed_levels(gaps, _NEAR_M, rest)
            # three joints for each finger
            share = np.repeat(level, 3)[:, None]
            draft.hand_poses[start : start + 15] = grasp.opened + share * (grasp.closed - grasp.opened)


def _distances(skin: FingerSkin, drafts: Sequence[Draft]) -> tuple[Floats, Floats]:
    """Signed distances at every level of closing: skin (B, levels, n), bones (B, levels, 10)."""
    count, levels = len(drafts), len(LEVELS)
    hands = np.stack([np.tile(draft.hand_poses, (levels, 1, 1)) for draft in drafts])
    for b, draft in enumerate(drafts):
        for k, side in enumerate(SIDES):
            if side in draft.grasps:
                hands[b, :, 15 * k : 15 * k + 15] = closing_path(draft.grasps[side])
    body = np.repeat(np.stack([draft.local for draft in drafts]), levels, axis=0)
    rotations = np.concatenate([body, matrices(hands.reshape(-1, 30, 3))], axis=1)
    betas = np.repeat(np.stack([draft.betas for draft in drafts]), levels, axis=0)
    root = np.repeat(np.stack([draft.root for draft in drafts]), levels, axis=0)
    with torch.no_grad():
        points, joints = skin.layer(
            *(torch.as_tensor(a, dtype=torch.float32) for a in (rotations, betas, root))
        )
        R = torch.as_tensor(np.stack([draft.R_object for draft in drafts]), dtype=torch.float32)
        t = torch.as_tensor(np.stack([draft.t_object for draft in drafts]), dtype=torch.float32)
        fields = stack_fields([draft.template.sdf for draft in drafts])
        distance = fields.distances((points.view(count, -1, 3) - t[:, None]) @ R)
        inner = fields.distances((_along_fingers(joints).view(count, -1, 3) - t[:, None]) @ R)
    bones = inner.view(count, levels, 10, -1).amin(-1)
    return distance.view(count, levels, -1).numpy(), bones.numpy()


def _along_fingers(joints: Tensor) -> Tensor:
    """(B, 10, samples, 3) points along the bones of each finger, from its first joint to its tip."""
    first, second, third = joints[:, 22:].view(len(joints), 10, 3, 3).unbind(2)
    tip = third + _TIP_SHARE * (third - second)
    share = torch.linspace(0.15, 1.0, _BONE_SAMPLES)[:, None]
    bones = [
        a[:, :, None] + share * (b - a)[:, :, None]
        for a, b in ((first, second), (second, third), (third, tip))
    ]
    return torch.cat(bones, dim=2)

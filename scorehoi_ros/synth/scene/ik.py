"""Inverse kinematics for a batch of scenes: body and object are moved until what should touch touches.

Gradient descent on the joints of the chain and a few hundred skin points; distances to the objects come from
their signed distance grids.  A step costs the same whatever the objects are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.pose_file import BODY_JOINTS
from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.synth.scene.anchors import GROUPS, Anchors, Ids
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.field import FieldBatch, stack_fields
from scorehoi_ros.synth.scene.kinematics import ARM, matrices
from scorehoi_ros.types import Floats

STEPS = 36
_RATE, _LAST_RATE = 0.014, 0.002
_PEN, _PALM_PULL, _PALM_TOUCH, _PALM_WAY = 4000.0, 200.0, 1500.0, 0.25
_BODY_RADIUS_M = 0.15
"""Elbows and hands keep this far from the spine."""
_CLEAR_M = 0.0015
"""Guards keep this far outside: between them the skin comes nearer."""
_BONE_CLEAR_M = 0.024
"""Forearm bones keep this far outside: edges slip in between the guards of so thin a limb."""
_LEG_AND_SPINE_SPEED = 4.0
"""Arms start near their goal in closed form; other joints have further to go."""
_WRIST_COSINE = float(np.cos(0.75))


_WRISTS, _ELBOWS, _INDEXES, _PINKIES = (
    [JOINT_INDEX[f"{side}_{name}"] for side in SIDES] for name in ("wrist", "elbow", "index1", "pinky1")
)
_ALONG_FOREARM = torch.linspace(0.15, 0.95, 6)[:, None]
_ARM_POINTS = [JOINT_INDEX[f"{side}_{name}"] for side in SIDES for name in ("elbow", "wrist", "middle1")]
_SIGNS = torch.tensor([1.0, -1.0])
"""Left, right."""


@dataclass(frozen=True)
class Mover:
    """The parts of the body that the solver needs, for any batch."""

    layer: BodyLayer
    rows: dict[str, Tensor]
    """Rows of the layer's vertices for each of `anchors.GROUPS`."""
    group_means: Tensor
    """(G, n) matrix that takes the mean over the points of each group."""
    guards: Tensor
    """Rows that stay out of the object."""
    low: Tensor
    """Rows that stay above the floor."""

    def posed(self, local: Floats, hands: Floats, betas: Floats, root: Floats) -> tuple[Tensor, Tensor]:
        """Skin points (B, n, 3) and joints of local rotations (B, 22, 3, 3) and hands (B, 30, 3)."""
        rotations = np.concatenate([local, matrices(hands)], axis=1)
        with torch.no_grad():
            points, joints = self.layer(*(_tensor(a) for a in (rotations, betas, root)))
        return points, joints


def make_mover(body: BodyModel, anchors: Anchors) -> Mover:
    """Collect the skin points of all groups and guards in one small layer."""
    ids = np.unique(np.concatenate([*anchors.groups.values(), anchors.guards]))

    def rows(values: Ids) -> Tensor:
        return torch.as_tensor(np.searchsorted(ids, values))

    groups = {name: rows(anchors.groups[name]) for name in GROUPS}
    palms = [groups[f"{side}_{part}"] for side in SIDES for part in ("palm", "fingers", "sole", "toes")]
    low = torch.cat([groups[f"{side}_{part}"] for side in SIDES for part in ("sole", "toes", "fingers")])
    means = torch.zeros(len(GROUPS), len(ids))
    for g, name in enumerate(GROUPS):
        means[g, groups[name]] = 1.0 / len(groups[name])
    return Mover(
        BodyLayer(replace(body, posedirs=None), ids),
        groups,
        means,
        torch.cat([rows(anchors.guards), *palms]),
        low,
    )


@dataclass(frozen=True)
class _Wishes:
    """The goals of a batch as tensors; G groups, 2 hands."""

    pull: Tensor
    """(B, G)"""
    target: Tensor
    """(B, G, 3)"""
    in_object: Tensor
    """(B, G) 1 where the target is in the object's frame."""
    touch: Tensor
    """(B, G)"""
    facing: Tensor
    """(B, 2, 3) object's frame."""
    thumbs: Tensor
    """(B, 2, 3) object's frame."""
    hand: Tensor
    """(B, 2) weight of the hand's directions."""


@dataclass(frozen=True)
class _Problem:
    mover: Mover
    local: Tensor
    fingers: Tensor
    betas: Tensor
    root: Tensor
    R_object: Tensor
    t_object: Tensor
    stiff: Tensor
    root_stiff: Tensor
    object_stiff: Tensor
    turn_stiff: Tensor
    fields: FieldBatch
    object_points: Tensor
    wishes: _Wishes


def solve(
    mover: Mover, drafts: Sequence[Draft], chosen: Sequence[dict[str, int]], steps: int = STEPS
) -> None:
    """Move bodies and objects of the drafts, in place.

    `chosen`: for each draft, which of the places of each hand goal the arm was brought to.
    """
    problem = _problem(mover, drafts, chosen)
    count = len(drafts)
    turns = torch.zeros(count, BODY_JOINTS, 3, requires_grad=True)
    shift = torch.zeros(count, 3, requires_grad=True)
    moved = torch.zeros(count, 3, requires_grad=True)
    turned = torch.zeros(count, 3, requires_grad=True)
    speed = torch.full((BODY_JOINTS, 1), _LEG_AND_SPINE_SPEED)
    speed[[JOINT_INDEX[f"{side}_{name}"] for side in SIDES for name in ARM]] = 1.0
    groups: list[dict[str, Any]] = [{"params": [turns, turned]}, {"params": [shift, moved], "place": True}]
    optimiser = torch.optim.Adam(groups, lr=_RATE, betas=(0.8, 0.95))
    for step in range(steps):
        share = step / max(steps - 1, 1)
        for group in optimiser.param_groups:
            rate = _RATE * (_LAST_RATE / _RATE) ** share
            group["lr"] = 0.25 * rate if group.get("place") else rate
        optimiser.zero_grad()
        _loss(problem, turns * speed, shift, moved, turned, 0.3 + share).backward()
        optimiser.step()
    _write_back(problem, drafts, turns.detach() * speed, *(v.detach() for v in (shift, moved, turned)))


def _tensor(values: object) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def _problem(mover: Mover, drafts: Sequence[Draft], chosen: Sequence[dict[str, int]]) -> _Problem:
    def stacked(name: str) -> Tensor:
        return _tensor(np.stack([getattr(draft, name) for draft in drafts]))

    return _Problem(
        mover,
        stacked("local"),
        _tensor(matrices(np.stack([draft.hand_poses for draft in drafts]))),
        stacked("betas"),
        stacked("root"),
        stacked("R_object"),
        stacked("t_object"),
        stacked("stiffness"),
        stacked("root_stiffness"),
        stacked("object_stiffness"),
        _tensor([draft.turn_stiffness for draft in drafts]),
        stack_fields([draft.template.sdf for draft in drafts]),
        _tensor(np.stack([draft.template.points for draft in drafts])),
        _wishes(drafts, chosen),
    )


def _wishes(drafts: Sequence[Draft], chosen: Sequence[dict[str, int]]) -> _Wishes:
    count, groups = len(drafts), len(GROUPS)
    pull, touch, inside = np.zeros((count, groups)), np.zeros((count, groups)), np.zeros((count, groups))
    target, facing, thumbs = np.zeros((count, groups, 3)), np.zeros((count, 2, 3)), np.zeros((count, 2, 3))
    hand = np.zeros((count, 2))
    for b, draft in enumerate(drafts):
        for goal in draft.goals:
            g = GROUPS.index(goal.group)
            pull[b, g], touch[b, g], inside[b, g] = goal.pull, goal.touch, goal.frame == "object"
            target[b, g] = np.zeros(3) if goal.target is None else goal.target
        for wish in draft.hands:
            g, k, n = GROUPS.index(f"{wish.side}_palm"), SIDES.index(wish.side), chosen[b][wish.side]
            pull[b, g], touch[b, g], inside[b, g] = _PALM_PULL, _PALM_TOUCH * wish.touch, 1.0
            target[b, g], facing[b, k], thumbs[b, k] = wish.points[n], wish.facing[n], wish.thumbs[n]
            hand[b, k] = _PALM_WAY
    return _Wishes(*(_tensor(v) for v in (pull, target, inside, touch, facing, thumbs, hand)))


def _loss(
    p: _Problem, turns: Tensor, shift: Tensor, moved: Tensor, turned: Tensor, hardness: float
) -> Tensor:
    local = p.local @ axis_angle_to_matrix(turns)
    points, joints = p.mover.layer(torch.cat([local, p.fingers], 1), p.betas, p.root + shift)
    R = p.R_object @ axis_angle_to_matrix(turned)
    t = p.t_object + moved
    in_object = (points - t[:, None]) @ R
    distance = p.fields.distances(in_object)
    inside = (_CLEAR_M - distance[:, p.mover.guards]).clamp_min(0)
    loss = hardness * _PEN * inside.square().sum(1)
    bones = (_forearms(joints) - t[:, None]) @ R
    pierced = (_BONE_CLEAR_M - p.fields.distances(bones)).clamp_min(0)
    loss = loss + hardness * _PEN * pierced.square().sum(1)
    loss = loss + _reach_goals(p, points, R, t, distance)
    loss = loss + _hand_ways(p, joints, R)
    loss = loss + _above_floor(p, points, R, t) + _at_ease(local, joints)
    loss = loss + (p.stiff * turns.square().sum(-1)).sum(1) + (p.root_stiff * shift.square()).sum(1)
    loss = loss + (p.object_stiff * moved.square()).sum(1) + p.turn_stiff * turned.square().sum(1)
    return loss.sum()


def _forearms(joints: Tensor) -> Tensor:
    """(B, 2 n, 3) points along the bones of both forearms."""
    elbow, wrist = joints[:, _ELBOWS, None], joints[:, _WRISTS, None]
    return (elbow + _ALONG_FOREARM * (wrist - elbow)).flatten(1, 2)


def _reach_goals(p: _Problem, points: Tensor, R: Tensor, t: Tensor, distance: Tensor) -> Tensor:
    """(B,) group means at their targets, groups on the surface."""
    w, mean = p.wishes, p.mover.group_means
    place = torch.matmul(mean, points)
    there = (place - t[:, None]) @ R
    inside = w.in_object[..., None]
    gap = (inside * there + (1 - inside) * place - w.target).square().sum(-1)
    square = distance.square()
    touch = (square / (1 + 50 * square)) @ mean.T
    return (w.pull * gap / (1 + 4 * gap) + w.touch * touch).sum(1)


def _hand_ways(p: _Problem, joints: Tensor, R: Tensor) -> Tensor:
    """(B,) palms face where they should, thumbs' sides point where they should."""
    wrist, index, pinky = (joints[:, rows] for rows in (_WRISTS, _INDEXES, _PINKIES))
    thumb = torch.nn.functional.normalize(index - pinky, dim=-1)
    ahead = torch.nn.functional.normalize((index + pinky) / 2 - wrist, dim=-1)
    facing = torch.linalg.cross(ahead, thumb) * _SIGNS[:, None]
    want_facing, want_thumb = (ways @ R.transpose(1, 2) for ways in (p.wishes.facing, p.wishes.thumbs))
    off = 2 * (1 - (facing * want_facing).sum(-1)) + (1 - (thumb * want_thumb).sum(-1))
    return (p.wishes.hand * off).sum(1)


def _above_floor(p: _Problem, points: Tensor, R: Tensor, t: Tensor) -> Tensor:
    """(B,) feet, finger tips and the object stay above the floor."""
    feet = (-points[:, p.mover.low, 1]).clamp_min(0).square().sum(1)
    things = (
        ((p.object_points @ R.transpose(1, 2))[..., 1] + t[:, None, 1]).neg().clamp_min(0).square().sum(1)
    )
    return 600.0 * feet + 600.0 * things


def _at_ease(local: Tensor, joints: Tensor) -> Tensor:
    """(B,) wrists bend little, elbows are hinges that bend one way, arms stay out of the trunk."""
    wrist, elbow = local[:, _WRISTS], local[:, _ELBOWS]
    loss = 20.0 * (_WRIST_COSINE - wrist[..., 0, 0]).clamp_min(0).square()
    loss = loss + 2.0 * elbow[..., 1, 0].square()
    loss = loss + 4.0 * (0.02 - _SIGNS * elbow[..., 2, 0]).clamp_min(0).square()
    low = joints[:, :1]
    spine = joints[:, JOINT_INDEX["neck"], None] - low
    arms = joints[:, _ARM_POINTS]
    share = (((arms - low) * spine).sum(-1, keepdim=True) / spine.square().sum(-1, keepdim=True)).clamp(0, 1)
    gap = (arms - low - share * spine).norm(dim=-1)
    return loss.sum(1) + 60.0 * (_BODY_RADIUS_M - gap).clamp_min(0).square().sum(1)


def _write_back(
    p: _Problem, drafts: Sequence[Draft], turns: Tensor, shift: Tensor, moved: Tensor, turned: Tensor
) -> None:
    local = (p.local @ axis_angle_to_matrix(turns)).double().numpy()
    R = (p.R_object @ axis_angle_to_matrix(turned)).double().numpy()
    for b, draft in enumerate(drafts):
        draft.local = local[b]
        draft.root = draft.root + shift[b].double().numpy()
        draft.R_object = R[b]
        draft.t_object = draft.t_object + moved[b].double().numpy()

"""Inverse kinematics for two hands that hold a box by its sides: palms on the faces, nothing inside."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.skeleton import JOINT_INDEX, SIDES
from scorehoi_ros.geometry.rotation import axis_angle_to_matrix
from scorehoi_ros.render.shading import vertex_normals
from scorehoi_ros.types import Floats, Ints

ARM = ("collar", "shoulder", "elbow", "wrist")
STEPS = 420
PALM_HEIGHT_M, PALM_DEPTH_M = -0.03, -0.02
"""Where the palms' centres are on the side faces, from the box's centre: lower, and towards the person."""


@dataclass(frozen=True)
class Problem:
    """Constant tensors of the optimisation; side 0 = left."""

    layer: BodyLayer
    start: Tensor
    """(T, 52, 3, 3)"""
    betas: Tensor
    root: Tensor
    box_rotation: Tensor
    box_centre: Tensor
    half: Tensor
    """(3,) half sides of the box."""
    palms: tuple[Tensor, Tensor]
    """Rows of palm vertices, for each side."""
    pads: tuple[Tensor, Tensor]
    """Rows of the fingers' inner vertices."""
    all_rows: Tensor
    """Rows of everything that must stay outside."""


def box_distance(points: Tensor, half: Tensor) -> Tensor:
    """Exact signed distance (...) of points (..., 3) in the box's frame, negative inside."""
    q = points.abs() - half
    return q.clamp_min(0).norm(dim=-1) + q.max(dim=-1).values.clamp_max(0)


def hand_rows(body: BodyModel, side: str) -> tuple[Ints, Ints]:
    """Vertex ids of the palm and of the fingers' inner sides, from weights and rest-pose normals."""
    normals = vertex_normals(body.v_template.astype(float), body.faces)
    inner = normals[:, 1] < -0.75
    wrist, middle = JOINT_INDEX[f"{side}_wrist"], JOINT_INDEX[f"{side}_middle1"]
    along = (body.v_template - body.joints_template[wrist]) @ (
        body.joints_template[middle] - body.joints_template[wrist]
    )
    along = along / np.sum((body.joints_template[middle] - body.joints_template[wrist]) ** 2)
    palm = inner & (body.weights[:, wrist] > 0.4) & (along > 0.35) & (along < 1.1)
    fingers = [JOINT_INDEX[f"{side}_{f}{k}"] for f in ("index", "middle", "ring", "pinky") for k in (2, 3)]
    pads = inner & (body.weights[:, fingers].sum(1) > 0.8)
    return np.nonzero(palm)[0], np.nonzero(pads)[0]


def hold_box(
    body: BodyModel, betas: Floats, pose: Floats, root: Floats, T_world_box: Floats, size: Floats
) -> Floats:
    """Pose (T, 52, 3, 3) with arms and fingers moved so that the hands hold the box; the rest stays.

    Adam over axis-angle corrections of each arm, one for all frames and a small one for each, and one grip.
    """
    problem = _problem(body, betas, pose, root, T_world_box, size)
    count = len(pose)
    habit = torch.zeros(1, 2 * len(ARM), 3, requires_grad=True)
    change = torch.zeros(count, 2 * len(ARM), 3, requires_grad=True)
    fingers = torch.zeros(30, 3, requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [habit, fingers], "lr": 0.03}, {"params": [change], "lr": 0.01}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS, eta_min=0.002)
    for step in range(STEPS):
        optimiser.zero_grad()
        # hands must first find the faces; only then are they pushed out of the box
        hardness = 200.0 if step < STEPS // 2 else 2000.0
        loss = _loss(problem, habit, change, fingers, hardness)
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return np.asarray(_corrected(problem, habit + change, fingers).double().numpy())


def _arm_joints() -> list[int]:
    return [JOINT_INDEX[f"{side}_{joint}"] for side in SIDES for joint in ARM]


def _problem(
    body: BodyModel, betas: Floats, pose: Floats, root: Floats, T_world_box: Floats, size: Floats
) -> Problem:
    palms, pads = zip(*(hand_rows(body, side) for side in SIDES), strict=True)
    near = np.zeros(len(body.v_template), bool)
    names = [n for n in body.region_names if n.endswith(("forearm", "chest", "belly", "upper_arm"))]
    near[np.isin(body.regions, [body.region_names.index(n) for n in names])] = True
    hands = np.isin(body.regions, [body.region_names.index(f"{side}_hand") for side in SIDES])
    ids = np.unique(np.concatenate([np.nonzero(near)[0][::6], np.nonzero(hands)[0][::2], *palms, *pads]))

    def rows(values: Ints) -> Tensor:
        return torch.as_tensor(np.searchsorted(ids, values))

    def tensor(values: Floats) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32)

    return Problem(
        BodyLayer(body, ids),
        tensor(pose),
        tensor(np.tile(betas, (len(pose), 1))),
        tensor(root),
        tensor(T_world_box[:, :3, :3]),
        tensor(T_world_box[:, :3, 3]),
        tensor(size / 2),
        (rows(palms[0]), rows(palms[1])),
        (rows(pads[0]), rows(pads[1])),
        torch.arange(len(ids)),
    )


def _corrected(problem: Problem, arms: Tensor, fingers: Tensor) -> Tensor:
    pose = problem.start.clone()
    joints = _arm_joints()
    pose[:, joints] = problem.start[:, joints] @ axis_angle_to_matrix(arms)
    pose[:, 22:] = problem.start[:, 22:] @ axis_angle_to_matrix(fingers)
    return pose


def _loss(problem: Problem, habit: Tensor, change: Tensor, fingers: Tensor, hardness: float) -> Tensor:
    vertices, joints = problem.layer(
        _corrected(problem, habit + change, fingers), problem.betas, problem.root
    )

    def in_box(points: Tensor) -> Tensor:
        return (points - problem.box_centre[:, None]) @ problem.box_rotation

    local, bones = in_box(vertices), in_box(joints)
    inside = (-box_distance(local, problem.half)).clamp_min(0)
    loss = hardness * (inside**2).sum(1).mean()
    for k, (side, sign) in enumerate(zip(SIDES, (1.0, -1.0), strict=True)):
        palm, pads = local[:, problem.palms[k]], local[:, problem.pads[k]]
        gap = sign * palm[..., 0] - problem.half[0]
        loss = loss + 2500.0 * (gap**2).mean() + 300.0 * ((sign * pads[..., 0] - problem.half[0]) ** 2).mean()
        centre = palm.mean(1)
        target = centre.new_tensor([PALM_HEIGHT_M, PALM_DEPTH_M])
        loss = loss + 250.0 * ((centre[:, 1:] - target) ** 2).mean()
        fingers_along = bones[:, JOINT_INDEX[f"{side}_middle1"]] - bones[:, JOINT_INDEX[f"{side}_wrist"]]
        wanted = torch.tensor([0.0, -0.2, 0.98])
        loss = loss + 1.0 * (1 - torch.nn.functional.cosine_similarity(fingers_along, wanted, dim=-1)).mean()
    return loss + _habits(habit, change, fingers)


def _habits(habit: Tensor, change: Tensor, fingers: Tensor) -> Tensor:
    """Small corrections, smooth in time; collars and wrists move least, fingers keep their relaxed curve."""
    stiff = torch.tensor([3.0, 0.02, 0.05, 0.12] * 2)[:, None]
    arms = habit + change
    smooth = (arms[2:] - 2 * arms[1:-1] + arms[:-2]) if len(arms) > 2 else arms[:0]
    steady = 0.3 * (stiff * arms**2).mean() + 0.15 * (change**2).mean() + 40.0 * (smooth**2).mean()
    # without a term for the hand's own skin, a thumb that turns freely would pass through the palm
    held = torch.tensor(([1.0] * 12 + [6.0] * 3) * 2)[:, None]
    return steady + 5.0 * (held * fingers**2).mean()


def palm_gap_mm(body: BodyModel, vertices: Floats, T_world_box: Floats, size: Floats) -> Floats:
    """(T, 2) mean distance of each palm from the surface of the box in millimetres, for checks."""
    gaps = []
    for side in SIDES:
        points = vertices[:, hand_rows(body, side)[0]] - T_world_box[:, None, :3, 3]
        local = torch.as_tensor(np.einsum("tni,tij->tnj", points, T_world_box[:, :3, :3]))
        gaps.append(box_distance(local, torch.as_tensor(size / 2)).abs().mean(1).numpy())
    return 1000.0 * np.stack(gaps, axis=1)


def turned(vectors: Floats) -> Floats:
    """Axis-angle (..., 3) to matrices (..., 3, 3)."""
    flat = np.asarray(vectors, np.float64).reshape(-1, 3)
    return Rotation.from_rotvec(flat).as_matrix().reshape(*np.shape(vectors), 3)

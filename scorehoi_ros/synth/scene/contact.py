"""Truth of contact by the 5 cm rule, penetration, and whether a scene is good enough to keep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from scorehoi_ros.body.layer import BodyLayer
from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.body.pose_file import BODY_JOINTS
from scorehoi_ros.body.skeleton import JOINT_INDEX, PARENTS, SIDES
from scorehoi_ros.synth.scene.draft import Draft
from scorehoi_ros.synth.scene.field import stack_fields
from scorehoi_ros.synth.scene.interactions import RECIPES
from scorehoi_ros.synth.scene.kinematics import matrices
from scorehoi_ros.types import CONTACT_DISTANCE_M, Bools, Floats

_CHUNK = 8
_TOUCH_M = 0.012
_LEAST_TOUCHING = 6
"""Vertices that must be within `_TOUCH_M` of the surface."""
_MOST_WRIST_RAD = 1.35
_BONE_SAMPLES = 9
_LIMB_CLEAR_M, _FINGER_CLEAR_M = 0.012, 0.0005
"""Bones keep this far from the object: skin on both sides of a thin wall looks like a shallow penetration."""
_MOST_FLOAT_M, _MOST_SINK_M = 0.025, 0.015
"""Lowest vertex above and below the floor."""


@dataclass(frozen=True)
class Touch:
    """What the full mesh of one scene says."""

    human: Bools
    """(431,) tokens within 5 cm of the object."""
    object: Bools
    """(64,) object points within 5 cm of the body."""
    floor: Bools
    """(64,) object points within 5 cm of the floor."""
    depth_m: float
    """Deepest vertex of the body inside the object."""
    faults: dict[str, float]
    """What is wrong with the scene, each 0..1 and more; empty = nothing."""

    @property
    def score(self) -> float:
        """Sum of the faults; 0 = good."""
        return float(sum(self.faults.values()))


def examine(layer: BodyLayer, body: BodyModel, drafts: Sequence[Draft]) -> list[Touch]:
    """Pose the full mesh of every draft and measure it; `layer` has all vertices of `body`."""
    result = []
    for start in range(0, len(drafts), _CHUNK):
        part = drafts[start : start + _CHUNK]
        vertices, distance, bones = full_mesh(layer, part)
        result += [_touch(body, *row) for row in zip(part, vertices, distance, bones, strict=True)]
    return result


def full_mesh(layer: BodyLayer, drafts: Sequence[Draft]) -> tuple[Floats, Floats, Floats]:
    """Vertices (B, V, 3) in the world, and the signed distances of vertices (B, V) and of bones (B, 51).

    The distance of a bone is the least one along it.
    """
    rotations = np.stack([np.concatenate([d.local, matrices(d.hand_poses)]) for d in drafts])
    arrays = (rotations, np.stack([d.betas for d in drafts]), np.stack([d.root for d in drafts]))
    with torch.no_grad():
        vertices, joints = layer(*(torch.as_tensor(a, dtype=torch.float32) for a in arrays))
        R, t = (torch.as_tensor(np.stack(a), dtype=torch.float32)
                for a in ([d.R_object for d in drafts], [d.t_object for d in drafts]))  # fmt: skip
        fields = stack_fields([d.template.sdf for d in drafts])
        distance = fields.distances((vertices - t[:, None]) @ R)
        bones = fields.distances((_along_bones(joints).flatten(1, 2) - t[:, None]) @ R)
    return vertices.numpy(), distance.numpy(), bones.view(len(drafts), -1, _BONE_SAMPLES).amin(-1).numpy()


def _along_bones(joints: torch.Tensor) -> torch.Tensor:
    """(B, 51, samples, 3) points from each joint's parent to the joint."""
    share = torch.linspace(0.05, 1.0, _BONE_SAMPLES)[:, None]
    start = joints[:, torch.as_tensor(PARENTS[1:].astype(np.int64))]
    return start[:, :, None] + share * (joints[:, 1:] - start)[:, :, None]


def _touch(body: BodyModel, draft: Draft, vertices: Floats, distance: Floats, bones: Floats) -> Touch:
    near = vertices[distance < CONTACT_DISTANCE_M].astype(np.float64)
    points = draft.world_points(draft.template.points)
    reached = np.zeros(len(points), bool)
    if len(near):
        reached = cKDTree(near).query(points, distance_upper_bound=CONTACT_DISTANCE_M)[0] < CONTACT_DISTANCE_M
    depth = max(0.0, -float(distance.min()))
    faults = _faults(body, draft, vertices, distance, depth) | _pierced(draft, bones)
    return Touch(
        distance[body.token_ids] < CONTACT_DISTANCE_M,
        reached,
        points[:, 1] < CONTACT_DISTANCE_M,
        depth,
        faults,
    )


def _faults(
    body: BodyModel, draft: Draft, vertices: Floats, distance: Floats, depth: float
) -> dict[str, float]:
    recipe = RECIPES[draft.interaction]
    found: dict[str, float] = {}
    if depth > recipe.most_depth_m:
        found["penetration"] = depth / recipe.most_depth_m
    for region in wanted_regions(draft):
        part = np.isin(body.regions, [body.region_names.index(name) for name in region])
        if int((distance[part] < _TOUCH_M).sum()) < _LEAST_TOUCHING:
            found[f"no contact of {region[0]}"] = 1.0 + min(float(distance[part].min()) / 0.05, 3.0)
    if not recipe.touching and draft.interaction == "none" and float(distance.min()) < CONTACT_DISTANCE_M:
        found["touches"] = 1.0
    lowest = float(vertices[:, 1].min())
    if not -_MOST_SINK_M < lowest < (_MOST_FLOAT_M if draft.pinned_feet else np.inf):
        found["feet off the floor"] = abs(lowest) / 0.02
    under = float(draft.world_points(draft.template.mesh.vertices)[:, 1].min())
    if under < -_MOST_SINK_M:
        found["object below the floor"] = -under / 0.02
    return found | _strained(draft)


def _pierced(draft: Draft, bones: Floats) -> dict[str, float]:
    """Bones that go through the object, also where its walls are thin."""
    clear = np.full(len(bones), _LIMB_CLEAR_M)
    clear[BODY_JOINTS - 1 :] = _FINGER_CLEAR_M
    if RECIPES[draft.interaction].most_depth_m > 0.01:
        clear = clear - 0.02
    short = clear - bones
    return {"bone inside": 1.0 + float(short.max()) / 0.005} if short.max() > 0 else {}


def wanted_regions(draft: Draft) -> list[tuple[str, ...]]:
    """Groups of regions; each group has to touch: every holding hand, else the regions of the recipe."""
    hands: list[tuple[str, ...]] = [(f"{goal.side}_hand",) for goal in draft.hands if goal.touch > 0]
    touching = RECIPES[draft.interaction].touching
    if touching and not set(touching) <= {f"{side}_hand" for side in SIDES}:
        return [*hands, touching]
    return hands or ([touching] if touching else [])


def _strained(draft: Draft) -> dict[str, float]:
    """Wrists that are bent too far."""
    found = {}
    for side in SIDES:
        cosine = float(draft.local[JOINT_INDEX[f"{side}_wrist"]][0, 0])
        bent = float(np.arccos(np.clip(cosine, -1, 1)))
        if bent > _MOST_WRIST_RAD and any(goal.side == side for goal in draft.hands):
            found[f"{side} wrist"] = bent / _MOST_WRIST_RAD
    return found

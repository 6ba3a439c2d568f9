"""First pose of the object: many starts on the silhouette, the best ones improved by gradient."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from scorehoi_ros.energy import image, physical
from scorehoi_ros.frame.evidence import Silhouette
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction.tensors import ObjectTensors
from scorehoi_ros.methods.fit.descent import Terms, Values, descend
from scorehoi_ros.methods.fit.orientations import (
    MIN_ANGLE,
    quarter_turns,
    rotation_distance,
    spread_rotations,
)
from scorehoi_ros.objects.symmetry import Symmetry
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.types import Bools, Floats

NUM_CANDIDATES = 12
SEARCH_SIZE = 64
"""Pixels of the coarse ranking; the final one uses the full crop."""
REACH_M = 1.0
"""An object that somebody handles is within this distance of the pelvis, in depth."""
_DEPTH_MARGIN_M = 0.05
_TURN_MARGIN = 0.04
"""A quarter turn away from the predicted pose must cost this much less."""
_RATES = {"R_o": 0.03, "origin": 0.01}


@dataclass(frozen=True)
class HumanContext:
    """What the object search knows about the person."""

    root_depth: float
    """Metres."""
    tokens: Tensor
    """(431, 3) metres, camera frame."""
    contacts: Tensor
    """(431,) guessed contact probabilities."""
    depth: Floats
    """(S, S) metres of the rendered body in the object's crop, 0 = nothing."""


@dataclass(frozen=True)
class ObjectPose:
    """One candidate."""

    R_o: Floats
    """(3, 3) object -> camera."""
    origin: Floats
    """(3,) metres, camera frame."""
    iou: float
    """Overlap of the rendered template with the mask, free pixels left out."""
    cost: float
    """Lower is better: 1 - iou plus what the contacts say."""


def search_object(
    template: ObjectTemplate,
    tensors: ObjectTensors,
    target: Silhouette,
    human: HumanContext,
    seeds: list[Floats],
    depth: float | None,
) -> ObjectPose:
    """Best pose of the template for a mask.

    `seeds` are extra starting rotations (3, 3); `depth` a measured depth of the visible surface or None.
    """
    rotations = np.concatenate([np.asarray(seeds).reshape(-1, 3, 3), spread_rotations(template.symmetry)])
    starts = [pose for R in rotations for pose in _starts(template, target, human, R, depth)]
    starts.sort(key=lambda pose: pose.cost)
    chosen = _distinct(starts, template.symmetry, NUM_CANDIDATES)
    improved = _improve(chosen, tensors, target, human)
    scored = [evaluate(template, tensors, target, human, R, t) for R, t in improved]
    best = min(scored, key=lambda pose: pose.cost)
    return polish(best, template, tensors, target, human)


def follow_object(
    moved: list[ObjectPose],
    template: ObjectTemplate,
    tensors: ObjectTensors,
    target: Silhouette,
    human: HumanContext,
    depth: float | None,
) -> ObjectPose:
    """Improve the best of the predicted poses, or a quarter turn of it when that is clearly better.

    Boxes seen from the front look alike after a quarter turn; without this a mistake made there would stay.
    """
    likeliest = min(moved, key=lambda pose: pose.cost)
    followed = polish(likeliest, template, tensors, target, human)
    turns = [
        pose
        for R in quarter_turns(likeliest.R_o, template.symmetry)
        for pose in _starts(template, target, human, R, depth)
    ]
    if not turns:
        return followed
    best = min(
        (evaluate(template, tensors, target, human, p.R_o, p.origin) for p in turns), key=lambda p: p.cost
    )
    turned = polish(best, template, tensors, target, human)
    return turned if turned.cost < followed.cost - _TURN_MARGIN else followed


def _starts(
    template: ObjectTemplate, target: Silhouette, human: HumanContext, R: Floats, depth: float | None
) -> list[ObjectPose]:
    """Poses with rotation R whose outline has the place, and as far as reach allows the size, of the mask."""
    K = target.K.double().numpy()
    points = template.mesh.vertices @ R.T
    ys, xs = np.nonzero(target.mask)
    low, high = np.array([xs.min(), ys.min()]) - 0.5, np.array([xs.max(), ys.max()]) + 0.5
    extent = np.ptp(points[:, :2], axis=0)
    sized = float(K[0, 0] * np.hypot(*extent) / np.hypot(*(high - low)))
    if depth is not None:
        depths = [depth - float(points[:, 2].min()) / 2]
    else:
        near, far = human.root_depth - REACH_M, human.root_depth + REACH_M
        depths = [float(np.clip(sized, near, far))]
        if target.free.any() and abs(depths[0] - human.root_depth) > 0.1:
            depths.append(human.root_depth)
    poses = []
    for z in depths:
        z = max(z, 0.3)
        origin = _centre(points, K, low, high, z)
        mask = _render(template, target, R, origin, SEARCH_SIZE) > 0
        iou = overlap(mask, *_small(target))
        poses.append(ObjectPose(R, origin, iou, 1 - iou))
    return poses


def _centre(points: Floats, K: Floats, low: Floats, high: Floats, z: float) -> Floats:
    """Origin at depth z whose projected bounding box is centred on the box low..high."""
    origin = np.array([*((0.5 * (low + high) - K[:2, 2]) / np.diag(K)[:2] * z), z])
    for _ in range(2):
        moved = points + origin
        pixels = moved[:, :2] / np.maximum(moved[:, 2:], 0.1) * np.diag(K)[:2] + K[:2, 2]
        error = 0.5 * (low + high) - 0.5 * (pixels.min(0) + pixels.max(0))
        origin[:2] += error / np.diag(K)[:2] * z
    return origin


def _render(template: ObjectTemplate, target: Silhouette, R: Floats, origin: Floats, size: int) -> Floats:
    """(size, size) depth in metres of the template in the object's crop, 0 = nothing."""
    scale = size / target.size
    T = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])
    vertices = template.mesh.vertices @ R.T + origin
    return rasterise(vertices, template.mesh.faces, T @ target.K.double().numpy(), size, size)[0]


def _small(target: Silhouette) -> tuple[Bools, Bools]:
    """Mask and free region at the search's resolution."""
    size = (SEARCH_SIZE, SEARCH_SIZE)
    mask = cv2.resize(target.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    free = cv2.resize(target.free.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return mask, free & ~mask


def overlap(rendered: Bools, mask: Bools, free: Bools) -> float:
    """Intersection over union outside the free pixels."""
    union = ((rendered | mask) & ~free).sum()
    return float((rendered & mask).sum() / union) if union else 0.0


def _distinct(poses: list[ObjectPose], symmetry: Symmetry, count: int) -> list[ObjectPose]:
    chosen: list[ObjectPose] = []
    for pose in poses:
        if all(
            rotation_distance(other.R_o[None], pose.R_o, symmetry)[0] > MIN_ANGLE
            or abs(other.origin[2] - pose.origin[2]) > 0.1
            for other in chosen
        ):
            chosen.append(pose)
        if len(chosen) == count:
            break
    return chosen


def _improve(
    poses: list[ObjectPose], tensors: ObjectTensors, target: Silhouette, human: HumanContext
) -> list[tuple[Floats, Floats]]:
    """A batched descent from all candidates on silhouette and contacts."""
    values: Values = {
        "R_o": matrix_to_rotation_6d(torch.as_tensor(np.stack([p.R_o for p in poses]), dtype=torch.float32)),
        "origin": torch.as_tensor(np.stack([p.origin for p in poses]), dtype=torch.float32),
    }
    result = descend(values, _RATES, lambda v: _search_terms(v, tensors, target, human), steps=40).values
    rotations = rotation_6d_to_matrix(result["R_o"]).double().numpy()
    return list(zip(rotations, result["origin"].double().numpy(), strict=True))


def _search_terms(values: Values, tensors: ObjectTensors, target: Silhouette, human: HumanContext) -> Terms:
    R = rotation_6d_to_matrix(values["R_o"])
    surface = tensors.surface @ R.transpose(-1, -2) + values["origin"][:, None]
    hull = tensors.hull @ R.transpose(-1, -2) + values["origin"][:, None]
    pixels = image.project(surface, target.K)
    tolerance = float(target.K[0, 0] / values["origin"][:, 2].detach().mean()) * tensors.spacing
    distance = physical.signed_distances(human.tokens, tensors.field, R, values["origin"])
    return {
        "outside": image.outside_loss(pixels, target.distance).sum(),
        "uncovered": image.uncovered_loss(pixels, target.points, tolerance).sum(),
        "outline": image.outline_loss(image.project(hull, target.K), target.outline).sum(),
        "contact": 1000 * physical.contact_loss(distance, human.contacts).sum(),
        "penetration": 500 * physical.penetration_loss(distance).sum(),
    }


def evaluate(
    template: ObjectTemplate,
    tensors: ObjectTensors,
    target: Silhouette,
    human: HumanContext,
    R: Floats,
    origin: Floats,
) -> ObjectPose:
    """Render and weigh one pose: overlap first, then contact and penetration in metres."""
    depth = _render(template, target, R, origin, target.size)
    iou = overlap(depth > 0, target.mask, target.free)
    R_t, t_t = (torch.as_tensor(a, dtype=torch.float32) for a in (R, origin))
    distance = physical.signed_distances(human.tokens, tensors.field, R_t, t_t)
    wrong = misordered(depth, human.depth, target)
    # All of the object on the wrong side of the body weighs as much as half of the overlap,
    # 10 cm of missed contact weighs as much as 6 % of overlap, 1 cm of mean penetration as 10 %.
    contact = float(physical.contact_loss(distance, human.contacts).clamp_min(0).sqrt())
    return ObjectPose(
        R,
        origin,
        iou,
        1 - iou + 0.5 * wrong + 0.6 * contact + 10 * float(physical.penetration_loss(distance)),
    )


def misordered(object_depth: Floats, human_depth: Floats, target: Silhouette) -> float:
    """Share of the mask's pixels where object and body stand in the wrong order; depths (S, S), 0 = nothing.

    Where the mask shows the object, the body must be behind it; where it shows the body, in front.
    """
    both = (object_depth > 0) & (human_depth > 0)
    too_far = both & target.mask & (object_depth > human_depth + _DEPTH_MARGIN_M)
    too_near = both & target.free & (object_depth < human_depth - _DEPTH_MARGIN_M)
    return float((too_far | too_near).sum() / max(target.mask.sum(), 1))


def polish(
    pose: ObjectPose,
    template: ObjectTemplate,
    tensors: ObjectTensors,
    target: Silhouette,
    human: HumanContext,
) -> ObjectPose:
    """Seeded random search around a pose on the rendered overlap itself, with shrinking steps."""
    rng = np.random.default_rng(0)
    for scale in np.geomspace(1.0, 0.15, 80):
        turn = Rotation.from_rotvec(rng.normal(0, 0.15 * scale, 3)).as_matrix()
        shift = rng.normal(0, 0.02 * scale, 3) * [1, 1, 2]
        candidate = evaluate(template, tensors, target, human, turn @ pose.R_o, pose.origin + shift)
        pose = min(pose, candidate, key=lambda p: p.cost)
    return pose

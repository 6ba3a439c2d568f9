"""First pose of the object: many starts on the silhouette, the best ones improved by gradient."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from scorehoi_ros.energy import image, physical
from scorehoi_ros.frame.agreement import iou
from scorehoi_ros.frame.evidence import Silhouette
from scorehoi_ros.geometry.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from scorehoi_ros.interaction.object_tensors import ObjectTensors, place
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
from scorehoi_ros.types import Bools, Floats, ObjectPose

NUM_CANDIDATES = 12
SEARCH_SIZE = 64
"""Pixels of the coarse ranking; the final one uses the full crop."""
REACH_M = 1.0
"""An object that somebody handles is within this distance of the pelvis, in depth."""
_FARTHEST_M = 10.0
"""An object alone is within this distance of the camera: a mask of a few pixels must not put it far away."""
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
class SearchScene:
    """What is searched for, and where."""

    template: ObjectTemplate
    tensors: ObjectTensors
    target: Silhouette
    human: HumanContext | None
    """None = nobody is in view: the object is placed by its size in the image alone."""
    depth: float | None
    """A measured depth of the object's visible surface, metres."""


@dataclass(frozen=True)
class Candidate:
    """One candidate pose."""

    R: Floats
    """(3, 3) object -> camera."""
    origin: Floats
    """(3,) metres, camera frame."""
    iou: float
    """Overlap of the rendered template with the mask, free pixels left out."""
    cost: float
    """Lower is better: 1 - iou plus what the contacts say."""

    @property
    def pose(self) -> ObjectPose:
        """The pose as an estimate holds it."""
        return ObjectPose(matrix_to_rotation_6d(torch.as_tensor(self.R)).numpy(), self.origin)


def search_object(scene: SearchScene, seeds: list[Floats]) -> Candidate:
    """Best pose of the template for a mask; `seeds` are extra starting rotations (3, 3)."""
    symmetry = scene.template.symmetry
    rotations = np.concatenate([np.asarray(seeds).reshape(-1, 3, 3), spread_rotations(symmetry)])
    starts = [candidate for R in rotations for candidate in _starts(scene, R)]
    starts.sort(key=lambda candidate: candidate.cost)
    chosen = _distinct(starts, symmetry, NUM_CANDIDATES)
    scored = [evaluate(scene, R, origin) for R, origin in _improve(chosen, scene)]
    return polish(min(scored, key=lambda candidate: candidate.cost), scene)


def follow_object(moved: list[Candidate], scene: SearchScene) -> Candidate:
    """Improve the best of the predicted poses, or a quarter turn of it when that is clearly better.

    Boxes seen from the front look alike after a quarter turn; without this a mistake made there would stay.
    """
    likeliest = min(moved, key=lambda candidate: candidate.cost)
    followed = polish(likeliest, scene)
    turns = [
        evaluate(scene, start.R, start.origin)
        for R in quarter_turns(likeliest.R, scene.template.symmetry)
        for start in _starts(scene, R)
    ]
    if not turns:
        return followed
    turned = polish(min(turns, key=lambda candidate: candidate.cost), scene)
    return turned if turned.cost < followed.cost - _TURN_MARGIN else followed


def _starts(scene: SearchScene, R: Floats) -> list[Candidate]:
    """Poses with rotation R whose outline has the place, and as far as reach allows the size, of the mask."""
    target = scene.target
    K = target.K.double().cpu().numpy()
    points = scene.template.mesh.vertices @ R.T
    ys, xs = np.nonzero(target.mask)
    low, high = np.array([xs.min(), ys.min()]) - 0.5, np.array([xs.max(), ys.max()]) + 0.5
    sized = float(K[0, 0] * np.hypot(*np.ptp(points[:, :2], axis=0)) / np.hypot(*(high - low)))
    candidates = []
    for z in _depths(scene, sized, float(points[:, 2].min())):
        origin = _centre(points, K, low, high, max(z, 0.3))
        mask = _render(scene, R, origin, SEARCH_SIZE) > 0
        overlap = iou(mask, *_small(target))
        candidates.append(Candidate(R, origin, overlap, 1 - overlap))
    return candidates


def _depths(scene: SearchScene, sized: float, nearest: float) -> list[float]:
    """Depths to try: the measured one, else that of the size in the image, within reach of the person.

    `nearest` = depth of the template's nearest point relative to its origin.
    """
    if scene.depth is not None:
        return [scene.depth - nearest / 2]
    if scene.human is None:
        return [min(sized, _FARTHEST_M)]
    root = scene.human.root_depth
    reachable = float(np.clip(sized, root - REACH_M, root + REACH_M))
    # Partly hidden, it may be larger, and so nearer to the person, than it looks.
    hidden = scene.target.free.any() and abs(reachable - root) > 0.1
    return [reachable, root] if hidden else [reachable]


def _centre(points: Floats, K: Floats, low: Floats, high: Floats, z: float) -> Floats:
    """Origin at depth z whose projected bounding box is centred on the box low..high."""
    origin = np.array([*((0.5 * (low + high) - K[:2, 2]) / np.diag(K)[:2] * z), z])
    for _ in range(2):
        moved = points + origin
        pixels = moved[:, :2] / np.maximum(moved[:, 2:], 0.1) * np.diag(K)[:2] + K[:2, 2]
        error = 0.5 * (low + high) - 0.5 * (pixels.min(0) + pixels.max(0))
        origin[:2] += error / np.diag(K)[:2] * z
    return origin


def _render(scene: SearchScene, R: Floats, origin: Floats, size: int) -> Floats:
    """(size, size) depth in metres of the template in the object's crop, 0 = nothing."""
    scale = size / scene.target.size
    T = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2], [0, 0, 1.0]])
    mesh = scene.template.mesh
    K = T @ scene.target.K.double().cpu().numpy()
    return rasterise(mesh.vertices @ R.T + origin, mesh.faces, K, size, size)[0]


def _small(target: Silhouette) -> tuple[Bools, Bools]:
    """Mask and free region at the search's resolution."""
    size = (SEARCH_SIZE, SEARCH_SIZE)
    mask = cv2.resize(target.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    free = cv2.resize(target.free.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    return mask, free & ~mask


def _distinct(candidates: list[Candidate], symmetry: Symmetry, count: int) -> list[Candidate]:
    chosen: list[Candidate] = []
    for candidate in candidates:
        if all(
            rotation_distance(other.R[None], candidate.R, symmetry)[0] > MIN_ANGLE
            or abs(other.origin[2] - candidate.origin[2]) > 0.1
            for other in chosen
        ):
            chosen.append(candidate)
        if len(chosen) == count:
            break
    return chosen


def _improve(candidates: list[Candidate], scene: SearchScene) -> list[tuple[Floats, Floats]]:
    """A batched descent from all candidates on silhouette and contacts; rotations (3, 3) and origins (3,)."""

    def tensor(values: list[Floats]) -> Tensor:
        return torch.as_tensor(np.stack(values), dtype=torch.float32, device=scene.target.K.device)

    values: Values = {
        "R_o": matrix_to_rotation_6d(tensor([c.R for c in candidates])),
        "origin": tensor([c.origin for c in candidates]),
    }
    result = descend(values, _RATES, lambda v: _search_terms(v, scene), steps=40).values
    rotations = rotation_6d_to_matrix(result["R_o"]).double().cpu().numpy()
    return list(zip(rotations, result["origin"].double().cpu().numpy(), strict=True))


def _search_terms(values: Values, scene: SearchScene) -> Terms:
    tensors, target, human = scene.tensors, scene.target, scene.human
    surface, hull = (place(p, values["R_o"], values["origin"]) for p in (tensors.surface, tensors.hull))
    pixels = image.project(surface, target.K)
    tolerance = target.K[0, 0] / values["origin"][..., 2].detach() * tensors.spacing
    terms = {
        "outside": image.outside_loss(pixels, target.distance).sum(),
        "uncovered": image.uncovered_loss(pixels, target.points, tolerance).sum(),
        "outline": image.outline_loss(image.project(hull, target.K), target.outline).sum(),
    }
    if human is not None:
        R = rotation_6d_to_matrix(values["R_o"])
        distance = physical.signed_distances(human.tokens, tensors.field, R, values["origin"])
        terms["contact"] = 1000 * physical.contact_loss(distance, human.contacts).sum()
        terms["penetration"] = 500 * physical.penetration_loss(distance).sum()
    return terms


def evaluate(scene: SearchScene, R: Floats, origin: Floats) -> Candidate:
    """Render and weigh one pose: overlap first, then contact and penetration in metres."""
    depth = _render(scene, R, origin, scene.target.size)
    overlap = iou(depth > 0, scene.target.mask, scene.target.free)
    return Candidate(R, origin, overlap, 1 - overlap + _misfit(scene, R, origin, depth))


def _misfit(scene: SearchScene, R: Floats, origin: Floats, depth: Floats) -> float:
    """What a pose costs beside the person; `depth` (S, S) of the rendered object."""
    human = scene.human
    if human is None:
        return 0.0
    device = human.tokens.device
    R_o, t_o = (torch.as_tensor(a, dtype=torch.float32, device=device) for a in (R, origin))
    distance = physical.signed_distances(human.tokens, scene.tensors.field, R_o, t_o)
    wrong = misordered(depth, human.depth, scene.target)
    # All of the object on the wrong side of the body weighs as much as half of the overlap,
    # 10 cm of missed contact weighs as much as 6 % of overlap, 1 cm of mean penetration as 10 %.
    contact = float(physical.contact_loss(distance, human.contacts).clamp_min(0).sqrt())
    return 0.5 * wrong + 0.6 * contact + 10 * float(physical.penetration_loss(distance))


def misordered(object_depth: Floats, human_depth: Floats, target: Silhouette) -> float:
    """Share of the mask's pixels where object and body stand in the wrong order; depths (S, S), 0 = nothing.

    Where the mask shows the object, the body must be behind it; where it shows the body, in front.
    """
    both = (object_depth > 0) & (human_depth > 0)
    too_far = both & target.mask & (object_depth > human_depth + _DEPTH_MARGIN_M)
    too_near = both & target.free & (object_depth < human_depth - _DEPTH_MARGIN_M)
    return float((too_far | too_near).sum() / max(target.mask.sum(), 1))


def polish(candidate: Candidate, scene: SearchScene) -> Candidate:
    """Seeded random search around a pose on the rendered overlap itself, with shrinking steps."""
    rng = np.random.default_rng(0)
    for scale in np.geomspace(1.0, 0.15, 80):
        turn = Rotation.from_rotvec(rng.normal(0, 0.15 * scale, 3)).as_matrix()
        shift = rng.normal(0, 0.02 * scale, 3) * [1, 1, 2]
        other = evaluate(scene, turn @ candidate.R, candidate.origin + shift)
        candidate = min(candidate, other, key=lambda c: c.cost)
    return candidate

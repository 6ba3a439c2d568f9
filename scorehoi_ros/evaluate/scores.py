"""The score of one frame: every metric of the papers and ours, from an answer and the truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scorehoi_ros.datasets.dataset import Human, Sample, Truth
from scorehoi_ros.evaluate import metrics
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.rigid import invert_transform, make_transform, transform_points
from scorehoi_ros.geometry.sdf import sample as signed_distance
from scorehoi_ros.geometry.surface import SurfacePoints, penetration_volume_cm3, surface_points
from scorehoi_ros.render.visible import visible
from scorehoi_ros.types import Floats

SAMPLES = 6000
"""Points on each surface for Chamfer distances, as many as CONTHO's evaluation takes."""
BODY_JOINTS = 22
"""The first joints of SMPL-H: body without fingers."""
WRISTS = ((20, slice(22, 37)), (21, slice(37, 52)))
"""Wrist joint and finger joints of the left and the right hand."""

Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Answer:
    """What a method says about one frame; a missing part is a failure."""

    human: Human | None
    T_cam_object: Floats | None
    """(4, 4)"""
    ms: float
    """Wall milliseconds of the method's own work."""
    message: str = ""
    """Why something is missing, in the method's words."""


@dataclass(frozen=True)
class Pair:
    """An answer made complete, beside the truth, with the points that both surfaces are measured at."""

    human: Human
    T: Floats
    truth: Truth
    same_mesh: bool
    """Answer and truth use one body mesh, so that vertices correspond."""
    on_human: SurfacePoints
    on_truth: SurfacePoints
    on_object: SurfacePoints

    def object_points(self, T: Floats) -> Floats:
        """The measured points of the object at a pose."""
        return transform_points(T, self.on_object.on(self.truth.template.mesh.vertices))


def score(sample: Sample, answer: Answer, blind: Human) -> Scores:
    """Every metric of one frame; None where it cannot be measured.

    What is missing in the answer is replaced by a blind guess, which looks neither at the image nor at the
    truth: `blind`, the mean body 3 m in front of the camera, and the object 0.4 m in front of the pelvis.
    Where human or object are missing, nothing counts as predicted contact.
    """
    human = answer.human or blind
    T = guess_object(human) if answer.T_cam_object is None else answer.T_cam_object
    pair = _pair(human, T, sample.truth)
    complete = answer.human is not None and answer.T_cam_object is not None
    return {
        **_chamfer(pair),
        **_contact(pair, complete),
        **_joints(pair),
        **_pose(pair),
        **_physics(pair),
        **_image(pair, sample),
    }


def guess_object(human: Human) -> Floats:
    """(4, 4) the blind guess of an object: axes of the camera, 0.4 m in front of the pelvis."""
    return make_transform(np.eye(3), human.joints[0] - [0.0, 0.0, 0.4])


def _pair(human: Human, T: Floats, truth: Truth) -> Pair:
    same = human.faces.shape == truth.human.faces.shape and np.array_equal(human.faces, truth.human.faces)
    on_truth = surface_points(truth.human.vertices, truth.human.faces, SAMPLES, np.random.default_rng(0))
    on_human = on_truth
    if not same:
        on_human = surface_points(human.vertices, human.faces, SAMPLES, np.random.default_rng(1))
    mesh = truth.template.mesh
    on_object = surface_points(mesh.vertices, mesh.faces, SAMPLES, np.random.default_rng(2))
    R = metrics.nearest_equivalent(T[:3, :3], truth.T_cam_object[:3, :3], truth.template.symmetry)
    return Pair(human, make_transform(R, T[:3, 3]), truth, same, on_human, on_truth, on_object)


def alignment(pair: Pair) -> metrics.Similarity:
    """Similarity that takes answer to truth, human and object together.

    Over the vertices of both meshes (CONTHO); where the body meshes differ, over the body joints and the 64
    points of the object.
    """
    truth = pair.truth
    mine, true = pair.human.vertices, truth.human.vertices
    things = truth.template.mesh.vertices
    if not pair.same_mesh:
        mine, true = pair.human.joints[:BODY_JOINTS], truth.human.joints[:BODY_JOINTS]
        things = truth.template.points
    source = np.concatenate([mine, transform_points(pair.T, things)])
    return metrics.similarity_procrustes(
        source, np.concatenate([true, transform_points(truth.T_cam_object, things)])
    )


def _chamfer(pair: Pair) -> Scores:
    """With one set of points on both surfaces, and (`_random`) with fresh points on each, as CONTHO does."""
    move, truth = alignment(pair), pair.truth
    human = move.apply(pair.on_human.on(pair.human.vertices))
    true_human = pair.on_truth.on(truth.human.vertices)
    thing, true_thing = move.apply(pair.object_points(pair.T)), pair.object_points(truth.T_cam_object)
    rng, mesh = np.random.default_rng(3), truth.template.mesh
    other_human = surface_points(truth.human.vertices, truth.human.faces, SAMPLES, rng)
    other_thing = surface_points(mesh.vertices, mesh.faces, SAMPLES, rng).on(mesh.vertices)
    return {
        "cd_human_cm": metrics.chamfer_cm(human, true_human),
        "cd_object_cm": metrics.chamfer_cm(thing, true_thing),
        "cd_human_random_cm": metrics.chamfer_cm(human, other_human.on(truth.human.vertices)),
        "cd_object_random_cm": metrics.chamfer_cm(thing, transform_points(truth.T_cam_object, other_thing)),
    }


def _contact(pair: Pair, complete: bool) -> Scores:
    """Contact needs corresponding vertices: nothing is said where the body meshes differ."""
    if not pair.same_mesh:
        return {"contact_p": None, "contact_r": None}
    truth = pair.truth
    true = metrics.contact_vertices(truth.human.vertices, pair.object_points(truth.T_cam_object))
    predicted = np.zeros_like(true)
    if complete:
        predicted = metrics.contact_vertices(pair.human.vertices, pair.object_points(pair.T))
    result = metrics.contact_score(predicted, true)
    return {"contact_p": result.precision, "contact_r": result.recall}


def _joints(pair: Pair) -> Scores:
    mine, true = pair.human.joints, pair.truth.human.joints
    hands = [
        metrics.mpjpe_mm(mine[fingers] - mine[wrist], true[fingers] - true[wrist], root=None)
        for wrist, fingers in WRISTS
    ]
    body, true_body = mine[:BODY_JOINTS], true[:BODY_JOINTS]
    return {
        "mpjpe_mm": metrics.mpjpe_mm(body, true_body),
        "pa_mpjpe_mm": metrics.pa_mpjpe_mm(body, true_body),
        "hand_mpjpe_mm": float(np.mean(hands)),
        "human_trans_cm": metrics.translation_error_cm(mine[0], true[0]),
    }


def _pose(pair: Pair) -> Scores:
    T, true = pair.T, pair.truth.T_cam_object
    relative = T[:3, 3] - pair.human.joints[0]
    return {
        "object_rot_deg": metrics.rotation_error_deg(T[:3, :3], true[:3, :3], pair.truth.template.symmetry),
        "object_trans_cm": metrics.translation_error_cm(T[:3, 3], true[:3, 3]),
        "object_rel_cm": metrics.translation_error_cm(relative, true[:3, 3] - pair.truth.human.joints[0]),
    }


def _physics(pair: Pair) -> Scores:
    """Penetration of the answer itself, and how far its lowest point is from the true floor."""
    vertices, template = pair.human.vertices, pair.truth.template
    distance = signed_distance(template.sdf, transform_points(invert_transform(pair.T), vertices))
    result: dict[str, float | None] = {
        "penetration_mm": metrics.penetration(distance).max_mm,
        "penetration_cm3": penetration_volume_cm3(vertices, pair.human.faces, distance),
        "floor_gap_mm": None,
    }
    if pair.truth.floor is not None:
        lowest = np.concatenate([vertices, transform_points(pair.T, template.mesh.vertices)])
        result["floor_gap_mm"] = abs(metrics.floor_gap_mm(lowest, pair.truth.floor))
    return result


def _image(pair: Pair, sample: Sample) -> Scores:
    """Overlap of what is visible, and distance of the projected joints at 256-pixel crop scale."""
    camera, truth = sample.frame.camera, pair.truth
    result: dict[str, float | None] = {"human_iou": None, "object_iou": None}
    if truth.human_mask is not None or truth.object_mask is not None:
        mesh = truth.template.mesh
        moved = transform_points(pair.T, mesh.vertices)
        human, thing = visible(pair.human.vertices, pair.human.faces, moved, mesh.faces, camera)
        if truth.human_mask is not None:
            result["human_iou"] = metrics.mask_iou(human, truth.human_mask)
        if truth.object_mask is not None:
            result["object_iou"] = metrics.mask_iou(thing, truth.object_mask)
    pixels = project(truth.human.vertices, camera.K)
    side = float(np.nanmax(np.nanmax(pixels, axis=0) - np.nanmin(pixels, axis=0)))
    mine = project(pair.human.joints[:BODY_JOINTS], camera.K)
    true = project(truth.human.joints[:BODY_JOINTS], camera.K)
    result["keypoint_px"] = metrics.keypoint_px(mine, true, np.ones(BODY_JOINTS), max(side, 1.0))
    return result

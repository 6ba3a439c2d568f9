"""Where human, object and floor touch: measured on the result, or as the method predicted."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from scorehoi_ros.body.model import BodyModel
from scorehoi_ros.frame.stages import ContactMasks
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.objects.template import ObjectTemplate
from scorehoi_ros.types import CONTACT_DISTANCE_M, Contacts, Floats, Floor, Ints

_CLOSE_M = 2 * CONTACT_DISTANCE_M
"""Vertices farther from the object than this touch none of its points: the grid is not wrong by so much."""
_SOFTNESS_M = 0.015
"""Contact probability falls from 0.73 to 0.27 within this distance on both sides of the 5 cm rule."""
_CONTACT_PROBABILITY = 0.5
"""Predicted contacts are published from this probability on."""


@dataclass(frozen=True)
class Pair:
    """A reconstructed person and object."""

    vertices: Floats
    """(V, 3) metres, camera frame."""
    T_cam_object: Floats
    """(4, 4)"""
    floor: Floor | None
    body: BodyModel
    template: ObjectTemplate

    def in_object(self) -> Floats:
        """Human vertices (V, 3) float64 in the object's frame."""
        return transform_points(invert_transform(self.T_cam_object), self.vertices.astype(np.float64))

    def distances(self) -> Floats:
        """Signed distances (V,) metres of the human vertices to the object."""
        return sample(self.template.sdf, self.in_object())


def measured_contacts(pair: Pair, distance: Floats) -> Contacts:
    """Contacts by the 5 cm rule; `distance` (V,) are the pair's signed distances."""
    template, floor = pair.template, pair.floor
    touching = np.flatnonzero(distance < CONTACT_DISTANCE_M).astype(np.int32)
    point_distance = to_nearest(template.points, pair.in_object()[distance < _CLOSE_M])
    near = point_distance < CONTACT_DISTANCE_M
    height = np.full(len(template.points), np.inf)
    if floor is not None:
        height = np.abs(transform_points(pair.T_cam_object, template.points) @ floor.normal - floor.offset)
    grounded = height < CONTACT_DISTANCE_M
    return Contacts(
        human_vertices=touching,
        human_probabilities=probability(np.maximum(distance[touching], 0)),
        body_parts=touched_parts(pair.body, touching),
        object_points=template.points[near],
        object_probabilities=probability(point_distance[near]),
        floor_points=template.points[grounded],
        floor_probabilities=probability(height[grounded]),
    )


def to_nearest(points: Floats, others: Floats) -> Floats:
    """(n,) distance of each of points (n, 3) to the nearest of others (m, 3); infinite when there is none."""
    if not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(cKDTree(others).query(points)[0])


def predicted_contacts(masks: ContactMasks, body: BodyModel, template: ObjectTemplate) -> Contacts:
    """Contacts as a method predicts them; a vertex has the probability of the nearest of the 431 tokens."""
    human, thing, ground = (
        m.detach().double().cpu().numpy() for m in (masks.human, masks.object, masks.floor)
    )
    on_vertices = human[body.nearest_token]
    touching = np.flatnonzero(on_vertices >= _CONTACT_PROBABILITY).astype(np.int32)
    near, grounded = thing >= _CONTACT_PROBABILITY, ground >= _CONTACT_PROBABILITY
    return Contacts(
        human_vertices=touching,
        human_probabilities=on_vertices[touching],
        body_parts=touched_parts(body, touching),
        object_points=template.points[near],
        object_probabilities=thing[near],
        floor_points=template.points[grounded],
        floor_probabilities=ground[grounded],
        source="predicted",
    )


def probability(distance: Floats) -> Floats:
    """Contact probability of a distance in metres: 0.5 at the 5 cm rule."""
    return 1 / (1 + np.exp((distance - CONTACT_DISTANCE_M) / _SOFTNESS_M))


def touched_parts(body: BodyModel, vertices: Ints) -> tuple[str, ...]:
    """Region names with at least one contact vertex, most touched first."""
    counts = np.bincount(body.regions[vertices], minlength=len(body.region_names))
    order = np.argsort(-counts, kind="stable")
    return tuple(body.region_names[i] for i in order if counts[i] > 0)

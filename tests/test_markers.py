"""Markers of people, objects and contacts, through both libraries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.messages import builders
from scorehoi_ros.messages.markers import ADD, DELETE, MESH_RESOURCE, TRIANGLE_LIST, MarkerBuilder
from scorehoi_ros.messages.topics import TOPICS
from scorehoi_ros.types import Reconstruction
from tests.message_libraries import LIBRARIES, assert_pose, sent
from tests.reconstructions import (
    FakeBody,
    FakeTemplate,
    bad_input,
    both_lost,
    nobody,
    object_only,
    pair,
    two_of_each,
)

STAMP_NS = 1_700_000_000_123_456_789
Case = Callable[[int, int], Reconstruction]


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    return request.param()


def shown(markers: Any) -> dict[tuple[str, int], tuple[int, int]]:
    """(namespace, id) -> (action, points)."""
    return {(m.ns, m.id): (m.action, len(m.points)) for m in markers.markers}


def arrays(library: Any, *results: Reconstruction, mesh_resource: str = "") -> list[Any]:
    builder = MarkerBuilder(FakeBody(), FakeTemplate(), library.make)
    return [sent(library, builder.build(r, mesh_resource), TOPICS["markers"]) for r in results]


def test_markers_of_people_objects_and_contacts(library: Any) -> None:
    (markers,) = arrays(library, two_of_each(0, STAMP_NS))
    faces, bones, box = 3 * len(FakeBody().faces), 2 * 51, 36
    assert shown(markers) == {
        ("human", 0): (ADD, faces), ("human", 1): (ADD, faces),
        ("skeleton", 0): (ADD, bones), ("skeleton", 1): (ADD, bones),
        ("object", 0): (ADD, box), ("object", 1): (ADD, box),
        ("contacts", 0): (ADD, 3), ("contacts", 1): (ADD, 4),
    }  # fmt: skip
    by_key = {(m.ns, m.id): m for m in markers.markers}
    r = two_of_each(0, STAMP_NS)
    for i in (0, 1):
        touched = r.humans[i].vertices[r.contacts[i].human_vertices]
        points = [[p.x, p.y, p.z] for p in by_key["contacts", i].points]
        np.testing.assert_array_equal(points, touched)
        T = r.objects[i].T_cam_object
        assert_pose(by_key["object", i].pose, T[:3, 3], Rotation.from_matrix(T[:3, :3]))
        assert by_key["human", i].header.frame_id == r.frame_id
        assert by_key["human", i].color.a > 0 and by_key["skeleton", i].scale.x > 0


@pytest.mark.parametrize("later", [nobody, bad_input, both_lost])
def test_what_is_no_longer_shown_is_deleted_in_every_array(library: Any, later: Case) -> None:
    """A subscriber that missed one array hears of it from the next."""
    first, one, *rest = arrays(library, two_of_each(0, 1), pair(0, 2), later(0, 3), later(0, 4))
    gone = dict.fromkeys(shown(first), (DELETE, 0))
    assert shown(one) == shown(arrays(library, pair(0, 2))[0]) | {k: v for k, v in gone.items() if k[1] == 1}
    assert [shown(markers) for markers in rest] == [gone, gone]


def test_markers_of_partial_results(library: Any) -> None:
    r = pair(0, STAMP_NS)
    other = replace(r, objects=(replace(r.object, template_id="another"),))
    no_mesh, no_object, alone = arrays(library, builders.without_mesh(r), other, object_only(0, 1))
    assert {k: a for k, (a, _) in shown(no_mesh).items()} == {
        ("human", 0): DELETE, ("skeleton", 0): ADD, ("object", 0): ADD, ("contacts", 0): DELETE,
    }  # fmt: skip
    assert shown(no_object)["object", 0][0] == DELETE and shown(no_object)["human", 0][0] == ADD
    assert [key for key, (action, _) in shown(alone).items() if action == ADD] == [("object", 0)]


def test_many_contacts_are_thinned_and_a_mesh_file_replaces_triangles(library: Any) -> None:
    r = pair(0, STAMP_NS)
    touching = np.arange(500, dtype=np.int32)
    many = replace(r.contact, human_vertices=touching, human_probabilities=np.ones(500))
    (markers,) = arrays(library, replace(r, contacts=(many,)), mesh_resource="package://x/box.stl")
    by_key = {(m.ns, m.id): m for m in markers.markers}
    assert 100 < len(by_key["contacts", 0].points) <= 200
    thing = by_key["object", 0]
    assert (thing.type, thing.mesh_resource, len(thing.points)) == (MESH_RESOURCE, "package://x/box.stl", 0)
    assert by_key["human", 0].type == TRIANGLE_LIST and by_key["human", 0].mesh_resource == ""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

from scorehoi_ros.geometry.mesh import Mesh
from scorehoi_ros.render.overlay import MAX_RENDER_SIDE, overlay, panel, sheet, status_text
from scorehoi_ros.render.shading import Surface, creased, draw, vertex_normals
from scorehoi_ros.render.zbuffer import silhouette
from scorehoi_ros.types import Camera, Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

K = np.array([[200.0, 0, 79.5], [0, 200.0, 59.5], [0, 0, 1]])
BALL = trimesh.creation.icosphere(3, 0.4)
BOX = trimesh.creation.box((0.3, 0.3, 0.3))
BODY = SimpleNamespace(faces=BALL.faces.astype(np.int32))
TEMPLATE = SimpleNamespace(template_id="box_id", mesh=Mesh(BOX.vertices, BOX.faces))
GREY = np.full((120, 160, 3), 90, np.uint8)


def person(number: int, x: float) -> HumanState:
    return HumanState(
        id=f"human_{number}",
        status=Status.OK,
        confidence=0.9,
        betas=np.zeros(10),
        pose=np.zeros((52, 3)),
        root=np.array([x, 0, 2.0]),
        joints=np.zeros((52, 3)),
        vertices=(BALL.vertices + [x, 0, 2.0]).astype(np.float32),
    )


def box(number: int, x: float) -> ObjectState:
    T = np.eye(4)
    T[:3, 3] = x, 0.1, 2.0
    return ObjectState(f"object_{number}", Status.OK, 0.8, "box", "box_id", T, np.eye(6))


def touch(number: int, part: str = "left_hand") -> Contacts:
    """The person's right side in the picture touches the near left edge of the box."""
    right = np.nonzero(BALL.vertices[:, 0] > 0.3)[0].astype(np.int32)
    return Contacts(
        human_vertices=right,
        human_probabilities=np.ones(len(right)),
        body_parts=(part,),
        object_points=np.array([[-0.15, 0, -0.15]]),
        object_probabilities=np.ones(1),
        floor_points=np.zeros((0, 3)),
        floor_probabilities=np.zeros(0),
        human_id=f"human_{number}",
        object_id=f"object_{number}",
    )


def scene(**changes: Any) -> Reconstruction:
    """A ball for a person, touching a box."""
    pair = Reconstruction(
        stamp_ns=0,
        frame_id="camera",
        name="0",
        camera=Camera(K, 160, 120),
        status=Status.OK,
        message="",
        humans=(person(1, -0.3),),
        objects=(box(1, 0.4),),
        contacts=(touch(1),),
        floor=Floor(np.array([0, -1.0, 0]), -0.5, "gravity"),
    )
    return replace(pair, **changes)


def two_pairs() -> Reconstruction:
    """Two smaller scenes side by side; only the second pair touches."""
    K_wide = np.array([[100.0, 0, 79.5], [0, 100.0, 59.5], [0, 0, 1]])
    return scene(
        camera=Camera(K_wide, 160, 120),
        humans=(person(1, -1.1), person(2, 0.4)),
        objects=(box(1, -0.5), box(2, 1.0)),
        contacts=(touch(2, "back"),),
    )


def test_overlay_colours_human_object_and_contacts_and_leaves_the_rest():
    picture = overlay(GREY, scene(), BODY, TEMPLATE).astype(int)
    plain = overlay(GREY, scene(contacts=()), BODY, TEMPLATE).astype(int)
    body = silhouette(scene().humans[0].vertices, BODY.faces, K, 160, 120)
    thing = silhouette(BOX.vertices + [0.4, 0.1, 2.0], BOX.faces, K, 160, 120)
    assert (picture[:40, 120:] == 90).all()
    assert (plain[body][:, 2] > plain[body][:, 0]).mean() > 0.9  # bluish
    assert (plain[thing & ~body][:, 0] > plain[thing & ~body][:, 2] + 20).mean() > 0.9  # amber
    redder = (picture - plain)[..., 0] - (picture - plain)[..., 1] > 40
    assert redder[body].sum() > 50 and redder[thing & ~body].sum() > 20
    outside = cv2.dilate((body | thing).astype(np.uint8), np.ones((3, 3))) == 0
    assert not redder[:95][outside[:95]].any()  # below that: the status text


@pytest.mark.parametrize("size", [(64, 48), (33, 201), (3000, 2000)])
def test_any_image_size(size):
    width, height = size
    factor = width / 160
    camera = Camera(np.diag([factor, factor, 1]) @ K, width, height)
    rgb = np.zeros((height, width, 3), np.uint8)
    picture = overlay(rgb, scene(camera=camera), BODY, TEMPLATE)
    assert picture.shape == rgb.shape and picture.any()
    if width > MAX_RENDER_SIDE:
        body = silhouette(scene().humans[0].vertices, BODY.faces, camera.K, width, height)
        lit = picture[: height * 3 // 4].sum(-1) > 60
        assert lit[body[: height * 3 // 4]].mean() > 0.99
    side_by_side = panel(rgb, scene(camera=camera), BODY, TEMPLATE)
    assert side_by_side.shape[0] <= 960 and side_by_side.shape[0] % 2 == side_by_side.shape[1] % 2 == 0


@pytest.mark.parametrize("status", [Status.LOST, Status.ABSENT, Status.BAD_INPUT])
def test_stale_states_are_not_drawn(status):
    full = scene()
    r = replace(
        full,
        status=status,
        message="nobody in view",
        contacts=(),
        humans=(replace(full.humans[0], status=status),),
        objects=(replace(full.objects[0], status=status),),
    )
    picture = overlay(GREY, r, BODY, TEMPLATE)
    assert (picture[:80] == 90).all() and (picture[80:] != 90).any()
    assert status.name in status_text(r) and "nobody in view" in status_text(r)
    assert panel(GREY, r, BODY, TEMPLATE).shape[0] == 120


def test_nothing_at_all_and_no_template():
    empty = replace(scene(), humans=(), objects=(), contacts=(), floor=None, status=Status.ABSENT)
    assert overlay(GREY, empty, BODY, None).shape == GREY.shape
    assert panel(GREY, empty, BODY, None).shape[0] == 120
    with_human = overlay(GREY, scene(), BODY, None)
    assert (with_human[:60, 125:] == 90).all()


def red(picture: np.ndarray, plain: np.ndarray) -> np.ndarray:
    change = picture.astype(int) - plain
    return change[..., 0] - change[..., 1] > 40


def test_two_pairs_are_drawn_and_contacts_colour_their_own_pair_only() -> None:
    r = two_pairs()
    picture = overlay(GREY, r, BODY, TEMPLATE)
    plain = overlay(GREY, replace(r, contacts=()), BODY, TEMPLATE)
    changed = np.abs(plain.astype(int) - 90).max(-1) > 20
    bodies = [silhouette(h.vertices, BODY.faces, r.camera.K, 160, 120) for h in r.humans]
    things = [
        silhouette(BOX.vertices + o.T_cam_object[:3, 3], BOX.faces, r.camera.K, 160, 120) for o in r.objects
    ]
    assert all(changed[mask][:, None].mean() > 0.9 for mask in bodies + things)
    spots = red(picture, plain)
    assert spots[bodies[1]].sum() > 20 and spots[things[1] & ~bodies[1]].sum() > 5
    assert not spots[:90, :90].any()  # the first pair; below is the status text


def test_two_contacts_of_one_person_both_show() -> None:
    left = np.nonzero(BALL.vertices[:, 0] < -0.3)[0].astype(np.int32)
    other = replace(
        touch(1, "back"), human_vertices=left, human_probabilities=np.ones(len(left)), object_id=""
    )
    plain = overlay(GREY, scene(contacts=()), BODY, TEMPLATE)
    spots = red(overlay(GREY, scene(contacts=(touch(1), other)), BODY, TEMPLATE), plain)
    assert spots[:90, :35].sum() > 20 and spots[:90, 70:].sum() > 20


def test_an_object_without_a_person_is_drawn_and_another_template_is_not() -> None:
    alone = scene(humans=(), contacts=(replace(touch(1), human_id="", object_points=np.zeros((0, 3))),))
    alone = replace(alone, contacts=(replace(alone.contacts[0], object_probabilities=np.zeros(0)),))
    picture = overlay(GREY, alone, BODY, TEMPLATE)
    thing = silhouette(BOX.vertices + [0.4, 0.1, 2.0], BOX.faces, K, 160, 120)
    assert (picture[thing][:, 0] > picture[thing][:, 2].astype(int) + 20).mean() > 0.9
    assert panel(GREY, alone, BODY, TEMPLATE).shape[0] == 120
    other = SimpleNamespace(template_id="another", mesh=TEMPLATE.mesh)
    assert (overlay(GREY, alone, BODY, other)[:80] == 90).all()


def test_the_status_says_who_and_what_is_there() -> None:
    text = status_text(replace(two_pairs(), objects=(box(1, 0.0), replace(box(2, 0.0), status=Status.LOST))))
    assert text.count("person 0.90") == 2 and "box 0.80" in text and "box not found" in text
    assert "touches with back" in text and "left hand" not in text


def test_guessed_focal_length_is_said():
    assert "guessed" in status_text(scene(camera=Camera(K, 160, 120, source="guess")))
    assert "guessed" not in status_text(scene())


def test_sheet_places_pictures_in_reading_order():
    tiles = [np.full((10, 20, 3), 10 * k, np.uint8) for k in range(5)]
    page = sheet(tiles, 3, gap=2)
    assert page.shape == (2 * 12 + 2, 3 * 22 + 2, 3)
    assert [page[7 + 12 * (k // 3), 10 + 22 * (k % 3), 0] for k in range(5)] == [0, 10, 20, 30, 40]
    assert page[20, 60, 0] == 255
    assert sheet([], 3).ndim == 3


def test_normals_of_a_sphere_and_of_a_box():
    normals = vertex_normals(BALL.vertices, BALL.faces)
    np.testing.assert_allclose(normals, BALL.vertices / 0.4, atol=0.02)
    fine = BOX.subdivide().subdivide()
    corners, faces, sharp = creased(fine.vertices, fine.faces)
    np.testing.assert_allclose(np.abs(sharp).max(1), 1, atol=1e-9)  # every normal stays along an axis
    _, _, smooth = creased(BALL.vertices, BALL.faces)
    np.testing.assert_allclose(smooth, BALL.vertices[BALL.faces.ravel()] / 0.4, atol=0.02)
    assert faces.max() == len(corners) - 1


def test_drawn_coverage_equals_the_exact_area():
    """A disc of radius 0.4 seen head-on: antialiased coverage sums to its projected area."""
    angle = np.linspace(0, 2 * np.pi, 257)[:-1]
    rim = np.c_[0.4 * np.cos(angle), 0.4 * np.sin(angle), np.full(256, 2.0)]
    faces = np.array([[256, k, (k + 1) % 256] for k in range(256)])
    disc = Surface(np.r_[rim, [[0, 0, 2.0]]], faces, np.ones((257, 3)))
    layer = draw([disc], K, 160, 120)
    assert abs(layer.alpha.sum() - np.pi * 40**2) < 0.005 * np.pi * 40**2
    assert 0 < layer.alpha[layer.alpha < 1].mean() < 1
    np.testing.assert_allclose(layer.depth[layer.alpha == 1], 2, atol=1e-5)

import numpy as np
import pytest
import torch

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import load_body
from scorehoi_ros.demo.camera import demo_view
from scorehoi_ros.demo.figure import box_mesh
from scorehoi_ros.demo.generate import first_box, there_and_back
from scorehoi_ros.demo.grip import box_distance, palm_gap_mm
from scorehoi_ros.demo.motion import BOX_SIZE_M, load_motion, save_motion
from scorehoi_ros.demo.room import load_room
from scorehoi_ros.demo.scene import make_actors, picture
from scorehoi_ros.demo.truth import camera_truth, load_truth, posed, save_truth
from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.camera import project
from scorehoi_ros.geometry.mesh import is_watertight, signed_volume
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.render.zbuffer import silhouette

SIZE = np.array(BOX_SIZE_M)


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def motion():
    return load_motion(model_file("demo/motion.npz"))


@pytest.fixture(scope="module")
def states(body, motion):
    return list(posed(body, motion))


def test_hands_hold_the_box_and_nothing_is_inside_it(body, states):
    vertices = np.stack([s.vertices for s in states])
    T = np.stack([s.T_world_box for s in states])
    assert palm_gap_mm(body, vertices, T, SIZE).max() < 8
    local = np.einsum("tni,tij->tnj", vertices - T[:, None, :3, 3], T[:, :3, :3])
    distance = box_distance(torch.as_tensor(local), torch.as_tensor(SIZE / 2)).numpy()
    assert distance.min() > -0.005
    hands = np.isin(body.regions, [body.region_names.index(f"{s}_hand") for s in ("left", "right")])
    assert (distance[:, hands] < 0.05).mean() > 0.5


def test_feet_stay_on_the_floor_and_do_not_slide(body, states):
    vertices = np.stack([s.vertices for s in states])
    assert np.abs(vertices[..., 1].min(1)).max() < 0.01
    slides = []
    for side in ("left", "right"):
        foot = vertices[:, body.regions == body.region_names.index(f"{side}_foot")]
        down = (foot[1:, :, 1] < 0.01) & (foot[:-1, :, 1] < 0.01)
        step = np.linalg.norm(np.diff(foot, axis=0)[..., [0, 2]], axis=-1)
        slides += [s[d].mean() for s, d in zip(step, down, strict=True) if d.sum() > 20]
    assert len(slides) > 20
    assert np.median(slides) < 0.008


def test_everything_stays_in_the_picture(states):
    view = demo_view()
    for s in states:
        pixels = project(view.to_camera(s.vertices), view.K)
        assert pixels.min() > 0 and (pixels < [view.width - 1, view.height - 1]).all()


def test_view_is_a_rotation_that_looks_down_a_little():
    view = demo_view()
    np.testing.assert_allclose(view.R_cam_world @ view.R_cam_world.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.R_cam_world) == pytest.approx(1)
    ahead = view.R_cam_world.T @ [0, 0, 1]
    assert ahead[1] == pytest.approx(-np.sin(np.radians(9.5))) and ahead[2] < 0
    rays, origin = view.world_rays(view.K, view.width, view.height)
    point = origin + 3 * rays[100, 200]
    np.testing.assert_allclose(project(view.to_camera(point)[None], view.K), [[200, 100]], atol=1e-6)


def test_picture_is_the_same_on_every_run_and_shows_person_and_box_where_the_truth_says(body, states):
    view, actors = demo_view(), make_actors(body)
    room = load_room(model_file("demo/room.jpg"), view)
    first, second = (picture(actors, states[10], view, room, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (view.height, view.width, 3) and first.dtype == np.uint8
    assert np.array_equal(first, second)
    T = view.T_cam_world @ states[10].T_world_box
    box = silhouette(
        transform_points(T, actors.box.vertices), actors.box.faces, view.K, view.width, view.height
    )
    person = silhouette(view.to_camera(states[10].vertices), body.faces, view.K, view.width, view.height)
    changed = np.abs(first.astype(int) - (room * 255)).max(-1) > 25
    assert changed[box | person].mean() > 0.85
    assert changed[:100].mean() < 0.01
    r, g, b = np.median(first[box & ~person], axis=0)
    assert r > g > b  # cardboard


def test_prompt_box_surrounds_the_object_tightly(body, motion):
    view = demo_view()
    stamps = np.arange(len(motion.root)) * 10
    truth = camera_truth(body, motion, view, stamps)
    box = first_box(truth, view)
    mesh = box_mesh(SIZE)
    points = transform_points(truth.T_cam_object[0], mesh.vertices)
    rows, columns = np.nonzero(silhouette(points, mesh.faces, view.K, view.width, view.height))
    assert 0 < columns.min() - box.x0 < 10 and 0 < box.x1 - columns.max() < 10
    assert 0 < rows.min() - box.y0 < 10 and 0 < box.y1 - rows.max() < 10


def test_truth_file_round_trip(body, motion, tmp_path):
    truth = camera_truth(body, motion, demo_view(), np.arange(len(motion.root)))
    save_truth(tmp_path / "t.npz", truth)
    read = load_truth(tmp_path / "t.npz")
    for name, value in vars(truth).items():
        np.testing.assert_array_equal(getattr(read, name), value)
    np.testing.assert_allclose(truth.gravity @ demo_view().up, -1)
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(InputError, match="run the demo again"):
        load_truth(tmp_path / "bad.npz")


def test_motion_file_round_trip_and_damage(motion, tmp_path):
    save_motion(tmp_path / "m.npz", motion)
    np.testing.assert_array_equal(load_motion(tmp_path / "m.npz").pose, motion.pose)
    (tmp_path / "m.npz").write_bytes((tmp_path / "m.npz").read_bytes()[:1000])
    with pytest.raises(InputError, match="Restore it"):
        load_motion(tmp_path / "m.npz")


def test_box_mesh_is_closed_with_exact_size():
    mesh = box_mesh(SIZE, 0.05)
    assert signed_volume(mesh) == pytest.approx(SIZE.prod())
    np.testing.assert_allclose(np.ptp(mesh.vertices, axis=0), SIZE)
    welded = np.unique(mesh.vertices.round(9), axis=0, return_inverse=True)
    from scorehoi_ros.geometry.mesh import Mesh

    assert is_watertight(Mesh(welded[0], welded[1].ravel()[mesh.faces]))


def test_there_and_back_turns_around_once_without_doubled_frames():
    assert there_and_back(4).tolist() == [0, 1, 2, 3, 2, 1]


def test_box_distance_by_hand():
    half = torch.tensor([1.0, 2.0, 3.0])
    points = torch.tensor([[0, 0, 0], [1.5, 0, 0], [0.9, 0, 0], [4, 6, 0.0]])
    np.testing.assert_allclose(box_distance(points, half), [-1, 0.5, -0.1, 5], atol=1e-6)


@pytest.mark.slow
def test_every_fifth_picture_is_understood_by_the_detector(body, states):
    from scorehoi_ros.perception.human import MediapipeHuman

    view, actors = demo_view(), make_actors(body)
    room = load_room(model_file("demo/room.jpg"), view)
    detector = MediapipeHuman()
    for k in range(0, len(states), 5):
        rgb = picture(actors, states[k], view, room, np.random.default_rng(k))
        seen = detector.detect(rgb)
        assert seen is not None, k
        person = silhouette(view.to_camera(states[k].vertices), body.faces, view.K, view.width, view.height)
        assert (person & (seen.mask > 0.5)).sum() > 0.6 * person.sum()
    detector.close()


def test_inverse_of_the_camera_pose():
    view = demo_view()
    np.testing.assert_allclose(invert_transform(view.T_cam_world)[:3, 3], view.position, atol=1e-12)

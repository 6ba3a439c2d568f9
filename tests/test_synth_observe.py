"""What is drawn agrees with the exact rasteriser and the truth; noise does what it says, and repeats."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehoi_ros.errors import InputError
from scorehoi_ros.geometry.camera import project, unproject
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.render.fast import draw_fast, gather, project_fast, smooth_normals
from scorehoi_ros.render.shading import vertex_normals
from scorehoi_ros.render.zbuffer import rasterise
from scorehoi_ros.synth.picture.anatomy import FOOT, BodyKey, anatomy
from scorehoi_ros.synth.picture.appearance import paint_person, put_on, sample_look
from scorehoi_ros.synth.picture.light import sample_lamp, shadow_map
from scorehoi_ros.synth.picture.noise import photograph, sample_lens
from scorehoi_ros.synth.picture.photograph import Style, backgrounds
from scorehoi_ros.synth.picture.posed import pose_scene
from scorehoi_ros.synth.picture.things import make_shape, paint_thing, sample_material
from scorehoi_ros.synth.sensor import landmark_noise, mask_noise
from scorehoi_ros.synth.sensor.observe import crop_view, observe, outline_area, whole_view
from tests.synth_scenes import body, scene, template

SIZE = 160


@pytest.fixture(scope="module")
def seen():
    return observe(scene(), body(), template())


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_fast_rasteriser_draws_what_the_exact_one_draws() -> None:
    truth = scene()
    posed = pose_scene(truth, body(), template())
    screen = project_fast(posed.skin, truth.K)
    key, face = draw_fast(screen, body().faces, truth.width, truth.height)
    depth, exact = rasterise(posed.skin, body().faces, truth.K, truth.width, truth.height, cull=True)
    assert ((face >= 0) != (exact >= 0)).mean() < 2e-5
    both = (face >= 0) & (exact >= 0)
    assert both.sum() > 3000
    assert np.abs(1 / key[both] - depth[both]).max() < 1e-3
    assert (face[both] == exact[both]).mean() > 0.995


def test_values_are_interpolated_with_perspective() -> None:
    truth = scene()
    points = pose_scene(truth, body(), template()).skin
    screen = project_fast(points, truth.K)
    _, face = draw_fast(screen, body().faces, truth.width, truth.height)
    values, ids = gather(screen, body().faces, points.astype(np.float32), face)
    rows, columns = np.nonzero(face >= 0)
    assert np.array_equal(ids, face[rows, columns])
    error = project(values.astype(np.float64), truth.K) - np.stack([columns, rows], 1)
    # the edge tolerance lets neighbours claim a pixel a hair outside
    assert np.abs(error).max() < 0.02


def test_triangles_behind_the_camera_or_the_border_are_left_out() -> None:
    corners = np.array([[0, 0, -1.0], [1, 0, 2.0], [0, 1, 2.0], [900.0, 0, 2], [901, 0, 2], [900, 1, 2]])
    screen = project_fast(corners, np.array([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]]))
    _, face = draw_fast(screen, np.array([[0, 1, 2], [3, 4, 5]]), 40, 40, cull=False)
    assert (face < 0).all()


def test_normals_equal_the_plain_ones() -> None:
    v = body().v_template.astype(np.float64)
    assert np.abs(smooth_normals(v, body().faces) - vertex_normals(v, body().faces)).max() < 2e-4


def test_masks_are_modal_and_agree_with_the_exact_silhouettes(seen) -> None:
    truth = scene()
    posed = pose_scene(truth, body(), template())
    size = (truth.width, truth.height)
    human, _ = rasterise(posed.vertices, body().faces, truth.K, *size)
    thing, _ = rasterise(posed.thing, template().mesh.faces, truth.K, *size)
    in_front = (thing > 0) & ((human == 0) | (thing < human))
    assert iou(seen.object_mask, in_front) > 0.99
    assert iou(seen.human_mask, (human > 0) & ~in_front) > 0.99
    assert not (seen.human_mask & seen.object_mask).any()
    assert np.array_equal(seen.depth > 0, seen.human_mask | seen.object_mask)
    assert 0.8 < seen.object_visible <= 1.0


def test_a_box_behind_the_person_is_hidden_by_the_person() -> None:
    hidden = observe(scene(ahead=-0.4), body(), template())
    assert hidden.object_visible < 0.45
    assert (hidden.states != landmark_noise.OBJECT_HIDDEN).all()


def test_the_outline_is_measured_beyond_the_border() -> None:
    truth = scene()
    posed = pose_scene(truth, body(), template())
    depth, face = rasterise(posed.thing, template().mesh.faces, truth.K, truth.width, truth.height)
    assert outline_area(posed.thing, template(), truth.K) == pytest.approx((face >= 0).sum(), rel=0.06)
    moved = truth.K + np.array([[0, 0, 500.0], [0, 0, 0], [0, 0, 0]])
    assert outline_area(posed.thing, template(), moved) == pytest.approx((face >= 0).sum(), rel=0.06)
    assert depth.max() > 1.0


def test_the_same_truth_gives_the_same_bytes(seen) -> None:
    again = observe(scene(), body(), template())
    assert np.array_equal(seen.rgb, again.rgb)
    assert np.array_equal(seen.landmarks.pixels, again.landmarks.pixels)
    assert np.array_equal(seen.masks.human, again.masks.human)
    other = observe(replace(scene(), seed=77), body(), template())
    assert not np.array_equal(seen.rgb, other.rgb)
    assert np.array_equal(seen.human_mask.shape, other.human_mask.shape)


def test_frames_of_a_sequence_wear_the_same_clothes_in_the_same_room() -> None:
    looks = [pose_scene(scene(key=f"test/seq003/{k:04d}"), body(), template()).look for k in (0, 7)]
    assert np.array_equal(looks[0].upper.colour, looks[1].upper.colour)
    other = pose_scene(scene(key="test/seq004/0000"), body(), template()).look
    assert not np.array_equal(looks[0].upper.colour, other.upper.colour)
    first, second = (observe(scene(key=f"test/seq003/{k:04d}"), body(), template()) for k in (0, 1))
    empty = ~(first.human_mask | first.object_mask)
    empty[:, 100:230] = False
    difference = np.abs(first.rgb.astype(int) - second.rgb)[empty]
    # only the grain differs from frame to frame
    assert np.corrcoef(first.rgb[empty].ravel(), second.rgb[empty].ravel())[0, 1] > 0.8, difference.mean()


def test_a_crop_is_the_same_scene_as_the_image() -> None:
    truth = scene()
    posed = pose_scene(truth, body(), template())
    view = crop_view(truth, posed, SIZE)
    crop = observe(truth, body(), template(), view=view)
    whole = observe(truth, body(), template())
    assert crop.rgb.shape == (SIZE, SIZE, 3)
    warped = cv2.warpAffine(whole.human_mask.astype(np.uint8), view.T_view_image[:2], (SIZE, SIZE))
    assert iou(crop.human_mask, warped > 0) > 0.9
    assert np.allclose(view.K, view.T_view_image @ truth.K)
    assert np.array_equal(crop.landmarks.pixels.shape, (75, 2))
    assert (crop.rgb[~view.on_image()] == 0).all()
    assert crop.human_mask[~view.on_image()].sum() == 0


def test_the_whole_view_shows_only_the_image() -> None:
    assert whole_view(scene()).on_image().all()


def test_colours_are_finite_and_in_range() -> None:
    form = anatomy(BodyKey(body()))
    rest, ids = body().v_template[body().faces[:, 0]], np.arange(len(body().faces))
    shape = make_shape(template().mesh)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        colours, rough = paint_person(sample_look(rng, form.at), form, rest, ids)
        assert colours.min() >= 0 and colours.max() < 1.6 and set(np.unique(rough)) <= {0.0, 1.0}
        material = sample_material(rng, "ball" if seed % 2 else "chair", shape.size)
        painted = paint_thing(material, shape, shape.vertices[::3], np.arange(len(shape.faces)))
        assert np.isfinite(painted).all() and painted.min() > -0.5 and painted.max() < 2.0


def test_clothes_stand_off_a_little_and_hands_stay_bare() -> None:
    form = anatomy(BodyKey(body()))
    skin = body().v_template.astype(np.float64)
    for seed in range(6):
        look = sample_look(np.random.default_rng(seed), form.at)
        moved = np.linalg.norm(put_on(look, form, skin, body().faces) - skin, axis=1)
        feet = np.isin(np.arange(len(skin)), form.feet)
        hands = np.abs(skin[:, 0]) > form.at["wrist_x"]
        assert moved[~feet].max() < 0.04
        assert moved[hands].max() == 0.0
    assert (form.parts == FOOT).sum() > 100


def test_a_shadow_map_sees_the_side_that_the_lamp_sees() -> None:
    mesh = template().mesh
    lamp = sample_lamp(np.random.default_rng(3), np.array([0.0, -1.0, 0.0]))
    shadows = shadow_map(mesh.vertices.astype(np.float32), mesh.faces, lamp)
    nearest = (mesh.vertices @ lamp.direction).max() - shadows.origin[2]
    assert shadows.key.max() == pytest.approx(nearest, abs=2.0 / shadows.scale)


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.floats(-0.4, 0.4))
def test_the_floor_of_a_room_lies_on_the_plane(seed: int, tilt: float) -> None:
    normal = np.array([0.0, -np.cos(tilt), -np.sin(tilt)])
    ground = backgrounds.make_ground(normal, -1.4)
    actors = np.array([[0.0, 1.0, 3.0], [0.3, -0.4, 3.2]])
    room = backgrounds.sample_room(np.random.default_rng(seed), ground, actors)
    K = np.array([[60.0, 0, 31.5], [0, 60, 23.5], [0, 0, 1]])
    hidden = np.zeros((48, 64), bool)
    hidden[20:30, 20:40] = True
    picture, floor = backgrounds.paint_room(room, ground, K, hidden)
    assert np.isfinite(picture).all() and picture.min() > -0.2
    assert (picture[hidden] == 0).all() and (floor[hidden] == 0).all()
    rows, columns = np.nonzero(floor > 0)
    points = unproject(np.stack([columns, rows], 1).astype(float), floor[rows, columns].astype(float), K)
    assert np.abs(points @ normal + 1.4).max(initial=0.0) < 1e-4


def test_photos_are_backgrounds_and_bad_ones_are_named(tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "red.png"), np.full((90, 120, 3), (0, 0, 255), np.uint8))
    style = Style(tuple(backgrounds.list_photos(tmp_path)), photo_share=1.0)
    seen = observe(scene(), body(), template(), style)
    corner = seen.rgb[:20, :20].reshape(-1, 3).mean(0)
    assert corner[0] > corner[1] + 60 and corner[0] > corner[2] + 60
    (tmp_path / "red.png").unlink()
    with pytest.raises(InputError, match="no pictures"):
        backgrounds.list_photos(tmp_path)
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        observe(scene(), body(), template(), Style(tuple(backgrounds.list_photos(tmp_path)), 1.0))


def test_cameras_differ_and_keep_the_picture() -> None:
    picture = np.tile(np.linspace(0, 1, 64, dtype=np.float32)[None, :, None], (48, 1, 3))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rgb = photograph(picture.copy(), sample_lens(rng), rng)
        assert rgb.shape == picture.shape and rgb.dtype == np.uint8
        assert np.corrcoef(rgb.mean(2).mean(0), picture[0, :, 0])[0, 1] > 0.85


def test_perfect_masks_stay_and_bad_ones_get_worse() -> None:
    v, u = np.mgrid[:120, :120]
    disc, beside = np.hypot(u - 50, v - 60) < 25, np.hypot(u - 90, v - 60) < 18
    rng = np.random.default_rng(5)
    assert np.array_equal(mask_noise.disturb(disc, beside, mask_noise.PERFECT, rng), disc)
    overlap = {
        name: np.mean([iou(mask_noise.disturb(disc, beside, kind, rng), disc) for _ in range(60)])
        for name, kind in (("careful", mask_noise.CAREFUL), ("colour", mask_noise.COLOUR))
    }
    assert 0.88 < overlap["careful"] < 0.99
    assert 0.55 < overlap["colour"] < 0.88
    assert not mask_noise.disturb(np.zeros_like(disc), beside, mask_noise.COLOUR, rng).any()


def test_told_masks_never_overlap_and_scores_are_shares(seen) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        told = mask_noise.segmenter_masks(seen.human_mask, seen.object_mask, rng)
        if told.human is not None and told.object is not None:
            assert not (told.human & told.object).any()
        assert 0 <= told.human_score <= 1 and 0 <= told.object_score <= 1
        assert (told.object is None) == (told.object_score == 0.0)


def test_simulated_landmarks_have_the_errors_of_the_model() -> None:
    truth, noise = scene(), landmark_noise.load_noise()
    points = pose_scene(truth, body(), template()).landmarks
    states, true = np.zeros(75, int), project(points, truth.K)
    rng = np.random.default_rng(0)
    told = [
        landmark_noise.noisy_landmarks(points, states, truth.K, truth.width, truth.height, noise, rng)
        for _ in range(300)
    ]
    scale = landmark_noise.CROP_PX / landmark_noise.crop_side(true[:33])
    error = np.stack([t.pixels[:33] - true[:33] for t in told]) * scale
    size = np.median(np.linalg.norm(error, axis=2), axis=0)
    expected = np.hypot(*noise.bias.T) + noise.sigma[:, 0]
    assert (size > 0.3 * expected).all() and (size < 2.5 * expected).all()
    assert 0.5 < np.median(size) < 8
    confidence = np.stack([t.confidence for t in told])
    assert confidence.min() >= 0 and confidence.max() <= 1
    found = (confidence[:, 33] > 0).mean()
    assert 0.02 < found < 0.98
    assert all(np.isfinite(t.pixels).all() and np.isfinite(t.world).all() for t in told)
    hips = np.stack([t.world[[23, 24]].mean(0) for t in told])
    assert np.abs(hips).max() < 1e-9


def test_hidden_points_are_less_sure_and_points_outside_are_not_seen() -> None:
    truth, noise = scene(), landmark_noise.load_noise()
    points = pose_scene(truth, body(), template()).landmarks
    means = []
    for state in (landmark_noise.VISIBLE, landmark_noise.OBJECT_HIDDEN):
        rng = np.random.default_rng(1)
        args = (points, np.full(75, state), truth.K, truth.width, truth.height, noise, rng)
        means.append(np.mean([landmark_noise.noisy_landmarks(*args).confidence[:33] for _ in range(40)]))
    assert means[1] < means[0] - 0.1
    moved = points - [2.5, 0, 0]
    rng = np.random.default_rng(1)
    told = landmark_noise.noisy_landmarks(moved, np.zeros(75, int), truth.K, 320, 240, noise, rng)
    assert (told.confidence == 0).all()


def test_states_tell_what_is_in_front() -> None:
    truth = scene()
    T = truth.T_cam_object.copy()
    T[:3, 3] = truth.root + [0.0, 0.0, -0.3]
    told = observe(replace(truth, T_cam_object=T), body(), template())
    hips, knees = [23, 24], [25, 26]
    assert (told.states[hips] == landmark_noise.OBJECT_HIDDEN).all()
    assert (told.states[[0, *knees]] == landmark_noise.VISIBLE).all()
    T[:3, 3] = truth.root + [0.0, 0.0, 0.4]
    behind = observe(replace(truth, T_cam_object=T), body(), template())
    assert (behind.states[hips] == landmark_noise.VISIBLE).all()


def test_a_damaged_noise_model_is_refused(tmp_path) -> None:
    path = tmp_path / "noise.json"
    path.write_text("{")
    with pytest.raises(InputError, match="cannot be read as a model"):
        landmark_noise.load_noise(str(path))
    path.write_text(json.dumps({"format": "scorehoi-detector-noise-9", "model": {}}))
    with pytest.raises(InputError, match="scorehoi-detector-noise-9"):
        landmark_noise.load_noise(str(path))


def test_signed_distances_agree_with_the_scene() -> None:
    assert sample(template().sdf, np.zeros((1, 3)))[0] < -0.05

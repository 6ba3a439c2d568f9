import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.assets import model_file
from scorehoi_ros.body.load import load_body
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.demo.camera import demo_view
from scorehoi_ros.demo.clip import IMAGE_TOPIC, INFO_TOPIC, OBJECT_MASK_TOPIC, fitted_frames, write_clip
from scorehoi_ros.demo.motion import BOX_SIZE_M, load_motion
from scorehoi_ros.demo.processes import node_parameters
from scorehoi_ros.demo.report import MEANINGS, summarise, table
from scorehoi_ros.demo.results import Result, reconstruction
from scorehoi_ros.demo.scores import Judge, Scores, acceleration_error, score_against_truth
from scorehoi_ros.demo.truth import camera_truth
from scorehoi_ros.errors import InputError
from scorehoi_ros.evaluate.metrics import ContactScore
from scorehoi_ros.geometry.rigid import invert_transform, transform_points
from scorehoi_ros.geometry.sdf import sample
from scorehoi_ros.io.frames import BadFrame, Source
from scorehoi_ros.io.message_types import typestore
from scorehoi_ros.io.source import open_source
from scorehoi_ros.messages.builders import interaction, rosbags_factory
from scorehoi_ros.objects.load import load_template
from scorehoi_ros.types import (
    Camera,
    Contacts,
    Floor,
    Frame,
    HumanState,
    Masks,
    ObjectState,
    Reconstruction,
    Status,
)

SPEC = "box:" + "x".join(f"{s:.2f}" for s in BOX_SIZE_M)
REQUIRED = (
    "frames_in", "frames_out", "dropped", "latency_ms", "age_ms", "stage_ms", "human_iou", "keypoint_px",
    "object_iou", "penetration_mm", "contact_f", "cd_human_cm", "cd_object_cm",
)  # fmt: skip


@pytest.fixture(scope="module")
def truth():
    motion = load_motion(model_file("demo/motion.npz"))
    short = replace(motion, pose=motion.pose[:4], root=motion.root[:4], T_world_box=motion.T_world_box[:4])
    return camera_truth(load_body(), short, demo_view(), np.arange(4) * 1_000)


@pytest.fixture(scope="module")
def judge():
    return Judge(load_body(), load_template(SPEC))


def perfect(judge, truth, row=0, shift=(0.0, 0.0, 0.0)):
    """A result that equals the truth, its object moved by `shift`."""
    vertices, T = truth.vertices[row], truth.T_cam_object[row].copy()
    distance = sample(judge.template.sdf, transform_points(invert_transform(T), vertices.astype(float)))
    touching = np.flatnonzero(distance < 0.05)
    T[:3, 3] += shift
    human = HumanState(
        Status.OK, 0.9, np.zeros(10), np.zeros((52, 3)), truth.joints[row, 0], truth.joints[row], vertices
    )
    thing = ObjectState(Status.OK, 0.8, "box", "id", T, np.eye(6))
    none = np.zeros((0, 3)), np.zeros(0)
    points = judge.template.points[:3], np.ones(3)
    contacts = Contacts(touching.astype(np.int32), np.ones(len(touching)), ("left_hand",), *points, *none)
    floor, stages = Floor(np.array([0, -1.0, 0]), -1.4, "gravity"), {"detect_human": 40.0}
    stamp, camera = int(truth.stamps_ns[row]), demo_view().camera
    r = Reconstruction(
        stamp, "camera", "0", camera, Status.OK, "", human, thing, contacts, floor, stage_ms=stages
    )
    return Result(r, 50.0, 60.0, touching)


def test_a_perfect_result_has_no_error(judge, truth):
    scores = score_against_truth(judge, perfect(judge, truth), truth)
    for name in ("human_iou", "object_iou"):
        assert scores.values[name] == 1
    for name in (
        "cd_human_cm",
        "cd_object_cm",
        "mpjpe_mm",
        "pa_mpjpe_mm",
        "keypoint_px",
        "object_rotation_deg",
    ):
        assert scores.values[name] == pytest.approx(0, abs=1e-3), name
    assert scores.contact == ContactScore(1.0, 1.0)
    assert scores.values["penetration_mm"] < 6


def test_a_moved_object_costs_what_it_was_moved(judge, truth):
    scores = score_against_truth(judge, perfect(judge, truth, shift=(0.0, 0.0, 0.3)), truth)
    assert scores.values["object_translation_cm"] == pytest.approx(30)
    assert scores.values["object_iou"] < 0.95 and scores.values["human_iou"] == 1
    assert scores.values["cd_object_cm"] > 5


def test_a_missing_object_or_person_leaves_its_measures_out(judge, truth):
    result = perfect(judge, truth)
    alone = replace(result.reconstruction, object=None, status=Status.ABSENT)
    values = score_against_truth(judge, replace(result, reconstruction=alone), truth).values
    assert "human_iou" in values and not {"object_iou", "cd_human_cm", "cd_object_cm"} & set(values)
    nobody = replace(alone, human=None)
    assert score_against_truth(judge, replace(result, reconstruction=nobody), truth).values == {}


def test_acceleration_needs_three_frames_in_a_row(judge, truth):
    results = [perfect(judge, truth, row) for row in range(4)]
    assert acceleration_error(results, truth) == pytest.approx(0, abs=1e-3)
    assert acceleration_error([results[0], results[1], results[3]], truth) is None


def test_messages_come_back_as_reconstructions(judge, truth):
    r = perfect(judge, truth).reconstruction
    pose = np.tile([0.1, -0.2, 0.3], (52, 1))
    T = r.object.T_cam_object.copy()
    T[:3, :3] = Rotation.from_rotvec([0.3, 1.0, -2.0]).as_matrix()
    r = replace(r, human=replace(r.human, pose=pose), object=replace(r.object, T_cam_object=T))
    store = typestore()
    data = store.serialize_cdr(interaction(r, rosbags_factory(store)), "scorehoi_ros/msg/Interaction")
    message = store.deserialize_cdr(data, "scorehoi_ros/msg/Interaction")
    back = reconstruction(message, 77, 960, 720)
    assert (back.stamp_ns, back.status, back.camera.source) == (77, Status.OK, "camera_info")
    np.testing.assert_array_equal(back.human.vertices, r.human.vertices)
    np.testing.assert_allclose(back.human.pose, pose, atol=1e-6)
    np.testing.assert_allclose(back.human.root, r.human.root, atol=1e-6)
    np.testing.assert_allclose(back.object.T_cam_object, T, atol=1e-6)
    np.testing.assert_array_equal(back.contacts.human_vertices, r.contacts.human_vertices)
    assert back.floor.source == "gravity" and back.floor.offset == -1.4
    assert back.stage_ms == {"detect_human": 40.0}
    lost = replace(
        r, human=None, object=None, contacts=None, floor=None, status=Status.ABSENT, message="nobody"
    )
    empty = reconstruction(interaction(lost, rosbags_factory(store)), 1, 960, 720)
    assert empty.human is None and empty.object is None and empty.floor is None and empty.message == "nobody"


def test_summary_has_the_documented_keys_and_is_json(judge, truth):
    results = [perfect(judge, truth, row) for row in range(2)]
    summary = summarise(5, results, [score_against_truth(judge, r, truth) for r in results], None)
    assert all(key in summary for key in REQUIRED)
    assert (summary["frames_in"], summary["frames_out"], summary["dropped"]) == (5, 2, 3)
    assert summary["latency_ms"] == {"p50": 60.0, "p95": 60.0} and summary["contact_f"] == 1
    json.dumps(summary, allow_nan=False)
    text = table(summary, True)
    assert "the true outline" in text and len(text.splitlines()) <= len(MEANINGS)
    nothing = summarise(5, [], [], None)
    assert all(nothing[key] is None for key in REQUIRED[6:])
    assert "-" in table(nothing, False)


def test_summary_takes_medians_of_what_was_measured():
    scores = [Scores({"human_iou": v}) for v in (0.1, 0.8, 0.9)] + [Scores({})]
    assert summarise(4, [], scores)["human_iou"] == 0.8


def frames(count=3, size=(32, 24), masks=True, source="user"):
    rng = np.random.default_rng(0)
    K = np.array([[30.0, 0, 15.5], [0, 31.0, 11.5], [0, 0, 1]])
    for k in range(count):
        rgb = np.kron(rng.integers(0, 255, (3, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        mask = np.zeros((size[1], size[0]), bool)
        mask[5:15, 8:20] = True
        camera = Camera(K, *size, source=source)
        chosen = Masks(None, mask if masks else None, 0.0, 1.0)
        yield Frame(rgb, camera, 1_000_000_000 + k * 100_000_000, "optical", f"{k}", None, chosen)


def test_clip_is_a_bag_that_reads_back(tmp_path):
    clip = write_clip(tmp_path / "clip", [*frames(), BadFrame("3", 0, "broken")])
    assert (clip.images, clip.skipped, clip.width, clip.height) == (3, 1, 32, 24)
    assert clip.duration_s == pytest.approx(0.2)
    assert clip.topics == {f"{IMAGE_TOPIC}/compressed", INFO_TOPIC, OBJECT_MASK_TOPIC}
    read = list(open_source(clip.path).frames())
    for frame, original in zip(read, frames(), strict=True):
        assert frame.stamp_ns == original.stamp_ns and frame.frame_id == "optical"
        np.testing.assert_array_equal(frame.camera.K, original.camera.K)
        np.testing.assert_array_equal(frame.masks.object, original.masks.object)
        assert np.abs(frame.rgb.astype(int) - original.rgb).mean() < 12


def test_a_guessed_camera_is_not_passed_off_as_calibration(tmp_path):
    clip = write_clip(tmp_path / "clip", frames(masks=False, source="guess"))
    assert clip.topics == {f"{IMAGE_TOPIC}/compressed"}
    usual = PipelineConfig().max_gap_s
    parameters = node_parameters(clip, {"object": "ball:0.22", "prompt_box": []}, 0.1)
    assert "camera_info_topic" not in parameters and "prompt_box" not in parameters
    assert parameters["object"] == "ball:0.22" and parameters["max_gap_s"] == pytest.approx(10 * usual)
    assert node_parameters(clip, {"max_gap_s": 2.0}, 0.1)["max_gap_s"] == 2.0
    assert node_parameters(clip, {}, 4.0)["max_gap_s"] == usual


def test_no_usable_frame_is_said(tmp_path):
    with pytest.raises(InputError, match="no usable frame"):
        write_clip(tmp_path / "clip", [BadFrame("0", 0, "broken")])


def test_pictures_of_another_size_are_skipped():
    mixed = [*frames(1), replace(next(iter(frames(1))), rgb=np.zeros((5, 5, 3), np.uint8))]
    fitted = list(fitted_frames(Source("images", lambda: iter(mixed), 2, None)))
    assert isinstance(fitted[0], Frame) and isinstance(fitted[1], BadFrame)
    assert "size" in fitted[1].reason

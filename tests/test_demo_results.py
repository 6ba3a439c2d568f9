"""Recorded messages back as reconstructions, their scores by the evaluation's ruler, and what is printed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from scorehoi_ros.body.load import load_body
from scorehoi_ros.datasets.dataset import Sample
from scorehoi_ros.demo.own import own_samples
from scorehoi_ros.demo.report import MEANINGS, summarise, table
from scorehoi_ros.demo.results import Result, reconstruction
from scorehoi_ros.demo.scores import score_results
from scorehoi_ros.evaluate.run import COLUMNS
from scorehoi_ros.io.bags.message_types import typestore
from scorehoi_ros.messages.builders import interaction
from scorehoi_ros.messages.factory import RosbagsFactory
from scorehoi_ros.types import Contacts, Floor, HumanState, ObjectState, Reconstruction, Status

ZERO = ("cd_human_cm", "cd_object_cm", "mpjpe_mm", "pa_mpjpe_mm", "hand_mpjpe_mm", "human_trans_cm",
        "object_trans_cm", "object_rot_deg", "keypoint_px", "acceleration_mm")  # fmt: skip


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return own_samples(4)


def published(sample: Sample, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Result:
    """What a node would publish that knows the truth, its object moved by `shift` metres."""
    truth, frame = sample.truth, sample.frame
    T = truth.T_cam_object.copy()
    T[:3, 3] += shift
    vertices = truth.human.vertices.astype(np.float32)
    joints = truth.human.joints
    human = HumanState(
        "human_1", Status.OK, 0.9, np.zeros(10), np.zeros((52, 3)), joints[0], joints, vertices
    )
    thing = ObjectState("object_1", Status.OK, 0.8, "box", "0" * 64, T, np.eye(6))
    none = np.zeros((0, 3)), np.zeros(0)
    points = truth.template.points[:3], np.ones(3)
    touching = Contacts(
        np.arange(5, dtype=np.int32), np.ones(5), ("left_hand",), *points, *none, "human_1", "object_1"
    )
    r = Reconstruction(
        frame.stamp_ns, "camera", sample.key, frame.camera, Status.OK, "", (human,), (thing,), (touching,),
        Floor(np.array([0, -1.0, 0]), -1.4, "gravity"), stage_ms={"look": 40.0, "refine": 60.0},
    )  # fmt: skip
    return Result(r, 50.0, 60.0)


def without_object(result: Result, status: Status) -> Result:
    r = result.reconstruction
    gone = replace(r.objects[0], status=status, T_cam_object=np.eye(4))
    return replace(result, reconstruction=replace(r, objects=(gone,), status=status, message="hidden"))


def test_the_truth_reads_zero_in_the_columns_of_the_evaluation(samples: list[Sample]) -> None:
    row = score_results(samples, [published(s) for s in samples], load_body())
    assert set(COLUMNS) <= set(row) and (row["frames"], row["failures"]) == (4, 0)
    for name in ZERO:
        assert row[name] == pytest.approx(0, abs=1e-2), name
    assert row["contact_f"] == 1 and row["ms_per_frame"] == 100


def test_a_moved_object_costs_what_it_was_moved(samples: list[Sample]) -> None:
    row = score_results(samples, [published(s, (0.0, 0.0, 0.3)) for s in samples], load_body())
    assert row["object_trans_cm"] == pytest.approx(30) and row["human_trans_cm"] == pytest.approx(0, abs=1e-3)
    assert row["cd_object_cm"] > 5


def test_a_lost_object_is_a_failure_and_a_dropped_frame_is_none(samples: list[Sample]) -> None:
    results = [published(samples[0]), without_object(published(samples[1]), Status.LOST)]
    row = score_results(samples, results, load_body())
    assert (row["frames"], row["failures"], row["no_object"], row["no_human"]) == (2, 1, 1, 0)
    assert row["failure_reasons"] == {"hidden": 1} and row["object_trans_cm"] > 1


def test_acceleration_is_not_taken_across_a_dropped_frame(samples: list[Sample]) -> None:
    a, b, c, d = (published(s) for s in samples)
    assert score_results(samples, [a, b, d], load_body())["acceleration_mm"] is None
    assert score_results(samples, [a, b, c], load_body())["acceleration_mm"] == pytest.approx(0, abs=1e-2)


def test_messages_come_back_as_reconstructions(samples: list[Sample]) -> None:
    r = published(samples[0]).reconstruction
    pose = np.tile([0.1, -0.2, 0.3], (52, 1))
    T = r.objects[0].T_cam_object.copy()
    T[:3, :3] = Rotation.from_rotvec([0.3, 1.0, -2.0]).as_matrix()
    second = replace(r.objects[0], id="object_2", status=Status.UNTRUSTED, T_cam_object=T)
    r = replace(r, humans=(replace(r.humans[0], pose=pose),), objects=(r.objects[0], second))
    store = typestore()
    data = store.serialize_cdr(interaction(r, RosbagsFactory(store)), "scorehoi_ros/msg/Interaction")
    back = reconstruction(store.deserialize_cdr(data, "scorehoi_ros/msg/Interaction"), 77, 640, 480)
    assert (back.stamp_ns, back.status, back.camera.source) == (77, Status.OK, r.camera.source)
    assert [h.id for h in back.humans] == ["human_1"]
    assert [(o.id, o.status, o.label) for o in back.objects] == [
        ("object_1", Status.OK, "box"), ("object_2", Status.UNTRUSTED, "box")
    ]  # fmt: skip
    np.testing.assert_array_equal(back.humans[0].vertices, r.humans[0].vertices)
    np.testing.assert_allclose(back.humans[0].pose, pose, atol=1e-6)
    np.testing.assert_allclose(back.humans[0].root, r.humans[0].root, atol=1e-6)
    np.testing.assert_allclose(back.objects[1].T_cam_object, T, atol=1e-6)
    np.testing.assert_array_equal(back.contacts[0].human_vertices, r.contacts[0].human_vertices)
    assert (back.contacts[0].human_id, back.contacts[0].object_id) == ("human_1", "object_1")
    assert back.floor is not None and back.floor.source == "gravity" and back.floor.offset == -1.4
    assert back.stage_ms == {"look": 40.0, "refine": 60.0}
    nothing = replace(
        r, humans=(), objects=(), contacts=(), floor=None, status=Status.ABSENT, message="nobody"
    )
    empty = reconstruction(interaction(nothing, RosbagsFactory(store)), 1, 640, 480)
    assert empty.human is None and empty.object is None and empty.floor is None and empty.message == "nobody"


def test_summary_is_json_and_the_table_shows_the_columns_of_the_evaluation(samples: list[Sample]) -> None:
    results = [published(s) for s in samples[:2]]
    summary = summarise(5, results, score_results(samples, results, load_body()))
    assert (summary["frames_in"], summary["frames_out"], summary["dropped"]) == (5, 2, 3)
    assert summary["latency_ms"] == {"p50": 60.0, "p95": 60.0} and summary["statuses"] == {"OK": 2}
    assert summary["confidence"] == {"human": 0.9, "object": 0.8} and summary["scores"]["contact_f"] == 1
    json.dumps(summary, allow_nan=False)
    text = table(summary)
    assert all(name in text for name in (*MEANINGS, "CD hum", "MPJPE", "IoU obj"))


def test_in_lockstep_no_latency_is_made_up(samples: list[Sample]) -> None:
    """Images then keep the clip's stamps, which are of another clock."""
    summary = summarise(1, [replace(published(samples[0]), latency_ms=None)], None)
    assert summary["latency_ms"] == {"p50": None, "p95": None}
    (line,) = [line for line in table(summary).splitlines() if line.startswith("latency_ms")]
    assert "-, -" in line


def test_without_truth_nothing_is_scored(samples: list[Sample]) -> None:
    summary = summarise(2, [published(samples[0])], None)
    assert summary["scores"] is None and "no ground truth" in table(summary)
    assert "CD hum" not in table(summary)

"""The running node over real DDS: results, bad input, services, parameters."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from geometry_msgs.msg import PoseStamped  # noqa: E402
from rcl_interfaces.srv import GetParameters  # noqa: E402
from scorehoi_ros.msg import BodyModel  # noqa: E402
from scorehoi_ros.srv import SetObjectPrompt  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402

from scorehoi_ros.ros import qos  # noqa: E402
from scorehoi_ros.ros.picture import image_message  # noqa: E402
from scorehoi_ros.types import Status  # noqa: E402
from tests.fake_pipeline import NUM_VERTICES, make_body  # noqa: E402
from tests.ros_helpers import Talker, node_process, small_image, talker  # noqa: E402

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def log(tmp_path_factory: Any) -> Path:
    return tmp_path_factory.mktemp("ros") / "node.log"


@pytest.fixture(scope="module")
def module_talker(log: Path) -> Iterator[Talker]:
    settings: dict[str, Any] = {"object": "ball:0.22", "camera_info_timeout_s": 0.3, "warn_period_s": 0.3}
    with talker() as t, node_process(log, **settings) as process:
        t.wait_for_node()
        yield t
        assert process.poll() is None, f"the node died: {log.read_text()}"


@pytest.fixture
def t(module_talker: Talker) -> Talker:
    """The talker with a good calibration and a fresh track."""
    module_talker.send_info()
    module_talker.call(Trigger, "/scorehoi/reset")
    return module_talker


def test_mesh_travels_between_processes(t: Talker) -> None:
    sent = small_image(9, t.header())
    got = t.answer(sent)
    (human,), (thing,) = got.humans, got.objects
    assert got.header == sent.header == human.header
    assert got.status == Status.OK and got.camera_source == "camera_info"
    np.testing.assert_array_equal(np.reshape(human.vertices, (-1, 3)), make_body().v_template + np.float32(9))
    assert human.id.startswith("human_") and thing.id.startswith("object_")
    assert (thing.class_name, thing.template_id) == ("ball", "id-ball:0.22")
    np.testing.assert_allclose(got.k, [60, 0, 32, 0, 60, 24, 0, 0, 1])
    assert 0 < got.age_ms < 2000, "stamps of another clock: the age counts from the arrival"


def test_age_counts_from_the_capture(t: Talker) -> None:
    header = t.header()
    header.stamp.sec, header.stamp.nanosec = divmod(time.time_ns() - 500_000_000, 1_000_000_000)
    t.stamp_ns = time.time_ns()
    assert 500 < t.answer(small_image(70, header)).age_ms < 2000


def test_nobody_in_view_is_empty(t: Talker) -> None:
    poses: list[Any] = []
    subscription = t.hear(PoseStamped, "/scorehoi/object_pose", poses)
    t.until(lambda: t.node.count_publishers("/scorehoi/object_pose"))
    got = t.answer(level=0)
    assert got.status == Status.ABSENT and not (got.humans or got.objects or got.contacts)
    t.spin(0.2)
    assert not poses, "no pose may be published for an object that is not seen"
    t.answer(level=7)
    t.until(lambda: poses)
    t.node.destroy_subscription(subscription)


def test_body_model_reaches_a_late_subscriber(t: Talker) -> None:
    got: list[Any] = []
    t.hear(BodyModel, "/scorehoi/body_model", got, qos.latched())
    model = t.until(lambda: got)[0]
    assert model.num_vertices == NUM_VERTICES and len(model.joint_names) == 52
    np.testing.assert_array_equal(np.reshape(model.faces, (-1, 3)), make_body().faces)


def test_markers_and_overlay_for_subscribers(t: Talker) -> None:
    markers: list[Any] = []
    pictures: list[Any] = []
    subscriptions = [
        t.hear(MarkerArray, "/scorehoi/markers", markers),
        t.hear(Image, "/scorehoi/overlay", pictures),
    ]
    t.until(lambda: t.answer() and markers and pictures)
    by_name = {m.ns: m for m in markers[-1].markers}
    assert by_name["human"].type == Marker.TRIANGLE_LIST and len(by_name["skeleton"].points) == 2 * 51
    assert 0 < len(by_name["human"].points) <= 3 * 1500 and len(by_name["contacts"].points) == 3
    assert by_name["object"].pose.position.z == 3.0
    assert (pictures[-1].width, pictures[-1].height, pictures[-1].encoding) == (64, 48, "rgb8")
    t.until(lambda: t.answer(level=0) and markers[-1].markers[0].action == Marker.DELETE)
    for subscription in subscriptions:
        t.node.destroy_subscription(subscription)


def bad_images(t: Talker) -> dict[str, Image]:
    wrong = small_image(70, t.header())
    wrong.encoding = "jpeg2000"
    empty = Image(header=t.header(), encoding="rgb8")
    truncated = small_image(70, t.header())
    truncated.data = truncated.data[:100]
    depth = small_image(70, t.header())
    depth.encoding = "32FC1"
    return {"jpeg2000": wrong, "0x0": empty, "truncated": truncated, "depth": depth}


@pytest.mark.parametrize("word", ["jpeg2000", "0x0", "truncated", "depth"])
def test_bad_image_is_marked_and_survived(t: Talker, word: str) -> None:
    message = bad_images(t)[word]
    got = t.answer(message)
    assert got.status == Status.BAD_INPUT and word in got.message and not got.humans
    assert got.header.stamp == message.header.stamp
    assert t.answer().status == Status.OK


def test_fault_in_the_pipeline_is_logged_and_survived(t: Talker, log: Path) -> None:
    got = t.answer(level=255)
    assert got.status == Status.BAD_INPUT and "a fault of the fake pipeline" in got.message
    assert "Traceback" in log.read_text()
    assert t.answer().status == Status.OK


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"focal": float("nan")}, "finite"),
        ({"focal": 0.0}, "positive"),
    ],
)
def test_unusable_camera_info_is_said_and_replaced_by_a_marked_guess(
    t: Talker, log: Path, info: dict[str, Any], words: str
) -> None:
    """Of a stream for which no good one ever came."""
    t.send_info(width=32, height=24, **info)
    t.send(image_message(np.full((24, 32, 3), 7, np.uint8), t.header()))
    t.spin(0.5)
    got = t.answer(image_message(np.full((24, 32, 3), 7, np.uint8), t.header()))
    assert got.status == Status.OK and got.camera_source == "guess"
    t.until(lambda: words in log.read_text())
    level, message, values = t.diagnosis()
    assert level == DiagnosticStatus.WARN[0] and words in message and values["camera_source"] == "guess"


@pytest.mark.parametrize("info", [{"width": 128, "height": 96}, {"frame": "other"}, {"focal": 0.0}])
def test_camera_info_of_another_camera_or_of_none_changes_nothing(t: Talker, info: dict[str, Any]) -> None:
    t.send_info(**info)
    assert t.answer().camera_source == "camera_info"


def test_reset_and_time_going_back_start_afresh(t: Talker) -> None:
    assert [t.answer().message.split()[0] for _ in range(3)] == ["n=1", "n=2", "n=3"]
    first = t.answer()
    assert t.call(Trigger, "/scorehoi/reset").success
    second = t.answer()
    assert second.message.startswith("n=1") and second.humans[0].id != first.humans[0].id
    assert t.answer().message.startswith("n=2")
    t.stamp_ns -= 60_000_000_000
    assert t.answer().message.startswith("n=1")


def test_prompt_is_used_once(t: Talker) -> None:
    answer = t.call(
        SetObjectPrompt, "/scorehoi/set_object_prompt", box=[1.0, 2.0, 30.0, 40.0], points=[5.0, 6.0]
    )
    assert answer.success, answer.message
    assert "box=1,30 points=1" in t.answer().message
    assert "box" not in t.answer().message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "empty"),
        ({"box": [1.0, 2.0, 3.0]}, "four"),
        ({"box": [5.0, 5.0, 1.0, 9.0]}, "x1 > x0"),
        ({"points": [1.0]}, "pairs"),
        ({"points": [1.0, float("nan")]}, "finite"),
        ({"background": [1.0, 2.0]}, "alone say nothing"),
        ({"points": [1.0, 2.0], "background": [1.0]}, "pairs"),
        ({"object": "broken:1"}, "is not an object"),
    ],
)
def test_wrong_prompt_is_refused_with_its_reason(t: Talker, fields: dict[str, Any], words: str) -> None:
    answer = t.call(SetObjectPrompt, "/scorehoi/set_object_prompt", **fields)
    assert not answer.success and words in answer.message
    assert t.answer().objects[0].class_name == "ball"


def test_prompt_may_change_the_object(t: Talker) -> None:
    for spec in ("box:0.4x0.3x0.2", "ball:0.22"):
        assert t.call(SetObjectPrompt, "/scorehoi/set_object_prompt", object=spec).success
        assert t.answer().objects[0].template_id == f"id-{spec}"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("height_m", 9.0, "height_m"),
        ("height_m", "tall", "number"),
        ("fit.track_iterations", 2.5, "whole number"),
        ("gravity", [0.0, 0.0, 0.0], "not all zero"),
        ("gravity", [0.0, 1.0], "three"),
        ("publish_mesh", 1, "true or false"),
        ("object", "cup:0.1", "configure"),
        ("autostart", False, "read-only"),
    ],
)
def test_wrong_parameter_is_refused_with_its_reason(t: Talker, name: str, value: Any, words: str) -> None:
    assert words in t.set_parameter(name, value)


def test_parameter_takes_effect_while_running(t: Talker) -> None:
    before = t.answer()
    assert t.set_parameter("fit.track_iterations", 11) == ""
    after = t.until(lambda: [r for r in [t.answer()] if "it=11" in r.message])[0]
    assert after.humans[0].id == before.humans[0].id, "a change of settings does not end the track"
    assert t.set_parameter("publish_mesh", False) == ""
    got = t.answer()
    assert len(got.humans[0].vertices) == 0 and len(got.humans[0].joints) == 156
    assert t.set_parameter("publish_mesh", True) == ""
    assert t.set_parameter("gravity", [0, 1, 0]) == "", "whole numbers are taken as floats"
    assert load_of(after) == load_of(before), "nothing was loaded anew"


def load_of(result: Any) -> float:
    """Which loading of the pipeline made a result."""
    return float(dict(zip(result.stage_names, result.stage_ms, strict=True))["load"])


def test_a_box_as_a_parameter_is_the_next_prompt(t: Talker) -> None:
    before = t.answer()
    assert t.set_parameter("prompt_box", [3.0, 4.0, 20.0, 30.0]) == ""
    results = [t.answer() for _ in range(3)]
    assert sum("box=3,20" in r.message for r in results) == 1
    assert {r.humans[0].id for r in results} == {before.humans[0].id}
    assert "x1 > x0" in t.set_parameter("prompt_box", [3.0, 4.0, 1.0, 30.0])


def test_parameters_set_together_are_taken_together_or_not_at_all(t: Talker) -> None:
    values: dict[str, Any] = {"score.rounds": 3, "regress.steps": 9, "regress.hypotheses": 2}
    before = load_of(t.answer())
    wrong = t.set_parameters(values | {"min_probability": 1.5, "fit.track_iterations": 13})
    assert "min_probability" in wrong and "1.5" in wrong
    assert "it=13" not in t.answer().message
    assert t.set_parameters(values | {"min_probability": 0.5, "fit.track_iterations": 13}) == ""
    after = t.until(lambda: [r for r in [t.answer()] if "it=13" in r.message])[0]
    assert load_of(after) == before
    names = [*values, "min_probability"]
    got = t.call(GetParameters, "/scorehoi/get_parameters", names=names).values
    assert [v.integer_value for v in got[:3]] == [3, 9, 2] and got[3].double_value == 0.5


def test_diagnostics_count(t: Talker) -> None:
    for _ in range(3):
        t.answer()
    level, _, values = t.diagnosis()
    assert level == DiagnosticStatus.OK[0] and values["status"] == "OK"
    assert int(values["frames_out"]) >= 3 and "stage_ms.fake" in values and float(values["age_ms"]) > 0
    assert 0 < float(values["age_ms.p50"]) <= float(values["age_ms.p95"])
    assert float(values["stage_ms.fake.p95"]) >= 0 and float(values["share_lost"]) == 0
    assert float(values["in_per_s"]) > 0 and float(values["out_per_s"]) > 0 and "dropped_per_s" in values


def test_silence_names_the_topics_there(t: Talker, log: Path) -> None:
    other = t.node.create_publisher(Image, "/elsewhere/image_raw", 1)
    t.until(lambda: "no images on /image" in log.read_text() and "/elsewhere/image_raw" in log.read_text())
    assert t.diagnosis()[0] == DiagnosticStatus.ERROR[0]
    t.node.destroy_publisher(other)
    assert t.answer().status == Status.OK


def test_test_domain_is_private() -> None:
    assert os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"

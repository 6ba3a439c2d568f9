"""A node with a target frame: what moves, what stays, /tf in and out, and overrides of its QoS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")
pytest.importorskip("tf2_msgs", reason="needs the message TFMessage")

from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from scorehoi_ros.io.bags.topics import TRANSFORMS  # noqa: E402
from scorehoi_ros.ros import qos  # noqa: E402
from scorehoi_ros.ros.factory import message_class  # noqa: E402
from tests.ros_helpers import Talker, node_process, small_image, talker  # noqa: E402

pytestmark = pytest.mark.ros
TFMessage = message_class(TRANSFORMS)
TURN = Rotation.from_euler("xyz", [-90, 0, -90], degrees=True)
PLACE = np.array([1.0, 2.0, 1.5])
SETTINGS: dict[str, Any] = {
    "object": "ball:0.22",
    "camera": "60,60,32,24",
    "target_frame": "map",
    "tf_object_prefix": "seen_",
    "warn_period_s": 0.3,
    "qos_overrides./scorehoi/human.publisher.reliability": "best_effort",
    "qos_overrides./tf.publisher.reliability": "best_effort",
    "qos_overrides./diagnostics.publisher.depth": 3,
}
PLACED = {"/scorehoi/object_pose": PoseStamped, "/scorehoi/markers": MarkerArray, "/scorehoi/overlay": Image}


class Room:
    """A talker with a node that looks for the frame "map"."""

    def __init__(self, t: Talker, log: Path) -> None:
        self.t, self.log = t, log
        self.heard: dict[str, list[Any]] = {topic: [] for topic in (*PLACED, "/tf")}
        for topic, kind in PLACED.items():
            t.hear(kind, topic, self.heard[topic])
        t.hear(TFMessage, "/tf", self.heard["/tf"], qos.image(QoSReliabilityPolicy.BEST_EFFORT, 50))
        self.static = t.node.create_publisher(TFMessage, "/tf_static", qos.latched())
        self.moving = t.node.create_publisher(TFMessage, "/tf", 50)

    def answer(self) -> Any:
        for entries in self.heard.values():
            entries.clear()
        result = self.t.answer()
        self.t.until(lambda: all(self.heard[topic] for topic in PLACED))
        return result

    def frames_sent(self) -> dict[str, Any]:
        """What the node sent on /tf, by name."""
        return {
            x.child_frame_id: x for m in self.heard["/tf"] for x in m.transforms if x.child_frame_id != "base"
        }


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    log = tmp_path_factory.mktemp("tf") / "node.log"
    with talker() as t, node_process(log, **SETTINGS) as process:
        made = Room(t, log)
        t.until(lambda: t.image.get_subscription_count(), 60)
        t.until(lambda: t.node.count_publishers("/scorehoi/interaction"))
        # Markers and overlays are made for those who listen, once the node knows of them.
        t.until(lambda: t.answer() and all(made.heard[topic] for topic in PLACED))
        yield made
        assert process.poll() is None, f"the node died: {log.read_text()}"


def transform(parent: str, child: str, place: Any, stamp: Any = None, turn: Any = None) -> Any:
    one = TransformStamped(child_frame_id=child)
    one.header.frame_id = parent
    if stamp is not None:
        one.header.stamp = stamp
    v, r = one.transform.translation, one.transform.rotation
    v.x, v.y, v.z = (float(x) for x in place)
    r.x, r.y, r.z, r.w = (turn or Rotation.identity()).as_quat().tolist()
    return TFMessage(transforms=[one])


def test_the_cameras_frame_until_tf_knows_the_target(room: Room) -> None:
    result = room.answer()
    assert result.header.frame_id == "camera" and result.humans[0].root.position.z == 3.0
    assert room.frames_sent()["body_human_1"].header.frame_id == "camera"
    room.t.until(lambda: 'TF does not join "camera" and "map"' in room.log.read_text())
    assert 'results stay in "camera"' in room.t.diagnosis()[1]


def test_the_name_of_a_frame_is_told_in_plain_letters(room: Room) -> None:
    header = room.t.header()
    header.frame_id = "cam\nera\x1b[2J"
    room.t.answer(small_image(70, header))
    assert 'TF does not join "cam?era?[2J" and "map"' in room.t.diagnosis()[1]


def test_everything_with_a_place_is_in_the_target_frame(room: Room) -> None:
    t = room.t
    room.static.publish(transform("base", "camera", PLACE, turn=TURN))
    room.moving.publish(transform("map", "base", [10, 0, 0], stamp_ahead(t, 0.0)))
    room.moving.publish(transform("map", "base", [14, 0, 0], stamp_ahead(t, 0.066)))
    t.until(lambda: keeps(t, "/tf_static") and t.node.count_subscribers("/tf"))
    t.spin(0.3)
    result = room.answer()
    assert result.header.frame_id == "map"
    # Half way between the two transforms.
    place = TURN.apply([0, 0, 3.0]) + PLACE + [12, 0, 0]
    human, thing = result.humans[0], result.objects[0]
    assert human.header.frame_id == thing.header.frame_id == "map"
    for p in (human.root.position, thing.pose.pose.position):
        np.testing.assert_allclose([p.x, p.y, p.z], place, atol=1e-6)
    np.testing.assert_allclose(
        np.reshape(human.joints, (-1, 3))[0], TURN.apply([0, 0, 0]) + PLACE + [12, 0, 0]
    )
    (pose,), (markers,), (overlay,) = (room.heard[topic][-1:] for topic in PLACED)
    assert pose.header == result.header and overlay.header.frame_id == "camera"
    assert overlay.header.stamp == result.header.stamp
    assert {m.header.frame_id for m in markers.markers} == {"map"}
    sent = room.t.until(room.frames_sent)
    name = f"seen_{thing.id}"
    assert set(sent) == {f"body_{human.id}", name} and sent[name].header == result.header
    v = sent[name].transform.translation
    np.testing.assert_allclose([v.x, v.y, v.z], place, atol=1e-6)
    t.until(lambda: "TF does not join" not in t.diagnosis()[1])


def keeps(t: Talker, topic: str) -> bool:
    """Whether the node asks for what was published on a topic before."""
    found = t.node.get_subscriptions_info_by_topic(topic)
    return any(i.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for i in found)


def stamp_ahead(t: Talker, seconds: float) -> Any:
    """Stamp of the images to come."""
    stamp = TransformStamped().header.stamp
    stamp.sec, stamp.nanosec = divmod(t.stamp_ns + round(seconds * 1e9), 1_000_000_000)
    return stamp


def test_an_image_at_a_time_that_tf_does_not_know_stays_in_the_cameras_frame(room: Room) -> None:
    room.t.stamp_ns += 2_000_000_000
    assert room.answer().header.frame_id == "camera"


def test_quality_of_service_is_that_of_the_overrides(room: Room) -> None:
    offers = {
        topic: [
            i.qos_profile.reliability
            for i in room.t.node.get_publishers_info_by_topic(topic)
            if i.node_name == "scorehoi"
        ]
        for topic in ("/scorehoi/human", "/scorehoi/interaction", "/tf", "/diagnostics")
    }
    low, high = QoSReliabilityPolicy.BEST_EFFORT, QoSReliabilityPolicy.RELIABLE
    assert offers == {
        "/scorehoi/human": [low], "/scorehoi/interaction": [high], "/tf": [low], "/diagnostics": [high]
    }  # fmt: skip

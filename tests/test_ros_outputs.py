"""What the node sends of every kind of result, over real DDS, and what its diagnostics make of it."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("scorehoi_ros.msg", reason="needs the built messages")

from diagnostic_msgs.msg import DiagnosticStatus  # noqa: E402
from geometry_msgs.msg import PoseStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from scorehoi_ros.msg import BodyModel, ContactState, HumanState, Interaction  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from scorehoi_ros.messages.factory import stamp_ns  # noqa: E402
from scorehoi_ros.messages.markers import ADD, DELETE, MESH_RESOURCE  # noqa: E402
from scorehoi_ros.ros import qos  # noqa: E402
from scorehoi_ros.ros.diagnostics import level, values  # noqa: E402
from scorehoi_ros.ros.health import Health, Snapshot, advice  # noqa: E402
from scorehoi_ros.ros.outputs import Outputs  # noqa: E402
from scorehoi_ros.ros.settings import NodeConfig  # noqa: E402
from scorehoi_ros.ros.worker import Counts  # noqa: E402
from scorehoi_ros.types import Reconstruction, Status  # noqa: E402
from tests.reconstructions import (  # noqa: E402
    EVERY_CASE,
    FakeBody,
    FakeTemplate,
    bad_input,
    both_lost,
    human_only,
    lost,
    nobody,
    object_only,
    pair,
    two_of_each,
)
from tests.ros_helpers import Talker, talker  # noqa: E402

KINDS = {
    "interaction": Interaction,
    "human": HumanState,
    "contacts": ContactState,
    "object_pose": PoseStamped,
    "markers": MarkerArray,
    "overlay": Image,
}
PIPELINE = SimpleNamespace(body=FakeBody(), template=FakeTemplate())


class Listener:
    """A node's outputs, and everything that arrives of them."""

    def __init__(self, t: Talker) -> None:
        self._talker = t
        self.node = Node("sender")
        self.outputs = Outputs(self.node)
        self.heard: dict[str, list[Any]] = {name: [] for name in KINDS}
        for name, kind in KINDS.items():
            t.hear(kind, f"/sender/{name}", self.heard[name])
        t.until(lambda: all(self.node.count_subscribers(f"/sender/{name}") for name in KINDS))
        self.outputs.describe(PIPELINE)
        t.spin(0.3)

    def publish(self, r: Reconstruction, **settings: Any) -> dict[str, Any]:
        """What came of one frame, by topic; at least the interaction."""
        before = {name: len(entries) for name, entries in self.heard.items()}
        self.outputs.publish(r, PIPELINE, NodeConfig(**settings), 12.5)
        self._talker.until(lambda: len(self.heard["markers"]) > before["markers"])
        self._talker.until(lambda: len(self.heard["interaction"]) > before["interaction"])
        self._talker.spin(0.1)
        return {name: entries[-1] for name, entries in self.heard.items() if len(entries) > before[name]}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with talker() as t:
        result = Listener(t)
        yield result
        result.outputs.destroy()
        result.node.destroy_node()


@pytest.mark.ros
@pytest.mark.parametrize("case", EVERY_CASE)
def test_topics_of_every_case(listener: Listener, case: Any) -> None:
    r = case(1, 1_700_000_000_000_000_001)
    got = listener.publish(r)
    assert {"interaction", "human", "contacts", "markers"} <= got.keys()
    assert ("object_pose" in got) == (r.object is not None and r.object.status.is_present)
    assert ("overlay" in got) == (r.flat is not None)
    assert stamp_ns(got["human"].header.stamp) == stamp_ns(got["contacts"].header.stamp) == r.stamp_ns
    everything = got["interaction"]
    assert [h.id for h in everything.humans] == [h.id for h in r.humans]
    assert [c.object_id for c in everything.contacts] == [c.object_id for c in r.contacts]
    assert everything.age_ms == 12.5
    shown = {(m.ns, m.id) for m in got["markers"].markers if m.action == ADD}
    assert {i for ns, i in shown if ns == "object"} == {
        i for i, o in enumerate(r.objects) if o.status.is_present
    }


@pytest.mark.ros
def test_settings_of_mesh_and_picture(listener: Listener) -> None:
    r = pair(0, 5)
    got = listener.publish(r, publish_mesh=False, mesh_resource="file:///box.stl", overlay_width=64)
    assert len(got["human"].vertices) == 0 and len(got["human"].joints) == 52 * 3
    assert got["interaction"].objects[0].mesh_resource == "file:///box.stl"
    by_name = {m.ns: m for m in got["markers"].markers if m.id == 0}
    assert by_name["object"].type == MESH_RESOURCE
    assert len(by_name["human"].points) > 100, "markers show the mesh that the messages leave out"
    wide = replace(r, flat=np.zeros((480, 640, 3), np.uint8))
    picture = listener.publish(wide, overlay_width=64)["overlay"]
    assert (picture.width, picture.height, len(picture.data)) == (64, 48, 64 * 48 * 3)
    assert picture.header == got["interaction"].header


@pytest.mark.ros
def test_topology_is_latched_and_another_object_is_drawn(listener: Listener) -> None:
    late: list[Any] = []
    listener._talker.hear(BodyModel, "/sender/body_model", late, qos.latched())
    listener._talker.until(lambda: late)
    assert late[0].num_vertices == len(FakeBody().v_template)
    listener.outputs.describe(SimpleNamespace(body=FakeBody(), template=FakeTemplate(template_id="other")))
    actions = {m.ns: m.action for m in listener.publish(pair(0, 6))["markers"].markers if m.id == 0}
    listener.outputs.describe(PIPELINE)
    assert actions["object"] == DELETE and actions["human"] == ADD


def health_of(r: Reconstruction) -> Snapshot:
    health = Health(lambda: 10.0)
    health.lifecycle("active")
    health.image()
    health.result(r, 1.0, False, 0)
    return health.snapshot()


@pytest.mark.parametrize(
    ("case", "human", "thing", "expected"),
    [
        (pair, "OK", "OK", DiagnosticStatus.OK),
        (two_of_each, "OK", "OK", DiagnosticStatus.OK),
        (human_only, "OK", "", DiagnosticStatus.OK),
        (object_only, "ABSENT", "OK", DiagnosticStatus.OK),
        (nobody, "ABSENT", "", DiagnosticStatus.OK),
        (lost, "OK", "LOST", DiagnosticStatus.WARN),
        (both_lost, "LOST", "LOST", DiagnosticStatus.WARN),
        (bad_input, "BAD_INPUT", "", DiagnosticStatus.WARN),
    ],
)
def test_diagnostics_tell_of_the_primary_pair(case: Any, human: str, thing: str, expected: bytes) -> None:
    s = health_of(case())
    told = values(s, Counts())
    assert (told["human"], told["object"], told["status"]) == (human, thing, case().status.name)
    assert level(s, advice(s, 10.5, "/image", list)) == expected


def test_a_lasting_loss_is_explained() -> None:
    s = health_of(both_lost())
    assert advice(s, 11.0, "/image", list) == {}
    text = advice(replace(s, last_sign_s=30.0), 30.0, "/image", list)["status"]
    assert "prompt" in text and "not found" in text
    assert s.last_status == Status.LOST

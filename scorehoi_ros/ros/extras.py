"""What the node publishes for others' conventions, where their message packages are installed.

TF frames (tf2_msgs), detections (vision_msgs), people as REP 155 has them (hri_msgs).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from scorehoi_ros.io.bags.topics import MOVING, TRANSFORMS
from scorehoi_ros.messages import ros4hri
from scorehoi_ros.messages.detections import DETECTIONS_2D, DETECTIONS_3D, detections_2d, detections_3d
from scorehoi_ros.messages.factory import header
from scorehoi_ros.messages.frames import transforms
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.factory import message_class, ros_message
from scorehoi_ros.ros.picture import image_message
from scorehoi_ros.ros.settings import NodeConfig
from scorehoi_ros.types import HumanState, Reconstruction


@dataclass(frozen=True)
class Shown:
    """One frame's result in both frames."""

    of_image: Reconstruction
    """In the camera's frame, for what lies in the image."""
    placed: Reconstruction
    """In the target frame, where one is set and known; else the same."""
    template: Any | None
    """ObjectTemplate of the objects that are looked for."""
    settings: NodeConfig


class Extra(Protocol):
    """Some publishers of a package that need not be installed."""

    def publish(self, shown: Shown) -> None:
        """One frame; what costs is made for subscribers only."""

    def destroy(self) -> None:
        """Take the publishers off the graph."""


class TfOutput:
    """People and objects as frames on /tf."""

    def __init__(self, node: Node) -> None:
        self._node = node
        kind = message_class(TRANSFORMS)
        self._publisher = node.create_publisher(
            kind, MOVING, qos.transforms(), qos_overriding_options=qos.overridable()
        )

    def publish(self, shown: Shown) -> None:
        """Those that are present, at the image's stamp."""
        s = shown.settings
        message = transforms(shown.placed, s.tf_body_prefix, s.tf_object_prefix, ros_message)
        if message is not None:
            self._publisher.publish(message)

    def destroy(self) -> None:
        """Take the publisher off the graph."""
        self._node.destroy_publisher(self._publisher)


class DetectionOutput:
    """People and objects as detections in space and in the image, for subscribers."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._space, self._image = (
            node.create_publisher(
                message_class(kind), f"~/{name}", qos.result(), qos_overriding_options=qos.overridable()
            )
            for kind, name in ((DETECTIONS_3D, "detections_3d"), (DETECTIONS_2D, "detections_2d"))
        )

    def publish(self, shown: Shown) -> None:
        """Both lists, also when they are empty."""
        if wanted(self._space):
            self._space.publish(detections_3d(shown.placed, shown.template, ros_message))
        if wanted(self._image):
            self._image.publish(detections_2d(shown.of_image, shown.template, ros_message))

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in (self._space, self._image):
            self._node.destroy_publisher(publisher)


BODY_TOPICS = {
    "roi": ros4hri.REGION,
    "cropped": "sensor_msgs/msg/Image",
    "skeleton2d": ros4hri.SKELETON,
    "joint_states": ros4hri.JOINTS,
}
"""Under /humans/bodies/<id>/."""


class BodiesOutput:
    """People as REP 155 has them: a list, and topics of their own that come and go with the track."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._kinds = {name: message_class(kind) for name, kind in BODY_TOPICS.items()}
        self._list = node.create_publisher(
            message_class(ros4hri.IDS_LIST),
            f"{ros4hri.BODIES}/tracked",
            qos.result(),
            qos_overriding_options=qos.overridable(),
        )
        self._bodies: dict[str, dict[str, Publisher]] = {}

    def publish(self, shown: Shown) -> None:
        """The list with every frame; a lost person is not on it, but keeps the topics."""
        if not shown.settings.ros4hri:
            self._keep(set())
            return
        r = shown.of_image
        self._keep({h.id for h in r.humans})
        for index, human in enumerate(r.humans):
            if human.status.is_present:
                publishers = self._bodies.get(human.id) or self._advertise(human.id)
                self._publish_body(r, index, human, publishers)
        self._list.publish(ros4hri.tracked(r, ros_message))

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        self._keep(set())
        self._node.destroy_publisher(self._list)

    def _keep(self, ids: set[str]) -> None:
        """Take the topics of all others off the graph."""
        for gone in self._bodies.keys() - ids:
            for publisher in self._bodies.pop(gone).values():
                self._node.destroy_publisher(publisher)

    def _advertise(self, body: str) -> dict[str, Publisher]:
        # No overrides of QoS here: their parameters could not be taken back with the topics.
        publishers = {
            name: self._node.create_publisher(kind, f"{ros4hri.BODIES}/{body}/{name}", qos.result())
            for name, kind in self._kinds.items()
        }
        self._bodies[body] = publishers
        return publishers

    def _publish_body(
        self, r: Reconstruction, index: int, human: HumanState, publishers: dict[str, Publisher]
    ) -> None:
        head = header(r.stamp_ns, r.frame_id, ros_message)
        # The landmarks are those of the first person.
        seen = r.landmarks if index == 0 else None
        make: dict[str, Callable[[], Any]] = {
            "skeleton2d": lambda: ros4hri.skeleton(human, r.camera, seen, head, ros_message),
            "joint_states": lambda: ros4hri.joint_state(human, head, ros_message),
        }
        in_image = any(wanted(publishers[name]) for name in ("roi", "cropped"))
        box = ros4hri.body_box(human, r.camera) if in_image else None
        if box is not None:
            make["roi"] = lambda: ros4hri.region(box, r.camera, human, head, ros_message)
            make["cropped"] = lambda: cropped(r, box, head)
        for name, build in make.items():
            if wanted(publishers[name]) and (message := build()) is not None:
                publishers[name].publish(message)


def cropped(r: Reconstruction, box: Any, head: Any) -> Image | None:
    """The part of the picture that a box covers; None without a picture."""
    if r.flat is None:
        return None
    x0, y0 = int(np.floor(box.x0)), int(np.floor(box.y0))
    x1, y1 = int(np.ceil(box.x1)), int(np.ceil(box.y1))
    return image_message(r.flat[y0:y1, x0:x1], head)


def wanted(publisher: Publisher) -> bool:
    """Whether somebody subscribes."""
    return bool(publisher.get_subscription_count() > 0)


EXTRAS: dict[str, Callable[[Node], Extra]] = {
    "tf2_msgs": TfOutput,
    "vision_msgs": DetectionOutput,
    "hri_msgs": BodiesOutput,
}
"""By the package that each needs."""


def make_extras(node: Node) -> tuple[list[Extra], tuple[str, ...]]:
    """Those whose package is installed, and the packages that are not."""
    made: list[Extra] = []
    missing = []
    for package, make in EXTRAS.items():
        try:
            made.append(make(node))
        except ImportError:
            missing.append(package)
    return made, tuple(missing)

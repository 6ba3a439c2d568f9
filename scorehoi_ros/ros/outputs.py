"""Everything the node publishes; called from the worker thread."""

from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from scorehoi_ros.messages.builders import body_model, without_mesh
from scorehoi_ros.messages.markers import MarkerBuilder
from scorehoi_ros.messages.topics import LATCHED, TOPICS, frame_messages
from scorehoi_ros.render.overlay import overlay
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.factory import message_class, ros_message, to_array
from scorehoi_ros.ros.settings import NodeConfig
from scorehoi_ros.types import Reconstruction


class Drawn(Protocol):
    """The part of the pipeline that says what results look like."""

    @property
    def body(self) -> Any:
        """BodyModel."""

    @property
    def template(self) -> Any | None:
        """ObjectTemplate, None = human only."""


class Outputs:
    """Publishers under ~/; made at configure, destroyed at cleanup."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publishers: dict[str, Publisher] = {
            name: self._publisher(
                message_class(kind), name, qos.latched() if name in LATCHED else qos.result()
            )
            for name, kind in TOPICS.items()
        }
        self._publishers["overlay"] = self._publisher(Image, "overlay", qos.result())
        self._markers: MarkerBuilder | None = None

    def describe(self, pipeline: Drawn) -> None:
        """Publish the topology (latched) and prepare markers; again after the pipeline was rebuilt."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._publishers["body_model"].publish(body_model(pipeline.body, ros_message, time_ns=now_ns))
        if self._markers is None:
            self._markers = MarkerBuilder(pipeline.body, pipeline.template, ros_message)
        self._markers.set_template(pipeline.template)

    def publish(self, r: Reconstruction, pipeline: Drawn, settings: NodeConfig, age_ms: float) -> None:
        """One frame's results; markers and the overlay are made only for subscribers.

        There is no overlay of a frame without a usable image.
        """
        sent = r if settings.publish_mesh else without_mesh(r)
        messages = frame_messages(sent, ros_message, mesh_resource=settings.mesh_resource, age_ms=age_ms)
        for name, message in messages.items():
            self._publishers[name].publish(message)
        if self._markers is not None and self._wanted("markers"):
            self._publishers["markers"].publish(self._markers.build(r, settings.mesh_resource))
        if r.flat is not None and self._wanted("overlay"):
            picture = overlay(r.flat, r, pipeline.body, pipeline.template)
            head = messages["interaction"].header
            self._publishers["overlay"].publish(
                image_message(narrowed(picture, settings.overlay_width), head)
            )

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers = {}

    def _wanted(self, name: str) -> bool:
        return bool(self._publishers[name].get_subscription_count() > 0)

    def _publisher(self, kind: Any, name: str, profile: Any) -> Publisher:
        return self._node.create_publisher(
            kind, f"~/{name}", profile, qos_overriding_options=qos.overridable()
        )


def narrowed(picture: NDArray[np.uint8], max_width: int) -> NDArray[np.uint8]:
    """The picture (h, w, 3), made smaller when it is wider than `max_width`."""
    height, width = picture.shape[:2]
    if width <= max_width:
        return picture
    size = (max_width, max(round(height * max_width / width), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def image_message(rgb: NDArray[np.uint8], header: Any) -> Image:
    """sensor_msgs/Image, rgb8, of (H, W, 3) uint8."""
    height, width = rgb.shape[:2]
    data = to_array(np.ascontiguousarray(rgb).reshape(-1))
    return Image(
        header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=data
    )

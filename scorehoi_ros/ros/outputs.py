"""Everything the node publishes; called from the worker thread.

People, objects and the floor are in the target frame where one is set and known, else in the camera's; what
lies in the image (overlay, crops, boxes, skeletons in pixels) is in the camera's.  Every header says which.
"""

import logging
from typing import Any, Protocol

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from scorehoi_ros.messages.builders import body_model, without_mesh
from scorehoi_ros.messages.factory import header
from scorehoi_ros.messages.markers import MarkerBuilder
from scorehoi_ros.messages.moved import moved
from scorehoi_ros.messages.topics import LATCHED, TOPICS, frame_messages
from scorehoi_ros.render.overlay import overlay
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.extras import Shown, make_extras, wanted
from scorehoi_ros.ros.factory import message_class, ros_message
from scorehoi_ros.ros.picture import image_message, narrowed
from scorehoi_ros.ros.settings import NodeConfig
from scorehoi_ros.types import Floats, Reconstruction

log = logging.getLogger(__name__)


class Drawn(Protocol):
    """The part of the pipeline that says what results look like."""

    @property
    def body(self) -> Any:
        """BodyModel."""

    @property
    def template(self) -> Any | None:
        """ObjectTemplate, None = human only."""


class Outputs:
    """Publishers under ~/, and those of `ros.extras`; made at configure, destroyed at cleanup."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publishers: dict[str, Publisher] = {
            name: self._publisher(
                message_class(kind), name, qos.latched() if name in LATCHED else qos.result()
            )
            for name, kind in TOPICS.items()
        }
        self._publishers["overlay"] = self._publisher(Image, "overlay", qos.result())
        self._extras, self.missing = make_extras(node)
        """`missing`: packages of messages that are not installed, whose topics are not there."""
        if self.missing:
            log.debug("not installed, so that nothing is published of them: %s", ", ".join(self.missing))
        self._markers: MarkerBuilder | None = None

    def describe(self, pipeline: Drawn) -> None:
        """Publish the topology (latched) and prepare markers; again after the pipeline was rebuilt."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._publishers["body_model"].publish(body_model(pipeline.body, ros_message, time_ns=now_ns))
        if self._markers is None:
            self._markers = MarkerBuilder(pipeline.body, pipeline.template, ros_message)
        self._markers.set_template(pipeline.template)

    def publish(
        self,
        r: Reconstruction,
        pipeline: Drawn,
        settings: NodeConfig,
        age_ms: float,
        T_target_cam: Floats | None = None,
    ) -> None:
        """One frame's results; markers, the overlay and detections are made only for subscribers.

        `T_target_cam` (4, 4) brings them to `settings.target_frame`; None = they stay in the camera's.
        There is no overlay of a frame without a usable image.
        """
        placed = r if T_target_cam is None else moved(r, T_target_cam, settings.target_frame)
        sent = placed if settings.publish_mesh else without_mesh(placed)
        messages = frame_messages(sent, ros_message, mesh_resource=settings.mesh_resource, age_ms=age_ms)
        for name, message in messages.items():
            self._publishers[name].publish(message)
        if self._markers is not None and wanted(self._publishers["markers"]):
            self._publishers["markers"].publish(self._markers.build(placed, settings.mesh_resource))
        for extra in self._extras:
            extra.publish(Shown(r, placed, pipeline.template, settings))
        if r.flat is not None and wanted(self._publishers["overlay"]):
            picture = narrowed(overlay(r.flat, r, pipeline.body, pipeline.template), settings.overlay_width)
            head = header(r.stamp_ns, r.frame_id, ros_message)
            self._publishers["overlay"].publish(image_message(picture, head))

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        for extra in self._extras:
            extra.destroy()
        self._publishers, self._extras = {}, []

    def _publisher(self, kind: Any, name: str, profile: Any) -> Publisher:
        return self._node.create_publisher(
            kind, f"~/{name}", profile, qos_overriding_options=qos.overridable()
        )

"""Everything the node publishes; called from the worker thread."""

from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from scorehoi_ros.frame.session import Outcome, Session
from scorehoi_ros.geometry.camera import undistort_frame
from scorehoi_ros.messages import builders as messages
from scorehoi_ros.msg import BodyModel, ContactState, HumanState, Interaction
from scorehoi_ros.render.overlay import overlay
from scorehoi_ros.ros import qos
from scorehoi_ros.ros.factory import ros_message, to_array
from scorehoi_ros.ros.markers import MarkerBuilder
from scorehoi_ros.ros.settings import NodeConfig
from scorehoi_ros.types import Frame

RESULTS = {
    "interaction": Interaction,
    "human": HumanState,
    "object_pose": PoseStamped,
    "contacts": ContactState,
    "markers": MarkerArray,
    "overlay": Image,
}


class Outputs:
    """Publishers under ~/; made at configure, destroyed at cleanup."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publishers: dict[str, Publisher] = {
            name: self._publisher(kind, name, qos.result()) for name, kind in RESULTS.items()
        }
        self._publishers["body_model"] = self._publisher(BodyModel, "body_model", qos.latched())
        self._markers: MarkerBuilder | None = None

    def describe(self, session: Session, settings: NodeConfig) -> None:
        """Publish the topology once (latched) and prepare markers; again after the pipeline was rebuilt."""
        body = session.pipeline.body
        now_ns = self._node.get_clock().now().nanoseconds
        self._publishers["body_model"].publish(messages.body_model(body, ros_message, time_ns=now_ns))
        self._markers = MarkerBuilder(body, session.pipeline.template, settings.mesh_resource)

    def publish(
        self, outcome: Outcome, frame: Frame | None, session: Session, settings: NodeConfig, age_ms: float
    ) -> None:
        """One frame's results; markers and the overlay are made only for subscribers."""
        r = outcome.reconstruction
        message = messages.interaction(
            messages.without_mesh(r) if not settings.publish_mesh else r,
            ros_message,
            track_id=outcome.track_id,
            identity=session.identity(settings.mesh_resource),
            age_ms=age_ms,
        )
        self._publishers["interaction"].publish(message)
        self._publishers["human"].publish(message.human)
        self._publishers["contacts"].publish(message.contacts)
        pose = messages.pose_stamped(r, ros_message)
        if pose is not None:
            self._publishers["object_pose"].publish(pose)
        if self._markers is not None and self._wanted("markers"):
            self._publishers["markers"].publish(self._markers.build(r, message.header))
        if frame is not None and self._wanted("overlay"):
            picture = draw_overlay(frame, outcome, session, settings.overlay_width)
            self._publishers["overlay"].publish(image_message(picture, message.header))

    def destroy(self) -> None:
        """Take the publishers off the graph."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers = {}

    def _wanted(self, name: str) -> bool:
        return self._publishers[name].get_subscription_count() > 0

    def _publisher(self, kind: Any, name: str, profile: Any) -> Publisher:
        return self._node.create_publisher(
            kind, f"~/{name}", profile, qos_overriding_options=qos.overridable()
        )


def draw_overlay(frame: Frame, outcome: Outcome, session: Session, max_width: int) -> Any:
    """(h, w, 3) uint8 picture of the reconstruction over its image, at most `max_width` wide."""
    rgb = undistort_frame(frame).rgb
    picture = overlay(rgb, outcome.reconstruction, session.pipeline.body, session.pipeline.template)
    height, width = picture.shape[:2]
    if width <= max_width:
        return picture
    size = (max_width, max(round(height * max_width / width), 1))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def image_message(rgb: Any, header: Any) -> Image:
    """sensor_msgs/Image, rgb8, of (H, W, 3) uint8."""
    height, width = rgb.shape[:2]
    data = to_array(np.ascontiguousarray(rgb).reshape(-1))
    return Image(
        header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=data
    )

"""Subscriptions of the node; callbacks only hand messages on, work happens in the worker thread."""

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from scorehoi_ros.messages.factory import stamp_ns
from scorehoi_ros.ros.matcher import Bundle, StampMatcher
from scorehoi_ros.ros.settings import NodeConfig, topic_beside
from scorehoi_ros.ros.subscribe import AdaptiveSubscription

COMPRESSED = "/compressed"
ADAPT_S = 0.5
COMPANION_DEPTH = 5
"""Depth and masks must be matched with images by stamp, so a few are kept."""
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


class Inputs:
    """Subscribes at activate, unsubscribes at deactivate; `on_bundle` gets images with depth and masks."""

    def __init__(
        self,
        node: Node,
        settings: NodeConfig,
        on_bundle: Callable[[Bundle], None],
        on_camera_info: Callable[[CameraInfo], None],
    ) -> None:
        self._node, self._on_bundle = node, on_bundle
        companions = {
            "depth": settings.depth_topic,
            "human": settings.human_mask_topic,
            "object": settings.object_mask_topic,
        }
        companions = {name: topic for name, topic in companions.items() if topic}
        self._matcher = StampMatcher(
            tuple(companions), int(settings.sync_tolerance_s * 1e9), int(settings.sync_wait_s * 1e9)
        )
        info_topic = settings.camera_info_topic or topic_beside(_base(settings.image_topic), "camera_info")
        wanted = settings.image_reliability
        image = AdaptiveSubscription(node, *_typed(image_topic(settings)), self._image, 1, wanted)
        self._subscriptions = [
            image,
            *(
                AdaptiveSubscription(node, *_typed(topic), self._companion(name), COMPANION_DEPTH, wanted)
                for name, topic in companions.items()
            ),
            AdaptiveSubscription(node, CameraInfo, info_topic, on_camera_info, 1, wanted),
        ]
        self._timers = [node.create_timer(ADAPT_S, self._adapt)]
        if companions:
            self._timers.append(node.create_timer(max(settings.sync_wait_s / 2, 0.01), self._flush))
        self.image_topic = image.topic_name

    def destroy(self) -> None:
        """Unsubscribe from everything."""
        for subscription in self._subscriptions:
            subscription.destroy()
        for timer in self._timers:
            self._node.destroy_timer(timer)
        self._subscriptions, self._timers = [], []

    def _adapt(self) -> None:
        for subscription in self._subscriptions:
            subscription.adapt()

    def _image(self, message: Any) -> None:
        stamp = stamp_ns(message.header.stamp)
        self._hand_on(self._matcher.add_image(message, stamp, time.monotonic_ns()))

    def _companion(self, name: str) -> Callable[[Any], None]:
        def callback(message: Any) -> None:
            stamp = stamp_ns(message.header.stamp)
            self._hand_on(self._matcher.add_companion(name, message, stamp, time.monotonic_ns()))

        return callback

    def _flush(self) -> None:
        self._hand_on(self._matcher.ready(time.monotonic_ns()))

    def _hand_on(self, bundles: list[Bundle]) -> None:
        for bundle in bundles:
            self._on_bundle(bundle)


def _typed(topic: str) -> tuple[Any, str]:
    return (CompressedImage if topic.endswith((COMPRESSED, "/compressedDepth")) else Image), topic


def image_topic(settings: NodeConfig) -> str:
    """The topic that is subscribed to for images."""
    if settings.transport == "compressed" and not settings.image_topic.endswith(COMPRESSED):
        return settings.image_topic + COMPRESSED
    return settings.image_topic


def published_image_topics(node: Node) -> list[str]:
    """Topics of images that somebody publishes, without the node's own overlay."""
    own = node.resolve_topic_name("~/overlay")
    return sorted(
        name
        for name, types in node.get_topic_names_and_types()
        if name != own and any(t in IMAGE_TYPES for t in types) and node.count_publishers(name) > 0
    )


def _base(topic: str) -> str:
    return topic.removesuffix(COMPRESSED)

"""Subscriptions of the node; callbacks only hand messages to the hall, work happens in the worker thread."""

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from scorehoi_ros.config.inputs import NONE, InputConfig
from scorehoi_ros.io.bags.topics import MOVING, STATIC, TRANSFORMS
from scorehoi_ros.io.topics.frames import Hall
from scorehoi_ros.io.topics.pairing import Bundle
from scorehoi_ros.ros.factory import message_class
from scorehoi_ros.ros.health import Health
from scorehoi_ros.ros.lost import LostImages
from scorehoi_ros.ros.settings import NodeConfig, topic_beside
from scorehoi_ros.ros.subscribe import AdaptiveSubscription, Topic
from scorehoi_ros.ros.timers import steady_timer

ADAPT_S = 0.5
LOOK_S = 0.02
"""Time between looks for images that have waited long enough."""
CAMERA_INFO = "camera_info"
COMPANION_DEPTH = 10
"""Depth, masks and CameraInfo must be matched with images by stamp, so a few are kept."""
TRANSFORM_DEPTH = 100
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


class Inputs:
    """Subscribes at activate, unsubscribes at deactivate.

    `on_bundle` gets each image with its depth and masks; an image for which the hall has no camera yet is
    given back with `hold` and comes again.  Raises CameraError when the user's camera is none.
    """

    def __init__(
        self,
        node: Node,
        settings: NodeConfig,
        inputs: InputConfig,
        on_bundle: Callable[[Bundle], object],
        health: Health,
    ) -> None:
        self._node, self._on_bundle, self._health = node, on_bundle, health
        self._newest: Bundle | None = None
        self._held_lock = threading.Lock()
        self._held: Bundle | None = None
        self._news = False
        info_topic = inputs.camera_info_topic or camera_info_topic(node, settings.image_topic)
        images = image_topic(node, settings)
        self.hall = self._hall(inputs, images, info_topic)
        self._subscriptions: list[AdaptiveSubscription] = []
        self._timers: list[Timer] = []
        try:
            self._subscribe(settings, inputs, images, info_topic)
        except Exception:  # of one topic, by a wrong override of its QoS: the others must not go on
            self.destroy()
            raise
        self._lost, self._publishers = LostImages(), 0
        self.image_topic = self._subscriptions[-1].topic_name
        self._timers += [steady_timer(node, ADAPT_S, self._adapt), steady_timer(node, LOOK_S, self._look)]

    def _subscribe(self, settings: NodeConfig, inputs: InputConfig, images: str, info_topic: str) -> None:
        """In this order an executor calls back when several topics have something: the image comes last."""
        node, wanted, made = self._node, settings.image_reliability, self._subscriptions
        if inputs.gravity_frame or settings.target_frame:
            made += self._transforms()
        made += self._camera_infos(info_topic, wanted)
        for name, topic in inputs.companion_topics.items():
            take = self._companion(name)
            made.append(AdaptiveSubscription(node, _pictures(node, topic), take, COMPANION_DEPTH, wanted))
        made.append(AdaptiveSubscription(node, _pictures(node, images), self._image, 1, wanted))

    def destroy(self) -> None:
        """Unsubscribe from everything."""
        for subscription in self._subscriptions:
            subscription.destroy()
        for timer in self._timers:
            self._node.destroy_timer(timer)
        self._subscriptions, self._timers = [], []

    def hold(self, bundle: Bundle) -> None:
        """Bring an image again when a CameraInfo came or the wait is over, unless a newer image came.

        May be called from another thread than the executor's.
        """
        with self._held_lock:
            self._held = bundle

    def _hall(self, inputs: InputConfig, images: str, infos: str) -> Hall:
        """The hall; the topics of images and CameraInfo are for its words, so remapped ones."""
        resolved = self._node.resolve_topic_name
        told = dataclasses.replace(inputs, camera_info_topic=infos if infos == NONE else resolved(infos))
        return Hall(told, self._health.problem, resolved(images))

    def _camera_infos(self, topic: str, wanted: str) -> list[AdaptiveSubscription]:
        if topic == NONE:
            return []
        source, depth = Topic(topic, (CameraInfo,)), COMPANION_DEPTH
        return [AdaptiveSubscription(self._node, source, self._info, depth, wanted, latecomer=True)]

    def _transforms(self) -> list[AdaptiveSubscription]:
        try:
            kind = message_class(TRANSFORMS)
        except ImportError:
            text = (
                "gravity_frame and target_frame need the package tf2_msgs, which is not installed; "
                "gravity (in the camera frame) does not"
            )
            self._health.problem("tf", text)
            return []
        take = self.hall.take_transforms
        callbacks: dict[str, Callable[[Any], None]] = {STATIC: partial(take, static=True), MOVING: take}
        return [
            AdaptiveSubscription(self._node, Topic(topic, (kind,)), callback, TRANSFORM_DEPTH, latecomer=True)
            for topic, callback in callbacks.items()
        ]

    def _adapt(self) -> None:
        for subscription in self._subscriptions:
            subscription.adapt()
            self._health.problem(f"type of {subscription.topic_name}", subscription.problem)
        self._publishers = self._node.count_publishers(self.image_topic)

    def _look(self) -> None:
        now_ns = time.monotonic_ns()
        held = self._take_held(now_ns)
        if held is not None and held is self._newest:
            self._on_bundle(held)
        self._hand_on(now_ns)

    def _take_held(self, now_ns: int) -> Bundle | None:
        """The held image, which is held no longer, if it is time to look at it again."""
        with self._held_lock:
            held = self._held
            # A CameraInfo may have come between the worker's look for one and its `hold`.
            if held is None or not (self._news or now_ns >= self.hall.deadline_ns(held)):
                return None
            self._held, self._news = None, False
            return held

    def _info(self, message: CameraInfo) -> None:
        self.hall.take_camera_info(message, time.monotonic_ns())
        self._news = True
        self._look()

    def _image(self, message: Any, info: Mapping[str, Any]) -> None:
        self._health.lost(self._lost.before(info, self._publishers))
        now_ns = time.monotonic_ns()
        self.hall.take_image(message, now_ns)
        self._hand_on(now_ns)

    def _companion(self, name: str) -> Callable[[Any], None]:
        def callback(message: Any) -> None:
            now_ns = time.monotonic_ns()
            self.hall.take_companion(name, message, now_ns)
            self._hand_on(now_ns)

        return callback

    def _hand_on(self, now_ns: int) -> None:
        for bundle in self.hall.ready(now_ns):
            self._newest = bundle
            self._health.image()
            self._on_bundle(bundle)


def image_topic(node: Node, settings: NodeConfig) -> str:
    """The topic to ask for images on; the node remaps it when it subscribes.

    A rule for the raw topic holds for its transports too, as with image_transport.
    """
    name, raw = settings.subscribed_image_topic, settings.image_topic
    if name == raw or _has_rule(node, name):
        return name
    return settings.with_transport(node.resolve_topic_name(raw))


def camera_info_topic(node: Node, image: str) -> str:
    """`camera_info` beside the image topic as it is remapped, unless a rule of its own says where it is."""
    name = topic_beside(image, CAMERA_INFO)
    return name if _has_rule(node, name) else topic_beside(node.resolve_topic_name(image), CAMERA_INFO)


def _has_rule(node: Node, topic: str) -> bool:
    return node.resolve_topic_name(topic) != node.resolve_topic_name(topic, only_expand=True)


def _pictures(node: Node, topic: str) -> Topic:
    is_compressed = node.resolve_topic_name(topic).endswith(("/compressed", "/compressedDepth"))
    return Topic(topic, (CompressedImage, Image) if is_compressed else (Image, CompressedImage))


def published_image_topics(node: Node) -> list[str]:
    """Topics of images that somebody publishes, without the node's own overlay."""
    own = node.resolve_topic_name("~/overlay")
    return sorted(
        name
        for name, types in node.get_topic_names_and_types()
        if name != own and any(t in IMAGE_TYPES for t in types) and node.count_publishers(name) > 0
    )

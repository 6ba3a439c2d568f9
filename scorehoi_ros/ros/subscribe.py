"""Subscriptions that take the quality of service their publishers offer.

A best-effort subscription hears every publisher, but loses images that are larger than a socket buffer (at
640 x 480 every second one, measured, because one lost fragment loses the image).
A reliable one loses nothing, but never hears a best-effort camera.  So: reliable until a best-effort
publisher shows up on the topic, looked at again and again while the node runs.  In the same way a
subscription asks for what was published before it (a CameraInfo, a static transform that is published once)
when all publishers of the topic keep it: one that asks for it never hears the others.

And it takes their type, where it may: a subscription of another type than the publisher's hears nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSPolicyKind, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from scorehoi_ros.ros import qos

RELIABILITIES = {"best_effort": QoSReliabilityPolicy.BEST_EFFORT, "reliable": QoSReliabilityPolicy.RELIABLE}
LATCHED = QoSDurabilityPolicy.TRANSIENT_LOCAL
OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)


@dataclass(frozen=True)
class Topic:
    """What is subscribed to."""

    name: str
    kinds: tuple[Any, ...]
    """Message classes that will do; the first one while nobody publishes any of them."""


class AdaptiveSubscription:
    """One topic; `wanted` is "auto", "best_effort" or "reliable".

    `latecomer`: asks for what was published before it, where the publishers keep that.
    """

    def __init__(
        self,
        node: Node,
        topic: Topic,
        callback: Callable[..., None],
        depth: int,
        wanted: str = "auto",
        latecomer: bool = False,
    ) -> None:
        self._node, self._callback = node, callback
        self._topic = topic
        self._depth, self._wanted, self._latecomer = depth, wanted, latecomer
        self._profile = self._best()
        self._subscription = self._create()

    @property
    def topic_name(self) -> str:
        """The topic after expansion and remapping."""
        return str(self._subscription.topic_name)

    @property
    def problem(self) -> str:
        """That everybody on the topic publishes something else than will do; empty when that is not so."""
        offered = sorted({offer.topic_type for offer in self._offers()})
        names = [_type_name(kind) for kind in self._topic.kinds]
        if not offered or set(offered) & set(names):
            return ""
        return (
            f"{self.topic_name} is of type {', '.join(offered)}; expected {' or '.join(names)}. "
            "Give another topic, or have it republished in this type."
        )

    def adapt(self) -> None:
        """Subscribe anew when the publishers offer something else than before."""
        best = self._best()
        if best != self._profile:
            self._profile = best
            self.destroy()
            self._subscription = self._create()

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _offers(self) -> list[TopicEndpointInfo]:
        return list(self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(self._topic.name)))

    def _best(self) -> tuple[Any, QoSReliabilityPolicy, bool]:
        """Message class, reliability, and whether earlier messages are asked for."""
        offers = self._offers()
        types = {offer.topic_type for offer in offers}
        kinds = self._topic.kinds
        kind = next((kind for kind in kinds if _type_name(kind) in types), kinds[0])
        profiles = [offer.qos_profile for offer in offers if offer.topic_type == _type_name(kind)]
        kept = bool(profiles) and all(profile.durability == LATCHED for profile in profiles)
        latched = self._latecomer and kept
        if self._wanted in RELIABILITIES:
            return kind, RELIABILITIES[self._wanted], latched
        reliable = all(profile.reliability == RELIABILITIES["reliable"] for profile in profiles)
        return kind, RELIABILITIES["reliable" if reliable else "best_effort"], latched

    def _create(self) -> Subscription:
        kind, reliability, latched = self._profile
        return self._node.create_subscription(
            kind,
            self._topic.name,
            self._callback,
            qos.image(reliability, self._depth, latched),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )


def _type_name(kind: Any) -> str:
    """As the graph tells it: "sensor_msgs/msg/Image"."""
    package, folder, _ = kind.__module__.split(".", 2)
    return f"{package}/{folder}/{kind.__name__}"

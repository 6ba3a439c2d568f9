"""Subscriptions that take the reliability their publishers offer.

A best-effort subscription hears every publisher, but loses images that are larger than a socket buffer (at
640 x 480 every second one, measured, because one lost fragment loses the image).
A reliable one loses nothing, but never hears a best-effort camera.  So: reliable until a best-effort
publisher shows up on the topic, looked at again and again while the node runs.
"""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from scorehoi_ros.ros import qos

RELIABILITIES = {"best_effort": QoSReliabilityPolicy.BEST_EFFORT, "reliable": QoSReliabilityPolicy.RELIABLE}
OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)


class AdaptiveSubscription:
    """One topic; `wanted` is "auto", "best_effort" or "reliable"."""

    def __init__(
        self, node: Node, kind: Any, topic: str, callback: Callable[[Any], None], depth: int, wanted: str
    ) -> None:
        self._node, self._kind, self._topic, self._callback = node, kind, topic, callback
        self._depth, self._wanted = depth, wanted
        self._reliability = self._best()
        self._subscription = self._create()

    @property
    def topic_name(self) -> str:
        """The topic after expansion and remapping."""
        return str(self._subscription.topic_name)

    def adapt(self) -> None:
        """Subscribe anew when the publishers offer something else than before."""
        best = self._best()
        if best != self._reliability:
            self._reliability = best
            self.destroy()
            self._subscription = self._create()

    def destroy(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def _best(self) -> QoSReliabilityPolicy:
        if self._wanted in RELIABILITIES:
            return RELIABILITIES[self._wanted]
        offers = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(self._topic))
        reliable = all(o.qos_profile.reliability == RELIABILITIES["reliable"] for o in offers)
        return RELIABILITIES["reliable" if reliable else "best_effort"]

    def _create(self) -> Subscription:
        return self._node.create_subscription(
            self._kind,
            self._topic,
            self._callback,
            qos.image(self._reliability, self._depth),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )

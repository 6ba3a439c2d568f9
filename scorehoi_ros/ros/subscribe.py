"""Subscriptions that take the quality of service their publishers offer.

A best-effort subscription hears every publisher, but loses images that are larger than a socket buffer (at
640 x 480 every second one, measured, because one lost fragment loses the image).
A reliable one loses nothing, but never hears a best-effort camera.  So: reliable until a best-effort
publisher shows up on the topic, looked at again and again while the node runs.  In the same way a
subscription asks for what was published before it (a CameraInfo, a static transform that is published once)
when all publishers of the topic keep it: one that asks for it never hears the others.
"""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSPolicyKind, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription

from scorehoi_ros.ros import qos

RELIABILITIES = {"best_effort": QoSReliabilityPolicy.BEST_EFFORT, "reliable": QoSReliabilityPolicy.RELIABLE}
LATCHED = QoSDurabilityPolicy.TRANSIENT_LOCAL
OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)


class AdaptiveSubscription:
    """One topic; `wanted` is "auto", "best_effort" or "reliable".

    `latecomer`: asks for what was published before it, where the publishers keep that.
    """

    def __init__(
        self,
        node: Node,
        source: tuple[Any, str],
        callback: Callable[..., None],
        depth: int,
        wanted: str = "auto",
        latecomer: bool = False,
    ) -> None:
        self._node, self._callback = node, callback
        self._kind, self._topic = source
        self._depth, self._wanted, self._latecomer = depth, wanted, latecomer
        self._profile = self._best()
        self._subscription = self._create()

    @property
    def topic_name(self) -> str:
        """The topic after expansion and remapping."""
        return str(self._subscription.topic_name)

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

    def _best(self) -> tuple[QoSReliabilityPolicy, bool]:
        """Reliability, and whether earlier messages are asked for."""
        offers = self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(self._topic))
        profiles = [offer.qos_profile for offer in offers]
        kept = bool(profiles) and all(profile.durability == LATCHED for profile in profiles)
        latched = self._latecomer and kept
        if self._wanted in RELIABILITIES:
            return RELIABILITIES[self._wanted], latched
        reliable = all(profile.reliability == RELIABILITIES["reliable"] for profile in profiles)
        return RELIABILITIES["reliable" if reliable else "best_effort"], latched

    def _create(self) -> Subscription:
        reliability, latched = self._profile
        return self._node.create_subscription(
            self._kind,
            self._topic,
            self._callback,
            qos.image(reliability, self._depth, latched),
            qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
        )

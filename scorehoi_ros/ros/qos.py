"""Quality of service of every endpoint (REP 2003); users may override each by parameters."""

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def image(reliability: QoSReliabilityPolicy, depth: int, latched: bool = False) -> QoSProfile:
    """Images, depth, masks, CameraInfo, TF in: only the newest count; latched = also those of before."""
    durability = QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE
    return _profile(reliability, durability, depth)


def result() -> QoSProfile:
    """Results out: reliable, the newest."""
    return _profile(QoSReliabilityPolicy.RELIABLE, QoSDurabilityPolicy.VOLATILE, 1)


def latched() -> QoSProfile:
    """Topology out: late subscribers get it too."""
    return _profile(QoSReliabilityPolicy.RELIABLE, QoSDurabilityPolicy.TRANSIENT_LOCAL, 1)


def transforms() -> QoSProfile:
    """Transforms out, as tf2 publishes them."""
    return _profile(QoSReliabilityPolicy.RELIABLE, QoSDurabilityPolicy.VOLATILE, 100)


def overridable() -> QoSOverridingOptions:
    """Parameters `qos_overrides.<topic>.{publisher,subscription}.{history,depth,reliability}`."""
    return QoSOverridingOptions.with_default_policies()


def _profile(reliability: QoSReliabilityPolicy, durability: QoSDurabilityPolicy, depth: int) -> QoSProfile:
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability
    )

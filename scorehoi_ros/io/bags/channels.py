"""Channels of ROS 2 messages in MCAP files, as rosbag2 writes them."""

from typing import Any

from scorehoi_ros.io.bags.message_types import definition

DEPTH = 10
_FOREVER = "{sec: 9223372036, nsec: 854775807}"


def add_channel(
    writer: Any, topic: str, type_name: str, *, reliable: bool = True, latched: bool = False
) -> int:
    """Id of a new channel of an `mcap.writer.Writer` for a topic of a type like "std_msgs/msg/Header".

    `reliable` and `latched` (transient local) tell what the publisher offered; a replay offers the same.
    """
    schema = writer.register_schema(name=type_name, encoding="ros2msg", data=definition(type_name).encode())
    return int(
        writer.register_channel(
            topic=topic,
            message_encoding="cdr",
            schema_id=schema,
            metadata={"offered_qos_profiles": _qos(reliable, latched)},
        )
    )


def _qos(reliable: bool, latched: bool) -> str:
    """The publisher's QoS in rosbag2's YAML."""
    return (
        f"- history: keep_last\n  depth: {DEPTH}\n"
        f"  reliability: {'reliable' if reliable else 'best_effort'}\n"
        f"  durability: {'transient_local' if latched else 'volatile'}\n"
        f"  deadline: {_FOREVER}\n  lifespan: {_FOREVER}\n"
        f"  liveliness: automatic\n  liveliness_lease_duration: {_FOREVER}\n"
        "  avoid_ros_namespace_conventions: false"
    )

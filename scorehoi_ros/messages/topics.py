"""Which message of a frame goes to which topic; the node and the label bag publish the same ones."""

from typing import Any

from scorehoi_ros.messages import builders
from scorehoi_ros.messages.factory import Factory
from scorehoi_ros.types import Reconstruction

TOPICS = {
    "body_model": "scorehoi_ros/msg/BodyModel",
    "interaction": "scorehoi_ros/msg/Interaction",
    "human": "scorehoi_ros/msg/HumanState",
    "contacts": "scorehoi_ros/msg/ContactState",
    "object_pose": "geometry_msgs/msg/PoseStamped",
    "markers": "visualization_msgs/msg/MarkerArray",
}
"""Names (under ~/ of the node, /scorehoi/ in a bag) and types."""
LATCHED = frozenset({"body_model"})
"""Published once; late subscribers get them too."""


def frame_messages(
    r: Reconstruction, factory: Factory, *, mesh_resource: str = "", age_ms: float = 0.0
) -> dict[str, Any]:
    """Messages of one frame by topic: `interaction` with everybody, the others of the primary pair.

    `human` and `contacts` are always there, empty and with the reason (ABSENT or BAD_INPUT) when nobody is;
    `object_pose` only when this frame shows the object: PoseStamped has no status, and an old pose must not
    be repeated.  Arguments as for `builders.interaction`.
    """
    everything = builders.interaction(r, factory, mesh_resource=mesh_resource, age_ms=age_ms)
    head, nobody = everything.header, builders.nobody(builders.primary_status(r))
    result = {
        "interaction": everything,
        "human": (everything.humans or [builders.human_state(nobody, head, factory)])[0],
        "contacts": (everything.contacts or [builders.contact_state(None, head, factory)])[0],
    }
    if r.object is not None and r.object.status.is_present:
        result["object_pose"] = builders.pose_stamped(r.object, head, factory)
    return result

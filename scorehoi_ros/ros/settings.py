"""Settings of the node itself, and parameter values turned into settings; plain Python."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from scorehoi_ros.config.inputs import InputConfig
from scorehoi_ros.config.option import build_group, check_options, option, settings_of
from scorehoi_ros.config.outputs import OutputConfig
from scorehoi_ros.config.pipeline import PipelineConfig
from scorehoi_ros.errors import InputError

COMPRESSED = "/compressed"


@dataclass(frozen=True)
class NodeConfig:
    """Where the node finds its images, and what it publishes."""

    image_topic: str = option("image", "camera images (sensor_msgs/Image or CompressedImage)", read_only=True)
    transport: str = option(
        "raw",
        "compressed = images are on image_topic + /compressed, raw = on image_topic",
        choices=("raw", "compressed"),
        read_only=True,
    )
    image_reliability: str = option(
        "auto",
        "QoS of the inputs; auto = reliable unless a publisher is best effort",
        choices=("auto", "best_effort", "reliable"),
        read_only=True,
    )
    max_age_s: float = option(
        0.0,
        "images older than this when their turn comes are dropped; 0 = never",
        minimum=0.0,
        maximum=3600.0,
    )
    publish_mesh: bool = option(True, "put the mesh's vertices into ~/interaction and ~/human")
    mesh_resource: str = option(
        "", "URI of the object's mesh for ObjectState and markers (package://, file://)"
    )
    target_frame: str = option(
        "",
        "TF frame (map, base_link) of people, objects and floor as they are published; empty = the camera's",
        read_only=True,
    )
    tf_body_prefix: str = option(
        "body_", "people are published on /tf under this and their id (REP 155: body_); empty = not"
    )
    tf_object_prefix: str = option(
        "scorehoi_", "objects are published on /tf under this and their id; empty = not"
    )
    ros4hri: bool = option(True, "publish /humans/bodies/... (REP 155), if hri_msgs is installed")
    overlay_width: int = option(960, "largest width of ~/overlay in pixels", minimum=64, maximum=8192)
    warn_period_s: float = option(
        10.0, "the same warning is repeated at most this often", minimum=0.1, maximum=3600.0
    )

    def __post_init__(self) -> None:
        check_options(self)
        if not self.image_topic:
            raise InputError("image_topic is empty. Give the topic of the camera images.")

    @property
    def subscribed_image_topic(self) -> str:
        """The topic that is subscribed to for images, before remapping."""
        return self.with_transport(self.image_topic)

    def with_transport(self, topic: str) -> str:
        """The topic on which images of a raw topic come."""
        if self.transport == "compressed" and not topic.endswith(COMPRESSED):
            return topic + COMPRESSED
        return topic


Config = TypeVar("Config", PipelineConfig, InputConfig, OutputConfig, NodeConfig)
FIELDS: dict[str, "dataclasses.Field[Any]"] = {
    setting.name: setting.field
    for cls in (PipelineConfig, InputConfig, OutputConfig, NodeConfig)
    for setting in settings_of(cls)
}
"""Every setting that is a ROS parameter, by (dotted) name."""


def build_config(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """A configuration from parameter values (others are ignored); raises InputError with words."""
    return build_group(cls, {s.name: coerce(s.field, values[s.name]) for s in settings_of(cls)})


def coerce(f: "dataclasses.Field[Any]", value: Any) -> Any:
    """A parameter value in the type of its field; whole numbers are taken where a float is expected."""
    if f.type is bool and isinstance(value, bool):
        return value
    if f.type is str and isinstance(value, str):
        return value
    if f.type is int and _is_number(value) and float(value).is_integer():
        return int(value)
    if f.type is float and _is_number(value):
        return float(value)
    if f.type == list[float] and not isinstance(value, str | bytes):
        values: list[Any] = list(value) if value is not None else [None]
        if all(_is_number(v) for v in values):
            return [float(v) for v in values]
    raise InputError(f"{f.name} must be {_WORDS[str(f.type)]}. Got {value!r}.")


def topic_beside(image_topic: str, name: str) -> str:
    """`name` in the namespace of the image topic, as image_transport does for camera_info."""
    head, slash, _ = image_topic.removesuffix(COMPRESSED).rpartition("/")
    return f"{head}{slash}{name}"


_WORDS = {
    str(bool): "true or false",
    str(str): "text",
    str(int): "a whole number",
    str(float): "a number",
    str(list[float]): "a list of numbers",
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

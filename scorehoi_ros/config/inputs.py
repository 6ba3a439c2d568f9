"""What is read beside the image, and how it is joined: the same settings for the node and for `label`."""

from dataclasses import dataclass

from scorehoi_ros.config.option import check_options, option
from scorehoi_ros.errors import InputError

NONE = "none"
"""A topic of this name is not used."""


@dataclass(frozen=True)
class InputConfig:
    """Topics beside the image, and how their messages are joined with it (docs/ros_api.md)."""

    camera: str = option(
        "", '"fx,fy,cx,cy" in pixels or a calibration file; wins over CameraInfo', read_only=True
    )
    camera_info_topic: str = option(
        "",
        "sensor_msgs/CameraInfo; empty = camera_info beside the (remapped) image topic, none = not used",
        read_only=True,
    )
    camera_info_timeout_s: float = option(
        2.0,
        "images wait this long for a CameraInfo; afterwards a stated guess of the focal length is used",
        minimum=0.0,
        maximum=60.0,
        read_only=True,
    )
    depth_topic: str = option(
        "",
        "depth registered to the image (REP 118); none = not used; empty = none (node), found by name (bag)",
        read_only=True,
    )
    human_mask_topic: str = option(
        "", "masks of the person (docs/masks.md); none or empty as for depth_topic", read_only=True
    )
    object_mask_topic: str = option(
        "", "masks of the object (docs/masks.md); none or empty as for depth_topic", read_only=True
    )
    human_mask_ids: list[float] = option(
        [], "values of a mask that are the person (docs/masks.md); empty = all but 0", read_only=True
    )
    object_mask_ids: list[float] = option(
        [], "values of a mask that are the object; empty = all but 0", read_only=True
    )
    sync_tolerance_s: float = option(
        0.0,
        "largest difference of stamps between an image and its depth or masks; 0 = equal",
        minimum=0.0,
        maximum=1.0,
        read_only=True,
    )
    sync_wait_s: float = option(
        0.2, "an image waits this long for its depth and masks", minimum=0.0, maximum=5.0, read_only=True
    )
    frame_id: str = option(
        "", "frame of the results, when the driver's header is wrong; empty = the image's", read_only=True
    )
    gravity_frame: str = option(
        "", "TF frame with z up (map, odom, base_link); gravity is read from it", read_only=True
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.mask_ids["human"] & self.mask_ids["object"]:
            raise InputError(
                f"human_mask_ids ({self.human_mask_ids}) and object_mask_ids ({self.object_mask_ids}) share "
                "values. A value is either the person or the object."
            )

    @property
    def companion_topics(self) -> dict[str, str]:
        """Topics that are joined with the image by stamp, by name, without those that are not used."""
        topics = {"depth": self.depth_topic, "human": self.human_mask_topic, "object": self.object_mask_topic}
        return {name: topic for name, topic in topics.items() if topic not in ("", NONE)}

    @property
    def mask_ids(self) -> dict[str, frozenset[int]]:
        """Values of masks that are meant, of "human" and "object"; an empty set = by the rule of masks."""
        return {
            "human": _ids("human_mask_ids", self.human_mask_ids),
            "object": _ids("object_mask_ids", self.object_mask_ids),
        }


def _ids(name: str, values: list[float]) -> frozenset[int]:
    if not all(value > 0 and float(value).is_integer() for value in values):
        raise InputError(f"{name} must be whole numbers from 1. Got {values}.")
    return frozenset(int(value) for value in values)

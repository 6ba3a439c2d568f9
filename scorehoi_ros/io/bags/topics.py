"""Which topics of a bag hold the images, their calibration, depth, masks and transforms."""

import dataclasses
import logging

from scorehoi_ros.config.inputs import NONE, InputConfig
from scorehoi_ros.errors import InputError, plain

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TRANSFORMS = "tf2_msgs/msg/TFMessage"
MOVING, STATIC = "/tf", "/tf_static"
"""Topics of transforms."""
PICTURES = (IMAGE, COMPRESSED)
VIDEO_STREAMS = (
    "foxglove_msgs/msg/CompressedVideo",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket",
    "theora_image_transport/msg/Packet",
)
"""Types of video streams, of which one message alone is no picture."""

_log = logging.getLogger(__name__)


def find_topics(
    image: str, wanted: InputConfig, types: dict[str, str], counts: dict[str, int]
) -> tuple[str, InputConfig]:
    """The image topic, and `wanted` with every empty topic filled in, from those of a bag.

    `types`: name -> type, `counts`: name -> messages.  Colour: the only image topic that is not depth or
    mask (raw wins over its own compressed copy).  Depth: the only image topic with "depth" in its name
    (aligned or registered preferred).  Masks: topics whose names end in "human_mask" and "object_mask".
    CameraInfo: `camera_info` beside the image topic, else the only one.  What is not there becomes "none".
    Raises InputError listing the topics when the image is not clear, or a name is missing or of another type.
    """
    image = find_image_topic(image, types, counts)
    expected: dict[str, tuple[str, ...]] = dict.fromkeys(wanted.companion_topics.values(), PICTURES)
    if wanted.camera_info_topic != NONE:
        expected |= {wanted.camera_info_topic: (CAMERA_INFO,)}
    _check_named(expected, types, counts)
    images = _image_topics(types, counts)
    return image, dataclasses.replace(
        wanted,
        camera_info_topic=wanted.camera_info_topic or _info_topic(image, types) or NONE,
        depth_topic=wanted.depth_topic or _depth_topic(images) or NONE,
        human_mask_topic=wanted.human_mask_topic or _mask_topic(images, "human_mask") or NONE,
        object_mask_topic=wanted.object_mask_topic or _mask_topic(images, "object_mask") or NONE,
    )


def base_name(topic: str) -> str:
    """The raw topic of an image transport: "/c/image_raw/compressed" -> "/c/image_raw"."""
    for transport in ("/compressed", "/compressedDepth"):
        topic = topic.removesuffix(transport)
    return topic


def find_image_topic(wanted: str, types: dict[str, str], counts: dict[str, int]) -> str:
    """The wanted topic, else the only image topic with messages that is not depth or mask.

    Raises InputError when that is unclear, or the wanted one is not there or holds no images.
    """
    if wanted:
        _check_named({wanted: PICTURES}, types, counts)
        return wanted
    images = _image_topics(types, counts)
    # Our own outputs may be in the bag too: an overlay is not a camera.
    colour = {t for t in images if not any(word in t.lower() for word in ("depth", "mask", "overlay"))}
    if len({base_name(t) for t in colour}) > 1:
        listed = _listing(dict.fromkeys(colour, ""), counts)
        raise InputError(f"the bag has several image topics; choose one with --image-topic: {listed}.")
    if not colour:
        streams = ", ".join(sorted(t for t, kind in types.items() if kind in VIDEO_STREAMS))
        remedy = f" Video streams are not read: republish {streams} as images, and record these."
        raise InputError(
            f"the bag has no colour image topic with messages. It holds: {_listing(types, counts)}."
            f"{remedy if streams else ''}"
        )
    return min(colour, key=lambda t: (types[t] != IMAGE, t))


def _check_named(expected: dict[str, tuple[str, ...]], types: dict[str, str], counts: dict[str, int]) -> None:
    """Raise InputError for a topic of the user's that is not there, or of none of the types it may have."""
    for topic, kinds in sorted(expected.items()):
        if not topic:
            continue
        if topic not in types:
            raise InputError(f"the bag has no topic {topic}. It holds: {_listing(types, counts)}.")
        if types[topic] not in kinds:
            raise InputError(f"topic {topic} is {types[topic]}. Expected {' or '.join(kinds)}.")


def _image_topics(types: dict[str, str], counts: dict[str, int]) -> set[str]:
    return {t for t, kind in types.items() if kind in PICTURES and counts.get(t, 0) > 0}


def _info_topic(image: str, types: dict[str, str]) -> str:
    beside = base_name(image).rpartition("/")[0] + "/camera_info"
    if types.get(beside) == CAMERA_INFO:
        return beside
    return _only({t for t, kind in types.items() if kind == CAMERA_INFO and "depth" not in t.lower()})


def _depth_topic(images: set[str]) -> str:
    depth = {t for t in images if "depth" in t.lower()}
    aligned = {t for t in depth if "aligned" in t.lower() or "registered" in t.lower()}
    candidates = aligned or depth
    raw = {t for t in candidates if t == base_name(t)}
    return _only(raw or candidates)


def _mask_topic(images: set[str], ending: str) -> str:
    return _only({t for t in images if t.endswith(ending)})


def _only(topics: set[str]) -> str:
    if len(topics) > 1:
        _log.warning("several topics could be used and none is; name one: %s", ", ".join(sorted(topics)))
    return next(iter(topics)) if len(topics) == 1 else ""


def _listing(types: dict[str, str], counts: dict[str, int]) -> str:
    entries = (
        f"{plain(t)} ({(plain(kind) + ', ') if kind else ''}{counts.get(t, 0)})"
        for t, kind in sorted(types.items())
    )
    return ", ".join(entries) or "no topics"

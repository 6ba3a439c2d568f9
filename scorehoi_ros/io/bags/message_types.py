"""A `rosbags` typestore that knows the standard ROS 2 types and ours, from our own .msg files."""

from functools import lru_cache
from typing import Any

from scorehoi_ros.assets import message_file
from scorehoi_ros.errors import InputError

PACKAGE = "scorehoi_ros"
MESSAGES = ("BodyModel", "ContactState", "HumanState", "Interaction", "ObjectState")


@lru_cache(maxsize=1)
def typestore() -> Any:
    """Typestore with ROS 2 Jazzy's messages and scorehoi_ros/msg/*; serialises and deserialises CDR.

    Raises InputError when our .msg files are not installed.
    """
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    for name in MESSAGES:
        text = message_file(f"{name}.msg").read_text()
        store.register(get_types_from_msg(text, f"{PACKAGE}/msg/{name}"))
    return store


def definition(type_name: str) -> str:
    """Full definition of a type with those of its fields, as MCAP files carry it.

    Raises InputError for a type that is neither one of ROS 2 Jazzy's own nor ours.
    """
    from rosbags.typesys import TypesysError

    try:
        text, _ = typestore().generate_msgdef(type_name, ros_version=2)
    except TypesysError as error:
        raise InputError(
            f"the message type {type_name} is not known: expected one of ROS 2 Jazzy's common interfaces or "
            f"of {PACKAGE}. Record it with `ros2 bag record`."
        ) from error
    return str(text)

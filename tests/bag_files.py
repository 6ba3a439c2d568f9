"""Small rosbag2 recordings for tests, written by an independent library."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from scorehoi_ros.frame.bad_input import BadFrame
from scorehoi_ros.io.source import open_source
from scorehoi_ros.types import Frame

STORE = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_123_456_789
STEP_NS = 33_333_333
TOPIC = "/cam/image_raw"
EACH = 6
"""Images in a file of a bag."""


def make(type_name: str, **fields: Any) -> Any:
    """A message by its full type name."""
    return STORE.types[type_name](**fields)


def header(stamp_ns: int, frame_id: str = "camera_color_optical_frame") -> Any:
    """std_msgs/Header."""
    time = make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def image(stamp_ns: int, pixels: np.ndarray, encoding: str = "rgb8") -> Any:
    """sensor_msgs/Image of a packed array."""
    data = np.frombuffer(pixels.tobytes(), np.uint8)
    height, width = pixels.shape[:2]
    return make(
        "sensor_msgs/msg/Image", header=header(stamp_ns), height=height, width=width, encoding=encoding,
        is_bigendian=0, step=len(data) // max(height, 1), data=data,
    )  # fmt: skip


def compressed(stamp_ns: int, content: bytes, fmt: str = "jpeg") -> Any:
    """sensor_msgs/CompressedImage."""
    data = np.frombuffer(content, np.uint8)
    return make("sensor_msgs/msg/CompressedImage", header=header(stamp_ns), format=fmt, data=data)


def camera_info(
    stamp_ns: int, width: int, height: int, k: Sequence[float] | None = None, **fields: Any
) -> Any:
    """sensor_msgs/CameraInfo without distortion; `fields` win."""
    values = np.array(k if k is not None else [50.0, 0, 20, 0, 51, 15, 0, 0, 1])
    roi = make(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    told = {
        "distortion_model": "plumb_bob", "d": np.zeros(5), "k": values, "r": np.eye(3).ravel(),
        "p": np.zeros(12), "binning_x": 0, "binning_y": 0, "roi": roi,
    }  # fmt: skip
    return make(
        "sensor_msgs/msg/CameraInfo", header=header(stamp_ns), height=height, width=width, **(told | fields)
    )


def transforms(stamp_ns: int, parent: str, child: str, quaternion: Sequence[float]) -> Any:
    """tf2_msgs/TFMessage of one rotation (x y z w)."""
    x, y, z, w = quaternion
    zero = make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0)
    turn = make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
    moved = make("geometry_msgs/msg/Transform", translation=zero, rotation=turn)
    head = header(stamp_ns, parent)
    one = make("geometry_msgs/msg/TransformStamped", header=head, child_frame_id=child, transform=moved)
    return make("tf2_msgs/msg/TFMessage", transforms=[one])


def latched_qos() -> Qos:
    """What a publisher offers that keeps its last message for latecomers."""
    forever = QosTime(9223372036, 854775807)
    return Qos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, forever, forever,
        QosLiveliness.AUTOMATIC, forever, False,
    )  # fmt: skip


def write_bag(
    folder: Path,
    messages: Sequence[tuple[str, Any, int]],
    storage: str = "mcap",
    latched: Sequence[str] = (),
) -> Path:
    """Bag folder with (topic, message, log time) in this order; topics that were published latched."""
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, message, log_ns in messages:
            name = message.__msgtype__
            if topic not in connections:
                offers = [latched_qos()] if topic in latched else []
                connections[topic] = writer.add_connection(
                    topic, name, typestore=STORE, offered_qos_profiles=offers
                )
            writer.write(connections[topic], log_ns, STORE.serialize_cdr(message, name))
    return folder


def storage_file(folder: Path) -> Path:
    """The data file in a bag folder."""
    return next(f for f in folder.iterdir() if f.suffix in (".mcap", ".db3"))


def write_mcap(
    path: Path,
    messages: Sequence[tuple[str, Any, int]],
    compression: CompressionType = CompressionType.NONE,
    chunk_size: int = 1 << 20,
    profile: str = "ros2",
) -> Path:
    """One MCAP file with (topic, message, log time), in chunks of about `chunk_size` bytes."""
    with path.open("wb") as file:
        writer = McapWriter(file, chunk_size=chunk_size, compression=compression)
        writer.start(profile=profile, library="test")
        channels: dict[str, int] = {}
        for topic, message, log_ns in messages:
            name = message.__msgtype__
            if topic not in channels:
                text, _ = STORE.generate_msgdef(name, ros_version=2)
                schema = writer.register_schema(name=name, encoding="ros2msg", data=text.encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            data = bytes(STORE.serialize_cdr(message, name))
            writer.add_message(channels[topic], log_ns, data, publish_time=log_ns)
        writer.finish()
    return path


def pictures(first: int, count: int = EACH, size: tuple[int, int] = (30, 40)) -> list[tuple[str, Any, int]]:
    rng = np.random.default_rng(first)
    times = [START_NS + i * STEP_NS for i in range(first, first + count)]
    return [(TOPIC, image(t, rng.integers(0, 255, (*size, 3), np.uint8)), t) for t in times]


def splits(folder: Path, storage: str = "mcap") -> list[Path]:
    """A bag of three files, with a metadata.yaml that lists them."""
    files = []
    for number in range(3):
        part = write_bag(folder / f"part{number}", pictures(number * EACH), storage)
        file = storage_file(part)
        files.append(file.rename(folder / f"bag_{number}{file.suffix}"))
    metadata = (folder / "part0" / "metadata.yaml").read_text()
    names = "\n".join(f"  - {file.name}" for file in files)
    listed = metadata.replace(f"  - part0{files[0].suffix}", names)
    assert listed != metadata
    (folder / "metadata.yaml").write_text(listed)
    for number in range(3):
        shutil.rmtree(folder / f"part{number}")
    return files


def outcome(path: Path) -> tuple[list[int], str]:
    """Numbers of the whole frames, and what is said to be lost."""
    frames = list(open_source(path).frames())
    lost = [f.reason for f in frames if isinstance(f, BadFrame) and f.is_loss]
    assert len(lost) + sum(isinstance(f, Frame) for f in frames) == len(frames)
    numbers = [(f.stamp_ns - START_NS) // STEP_NS for f in frames if isinstance(f, Frame)]
    return numbers, lost[0] if lost else ""


def cut(file: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def spoil(file: Path, share: float, length: int = 64) -> None:
    content = bytearray(file.read_bytes())
    start = int(len(content) * share)
    content[start : start + length] = bytes(b ^ 0x5A for b in content[start : start + length])
    file.write_bytes(content)
